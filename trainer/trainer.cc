// The bookkeeping of training, the same wherever the models live (bank.h): rows out of passages, schedules, what a call has done.
//
// Passages that are only looked at (losses, set_reference, influence) are taken in the order of their ids, whole, each a
// segment of its own, in batches of a fixed size: the same set gives the same bits in whatever order it is named. Probes of one
// passage are taken together likewise; the bank keeps their numbers apart.
#include "trainer/trainer.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numeric>

#include "core/error.h"
#include "trainer/bank.h"
#include "trainer/call_so_far.h"
#include "trainer/cuda/cuda_bank.h"
#include "trainer/flops.h"
#include "trainer/packer.h"
#include "trainer/schedule.h"

namespace fader {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr std::int64_t kLookPositions = 4096;  // of a batch that is only looked at, unless the context is longer

// What a slot's future depends on, but for what the bank holds of it.
struct Slot {
  std::vector<Packer::Sequence> carry;  // of a passage that crossed the end of the last call
  CallSoFar done;                       // of the call that is under way
  std::int64_t step = 0;
  bool started = false, diverged = false, has_reference = false;
  double reference_cosine = kNan;       // of the last two reference gradients
};

class SlotTrainer final : public Trainer {
 public:
  SlotTrainer(const ModelOptions& model, const TrainOptions& train, std::shared_ptr<const Corpus> corpus, int slots, std::unique_ptr<Bank> bank)
      : o_(model), t_(train), layout_(model), corpus_(std::move(corpus)), bank_(std::move(bank)) {
    FADER_CHECK(slots > 0 && corpus_ != nullptr);
    FADER_CHECK_EQ(corpus_->vocabulary(), o_.vocabulary);
    FADER_CHECK_EQ(corpus_->context(), o_.context);
    slots_.resize(static_cast<std::size_t>(slots));
    batches_.resize(slots_.size());
    nats_.resize(slots_.size());
    dots_.resize(slots_.size());
  }

  void reset(Slots slots, std::span<const std::uint64_t> seeds) override {
    FADER_CHECK_EQ(slots.size(), seeds.size());
    for (std::size_t i = 0; i < slots.size(); ++i) {
      at(slots[i]) = {};
      at(slots[i]).started = true;
      bank_->reset(slots[i], seeds[i]);
    }
  }

  std::int64_t demand(int slot, std::int64_t steps) const override {
    std::int64_t carried = 0;
    for (const Packer::Sequence& s : at(slot).carry) carried += static_cast<std::int64_t>(s.tokens.size());
    return std::max<std::int64_t>(0, steps * t_.batch * o_.context - carried);
  }
  double learning_rate(int slot) const override { return scheduled_rate(t_, at(slot).step); }
  std::int64_t step(int slot) const override { return at(slot).step; }
  bool started(int slot) const override { return at(slot).started; }
  double reference_norm(int slot) const override {
    return at(slot).has_reference ? bank_->reference_norm(slot) : std::numeric_limits<double>::quiet_NaN();
  }
  double reference_cosine(int slot) const override { return at(slot).reference_cosine; }

  void train(std::span<TrainJob> jobs, std::int64_t steps, const std::function<void()>& between) override {
    one_job_a_slot(jobs);
    std::vector<Call> calls;
    calls.reserve(jobs.size());
    for (TrainJob& job : jobs) begin(job, steps, calls);
    step_jobs_.reserve(calls.size());
    while (take_step(calls, steps))
      if (between) between();
    for (Call& call : calls) end(call);
  }

  void losses(std::span<LossJob> jobs) override {
    look(jobs, 1.0, [](std::size_t, std::size_t) { return 0.0f; }, [this](std::span<LookJob> looks) { bank_->losses(looks); });
  }

  void set_reference(std::span<LossJob> jobs) override {
    one_job_a_slot(jobs);
    std::vector<float> even;
    for (const LossJob& job : jobs) {
      FADER_CHECK(!job.passages.empty(), "a reference gradient needs passages");
      FADER_CHECK(job.weight.empty() || job.weight.size() == job.passages.size(), "{} weights for {} passages", job.weight.size(),
                  job.passages.size());
      even.push_back(1.0f / static_cast<float>(total_tokens(job.passages)));
    }
    const auto weight = [&](std::size_t j, std::size_t i) { return jobs[j].weight.empty() ? even[j] : jobs[j].weight[i]; };
    look(jobs, 3.0, weight, [this](std::span<LookJob> looks) {
      std::vector<double> norms;
      for (const LookJob& job : looks) norms.push_back(bank_->reference_norm(job.slot));
      bank_->reference(looks);
      for (std::size_t j = 0; j < looks.size(); ++j) {
        Slot& s = at(looks[j].slot);
        s.reference_cosine = s.has_reference ? cosine(looks[j].dot, norms[j] * bank_->reference_norm(looks[j].slot)) : kNan;
        s.has_reference = true;
      }
    });
  }

  void influence(std::span<Probe> probes) override {
    std::vector<Probe*> groups;
    std::map<std::pair<int, bool>, std::vector<Probe*>> passages;  // by slot, and whether norms are wanted
    for (Probe& probe : probes) {
      FADER_CHECK(ready(probe.slot).has_reference, "influence in slot {} before set_reference", probe.slot);
      FADER_CHECK(!probe.passages.empty(), "a probe needs passages");
      if (probe.passages.size() > 1) groups.push_back(&probe);
      else passages[{probe.slot, probe.norm_wanted}].push_back(&probe);
    }
    influence_of_groups(groups);
    std::vector<std::vector<Probe*>> parts;
    for (auto& [what, some] : passages) parts.push_back(std::move(some));
    influence_of_passages(parts);
  }

  void state(Archive& archive) override {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const Archive::Scope scope(archive, fmt::format("slot{}", i));
      slot_state(archive, static_cast<int>(i));
    }
  }

  void slot_state(Archive& archive, int slot) override {
    Slot& s = at(slot);
    archive.field("started", s.started);
    archive.field("step", s.step);
    archive.field("diverged", s.diverged);
    carry_state(archive, s.carry);
    archive.field("done", s.done);
    archive.field("has_reference", s.has_reference);
    archive.field("reference_cosine", s.reference_cosine);
    bank_->state(archive, slot, s.has_reference, averaged_weights(t_, s.step) > 0);
  }

 private:
  // One job of a call of train.
  struct Call {
    TrainJob* job;
    Packer packer;
  };

  Slot& at(int slot) {
    FADER_CHECK(slot >= 0 && static_cast<std::size_t>(slot) < slots_.size(), "slot {} of {}", slot, slots_.size());
    return slots_[static_cast<std::size_t>(slot)];
  }
  const Slot& at(int slot) const { return const_cast<SlotTrainer*>(this)->at(slot); }
  Slot& ready(int slot) {
    FADER_CHECK(at(slot).started, "slot {} is used before reset", slot);
    return at(slot);
  }

  template <class Job>
  static void one_job_a_slot(std::span<Job> jobs) {
    for (std::size_t i = 0; i < jobs.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        FADER_CHECK(jobs[i].slot != jobs[j].slot, "slot {} has two jobs in one call", jobs[i].slot);
  }
  // What is to be filled of each passage is nothing so far.
  static void check_room(std::span<float> out, std::span<const PassageId> passages) {
    FADER_CHECK(out.empty() || out.size() == passages.size(), "room for {} numbers of {} passages", out.size(), passages.size());
    std::fill(out.begin(), out.end(), kNan);
  }
  std::span<const std::uint32_t> tokens(PassageId id) const {
    FADER_CHECK(id < corpus_->passages().size(), "passage {} of {}", id, corpus_->passages().size());
    return corpus_->tokens(id);
  }
  std::int64_t total_tokens(std::span<const PassageId> passages) const {
    std::int64_t n = 0;
    for (const PassageId id : passages) n += static_cast<std::int64_t>(tokens(id).size());
    return n;
  }
  void charge(Cost& cost, double passes, const Batch& batch) const {  // 1: forward, 3: training
    cost += {batch.positions(), passes * forward_flops(o_, layout_, batch)};
  }

  // Where the carried tokens lie in the corpus: first ones, and how many.
  void carry_state(Archive& archive, std::vector<Packer::Sequence>& carry) const {
    std::vector<std::uint64_t> pieces;
    const std::span<const std::uint32_t> all = corpus_->tokens();
    for (const Packer::Sequence& s : carry) {
      pieces.push_back(static_cast<std::uint64_t>(s.tokens.data() - all.data()));
      pieces.push_back(s.tokens.size());
    }
    archive.field("carry", pieces);
    if (!archive.loading()) return;
    archive.expect(pieces.size() % 2 == 0, "pieces that are carried over");
    carry.clear();
    for (std::size_t i = 0; i < pieces.size(); i += 2) {
      if (pieces[i] > all.size() || pieces[i + 1] == 0 || pieces[i + 1] > all.size() - pieces[i])
        throw DataError(fmt::format("stored trainer: {} tokens from {} on of a corpus of {}", pieces[i + 1], pieces[i], all.size()));
      carry.push_back({all.subspan(pieces[i], pieces[i + 1]), -1});
    }
  }

  // --- training -------------------------------------------------------------------------------------------------------

  void begin(TrainJob& job, std::int64_t steps, std::vector<Call>& calls) {
    Slot& s = ready(job.slot);
    check_room(job.loss, job.passages);
    check_room(job.influence, job.passages);
    FADER_CHECK(job.influence.empty() || s.has_reference, "influence in slot {} before set_reference", job.slot);
    job.steps.clear();
    job.cost = {};
    job.influence_flops = 0;
    job.diverged = s.diverged;
    const bool begun = !s.done.rows.empty();
    if ((s.diverged && !begun) || steps <= 0) return;
    check_demand(job, steps);
    check_progress(s.done, job, steps, begun);
    s.done.rows.reserve(static_cast<std::size_t>(steps));
    Call& call = calls.emplace_back(Call{&job, Packer(o_.context, corpus_->begin_mark())});
    for (const Packer::Sequence& piece : s.carry) call.packer.add(piece.tokens, -1);
    for (std::size_t i = 0; i < job.passages.size(); ++i) call.packer.add(tokens(job.passages[i]), static_cast<std::int32_t>(i));
    for (std::size_t u = 0; u < s.done.rows.size(); ++u) call.packer.fill(t_.batch, batch_of(job.slot));
  }

  // One optimiser step in every slot that has one left; false when none has. A loss or gradient that is not finite changes
  // nothing but `diverged`.
  bool take_step(std::span<Call> calls, std::int64_t steps) {
    step_jobs_.clear();
    for (Call& call : calls) {
      const int slot = call.job->slot;
      Slot& s = at(slot);
      if (s.diverged || static_cast<std::int64_t>(s.done.rows.size()) >= steps) continue;
      Batch& batch = batch_of(slot);
      call.packer.fill(t_.batch, batch);
      std::vector<float>& nats = nats_[static_cast<std::size_t>(slot)];
      nats.resize(static_cast<std::size_t>(batch.positions()));
      step_jobs_.push_back({.slot = slot, .batch = &batch, .rate = scheduled_rate(t_, s.step), .step = s.step + 1,
                            .averaged = averaged_weights(t_, s.step + 1), .nats = nats, .dots = room_for_dots(*call.job, batch)});
    }
    if (step_jobs_.empty()) return false;
    bank_->step(step_jobs_);
    for (const StepJob& job : step_jobs_) {
      Slot& s = at(job.slot);
      s.diverged = !job.taken;
      if (job.taken) s.step = job.step;
      s.done.rows.push_back({job.step, job.loss, job.rate, job.gradient_norm});
      charge(s.done.cost, 3.0, *job.batch);
      if (!job.dots.empty()) s.done.influence_flops += by_product_flops(layout_, *job.batch);
      collect(job, s.done);
    }
    return true;
  }

  // Of each segment of the step's batch; none when this step does not measure.
  std::span<float> room_for_dots(const TrainJob& job, const Batch& batch) {
    const auto done = static_cast<std::int64_t>(at(job.slot).done.rows.size());
    if (job.influence.empty() || (job.influence_steps > 0 && done >= job.influence_steps)) return {};
    std::vector<float>& dots = dots_[static_cast<std::size_t>(job.slot)];
    dots.reserve(static_cast<std::size_t>(batch.positions()));
    dots.resize(batch.segments());
    return dots;
  }

  // What was found of a batch into the sums of its passages. The batch's loss is the mean over its positions.
  static void collect(const StepJob& job, CallSoFar& done) {
    const Batch& batch = *job.batch;
    for (std::size_t g = 0; g < batch.segments(); ++g) {
      if (batch.owner[g] < 0) continue;
      const auto owner = static_cast<std::size_t>(batch.owner[g]);
      for (std::int32_t i = batch.begin[g]; i < batch.begin[g + 1]; ++i) done.nats[owner] += job.nats[static_cast<std::size_t>(i)];
      done.tokens[owner] += batch.length(g);
      if (job.dots.empty()) continue;
      done.dots[owner] += static_cast<double>(job.dots[g]) * static_cast<double>(batch.positions());
      done.measured[owner] += batch.length(g);
    }
  }

  // A slot changes when all its steps are done: until then the call can be made again.
  void end(Call& call) {
    TrainJob& job = *call.job;
    Slot& s = at(job.slot);
    job.steps = s.done.rows;
    job.cost = s.done.cost;
    job.influence_flops = s.done.influence_flops;
    job.diverged = s.diverged;
    for (std::size_t i = 0; i < job.loss.size(); ++i)
      if (s.done.tokens[i] > 0) job.loss[i] = static_cast<float>(s.done.nats[i] / static_cast<double>(s.done.tokens[i]));
    for (std::size_t i = 0; i < job.influence.size(); ++i)
      if (s.done.measured[i] > 0) job.influence[i] = static_cast<float>(s.done.dots[i] / static_cast<double>(s.done.measured[i]));
    s.carry.clear();
    if (!s.diverged) s.carry.assign(call.packer.rest().begin(), call.packer.rest().end());
    s.done = {};
  }

  static void check_progress(CallSoFar& done, const TrainJob& job, std::int64_t steps, bool begun) {
    if (!begun) {
      done.nats.assign(job.passages.size(), 0);
      done.tokens.assign(job.passages.size(), 0);
      done.dots.assign(job.influence.size(), 0);
      done.measured.assign(job.influence.size(), 0);
    }
    if (done.nats.size() != job.passages.size() || done.dots.size() != job.influence.size() || static_cast<std::int64_t>(done.rows.size()) > steps)
      throw DataError(fmt::format("stored trainer: slot {} is in the middle of another call: {} passages, influence of {} and {} steps done, "
                                  "{}, {} and {} asked for",
                                  job.slot, done.nats.size(), done.dots.size(), done.rows.size(), job.passages.size(), job.influence.size(), steps));
  }

  void check_demand(const TrainJob& job, std::int64_t steps) const {
    const std::int64_t wanted = demand(job.slot, steps), given = total_tokens(job.passages);
    FADER_CHECK(given >= wanted, "slot {} is given {} tokens where {} steps take {}", job.slot, given, steps, wanted);
    if (job.passages.empty()) return;
    const auto last = static_cast<std::int64_t>(tokens(job.passages.back()).size());
    FADER_CHECK(given - last < wanted, "slot {} is given whole passages beyond the {} tokens that {} steps take", job.slot, wanted,
                steps);
  }

  // --- looking ----------------------------------------------------------------------------------------------------------

  // The passages of one job as the bank takes them, in the order of their ids.
  struct View {
    std::vector<std::size_t> order;  // of each segment: its index among the passages
    std::vector<Batch> batches;
    std::vector<float> weight, nats;
  };

  View view(std::span<const PassageId> passages) const {
    View v;
    v.order.resize(passages.size());
    std::iota(v.order.begin(), v.order.end(), 0u);
    std::stable_sort(v.order.begin(), v.order.end(), [&](std::size_t a, std::size_t b) { return passages[a] < passages[b]; });
    const auto room = static_cast<std::size_t>(std::max(kLookPositions, o_.context));
    std::size_t positions = 0;
    for (const std::size_t i : v.order) {
      const auto text = tokens(passages[i]);
      if (v.batches.empty() || v.batches.back().input.size() + text.size() > room) v.batches.emplace_back();
      v.batches.back().add(text, corpus_->begin_mark(), static_cast<std::int32_t>(i));
      positions += text.size();
    }
    v.nats.resize(positions);
    return v;
  }

  // Runs `use` on what the jobs ask for, and fills their losses and costs. weight(job, passage): of one of its tokens.
  template <class Weight, class Use>
  void look(std::span<LossJob> jobs, double passes, const Weight& weight, const Use& use) {
    std::vector<View> views;
    for (std::size_t j = 0; j < jobs.size(); ++j) {
      ready(jobs[j].slot);
      check_room(jobs[j].loss, jobs[j].passages);
      views.push_back(view(jobs[j].passages));
      for (const std::size_t i : views[j].order) views[j].weight.push_back(weight(j, i));
    }
    std::vector<LookJob> looks;
    for (std::size_t j = 0; j < jobs.size(); ++j)
      looks.push_back({.slot = jobs[j].slot, .averaged = averaged_weights(t_, at(jobs[j].slot).step) > 0, .batches = views[j].batches,
                       .weight = views[j].weight, .nats = views[j].nats});
    use(std::span<LookJob>(looks));
    for (std::size_t j = 0; j < jobs.size(); ++j) {
      jobs[j].cost = {};
      for (const Batch& batch : views[j].batches) charge(jobs[j].cost, passes, batch);
      store_losses(views[j], jobs[j].loss);
    }
  }

  static double cosine(double dot, double norms) { return norms == 0 ? 0.0 : dot / norms; }
  // Into a probe what was found of it.
  void compare(Probe& probe, double dot, double norm) const {
    probe.dot = static_cast<float>(dot);
    probe.norm = probe.norm_wanted ? static_cast<float>(norm) : kNan;
    probe.cosine = probe.norm_wanted ? static_cast<float>(cosine(dot, norm * bank_->reference_norm(probe.slot))) : kNan;
  }

  // One backward pass for each.
  void influence_of_groups(std::span<Probe* const> probes) {
    std::vector<LossJob> jobs;
    std::vector<double> tokens;
    for (const Probe* probe : probes) {
      jobs.push_back({.slot = probe->slot, .passages = probe->passages});
      tokens.push_back(static_cast<double>(total_tokens(probe->passages)));
    }
    const auto even = [&](std::size_t j, std::size_t) { return static_cast<float>(1.0 / tokens[j]); };
    look(jobs, 3.0, even, [&](std::span<LookJob> looks) {
      bank_->influence(looks);
      for (std::size_t j = 0; j < looks.size(); ++j) {
        probes[j]->loss = static_cast<float>(std::accumulate(looks[j].nats.begin(), looks[j].nats.end(), 0.0) / tokens[j]);
        compare(*probes[j], looks[j].dot, looks[j].norm);
      }
    });
    for (std::size_t j = 0; j < jobs.size(); ++j) probes[j]->cost = jobs[j].cost;
  }

  // Probes of one passage: those of a part are of one slot, and norms are wanted of all of them or of none.
  void influence_of_passages(std::span<const std::vector<Probe*>> parts) {
    std::vector<std::vector<PassageId>> passages(parts.size());
    std::vector<LossJob> jobs;
    for (std::size_t j = 0; j < parts.size(); ++j) {
      for (const Probe* probe : parts[j]) passages[j].push_back(probe->passages[0]);
      jobs.push_back({.slot = parts[j][0]->slot, .passages = passages[j]});
    }
    const auto mean = [&](std::size_t j, std::size_t i) { return 1.0f / static_cast<float>(tokens(passages[j][i]).size()); };
    look(jobs, 3.0, mean, [&](std::span<LookJob> looks) {
      std::vector<std::vector<float>> dots, squares;
      for (std::size_t j = 0; j < looks.size(); ++j) {
        dots.emplace_back(passages[j].size());
        squares.emplace_back(parts[j][0]->norm_wanted ? passages[j].size() : 0);
        looks[j].dots = dots[j];
        looks[j].squares = squares[j];
      }
      bank_->influence_of_each(looks);
      for (std::size_t j = 0; j < looks.size(); ++j) tell(looks[j], parts[j]);
    });
  }

  void tell(const LookJob& look, std::span<Probe* const> probes) const {
    std::size_t segment = 0;
    const float* nats = look.nats.data();
    for (const Batch& batch : look.batches)
      for (std::size_t g = 0; g < batch.segments(); ++g, ++segment) {
        Probe& probe = *probes[static_cast<std::size_t>(batch.owner[g])];
        const std::int64_t n = batch.length(g);
        probe.loss = mean_of(nats, n);
        compare(probe, static_cast<double>(look.dots[segment]),
                probe.norm_wanted ? std::sqrt(static_cast<double>(look.squares[segment])) : 0.0);
        probe.cost = {n, influence_flops(o_, layout_, n, probe.norm_wanted)};
        nats += n;
      }
  }

  static float mean_of(const float* nats, std::int64_t n) {
    return static_cast<float>(std::accumulate(nats, nats + n, 0.0) / static_cast<double>(n));
  }

  static void store_losses(const View& view, std::span<float> loss) {
    const float* nats = view.nats.data();
    for (const Batch& batch : view.batches)
      for (std::size_t g = 0; g < batch.segments(); nats += batch.length(g), ++g) {
        if (!loss.empty()) loss[static_cast<std::size_t>(batch.owner[g])] = mean_of(nats, batch.length(g));
      }
  }

  Batch& batch_of(int slot) { return batches_[static_cast<std::size_t>(slot)]; }

  const ModelOptions o_;
  const TrainOptions t_;
  const Layout layout_;
  const std::shared_ptr<const Corpus> corpus_;
  const std::unique_ptr<Bank> bank_;
  std::vector<Slot> slots_;
  // Working memory of a step, by slot: nothing in it outlives one.
  std::vector<Batch> batches_;
  std::vector<std::vector<float>> nats_, dots_;
  std::vector<StepJob> step_jobs_;
};

}  // namespace

std::unique_ptr<Trainer> make_trainer(const ModelOptions& model, const TrainOptions& train, std::shared_ptr<const Corpus> corpus,
                                      int slots, const Machine& machine) {
  model.validate();
  train.validate();
  std::unique_ptr<Bank> bank;
  if (machine.device == "cuda") {
    if (machine.ranks)
      throw ConfigError("device = \"cuda\" with several processes: a GPU's models are not shared; try run.processes = 1, or device = \"cpu\"");
    bank = make_cuda_bank(model, train, slots, corpus);
  } else {
    bank = make_cpu_bank(model, train, slots, machine);
  }
  return std::make_unique<SlotTrainer>(model, train, std::move(corpus), slots, std::move(bank));
}

}  // namespace fader
