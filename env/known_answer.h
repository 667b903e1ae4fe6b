// What environments with a known answer share: episodes, the sums that are reported, the answer and its cache.
//
// No model, no text, a microsecond a step: for checking consoles. Weights w on the simplex of K agents earn a reward each
// decision. What pretraining calls loss is here minus the reward, so that everything downstream reads the same way:
//   infos/tokens           decisions made
//   infos/loss_reference   minus the sum of the rewards so far
//   infos/loss_train       NaN: nothing is trained; or what the environment's head says
//   console/regret         what the best policy would have been expected to earn by this decision, facing the same draws,
//                          less what the weights played were expected to earn. Where a decision has consequences, the best
//                          policy's own past counts, and a decision's regret may be negative
//   final/loss_reference   minus the mean reward of a decision, noise included
//   final/loss_validation, final/loss_test   minus the mean expected reward: the same without noise, given what was drawn
//   before
//   final/regret           sum of console/regret; its mean over seeds is Answer::optimum minus what was earned. Negative only
//                          by luck in a draw of the instance
// The reward is named "reward". Observed are progress, the weights played last (zeros before the first), and what the
// environment's head says. Tokens are decisions, FLOPs two a weight. Noise never depends on the weights, so runs of equal
// seed are paired. Not thread-safe.
#pragma once
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "env/registry.h"

namespace fader {

struct KnownAnswerOptions : EnvOptions {
  std::int64_t horizon = 40;
  double noise = 0.1;

  KnownAnswerOptions() { reward = "reward"; }
  bool trains() const final { return false; }
  void validate() const override;

 protected:
  void reward_field(Fields& f);
  void horizon_field(Fields& f, double most);
  void noise_field(Fields& f, std::string help);
};

class KnownAnswer : public Env {
 public:
  const EnvSpec& spec() const final { return spec_; }
  Ledger& ledger() final { return ledger_; }
  void reset(Slots slots, std::span<const std::uint64_t> seeds, Outcome& out) final;
  void step(Slots slots, Table<const double> weights, Outcome& out) final;
  /// RunError when an episode is too long to write a schedule down.
  const Answer* answer() final { return &solved(); }
  void state(Archive& archive) final;
  void slot_state(Archive& archive, int slot) final;

 protected:
  /// What a decision brought.
  struct Earned {
    double reward = 0, se = 0;  ///< with noise, and the deviation of that noise
    double expected = 0;        ///< without
    double best = 0;            ///< expected of the best policy's decision, facing the same draws
  };
  /// Where a decision is reported.
  struct Row {
    std::span<double> executed;           ///< [K] holds the weights played; overwrite where another thing was executed
    std::span<double> credit, credit_se;  ///< [C K]
  };

  KnownAnswer(std::string name, std::vector<std::string> agents, std::vector<std::string> credits, std::int64_t horizon,
              const EnvContext& context);
  /// In the constructor: a further field of the observation.
  void show(std::string name, std::vector<std::string> labels, std::string axis);
  void show(std::string name, std::size_t size = 1);

  std::size_t agents() const { return spec_.agents.size(); }
  std::size_t slots() const { return episodes_.size(); }
  /// [0, 1), of the decision.
  double progress(std::int64_t decision) const { return static_cast<double>(decision) / static_cast<double>(spec_.horizon); }
  Rng& draws(std::size_t slot) { return episodes_[slot].draws; }
  const Answer& solved();

  /// Draws each agent's payoff around its mean, deviation[k] its spread, and earns the weighted sum; `best` is the greatest
  /// mean. The first credit becomes the payoffs.
  Earned pay(std::size_t slot, std::span<const double> w, std::span<const double> mean, std::span<const double> deviation,
             const Row& row);
  /// What pay does with payoffs that are drawn already.
  static Earned earn(std::span<const double> w, std::span<const double> mean, std::span<const double> deviation,
                     std::span<const double> payoff, const Row& row);

  /// A new episode: draws(slot) is at its beginning.
  virtual void begin(std::size_t slot) { static_cast<void>(slot); }
  virtual Earned play(std::size_t slot, std::int64_t decision, std::span<const double> w, const Row& row) = 0;
  /// Fills what is shown besides progress and weights, before the given decision.
  virtual void observe(std::size_t slot, std::int64_t decision, std::span<double> shown) const {
    static_cast<void>(slot), static_cast<void>(decision), static_cast<void>(shown);
  }
  virtual double loss_train(std::size_t slot) const {
    static_cast<void>(slot);
    return std::nan("");
  }
  /// State of the slot beyond the base's; what is loaded is to be checked.
  virtual void more_state(Archive& archive, std::size_t slot) { static_cast<void>(archive), static_cast<void>(slot); }
  virtual Answer solve() = 0;

 private:
  struct Episode {
    Rng draws{0, "known answer"};
    std::int64_t decisions = 0;
    bool live = false;                            // between a reset and the end
    double earned = 0, expected = 0, regret = 0;  // sums over the decisions
    void state(Archive& archive);
  };
  void report(std::size_t slot, std::span<const double> w, Outcome& out, std::size_t row) const;
  void play_row(std::size_t slot, std::span<const double> w, Outcome& out, std::size_t row);

  EnvSpec spec_;
  std::vector<Episode> episodes_;
  std::vector<double> nothing_yet_;
  std::optional<Answer> answer_;
  Ledger ledger_;
};

/// "arm_0", "arm_1", ...
std::vector<std::string> counted(std::string_view noun, std::size_t n);

/// The answer where payoffs are linear in the weights and their means, [T, K], are known beforehand: the best schedule is all
/// weight on the greatest mean of each decision, the best fixed mix all weight on the greatest sum.
Answer linear_answer(const Grid<double>& mean);

}  // namespace fader
