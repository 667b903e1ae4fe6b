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
  }

  void step(std::span<StepJob> jobs) override {
    serve(jobs, [this](StepJob& job, Desk& desk) { step(job, desk); });
  }

  void losses(std::span<LookJob> jobs) override {
    serve(jobs, [this](LookJob& job, Desk& desk) {
      std::size_t done = 0;
      for (const Batch& batch : job.batches) {
        desk.model->losses(weights(job), batch, next(job.nats, done, batch.positions()));
        done += static_cast<std::size_t>(batch.positions());
      }
    });
  }

  void reference(std::span<LookJob> jobs) override {
    serve(jobs, [this](LookJob& job, Desk& desk) {
      Buffer<float>& reference = at(job.slot).reference;
      reference.resize(static_cast<std::size_t>(layout_.size));
      gradient(job, desk, reference);
    });
  }

  void influence(std::span<LookJob> jobs) override {
    serve(jobs, [this](LookJob& job, Desk& desk) {
      gradient(job, desk, desk.gradient);
      job.dot = inner_product(desk.gradient, at(job.slot).reference);
      job.norm = norm(desk.gradient);
    });
  }

  double reference_norm(int slot) const override { return norm(at(slot).reference); }

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

  static std::span<float> next(std::span<float> all, std::size_t done, std::int64_t count) {
    return all.subspan(done, static_cast<std::size_t>(count));
  }
  std::span<const float> weights(const LookJob& job) const {
    const Member& m = at(job.slot);
    FADER_CHECK(!job.averaged || !m.mean.empty(), "slot {} keeps no mean of its weights", job.slot);
    return job.averaged ? m.mean : m.parameters;
  }

  void gradient(LookJob& job, Desk& desk, std::span<float> into) {
    std::fill(into.begin(), into.end(), 0.0f);
    std::size_t positions = 0, segments = 0;
    for (const Batch& batch : job.batches) {
      desk.model->gradient(weights(job), batch, job.weight.subspan(segments, batch.segments()), next(job.nats, positions, batch.positions()), into);
      positions += static_cast<std::size_t>(batch.positions());
      segments += batch.segments();
    }
  }

  void step(StepJob& job, Desk& desk) {
    Member& m = at(job.slot);
    FADER_CHECK_EQ(static_cast<std::int64_t>(job.nats.size()), job.batch->positions());
    desk.weight.reserve(static_cast<std::size_t>(job.batch->positions()));
    desk.weight.assign(job.batch->segments(), 1.0f / static_cast<float>(job.batch->positions()));
    desk.team->share_out(layout_.size, [&](Share s) { std::fill(desk.gradient.begin() + s.first, desk.gradient.begin() + s.last, 0.0f); });
    desk.model->gradient(m.parameters, *job.batch, desk.weight, job.nats, desk.gradient);
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
