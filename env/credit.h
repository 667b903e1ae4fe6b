// Credit: what an interval says of each agent, for policies that learn from more than one number a decision.
//
// training_loss and seed_code cost nothing and are there in every run. The others are a shelf of estimators (env/credits/), named in
// env.credit: each gives every agent, also one with little weight, a number with a standard error. That of interval t says
// what the agent's own picks among t's candidates were worth to the model as it was when t began. Higher is better.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "agents/agent.h"
#include "env/reward.h"
#include "env/selection.h"

namespace fader {

/// Of sum_i n_i v_i / sum_i n_i, with the standard error of a ratio over the items,
///   e_i = n_i (v_i - m),  var(m) = M / (M - 1) sum_i e_i^2 / N^2.
/// NaN of no item; the error also of a single one.
Estimate weighted_mean(std::span<const double> value, std::span<const double> weight);

/// "training_loss" (W15): mean training loss, nats per token, of the passages that each agent drew, each taken when it was trained
/// on. pick i was trained on for tokens[i] tokens at a mean loss of loss[i]: a weighted_mean.
/// NaN for an agent that drew nothing; the error also for one that drew a single passage.
/// Albalak et al., "Efficient Online Data Mixing For Language Model Pre-Training", arXiv 2312.02406: L_i, as it is.
std::vector<Estimate> training_loss_credit(std::span<const Pick> picks, std::span<const float> loss, std::span<const double> tokens,
                                           std::size_t agents);

/// "seed_code": what the released code of arXiv 2410.08102 feeds its console (src/data_selection/update_agent.py at commit 1b7233c,
/// update_collaborative_weights). All agents' values of sub-categories are put into one list, quality's first, then domain's, then
/// topic's, and
///   d_i = S_i - mean S
/// by place in that list. The defect: d_i belongs to sub-category i, and is given to agent i; with three agents these are the
/// first three bins of quality. Nothing is summed up by agent. NaN beyond the end of the list.
std::vector<double> seed_code_credit(std::vector<CategoryValues> values, std::size_t agents);

/// Options of all estimators, among those of the environment.
struct EstimatorOptions {
  std::vector<std::string> names = {"byproduct_regression"};   ///< the default by the table of env/README.md
  std::int64_t measurements = 20, reference = 32, passages = 8, steps = 4, rollout_steps = 10, rollout_repeats = 4;
  double ridge = 0.1, forgetting = 0.95;
  void fields(Fields& f);
  void validate() const;
};

/// Where an estimator looks: one slot's interval. Views are good for the call alone.
struct CreditScene {
  int slot = 0;
  std::int64_t steps = 1;                                     ///< of the interval
  std::span<const PassageId> candidates;
  std::span<const std::vector<std::uint32_t>> rankings;       ///< [K] of the candidates, best first
  std::span<const std::vector<std::uint32_t>> own;            ///< [K] the candidates that each agent alone would pick, best first
  std::span<const Pick> picks;                                ///< what is trained on, in the order of training
  std::span<const double> weights;                            ///< [K] executed
  std::span<const PassageId> reference;                       ///< the passages that this measurement's losses are taken on
  std::span<const float> reference_weight;                    ///< of a token of each: LossJob::weight
  // Once the interval is over:
  std::span<const float> influence = {};  ///< of each pick, with the reference gradient from before the interval; NaN: not measured
  Estimate reward = {};                   ///< the environment's first
};

/// What an estimator needs.
struct CreditNeeds {
  bool after = false;      ///< it looks once the interval is over and its reward known; false: before the training
  bool always = false;     ///< it costs nothing, and is asked in every interval
  bool influence = false;  ///< CreditScene::influence
  bool gradient = false;   ///< the reference gradient in the trainer, of the model before the interval
  bool replaces = false;   ///< leaves another gradient there
};

/// One object serves all slots, each in calls of its own. It leaves the model and its training as they are, bit for bit. Not
/// thread-safe.
class CreditEstimator : public PerSlot {
 public:
  virtual CreditNeeds needs() const = 0;
  virtual void begin(Slots) {}
  /// Fills credit, [K]: NaN where an agent has none. `rng` is this call's own. What it cost in tokens and FLOPs.
  virtual Cost estimate(const CreditScene& scene, Trainer& trainer, const Rng& rng, std::span<Estimate> credit) = 0;
  void state(Archive&) override {}  ///< of all slots: saved slot by slot
  void slot_state(Archive&, int) override {}
};

struct CreditContext {
  const Corpus& corpus;
  int slots = 1;
  std::size_t agents = 0;
  EstimatorOptions options = {};
  bool mixture = true;   ///< picks are drawn by mixture_of_picks: propensities are those of draws
};

using CreditRegistry = Registry<CreditEstimator, const CreditContext&>;
CreditRegistry& credit_estimators();

/// In the estimator's file, at namespace scope.
#define REGISTER_CREDIT(name, Class, OptionsType, summary, status) \
  [[maybe_unused]] const bool registered_##Class = ::fader::credit_estimators().add<Class, OptionsType>(name, summary, status)

/// `count` passages of an agent's own, without replacement, in random order; all of them where there are no more.
std::vector<PassageId> sample(const CreditScene& scene, std::size_t agent, std::size_t count, Rng rng);
/// The stream of an agent within a call's.
Rng stream_of(const Rng& rng, std::size_t agent);
/// Tokens of each passage.
std::vector<double> tokens_of(const Corpus& corpus, std::span<const PassageId> passages);

}  // namespace fader
