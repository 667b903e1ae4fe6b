// The bank in this machine's memory. One slot: its batches are shared out to all threads. Several: each job is one thread's, since
// models that small gain nothing by being shared.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "trainer/bank.h"
#include "trainer/buffer.h"
#include "trainer/model.h"
#include "trainer/optimizer.h"
#include "trainer/product.h"
#include "trainer/ranked_model.h"
#include "trainer/team.h"

namespace fader {
namespace {

// One language model with its optimiser. `reference` and `mean`: empty until they are wanted.
struct Member {
  Buffer<float> parameters, first, second, reference, mean;
  double reference_norm = 0;
};

// What a thread needs to serve a job.
struct Desk {
  std::shared_ptr<Team> team;
  std::unique_ptr<Model<float>> model;
  Buffer<float> gradient;
  std::vector<float> weight;
};

class CpuBank final : public Bank {
 public:
  CpuBank(const ModelOptions& model, const TrainOptions& train, int slots, const Machine& machine)
      : layout_(model), train_(train), team_(std::make_shared<Team>(machine.threads, machine.pinned)),
        members_(static_cast<std::size_t>(slots)), desks_(static_cast<std::size_t>(slots == 1 ? 1 : std::min(machine.threads, slots))) {
    FADER_CHECK(!machine.ranks || slots == 1, "{} slots shared by processes", slots);
    team_->run([](int) { keep_to_one_thread(); });
    for (Desk& d : desks_) {
      d.team = slots == 1 ? team_ : std::make_shared<Team>(1);
      d.model = make_model(model, d.team, precision_of(train), train.recompute);
      if (machine.ranks) d.model = share_batches(std::move(d.model), machine.ranks);
      d.gradient.resize(static_cast<std::size_t>(layout_.size));
    }
    for (Member& m : members_)
      for (Buffer<float>* b : {&m.parameters, &m.first, &m.second}) b->resize(static_cast<std::size_t>(layout_.size));
  }

  void reset(int slot, std::uint64_t seed) override {
    Member& m = at(slot);
    initialise(layout_, seed, m.parameters);
    for (Buffer<float>* b : {&m.first, &m.second, &m.reference, &m.mean}) std::fill(b->begin(), b->end(), 0.0f);
    m.reference_norm = 0;
  }

  void step(std::span<StepJob> jobs) override {
    serve(jobs, [this](StepJob& job, Desk& desk) { step(job, desk); });
  }

  void losses(std::span<LookJob> jobs) override {
    serve(jobs, [this](LookJob& job, Desk& desk) {
      each_batch(job, [&](const Batch& batch, std::size_t, std::span<float> nats) { desk.model->losses(weights(job), batch, nats); });
    });
  }

  void reference(std::span<LookJob> jobs) override {
    serve(jobs, [this](LookJob& job, Desk& desk) {
      Member& m = at(job.slot);
      m.reference.resize(static_cast<std::size_t>(layout_.size));
      gradient(job, desk, desk.gradient);  // there, until it has been compared with the one before
      job.dot = inner_product(desk.gradient, m.reference);
      m.reference_norm = norm(desk.gradient);
      std::copy(desk.gradient.begin(), desk.gradient.end(), m.reference.begin());
    });
  }

  void influence(std::span<LookJob> jobs) override {
    serve(jobs, [this](LookJob& job, Desk& desk) {
      gradient(job, desk, desk.gradient);
      job.dot = inner_product(desk.gradient, at(job.slot).reference);
      job.norm = norm(desk.gradient);
    });
  }

  void influence_of_each(std::span<LookJob> jobs) override {
    serve(jobs, [this](LookJob& job, Desk& desk) {
      const auto part = [](std::span<float> all, std::size_t first, std::size_t n) { return all.empty() ? all : all.subspan(first, n); };
      each_batch(job, [&](const Batch& batch, std::size_t first, std::span<float> nats) {
        const std::size_t n = batch.segments();
        const SegmentWish<float> wish{at(job.slot).reference, job.dots.subspan(first, n), part(job.squares, first, n), true};
        desk.model->differentiate(weights(job), batch, job.weight.subspan(first, n), nats, {}, wish);
      });
    });
  }

  double reference_norm(int slot) const override { return at(slot).reference_norm; }

  void state(Archive& archive, int slot, bool has_reference, bool has_mean) override {
    Member& m = at(slot);
    archive.field("parameters", std::span<float>(m.parameters));
    archive.field("moment1", std::span<float>(m.first));
    archive.field("moment2", std::span<float>(m.second));
    const auto optional = [&](bool there, const char* name, Buffer<float>& buffer) {
      if (!there) return;
      buffer.resize(m.parameters.size());
      archive.field(name, std::span<float>(buffer));
    };
    optional(has_reference, "reference", m.reference);
    if (has_reference && archive.loading()) m.reference_norm = norm(m.reference);
    optional(has_mean, "mean", m.mean);
  }

 private:
  Member& at(int slot) {
    FADER_CHECK(slot >= 0 && static_cast<std::size_t>(slot) < members_.size(), "slot {} of {}", slot, members_.size());
    return members_[static_cast<std::size_t>(slot)];
  }
  const Member& at(int slot) const { return const_cast<CpuBank*>(this)->at(slot); }

  template <class Job, class Serve>
  void serve(std::span<Job> jobs, const Serve& one) {
    if (desks_.size() == 1) {
      for (Job& job : jobs) one(job, desks_[0]);
      return;
    }
    team_->run([&](int t) {
      const auto first = static_cast<std::size_t>(t);
      if (first >= desks_.size()) return;
      for (std::size_t i = first; i < jobs.size(); i += desks_.size()) one(jobs[i], desks_[first]);
    });
  }

  // use(batch, the first of its segments, where its losses go)
  template <class Use>
  static void each_batch(const LookJob& job, const Use& use) {
    std::size_t positions = 0, segments = 0;
    for (const Batch& batch : job.batches) {
      const auto n = static_cast<std::size_t>(batch.positions());
      use(batch, segments, job.nats.subspan(positions, n));
      positions += n;
      segments += batch.segments();
    }
  }
  std::span<const float> weights(const LookJob& job) const {
    const Member& m = at(job.slot);
    FADER_CHECK(!job.averaged || !m.mean.empty(), "slot {} keeps no mean of its weights", job.slot);
    return job.averaged ? m.mean : m.parameters;
  }

  void gradient(LookJob& job, Desk& desk, std::span<float> into) {
    std::fill(into.begin(), into.end(), 0.0f);
    each_batch(job, [&](const Batch& batch, std::size_t first, std::span<float> nats) {
      desk.model->gradient(weights(job), batch, job.weight.subspan(first, batch.segments()), nats, into);
    });
  }

  void step(StepJob& job, Desk& desk) {
    Member& m = at(job.slot);
    FADER_CHECK_EQ(static_cast<std::int64_t>(job.nats.size()), job.batch->positions());
    desk.weight.reserve(static_cast<std::size_t>(job.batch->positions()));
    desk.weight.assign(job.batch->segments(), 1.0f / static_cast<float>(job.batch->positions()));
    desk.team->share_out(layout_.size, [&](Share s) { std::fill(desk.gradient.begin() + s.first, desk.gradient.begin() + s.last, 0.0f); });
    SegmentWish<float> wish;
    FADER_CHECK(job.dots.empty() || !m.reference.empty(), "slot {} has no reference gradient", job.slot);
    if (!job.dots.empty()) wish = {.direction = m.reference, .dot = job.dots};
    desk.model->differentiate(m.parameters, *job.batch, desk.weight, job.nats, desk.gradient, wish);
    job.gradient_norm = norm(desk.gradient);
    job.loss = std::accumulate(job.nats.begin(), job.nats.end(), 0.0) / static_cast<double>(job.batch->positions());
    job.taken = std::isfinite(job.loss) && std::isfinite(job.gradient_norm);
    if (!job.taken) return;
    if (job.averaged > 0) m.mean.resize(m.parameters.size());
    const AdamW rule(train_, job.rate, job.step, job.gradient_norm);
    desk.team->share_out(layout_.size, [&](Share s) {
      rule.step(layout_, s.first, s.last, desk.gradient, m.parameters, m.first, m.second);
      if (job.averaged > 0) add_to_mean(job.averaged, s.first, s.last, m.parameters, m.mean);
    });
  }

  const Layout layout_;
  const TrainOptions train_;
  const std::shared_ptr<Team> team_;
  std::vector<Member> members_;
  std::vector<Desk> desks_;
};

}  // namespace

std::unique_ptr<Bank> make_cpu_bank(const ModelOptions& model, const TrainOptions& train, int slots, const Machine& machine) {
  return std::make_unique<CpuBank>(model, train, slots, machine);
}

}  // namespace fader
