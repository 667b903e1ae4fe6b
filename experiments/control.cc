#include "experiments/control.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "policies/simplex.h"

namespace fader {
namespace {

class Controlled final : public Policy {
 public:
  Controlled(const std::string& control, const PolicyContext& context, std::unique_ptr<Policy> inner)
      : inner_(std::move(inner)), twin_(control == "twin"), shuffled_(control == "shuffled_rewards"), permuted_(control == "permuted_credit"),
        duplicated_(control == "duplicated_agent"), zeroed_(control == "zeroed_observations"), agents_(context.agents.size()),
        draws_(context.seed, "policy/control"), spec_(inner_->spec()) {
    if (!duplicated_) return;
    for (auto& preset : spec_.presets) preset = folded(preset);
    for (auto& branch : spec_.branches) branch = folded(branch);
  }

  const PolicySpec& spec() const override { return spec_; }
  void explore(bool on) override { inner_->explore(on); }

  void begin(Slots slots, Streams streams) override {
    with_streams(streams, [&](Streams own) { inner_->begin(slots, own); });
  }

  void decide(const Observations& observations, Streams streams, Decisions& out) override {
    const std::size_t n = observations.slots.size();
    Decisions own;
    own.fit(inner_->spec(), agents_ + (duplicated_ ? 1 : 0), n);
    const Grid<double> blank(n, observations.x.cols, 0.0);
    const Observations seen{observations.slots, zeroed_ ? blank.view() : observations.x, observations.branched};
    with_streams(streams, [&](Streams used) { inner_->decide(seen, used, own); });
    for (std::size_t i = 0; i < n; ++i) {
      const std::vector<double> weights = folded(own.weights[i]);
      std::ranges::copy(weights, out.weights[i].begin());
      std::ranges::copy(own.probability[i], out.probability[i].begin());
      std::ranges::copy(own.diagnostics[i], out.diagnostics[i].begin());
    }
    out.arm = own.arm;
    out.log_density = own.log_density;
    out.value = own.value;
    asked_ = own.weights;
  }

  void learn(const Transitions& t, Rng& rng) override {
    const std::size_t n = t.before.slots.size();
    const Grid<double> blank(n, t.before.x.cols, 0.0);
    std::vector<double> reward(t.reward.begin(), t.reward.end());
    if (shuffled_)
      for (double& r : reward) r = another(r);
    Grid<double> credit = spoiled(t.credit), credit_se = spoiled(t.credit_se);
    if (permuted_) permute(credit, credit_se);
    Decisions decided = t.decided;
    if (duplicated_ && asked_.rows() != n) throw DataError(fmt::format("the saved weights are of {} slots, and {} play", asked_.rows(), n));
    if (duplicated_) decided.weights = asked_;
    const Observations before{t.before.slots, zeroed_ ? blank.view() : t.before.x, t.before.branched};
    const auto learn = [&](Streams used) {
      inner_->learn({before, decided, reward, t.reward_se, credit.view(), credit_se.view(), zeroed_ ? blank.view() : t.after, t.end}, used[0]);
    };
    with_streams(Streams(&rng, 1), learn);
  }

  void state(Archive& archive) override {
    archive.field("draws", draws_);
    archive.field("earned", earned_);
    archive.field("asked", asked_);
    archive.expect(std::ranges::all_of(earned_, [](double r) { return std::isfinite(r); }), "a list of rewards");
    archive.expect(asked_.rows() == 0 || asked_.cols() == agents_ + (duplicated_ ? 1 : 0), "the weights of every agent");
    for (std::size_t i = 0; i < asked_.rows(); ++i) archive.expect(simplex::is_on(std::as_const(asked_)[i], 1e-9), "weights that were asked for");
    inner_->state(archive);
  }
  void learned(Archive& archive) override { inner_->learned(archive); }

 private:
  /// The weights of K agents from those of K + 1, of which the last is the first once more.
  std::vector<double> folded(std::span<const double> weights) const {
    std::vector<double> out(weights.begin(), weights.end());
    if (!duplicated_) return out;
    out.front() += out.back();
    out.pop_back();
    return out;
  }

  template <class F>
  void with_streams(Streams streams, F call) {
    if (!twin_) return call(streams);
    std::vector<Rng> others;  // a child begins anew each time, so each time it is another
    for (Rng& stream : streams) others.push_back(stream.child(std::to_string(stream.bits())));
    call(Streams(others));
  }

  /// A reward that was earned before; what is not finite passes, so that the policy can refuse it.
  double another(double reward) {
    if (!std::isfinite(reward)) return reward;
    const double out = earned_.empty() ? reward : earned_[draws_.below(earned_.size())];
    if (earned_.size() < kMost) earned_.push_back(reward);
    else earned_[draws_.below(kMost)] = reward;
    return out;
  }

  /// Credit as the inner policy sees it: of K + 1 agents when one is there twice.
  Grid<double> spoiled(Table<const double> credit) const {
    const std::size_t more = duplicated_ && credit.cols > 0 ? 1 : 0;
    Grid<double> out(credit.rows, credit.cols + more);
    for (std::size_t i = 0; i < credit.rows; ++i) {
      std::ranges::copy(credit[i], out[i].begin());
      if (more > 0) out[i].back() = credit[i].front();
    }
    return out;
  }

  void permute(Grid<double>& credit, Grid<double>& se) {
    std::vector<std::size_t> order(credit.cols());
    for (std::size_t i = 0; i < credit.rows(); ++i) {
      for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
      draws_.shuffle(std::span(order));
      const std::vector<double> was(credit[i].begin(), credit[i].end()), was_se(se[i].begin(), se[i].end());
      for (std::size_t k = 0; k < order.size(); ++k) credit[i][k] = was[order[k]], se[i][k] = was_se[order[k]];
    }
  }

  static constexpr std::size_t kMost = 10'000;  // rewards that are remembered
  std::unique_ptr<Policy> inner_;
  const bool twin_, shuffled_, permuted_, duplicated_, zeroed_;
  const std::size_t agents_;
  Rng draws_;
  PolicySpec spec_;
  std::vector<double> earned_;
  Grid<double> asked_;  // by the inner policy, in its last decision
};

}  // namespace

const std::vector<std::string>& control_names() {
  static const std::vector<std::string> names = {"none",            "twin",             "shuffled_rewards",
                                                 "permuted_credit", "duplicated_agent", "zeroed_observations"};
  return names;
}

PolicyContext controlled(const std::string& control, PolicyContext context) {
  if (control == "duplicated_agent") context.agents.push_back(context.agents.front() + "+");
  if (control == "twin") context.seed = stream_key(context.seed, "twin");
  return context;
}

std::unique_ptr<Policy> controlled(const std::string& control, const PolicyContext& context, std::unique_ptr<Policy> policy) {
  if (control == "none") return policy;
  return std::make_unique<Controlled>(control, context, std::move(policy));
}

}  // namespace fader
