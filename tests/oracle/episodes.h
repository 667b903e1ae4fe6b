// Plays whole episodes with a policy in a world that a test writes down, all slots in lockstep, as the runner would.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "tests/policies/console.h"

namespace fader::testing {

/// What one slot meets at decision t of T. `loss`, [K], is what the field "loss_domain" shows; changed in place by a decision.
struct Moment {
  std::size_t slot = 0;
  int t = 0;
  double progress = 0;
  std::span<const double> weights;
  std::span<double> credit, loss;
};
using World = std::function<double(const Moment&)>;  ///< returns the reward

class Episodes {
 public:
  Episodes(const std::string& name, const PolicyContext& context, std::uint64_t seed,
           const std::function<void(Options&)>& set = {})
      : context_(context), policy_(make_policy(name, context, set)), seed_(seed), learner_(seed, "learn") {
    for (int i = 0; i < context.slots; ++i) slots_.push_back(i);
  }

  Policy& policy() { return *policy_; }
  const Decisions& decided() const { return decided_; }

  /// One episode in every slot; their returns. Losses start at one.
  std::vector<double> round(int decisions, const World& world, bool learn = true) {
    const std::size_t n = slots_.size(), k = context_.agents.size();
    std::vector<Rng> streams;
    for (const int slot : slots_) streams.push_back(Rng(seed_, "slot/" + std::to_string(slot)).child(std::to_string(rounds_)));
    ++rounds_;
    policy_->begin(slots_, streams);
    Grid<double> before(n, 1 + 2 * k, 1.0), after = before, credit(n, k, std::nan(""));
    const Grid<double> none(n, 0);
    std::vector<double> returns(n, 0.0), reward(n), se(n, 0.1);
    std::vector<End> end(n, End::no);
    for (int t = 0; t < decisions; ++t) {
      decided_.fit(policy_->spec(), k, n);
      for (std::size_t i = 0; i < n; ++i) before[i][0] = static_cast<double>(t) / decisions;
      policy_->decide({slots_, std::as_const(before).view()}, streams, decided_);
      for (std::size_t i = 0; i < n; ++i) {
        std::copy(before[i].begin(), before[i].end(), after[i].begin());
        std::copy(decided_.weights[i].begin(), decided_.weights[i].end(), after[i].begin() + 1);
        reward[i] = world({i, t, before[i][0], std::as_const(decided_.weights)[i], credit[i], after[i].subspan(1 + k, k)});
        returns[i] += reward[i];
        end[i] = t + 1 == decisions ? End::terminated : End::no;
      }
      const bool credited = policy_->spec().credit != "none";
      const Table<const double> given = credited ? std::as_const(credit).view() : none.view();
      if (learn)
        policy_->learn(
            {{slots_, std::as_const(before).view()}, decided_, reward, se, given, given, std::as_const(after).view(), end},
            learner_);
      before = after;
    }
    return returns;
  }

 private:
  const PolicyContext context_;
  std::unique_ptr<Policy> policy_;
  const std::uint64_t seed_;
  Rng learner_;
  std::vector<int> slots_;
  Decisions decided_;
  int rounds_ = 0;
};

/// What the policy plays, without exploring, at a progress.
inline std::vector<double> best_weights(Policy& policy, const PolicyContext& context, double progress = 0) {
  const std::size_t k = context.agents.size();
  std::vector<double> x(1 + 2 * k, 1.0);
  x[0] = progress;
  const int slot = 0;
  std::vector<Rng> streams = {Rng(1, "nothing is drawn")};
  Decisions out;
  out.fit(policy.spec(), k, 1);
  policy.explore(false);
  policy.decide({{&slot, 1}, {x.data(), 1, x.size()}}, streams, out);
  policy.explore(true);
  return {out.weights[0].begin(), out.weights[0].end()};
}

}  // namespace fader::testing
