// The Trainer on a CPU: slots one after another, each in flat buffers, through one Model.
//
// Passages that are only looked at (losses, set_reference, influence) are taken in the order of their ids, whole, each a
// segment of its own, in batches of a fixed size: the same set gives the same bits in whatever order it is named.
#include "trainer/trainer.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "trainer/buffer.h"
#include "trainer/flops.h"
#include "trainer/model.h"
#include "trainer/optimizer.h"
#include "trainer/packer.h"
#include "trainer/ranked_model.h"
#include "trainer/schedule.h"

namespace fader {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr std::int64_t kLookPositions = 4096;  // of a batch that is only looked at, unless the context is longer

// What a call of train has done so far in a slot. Empty outside of one.
struct CallSoFar {
  std::vector<StepRow> rows;         // one a step
  std::vector<double> nats;          // of each passage of the job
  std::vector<std::int64_t> tokens;  // that these nats are of
  Cost cost;

  void state(Archive& archive) {
    std::vector<std::int64_t> step;
    std::vector<double> values;
    for (const StepRow& r : rows) {
      step.push_back(r.step);
      values.insert(values.end(), {r.loss, r.learning_rate, r.gradient_norm});
    }
    archive.field("step", step);
    archive.field("rows", values);
    archive.field("nats", nats);
    archive.field("tokens", tokens);
    archive.field("cost_tokens", cost.tokens);
    archive.field("cost_flops", cost.flops);
    if (!archive.loading()) return;
    archive.expect(values.size() == 3 * step.size() && nats.size() == tokens.size(), "what a call of train has done");
    rows.resize(step.size());
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = {step[i], values[3 * i], values[3 * i + 1], values[3 * i + 2]};
  }
};

// One language model and everything its future depends on.
struct Slot {
  Buffer<float> parameters, first, second, reference;  // second and first moment of the gradient; empty: no reference
  std::vector<std::uint32_t> carry;                    // tokens of a passage that crossed the end of the last call
  CallSoFar done;                                      // of the call that is under way
  std::int64_t step = 0;
  bool started = false, diverged = false, has_reference = false;
};

class CpuTrainer final : public Trainer {
 public:
  CpuTrainer(const ModelOptions& model, const TrainOptions& train, std::shared_ptr<const Corpus> corpus, int slots, int threads,
             std::shared_ptr<Ranks> ranks)
      : o_(model), t_(train), layout_(model), corpus_(std::move(corpus)),
        model_(ranks ? share_batches(make_model(model, threads), std::move(ranks)) : make_model(model, threads)) {
    FADER_CHECK(slots > 0 && corpus_ != nullptr);
    FADER_CHECK_EQ(corpus_->vocabulary(), o_.vocabulary);
    FADER_CHECK_EQ(corpus_->context(), o_.context);
    slots_.resize(static_cast<std::size_t>(slots));
    const auto n = static_cast<std::size_t>(layout_.size);
    gradient_.resize(n);
    for (Slot& s : slots_)
      for (Buffer<float>* b : {&s.parameters, &s.first, &s.second, &s.reference}) b->resize(n);
  }

  void reset(Slots slots, std::span<const std::uint64_t> seeds) override {
    FADER_CHECK_EQ(slots.size(), seeds.size());
    for (std::size_t i = 0; i < slots.size(); ++i) {
      Slot& s = at(slots[i]);
      initialise(layout_, seeds[i], s.parameters);
      for (Buffer<float>* b : {&s.first, &s.second, &s.reference}) std::fill(b->begin(), b->end(), 0.0f);
      s.carry.clear();
      s.done = {};
      s.step = 0;
      s.started = true;
      s.diverged = s.has_reference = false;
    }
  }

  std::int64_t demand(int slot, std::int64_t steps) const override {
    return std::max<std::int64_t>(0, steps * t_.batch * o_.context - static_cast<std::int64_t>(at(slot).carry.size()));
  }
  double learning_rate(int slot) const override { return scheduled_rate(t_, at(slot).step); }
  std::int64_t step(int slot) const override { return at(slot).step; }
  bool started(int slot) const override { return at(slot).started; }
  double reference_norm(int slot) const override {
    const Slot& s = at(slot);
    return s.has_reference ? norm(s.reference) : std::numeric_limits<double>::quiet_NaN();
  }

  void train(std::span<TrainJob> jobs, std::int64_t steps, const std::function<void()>& between) override {
    one_job_a_slot(jobs);
    std::vector<std::vector<std::uint32_t>> carry;  // a slot changes it when all are done: until then the call can be made again
    for (TrainJob& job : jobs) carry.push_back(train(job, steps, between));
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      Slot& s = at(jobs[i].slot);
      s.carry = std::move(carry[i]);
      s.done = {};
    }
  }

  void losses(std::span<LossJob> jobs) override {
    for (LossJob& job : jobs) {
      const Slot& s = ready(job.slot);
      check_losses(job.loss, job.passages);
      job.cost = {};
      look(job.passages, [&](std::span<const std::size_t> items) {
        nats_.resize(static_cast<std::size_t>(batch_.positions()));
        model_->losses(s.parameters, batch_, nats_);
        charge(job.cost, 1.0);
        store_losses(items, job.loss);
      });
    }
  }

  void set_reference(std::span<LossJob> jobs) override {
    one_job_a_slot(jobs);
    for (LossJob& job : jobs) {
      Slot& s = ready(job.slot);
      check_losses(job.loss, job.passages);
      FADER_CHECK(!job.passages.empty(), "a reference gradient needs passages");
      FADER_CHECK(job.weight.empty() || job.weight.size() == job.passages.size(), "{} weights for {} passages", job.weight.size(),
                  job.passages.size());
      const float even = 1.0f / static_cast<float>(total_tokens(job.passages));
      std::fill(s.reference.begin(), s.reference.end(), 0.0f);
      job.cost = {};
      const auto weight = [&](std::size_t i) { return job.weight.empty() ? even : job.weight[i]; };
      gradient(s, job.passages, weight, job.loss, s.reference, job.cost);
      s.has_reference = true;
    }
  }

  void influence(std::span<Probe> probes) override {
    for (Probe& probe : probes) {
      const Slot& s = ready(probe.slot);
      FADER_CHECK(s.has_reference, "influence in slot {} before set_reference", probe.slot);
      FADER_CHECK(!probe.passages.empty(), "a probe needs passages");
      const auto tokens = static_cast<double>(total_tokens(probe.passages));
      const auto even = [tokens](std::size_t) { return static_cast<float>(1.0 / tokens); };
      std::fill(gradient_.begin(), gradient_.end(), 0.0f);
      probe.cost = {};
      const double nats = gradient(s, probe.passages, even, {}, gradient_, probe.cost);
      probe.loss = static_cast<float>(nats / tokens);
      probe.dot = static_cast<float>(inner_product(gradient_, s.reference));
      probe.norm = static_cast<float>(norm(gradient_));
    }
  }

  void state(Archive& archive) override {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const Archive::Scope scope(archive, fmt::format("slot{}", i));
      slot_state(archive, static_cast<int>(i));
    }
  }

  void slot_state(Archive& archive, int slot) override {
    Slot& s = at(slot);
    const auto flat = [](Buffer<float>& b) { return std::span<float>(b); };
    archive.field("started", s.started);
    archive.field("step", s.step);
    archive.field("diverged", s.diverged);
    archive.field("carry", s.carry);
    archive.field("done", s.done);
    archive.field("parameters", flat(s.parameters));
    archive.field("moment1", flat(s.first));
    archive.field("moment2", flat(s.second));
    archive.field("has_reference", s.has_reference);
    if (s.has_reference) archive.field("reference", flat(s.reference));
    for (const std::uint32_t token : s.carry)
      if (token >= o_.vocabulary)
        throw DataError(fmt::format("stored trainer: token {} of a vocabulary of {}", token, o_.vocabulary));
  }

 private:
  Slot& at(int slot) {
    FADER_CHECK(slot >= 0 && static_cast<std::size_t>(slot) < slots_.size(), "slot {} of {}", slot, slots_.size());
    return slots_[static_cast<std::size_t>(slot)];
  }
  const Slot& at(int slot) const { return const_cast<CpuTrainer*>(this)->at(slot); }
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
  static void check_losses(std::span<float> loss, std::span<const PassageId> passages) {
    FADER_CHECK(loss.empty() || loss.size() == passages.size(), "room for {} losses of {} passages", loss.size(), passages.size());
    std::fill(loss.begin(), loss.end(), kNan);
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
  void charge(Cost& cost, double passes) const {  // 1: forward, 3: training
    cost += {batch_.positions(), passes * forward_flops(o_, layout_, batch_)};
  }

  // --- training -------------------------------------------------------------------------------------------------------

  // Returns what is carried over to the next call.
  std::vector<std::uint32_t> train(TrainJob& job, std::int64_t steps, const std::function<void()>& between) {
    Slot& s = ready(job.slot);
    check_losses(job.loss, job.passages);
    job.steps.clear();
    job.cost = {};
    job.diverged = s.diverged;
    const bool begun = !s.done.rows.empty();
    if ((s.diverged && !begun) || steps <= 0) return s.carry;
    check_demand(job, steps);
    check_progress(s.done, job, steps, begun);

    Packer packer(o_.context, corpus_->begin_mark());
    packer.add(s.carry, -1);
    for (std::size_t i = 0; i < job.passages.size(); ++i)
      packer.add(tokens(job.passages[i]), static_cast<std::int32_t>(i));
    for (std::size_t u = 0; u < s.done.rows.size(); ++u) packer.fill(t_.batch, batch_);
    while (static_cast<std::int64_t>(s.done.rows.size()) < steps && !s.diverged) {
      packer.fill(t_.batch, batch_);
      s.done.rows.push_back(take_step(s));
      charge(s.done.cost, 3.0);
      collect(s.done);
      if (between) between();
    }
    job.steps = s.done.rows;
    job.cost = s.done.cost;
    job.diverged = s.diverged;
    for (std::size_t i = 0; i < job.loss.size(); ++i)
      if (s.done.tokens[i] > 0) job.loss[i] = static_cast<float>(s.done.nats[i] / static_cast<double>(s.done.tokens[i]));
    return s.diverged ? std::vector<std::uint32_t>() : packer.rest();
  }

  static void check_progress(CallSoFar& done, const TrainJob& job, std::int64_t steps, bool begun) {
    if (!begun) {
      done.nats.assign(job.passages.size(), 0);
      done.tokens.assign(job.passages.size(), 0);
    }
    if (done.nats.size() != job.passages.size() || static_cast<std::int64_t>(done.rows.size()) > steps)
      throw DataError(fmt::format("stored trainer: slot {} is in the middle of another call: {} passages and {} steps done, {} and {} asked for",
                                  job.slot, done.nats.size(), done.rows.size(), job.passages.size(), steps));
  }

  void check_demand(const TrainJob& job, std::int64_t steps) const {
    const std::int64_t wanted = demand(job.slot, steps), given = total_tokens(job.passages);
    FADER_CHECK(given >= wanted, "slot {} is given {} tokens where {} steps take {}", job.slot, given, steps, wanted);
    if (job.passages.empty()) return;
    const auto last = static_cast<std::int64_t>(tokens(job.passages.back()).size());
    FADER_CHECK(given - last < wanted, "slot {} is given whole passages beyond the {} tokens that {} steps take", job.slot, wanted,
                steps);
  }

  // On batch_: gradient of the mean loss, then AdamW. A loss or gradient that is not finite changes nothing but `diverged`.
  StepRow take_step(Slot& s) {
    const auto positions = static_cast<std::size_t>(batch_.positions());
    nats_.resize(positions);
    weight_.assign(batch_.segments(), 1.0f / static_cast<float>(positions));
    std::fill(gradient_.begin(), gradient_.end(), 0.0f);
    model_->gradient(s.parameters, batch_, weight_, nats_, gradient_);
    StepRow row{s.step + 1, 0, scheduled_rate(t_, s.step), norm(gradient_)};
    row.loss = std::accumulate(nats_.begin(), nats_.end(), 0.0) / static_cast<double>(positions);
    s.diverged = !std::isfinite(row.loss) || !std::isfinite(row.gradient_norm);
    if (s.diverged) return row;
    s.step += 1;
    adamw_step(layout_, t_, row.learning_rate, s.step, row.gradient_norm, gradient_, s.parameters, s.first, s.second);
    return row;
  }

  void collect(CallSoFar& done) const {  // nats_ of batch_ into the sums of their passages
    for (std::size_t g = 0; g < batch_.segments(); ++g) {
      if (batch_.owner[g] < 0) continue;
      const auto owner = static_cast<std::size_t>(batch_.owner[g]);
      for (std::int32_t i = batch_.begin[g]; i < batch_.begin[g + 1]; ++i) done.nats[owner] += nats_[static_cast<std::size_t>(i)];
      done.tokens[owner] += batch_.length(g);
    }
  }

  // --- looking ----------------------------------------------------------------------------------------------------------

  // Fills batch_ with passages in the order of their ids and calls `use` with their indices, until all were there.
  void look(std::span<const PassageId> passages, const std::function<void(std::span<const std::size_t>)>& use) {
    std::vector<std::size_t> order(passages.size());
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return passages[a] < passages[b]; });
    const auto room = static_cast<std::size_t>(std::max(kLookPositions, o_.context));
    for (std::size_t next = 0; next < order.size();) {
      const std::size_t first = next;
      batch_.clear();
      while (next < order.size()) {
        const auto text = tokens(passages[order[next]]);
        if (next > first && batch_.input.size() + text.size() > room) break;
        batch_.add(text, corpus_->begin_mark(), static_cast<std::int32_t>(order[next++]));
      }
      use(std::span(order).subspan(first, next - first));
    }
  }

  // Adds the gradient of sum_i weight(i) x nats of passage i to `into`; returns the sum of nats.
  double gradient(const Slot& s, std::span<const PassageId> passages, const std::function<float(std::size_t)>& weight,
                  std::span<float> loss, std::span<float> into, Cost& cost) {
    double nats = 0;
    look(passages, [&](std::span<const std::size_t> items) {
      nats_.resize(static_cast<std::size_t>(batch_.positions()));
      weight_.clear();
      for (const std::size_t i : items) weight_.push_back(weight(i));
      model_->gradient(s.parameters, batch_, weight_, nats_, into);
      charge(cost, 3.0);
      nats = std::accumulate(nats_.begin(), nats_.end(), nats);
      store_losses(items, loss);
    });
    return nats;
  }

  void store_losses(std::span<const std::size_t> items, std::span<float> loss) const {
    for (std::size_t g = 0; g < items.size() && !loss.empty(); ++g) {
      double sum = 0;
      for (std::int32_t i = batch_.begin[g]; i < batch_.begin[g + 1]; ++i) sum += nats_[static_cast<std::size_t>(i)];
      loss[items[g]] = static_cast<float>(sum / static_cast<double>(batch_.length(g)));
    }
  }

  const ModelOptions o_;
  const TrainOptions t_;
  const Layout layout_;
  const std::shared_ptr<const Corpus> corpus_;
  const std::unique_ptr<Model<float>> model_;
  std::vector<Slot> slots_;
  // Working memory of a call: nothing in it outlives one.
  Batch batch_;
  Buffer<float> gradient_;
  std::vector<float> nats_, weight_;
};

}  // namespace

std::unique_ptr<Trainer> make_trainer(const ModelOptions& model, const TrainOptions& train, std::shared_ptr<const Corpus> corpus,
                                      int slots, int threads, std::shared_ptr<Ranks> ranks) {
  model.validate();
  train.validate();
  return std::make_unique<CpuTrainer>(model, train, std::move(corpus), slots, threads, std::move(ranks));
}

}  // namespace fader
