// What agents that ask a model are tested with: a trainer that makes up its answers, and a small real one.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "tests/agents/agent_options.h"
#include "tests/agents/no_trainer.h"
#include "tests/scratch_folder.h"
#include "tests/trainer/small_trainer.h"
#include "tests/trainer/toy_corpus.h"

namespace fader {

/// Says what it is told to, and counts what it was asked. A token costs it a FLOP.
struct ToldTrainer final : Trainer {
  std::shared_ptr<const Corpus> corpus;
  std::function<float(int slot, PassageId)> loss = [](int, PassageId id) { return static_cast<float>(id); };
  std::function<Probe(int slot, PassageId)> probe;   ///< dot, norm and cosine
  double reference = std::nan("");
  std::int64_t steps = 0, asked = 0;

  explicit ToldTrainer(std::shared_ptr<const Corpus> c) : corpus(std::move(c)) {}
  Cost cost(std::span<const PassageId> ids) {
    asked += static_cast<std::int64_t>(ids.size());
    Cost out;
    for (const PassageId id : ids) out += {corpus->passages()[id].tokens, static_cast<double>(corpus->passages()[id].tokens)};
    return out;
  }
  void losses(std::span<LossJob> jobs) override {
    for (LossJob& job : jobs) {
      for (std::size_t i = 0; i < job.passages.size(); ++i) job.loss[i] = loss(job.slot, job.passages[i]);
      job.cost = cost(job.passages);
    }
  }
  void influence(std::span<Probe> probes) override {
    for (Probe& p : probes) {
      const Probe told = probe(p.slot, p.passages[0]);
      p.dot = told.dot;
      p.norm = told.norm;
      p.cosine = told.cosine;
      p.cost = cost(p.passages);
    }
  }
  double reference_norm(int) const override { return reference; }
  double reference_cosine(int) const override { return std::nan(""); }
  std::int64_t step(int) const override { return steps; }
  void reset(Slots, std::span<const std::uint64_t>) override {}
  std::int64_t demand(int, std::int64_t) const override { return 0; }
  void train(std::span<TrainJob>, std::int64_t, const std::function<void()>&) override {}
  void set_reference(std::span<LossJob>) override {}
  double learning_rate(int) const override { return 0; }
  bool started(int) const override { return true; }
  void state(Archive&) override {}
  void slot_state(Archive&, int) override {}
};

struct Scored {
  std::vector<float> score;
  Cost cost;
};
inline Scored score_with(Agent& agent, Trainer& trainer, std::span<const PassageId> ids, int slot = 0) {
  Scored out{std::vector<float>(ids.size()), {}};
  ScoreJob job{slot, ids, out.score, {}};
  agent.score({&job, 1}, trainer);
  out.cost = job.cost;
  return out;
}

/// An agent that knows the model and schedule of small_trainer.h, on its corpus unless another is given.
template <class Set>
std::unique_ptr<Agent> make_model_agent(const std::string& kind, std::shared_ptr<const Corpus> corpus, int slots, const Set& set,
                                        int threads = 1, const TrainOptions& train = small::small_training()) {
  static NoProgress progress;
  const auto& entry = agents().at(kind);
  const auto options = entry.options();
  set(*options);
  options->validate();
  return entry.make(*options, AgentContext{std::move(corpus), slots, progress, small::small_model(), train, {threads}});
}

inline void begin(Agent& agent, int slot = 0, std::uint64_t seed = 1) { agent.begin({&slot, 1}, {&seed, 1}); }

/// Tells the agent that these were trained on.
inline void trained_on(Agent& agent, std::span<const PassageId> ids, int slot = 0) {
  const std::vector<float> loss(ids.size(), 1.0f);
  const TrainedOn on{slot, ids, loss};
  agent.trained({&on, 1});
}

inline std::string slot_bytes(Agent& agent, int slot = 0) {
  Archive archive;
  agent.slot_state(archive, slot);
  return archive.bytes();
}
inline void load_slot(Agent& agent, const std::string& bytes, int slot = 0) {
  Archive archive(bytes);
  agent.slot_state(archive, slot);
  archive.finish();
}

/// Spearman's rank correlation; equal numbers in the order that they come in.
inline double spearman(std::span<const float> a, std::span<const float> b) {
  const auto ranks = [](std::span<const float> x) {
    std::vector<std::size_t> order(x.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return x[i] < x[j]; });
    std::vector<double> rank(x.size());
    for (std::size_t r = 0; r < order.size(); ++r) rank[order[r]] = static_cast<double>(r);
    return rank;
  };
  const auto p = ranks(a), q = ranks(b);
  double apart = 0;
  for (std::size_t i = 0; i < p.size(); ++i) apart += (p[i] - q[i]) * (p[i] - q[i]);
  const auto n = static_cast<double>(p.size());
  return 1 - 6 * apart / (n * (n * n - 1));
}

}  // namespace fader
