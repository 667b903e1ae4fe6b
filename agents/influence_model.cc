// influence_model: influence measured on a few passages, and guessed for all others by a regression that follows the model.
//
//   after every interval   m passages of the pool are probed: y(x) = <g_ref, g(x)> at theta_t (label = cosine: over both norms)
//   labels                 z = (y - mean) / deviation of the interval's: their scale changes as the model learns
//   features               phi_b(x) = sqrt(share of n-grams of x, n <= ngrams, whose hash is b), of unit length (Hellinger); minus
//                          their mean over the examples
//   fit                    w = argmin sum_i forget^age_i (z_i - w.phi_i)^2 + ridge |w|^2, by conjugate gradients
//   score                  S(x) = w.phi(x), of all candidates; 0 before the first probes
// MATES (Yu et al. 2024, arXiv 2406.06046, sections 3.2 and 3.3) with first-order influence for the loss after a step, and a linear
// model of n-grams for BERT. Theirs is fitted anew at each stage; here older probes count less, and m can be small.
//
// The agent's own reward is the mean of S(x) z(x) over the probes, S as it was before they were measured: above 0 where it guesses
// right of passages that it has not seen measured.
//
// Probes cost 3 forward passes each; m is as many as `budget` pays for. Fit and scores are charged by multiplications and additions.
// Status: checked against an oracle (tests/agents/influence_model_test.cc).
#include <algorithm>
#include <cmath>
#include <set>

#include "agents/budgeted.h"
#include "agents/ngram_ridge.h"

namespace fader {
namespace {

struct InfluenceModelOptions final : Options {
  std::string label = "dot";
  double budget = 0.1, forget = 0.7;
  NgramRidgeOptions ridge;
  void fields(Fields& f) override {
    f("budget", budget, "share of an interval's training FLOPs that probes may take", 1e-6, 1e6);
    f("label", label, "what is guessed: the inner product with the reference gradient, or its cosine").one_of({"dot", "cosine"});
    f("forget", forget, "weight of an example against one that is an interval younger", 0.0, 1.0);
    ridge.fields(f);
  }
};

/// Weights below this are forgotten.
constexpr double kLeastWeight = 0.01;

class InfluenceModel final : public Agent {
 public:
  InfluenceModel(const InfluenceModelOptions& options, const AgentContext& context)
      : options_(options), corpus_(context.corpus), memory_(static_cast<std::size_t>(context.slots)),
        fit_(memory_.size(), NgramRidge(options.ridge)) {
    for (const PassageId id : corpus_->set(Set::pool))
      if (corpus_->passages()[id].bytes > 0) pool_.push_back(id);
    const PassageCost cost(context.model);
    const double pays = options.budget * cost.training(context.train, context.train.steps_per_interval);
    double tokens = 0;
    for (const PassageId id : pool_) tokens += corpus_->passages()[id].tokens;
    const double mean = tokens / static_cast<double>(std::max<std::size_t>(1, pool_.size()));
    const double probes = pays / (3 * cost.forward(static_cast<std::int64_t>(std::ceil(mean))));
    if (probes < kLeastProbes)
      throw ConfigError(fmt::format("agent 'influence_model': its budget, {:g} of the training FLOPs, pays for {:.2g} probes an interval, "
                                    "and {} are the least that it learns from; raise budget to {:.2g}, or train.steps_per_interval",
                                    options.budget, probes, kLeastProbes, 1.1 * options.budget * kLeastProbes / probes));
    if (pool_.size() < kLeastProbes)
      throw ConfigError(fmt::format("agent 'influence_model': the pool has {} passages with text, fewer than {} to probe; give more text "
                                    "(corpus.*)", pool_.size(), kLeastProbes));
    probes_ = std::min(static_cast<std::size_t>(probes), pool_.size());
  }

  void begin(Slots slots, std::span<const std::uint64_t>) override {
    for (const int slot : slots) {
      memory(slot) = {};
      refit(slot);
    }
  }

  void score(std::span<ScoreJob> jobs, Trainer&) override {
    for (ScoreJob& job : jobs) {
      const NgramRidge& fit = fit_[static_cast<std::size_t>(job.slot)];
      for (std::size_t i = 0; i < job.passages.size(); ++i) {
        job.score[i] = static_cast<float>(fit.predict(corpus_->tokens(job.passages[i])));
        job.cost.tokens += corpus_->passages()[job.passages[i]].tokens;
        job.cost.flops += fit.predict_flops(corpus_->passages()[job.passages[i]].tokens);
      }
      job.cost.flops += fit.fit_flops();
    }
  }

  void probes(Slots slots, Streams streams, std::span<std::vector<ProbeGroup>> out) override {
    for (std::size_t i = 0; i < slots.size(); ++i) {
      Memory& m = memory(slots[i]);
      std::set<std::size_t> drawn;  // distinct ones, uniformly; in the order of the corpus
      while (drawn.size() < probes_) drawn.insert(streams[i].below(pool_.size()));
      m.asked.clear();
      for (const std::size_t k : drawn) {
        m.asked.push_back(pool_[k]);
        out[i].push_back({pool_[k]});
      }
    }
  }

  void feedback(Slots slots, std::span<const std::span<const Probe>> measured, std::span<double> reward) override {
    for (std::size_t i = 0; i < slots.size(); ++i) reward[i] = learn(slots[i], measured[i]);
  }

  void state(Archive& archive) override {
    for (std::size_t s = 0; s < memory_.size(); ++s) slot_state(archive, static_cast<int>(s));
  }
  void slot_state(Archive& archive, int slot) override {
    Memory& m = memory(slot);
    archive.field("examples", m.passages);
    archive.field("labels", m.labels);
    archive.field("weights", m.weights);
    if (!archive.loading()) return;
    m.asked.clear();
    archive.expect(m.labels.size() == m.passages.size() && m.weights.size() == m.passages.size(),
                   "a label and a weight for each example");
    for (std::size_t e = 0; e < m.passages.size(); ++e)
      archive.expect(m.passages[e] < corpus_->passages().size() && std::abs(m.labels[e]) <= 1e6 && m.weights[e] >= kLeastWeight && m.weights[e] <= 1,
                     "examples of this corpus");
    refit(slot);
  }

 private:
  static constexpr int kLeastProbes = 4;

  struct Memory {
    std::vector<PassageId> passages, asked;  // examples; what the probes at hand are of
    std::vector<double> labels, weights;     // of each example: z, forget^age
  };
  Memory& memory(int slot) { return memory_[static_cast<std::size_t>(slot)]; }

  double learn(int slot, std::span<const Probe> measured) {
    Memory& m = memory(slot);
    FADER_CHECK_EQ(measured.size(), m.asked.size());
    std::vector<double> z;
    for (const Probe& p : measured) z.push_back(static_cast<double>(options_.label == "dot" ? p.dot : p.cosine));
    if (!standardise(z)) return std::nan("");  // all alike, or not finite: there is nothing to learn
    double right = 0;
    for (std::size_t i = 0; i < z.size(); ++i)
      right += z[i] * fit_[static_cast<std::size_t>(slot)].predict(corpus_->tokens(m.asked[i])) / static_cast<double>(z.size());
    age(m);
    for (std::size_t i = 0; i < z.size(); ++i) {
      m.passages.push_back(m.asked[i]);
      m.labels.push_back(z[i]);
      m.weights.push_back(1);
    }
    refit(slot);
    return right;
  }

  static bool standardise(std::span<double> z) {
    const double n = static_cast<double>(z.size());
    double mean = 0, variance = 0;
    for (const double x : z) mean += x / n;
    for (const double x : z) variance += (x - mean) * (x - mean) / n;
    if (!(std::isfinite(variance) && variance > 0)) return false;
    for (double& x : z) x = (x - mean) / std::sqrt(variance);
    return true;
  }

  void age(Memory& m) const {
    std::size_t kept = 0;
    for (std::size_t e = 0; e < m.weights.size(); ++e) {
      const double weight = m.weights[e] * options_.forget;
      if (weight < kLeastWeight) continue;
      m.passages[kept] = m.passages[e];
      m.labels[kept] = m.labels[e];
      m.weights[kept++] = weight;
    }
    m.passages.resize(kept);
    m.labels.resize(kept);
    m.weights.resize(kept);
  }

  void refit(int slot) {
    const Memory& m = memory(slot);
    std::vector<std::span<const std::uint32_t>> texts;
    for (const PassageId id : m.passages) texts.push_back(corpus_->tokens(id));
    fit_[static_cast<std::size_t>(slot)].fit(texts, m.labels, m.weights);
  }

  const InfluenceModelOptions options_;
  const std::shared_ptr<const Corpus> corpus_;
  std::vector<PassageId> pool_;     // passages with text
  std::size_t probes_ = 0;          // an interval
  std::vector<Memory> memory_;      // [slot]
  std::vector<NgramRidge> fit_;     // [slot], a function of the memory
};

REGISTER_AGENT("influence_model", InfluenceModel, InfluenceModelOptions,
               "influence guessed from n-grams by a regression on a few probes an interval (MATES)", "checked against an oracle");

}  // namespace
}  // namespace fader
