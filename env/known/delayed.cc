// A delayed effect: the greedy choice loses. Contract and sums: env/known_answer.h.
//
// Agents "invest", "harvest" and one "spend" for each number of `spends`. With the stock s (0 at first) and weights w, a
// decision earns
//   w_harvest value s + sum_i w_spend_i spends_i,     then   s <- decay s + gain w_invest,
// plus w's share of each agent's noise. Investing pays nothing now and multiplies what harvesting pays later; while the stock
// is low, spending pays most. Shown: "stock", over the most it could be. The credit "payoff" is what each agent's picks pay
// at this decision, noise included: it is blind to the delayed effect.
//
// The optimum is exact. Let V_t(s) be the best return from decision t on. The last is max(value s, spend, 0), convex in s; if
// V_{t+1} is convex, then what w earns, value s w_h + spend w_s + V_{t+1}(decay s + gain w_i), is convex in w and hence
// greatest at a vertex, so
//   V_t(s) = max{ value s + V_{t+1}(decay s), spend + V_{t+1}(decay s), V_{t+1}(decay s + gain) }
// is convex too: a maximum of finitely many lines in s, kept as such (lines never greatest for s >= 0 are dropped). The
// dynamics being deterministic, the optimum is a schedule. A fixed mix earns w_h w_i G + T sum_i w_spend_i spends_i, where G
// = value sum_t s_t under w_i = 1; for a given total of w_h and w_i halves are best, and the rest being convex in that total,
// the best fixed mix is half invest and half harvest, G / 4, or all weight on the best spend, T spend.
// With the defaults the best fixed mix earns 60% of the optimum. Status: checked against enumeration
// (tests/oracle/delayed_env_test.cc).
#include <algorithm>

#include "env/known_answer.h"

namespace fader {
namespace {

constexpr std::size_t kInvest = 0, kHarvest = 1, kSpend = 2;

struct DelayedEnvOptions final : KnownAnswerOptions {
  double gain = 0.1, decay = 0.97, value = 1;
  std::vector<double> spends = {0.25, 0.1};

  void fields(Fields& f) override {
    reward_field(f);
    f("gain", gain, "what a decision of investing adds to the stock", 1e-6, 1e6);
    f("decay", decay, "share of the stock that is left after a decision", 0, 1);
    f("value", value, "what a decision of harvesting pays for each unit of stock", 1e-6, 1e6);
    f("spends", spends, "what each of the other agents pays at once", 0, 1e6);
    horizon_field(f, 5000);
    noise_field(f, "standard deviation of payoffs");
  }
  std::vector<std::string> agents() const {
    std::vector<std::string> out = {"invest", "harvest"};
    for (auto& name : counted("spend", spends.size())) out.push_back(std::move(name));
    return out;
  }
};

// A continuation: what it earns when the stock is s is at_zero + slope s.
struct Line {
  double at_zero = 0, slope = 0;
  std::size_t agent = kInvest;  // played now
  std::size_t next = 0;         // line of the decision after
  double at(double s) const { return at_zero + slope * s; }
};

// Those that are greatest for some s >= 0, by rising slope.
std::vector<Line> greatest(std::vector<Line> lines) {
  std::sort(lines.begin(), lines.end(),
            [](const Line& a, const Line& b) { return a.slope != b.slope ? a.slope < b.slope : a.at_zero < b.at_zero; });
  std::vector<Line> kept;
  // where b overtakes a, whose slope is less
  const auto crossing = [](const Line& a, const Line& b) { return (a.at_zero - b.at_zero) / (b.slope - a.slope); };
  for (const Line& line : lines) {
    while (!kept.empty()) {
      const Line& last = kept.back();
      const bool above_from_zero = line.at_zero >= last.at_zero;
      const bool last_is_hidden = kept.size() > 1 && crossing(last, line) <= crossing(kept[kept.size() - 2], last);
      if (!above_from_zero && !last_is_hidden) break;
      kept.pop_back();
    }
    kept.push_back(line);
  }
  return kept;
}

class DelayedEnv final : public KnownAnswer {
 public:
  DelayedEnv(const DelayedEnvOptions& options, const EnvContext& context)
      : KnownAnswer("delayed-v0", (options.validate(), options.agents()), {"payoff"}, options.horizon, context),
        options_(options),
        deviation_(agents(), options.noise),
        payoff_(agents(), 0.0),
        stock_(slots(), 0.0) {
    std::ranges::copy(options.spends, payoff_.begin() + kSpend);
    for (std::int64_t t = 0; t < options.horizon; ++t) fullest_ = grown(fullest_, 1);
    show("stock");
  }

 private:
  double grown(double stock, double invested) const { return options_.decay * stock + options_.gain * invested; }
  double best_spend() const { return options_.spends.empty() ? 0 : std::ranges::max(options_.spends); }

  void begin(std::size_t slot) override {
    solved();
    stock_[slot] = 0;
  }
  Earned play(std::size_t slot, std::int64_t decision, std::span<const double> w, const Row& row) override {
    solved();
    payoff_[kHarvest] = options_.value * stock_[slot];
    Earned earned = pay(slot, w, payoff_, deviation_, row);
    earned.best = optimum_[static_cast<std::size_t>(decision)];
    stock_[slot] = grown(stock_[slot], w[kInvest]);
    return earned;
  }
  void observe(std::size_t slot, std::int64_t, std::span<double> shown) const override { shown[0] = stock_[slot] / fullest_; }
  void more_state(Archive& archive, std::size_t slot) override {
    archive.field("stock", stock_[slot]);
    archive.expect(stock_[slot] >= 0 && stock_[slot] <= fullest_ * (1 + 1e-6), "a stock that can be");
  }
  Answer solve() override;
  std::vector<std::vector<Line>> continuations() const;

  const DelayedEnvOptions options_;
  const std::vector<double> deviation_;
  std::vector<double> payoff_;   // of the present decision
  std::vector<double> stock_;    // [slot]
  std::vector<double> optimum_;  // [T] what the best schedule earns by each decision
  double fullest_ = 0;
};

std::vector<std::vector<Line>> DelayedEnv::continuations() const {
  const auto horizon = static_cast<std::size_t>(spec().horizon);
  const auto spend = static_cast<std::size_t>(std::max_element(payoff_.begin() + kSpend, payoff_.end()) - payoff_.begin());
  std::vector<std::vector<Line>> best(horizon + 1);
  best[horizon] = {Line{}};
  for (std::size_t t = horizon; t-- > 0;) {
    std::vector<Line> all;
    for (std::size_t i = 0; i < best[t + 1].size(); ++i) {
      const Line& then = best[t + 1][i];
      const double slope = options_.decay * then.slope;
      all.push_back({then.at_zero, options_.value + slope, kHarvest, i});
      all.push_back({then.at(options_.gain), slope, kInvest, i});
      if (spend < agents()) all.push_back({then.at_zero + best_spend(), slope, spend, i});
    }
    best[t] = greatest(std::move(all));
  }
  return best;
}

Answer DelayedEnv::solve() {
  const auto horizon = static_cast<std::size_t>(spec().horizon);
  const auto best = continuations();
  Answer out;
  out.fixed_weights.assign(agents(), 0.0);
  out.schedule_weights.resize(horizon, agents());
  optimum_.assign(horizon, 0.0);
  const auto first = std::ranges::max_element(best[0], {}, [](const Line& line) { return line.at_zero; });
  const Line* line = &*first;
  double stock = 0, full = 0, harvested = 0;  // `full`: the stock where all weight always invests
  for (std::size_t t = 0; t < horizon; line = &best[++t][line->next]) {
    out.schedule_weights[t][line->agent] = 1;
    optimum_[t] = line->agent == kHarvest ? options_.value * stock : line->agent == kInvest ? 0 : best_spend();
    stock = grown(stock, line->agent == kInvest ? 1 : 0);
    harvested += options_.value * full;
    full = grown(full, 1);
  }
  out.optimum = out.schedule = first->at_zero;
  const auto n = static_cast<double>(horizon), k = static_cast<double>(agents());
  out.fixed = std::max(harvested / 4, n * best_spend());
  if (harvested / 4 >= n * best_spend()) {
    out.fixed_weights[kInvest] = out.fixed_weights[kHarvest] = 0.5;
  } else {
    out.fixed_weights[static_cast<std::size_t>(std::max_element(payoff_.begin() + kSpend, payoff_.end()) - payoff_.begin())] = 1;
  }
  double spent = 0;
  for (const double s : options_.spends) spent += s;
  out.uniform = harvested / (k * k) + n * spent / k;
  return out;
}

REGISTER_ENV("delayed-v0", DelayedEnv, DelayedEnvOptions, "known answer: investing pays later, the greedy choice loses",
             "checked against an oracle");

}  // namespace
}  // namespace fader
