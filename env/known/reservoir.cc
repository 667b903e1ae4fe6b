// A reservoir that runs dry, as an environment: some agents' picks are scarce and worth more later. Contract and sums:
// env/known_answer.h.
//
// An episode draws T units, one a decision. Agent k < K has a supply of supplies_k T units, the last agent, "common", has no
// end. Weights w take w_k units of supply k while it lasts; what it lacks is taken from the common one, and `executed` says
// so. A unit of agent k is worth v_k(t), a straight line from first_k at the first decision to last_k at the last; a common
// one the least. A decision earns sum_k executed_k (v_k(t) + noise). By default one small supply is worth most, and most of
// all at the end, a second loses its worth, a third is steady.
// Shown: "supply_left" [K], shares of what there was at first (the common one always 1). The credit "payoff" is what each
// agent's picks earned by this decision, substitutes included; the reward is its weighted sum.
//
// The optimum is a linear program: amounts x_tk >= 0 with sum_k x_tk = 1 and sum_t x_tk <= supply_k earn sum x_tk v_k(t);
// every policy's `executed` is such a plan and every plan can be played, so it is the optimum of adaptive policies too. It is
// solved by successive best augmenting paths (decisions are added one by one, each served by the best chain of exchanges
// between agents), and certified: prices lambda_k of the supplies bound every plan by sum_t max_k (v_k(t) - lambda_k) + sum_k
// lambda_k supply_k, and RunError is thrown where that bound is not met to 1e-9.
// The best fixed mix is exact as well. Agent k's part beyond common ones, f_k(w_k), is piecewise linear with kinks at w =
// supply / n. With d_k = v_k - v_common >= 0 a straight line: falling, f_k is concave; rising, it rises up to w = supply / T
// and never beyond, and is concave up to there. So weight is given to the steepest pieces until it is used up. A fixed mix
// either spends the scarce supply early or spreads it evenly; with the defaults the best loses more than 20% of what lies
// between uniform and the optimum. Status: checked against enumeration, search and Monte Carlo
// (tests/oracle/reservoir_env_test.cc).
#include <algorithm>
#include <numeric>

#include "env/known_answer.h"

namespace fader {
namespace {

constexpr double kDust = 1e-12;  // units that are none

struct ReservoirEnvOptions final : KnownAnswerOptions {
  std::vector<double> supplies = {0.2, 0.3, 0.4}, first = {0.3, 0.8, 0.4, 0.1}, last = {1.5, 0.2, 0.4, 0.1};

  void fields(Fields& f) override {
    reward_field(f);
    f("supplies", supplies, "of each agent but the last, as shares of what an episode draws", 0, 1);
    f("first", first, "what a unit of each agent is worth at the first decision, the common one's last", -1e6, 1e6);
    f("last", last, "the same at the last decision; straight lines between", -1e6, 1e6);
    horizon_field(f, 2000);
    noise_field(f, "standard deviation of a unit's worth");
  }
  void validate() const override {
    KnownAnswerOptions::validate();
    const std::size_t k = supplies.size() + 1;
    for (const auto& [name, list] : {std::pair{"first", &first}, std::pair{"last", &last}}) {
      if (list->size() != k)
        throw ConfigError(fmt::format("{}: {} numbers for {} supplies; expected {}, the common agent's last", name, list->size(),
                                      supplies.size(), k));
      for (const double v : *list)
        if (v < list->back())
          throw ConfigError(
              fmt::format("{}: an agent's unit is worth {} and a common one {}; expected the common one, the last number, to "
                          "be worth least",
                          name, v, list->back()));
    }
  }
};

struct Problem {
  Grid<double> value;          // [T, K]
  std::vector<double> supply;  // [K] units; the last is T: enough
  std::size_t decisions() const { return value.rows(); }
  std::size_t agents() const { return value.cols(); }
};

Problem problem_of(const ReservoirEnvOptions& options) {
  const auto horizon = static_cast<std::size_t>(options.horizon);
  Problem p{Grid<double>(horizon, options.first.size()), options.supplies};
  for (double& s : p.supply) s *= static_cast<double>(horizon);
  p.supply.push_back(static_cast<double>(horizon));
  for (std::size_t t = 0; t < horizon; ++t) {
    const double along = horizon > 1 ? static_cast<double>(t) / static_cast<double>(horizon - 1) : 0;
    for (std::size_t k = 0; k < p.agents(); ++k) p.value[t][k] = (1 - along) * options.first[k] + along * options.last[k];
  }
  return p;
}

// What weights w take from what is left.
void take(std::span<const double> w, std::span<double> left, std::span<double> executed) {
  const std::size_t common = w.size() - 1;
  executed[common] = w[common];
  for (std::size_t k = 0; k < common; ++k) {
    executed[k] = std::min(w[k], left[k]);
    executed[common] += w[k] - executed[k];
    left[k] -= executed[k];
    if (left[k] < kDust) left[k] = 0;
  }
}

double earned_by(const Problem& p, std::span<const double> w) {
  std::vector<double> left = p.supply, executed(p.agents());
  double total = 0;
  for (std::size_t t = 0; t < p.decisions(); ++t) {
    take(w, left, executed);
    total += std::inner_product(executed.begin(), executed.end(), p.value[t].begin(), 0.0);
  }
  return total;
}

// The linear program. Exchange a -> b at decision s: what a serves there is served by b.
class Plan {
 public:
  explicit Plan(const Problem& problem)
      : p_(problem),
        amount_(problem.decisions(), problem.agents(), 0.0),
        left_(problem.supply),
        gain_(p_.agents(), p_.agents()),
        where_(p_.agents(), p_.agents()) {
    for (std::size_t t = 0; t < p_.decisions(); ++t)
      for (double unserved = 1; unserved > kDust;) unserved -= augment(t, unserved);
    certify();
  }
  const Grid<double>& amount() const { return amount_; }
  double value() const {
    double total = 0;
    for (std::size_t t = 0; t < p_.decisions(); ++t)
      total += std::inner_product(amount_[t].begin(), amount_[t].end(), p_.value[t].begin(), 0.0);
    return total;
  }

 private:
  static constexpr double kNever = -std::numeric_limits<double>::infinity();

  // The best single exchange between any two agents, among the first `decisions`.
  void find_exchanges(std::size_t decisions) {
    for (double& g : gain_.view().flat()) g = kNever;
    for (std::size_t s = 0; s < decisions; ++s)
      for (std::size_t a = 0; a < p_.agents(); ++a)
        for (std::size_t b = 0; amount_[s][a] > kDust && b < p_.agents(); ++b)
          if (const double gain = p_.value[s][b] - p_.value[s][a]; a != b && gain > gain_[a][b]) {
            gain_[a][b] = gain;
            where_[a][b] = s;
          }
  }

  // Serves decision t by the best chain: an agent, whose place elsewhere is taken by another, ... whose supply lasts.
  double augment(std::size_t t, double unserved) {
    const std::size_t k = p_.agents();
    find_exchanges(t);
    std::vector<double> worth(p_.value[t].begin(), p_.value[t].end());
    std::vector<std::size_t> from(k, k);
    for (std::size_t round = 1; round < k; ++round)
      for (std::size_t a = 0; a < k; ++a)
        for (std::size_t b = 0; b < k; ++b)
          if (worth[a] + gain_[a][b] > worth[b] + kDust) {
            worth[b] = worth[a] + gain_[a][b];
            from[b] = a;
          }
    std::size_t end = k - 1;
    for (std::size_t b = 0; b < k; ++b)
      if (left_[b] > kDust && worth[b] > worth[end]) end = b;
    double units = std::min(unserved, left_[end]);
    for (std::size_t b = end; from[b] < k; b = from[b]) units = std::min(units, amount_[where_[from[b]][b]][from[b]]);
    left_[end] -= units;
    std::size_t b = end;
    for (; from[b] < k; b = from[b]) {
      amount_[where_[from[b]][b]][from[b]] -= units;
      amount_[where_[from[b]][b]][b] += units;
    }
    amount_[t][b] += units;
    return units;
  }

  // Price of a supply: what one more unit of it would bring, through the best chain of exchanges.
  void certify() {
    const std::size_t k = p_.agents();
    find_exchanges(p_.decisions());
    std::vector<double> price(k, 0.0);
    for (std::size_t round = 0; round < k; ++round)
      for (std::size_t b = 0; b + 1 < k; ++b)
        for (std::size_t a = 0; a < k; ++a) price[b] = std::max(price[b], gain_[a][b] + price[a]);
    double bound = 0, scale = 1;
    for (std::size_t b = 0; b < k; ++b) bound += price[b] * p_.supply[b];
    for (std::size_t t = 0; t < p_.decisions(); ++t) {
      double most = kNever;
      for (std::size_t b = 0; b < k; ++b) most = std::max(most, p_.value[t][b] - price[b]);
      bound += most;
      scale += std::abs(most);
    }
    if (!(bound - value() <= 1e-9 * scale))
      throw RunError(
          fmt::format("reservoir-v0: the plan found earns {} and may fall short of the best by {}; expected at most {}", value(),
                      bound - value(), 1e-9 * scale));
  }

  const Problem& p_;
  Grid<double> amount_;  // [T, K]
  std::vector<double> left_;
  Grid<double> gain_;  // [K, K] of the best exchange
  Grid<std::size_t> where_;
};

// A stretch of an agent's weight over which each unit of weight earns `slope` more than the common agent.
struct Piece {
  double slope, width;
  std::size_t agent;
};

void add_pieces(const Problem& p, std::size_t k, std::vector<Piece>& pieces) {
  const std::size_t n = p.decisions();
  const auto beyond = [&](std::size_t t) { return p.value[t][k] - p.value[t].back(); };
  double sum = 0;  // of the first decisions
  for (std::size_t t = 0; t < n; ++t) sum += beyond(t);
  double from = std::min(1.0, p.supply[k] / static_cast<double>(n));
  pieces.push_back({sum, from, k});
  if (beyond(n - 1) >= beyond(0)) return;
  for (std::size_t served = n - 1; served >= 1 && from < 1; --served) {  // decisions served in full; the next gets the rest
    sum -= beyond(served);
    const double to = std::min(1.0, p.supply[k] / static_cast<double>(served));
    pieces.push_back({sum - static_cast<double>(served) * beyond(served), to - from, k});
    from = to;
  }
}

std::vector<double> best_fixed(const Problem& p) {
  std::vector<Piece> pieces;
  for (std::size_t k = 0; k + 1 < p.agents(); ++k) add_pieces(p, k, pieces);
  std::stable_sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.slope > b.slope; });
  std::vector<double> w(p.agents(), 0.0);
  double left = 1;
  for (const Piece& piece : pieces) {
    if (piece.slope <= 0) break;
    const double share = std::min(left, piece.width);
    w[piece.agent] += share;
    left -= share;
  }
  w.back() = std::max(left, 0.0);
  return w;
}

std::vector<std::string> names(std::size_t supplies) {
  auto out = counted("supply", supplies);
  out.push_back("common");
  return out;
}

class ReservoirEnv final : public KnownAnswer {
 public:
  ReservoirEnv(const ReservoirEnvOptions& options, const EnvContext& context)
      : KnownAnswer("reservoir-v0", (options.validate(), names(options.supplies.size())), {"payoff"}, options.horizon, context),
        noise_(options.noise),
        problem_(problem_of(options)),
        left_(slots(), agents()),
        unit_(agents()),
        before_(agents()) {
    show("supply_left", spec().agents, "agent");
  }

 private:
  void begin(std::size_t slot) override {
    solved();
    std::ranges::copy(problem_.supply, left_[slot].begin());
  }
  Earned play(std::size_t slot, std::int64_t decision, std::span<const double> w, const Row& row) override;
  void observe(std::size_t slot, std::int64_t, std::span<double> shown) const override {
    for (std::size_t k = 0; k < agents(); ++k) shown[k] = problem_.supply[k] > 0 ? left_[slot][k] / problem_.supply[k] : 0;
  }
  void more_state(Archive& archive, std::size_t slot) override {
    archive.field("left", left_[slot]);
    for (std::size_t k = 0; k < agents(); ++k)
      archive.expect(left_[slot][k] >= 0 && left_[slot][k] <= problem_.supply[k], "what may be left of a supply");
  }
  Answer solve() override;

  const double noise_;
  const Problem problem_;
  Grid<double> left_;            // [slot, K] units
  std::vector<double> unit_;     // what a unit earns at the present decision, noise included
  std::vector<double> before_;   // what was left before it
  std::vector<double> optimum_;  // [T] what the best plan earns by each decision
};

KnownAnswer::Earned ReservoirEnv::play(std::size_t slot, std::int64_t decision, std::span<const double> w, const Row& row) {
  solved();
  const auto t = static_cast<std::size_t>(decision);
  const auto value = problem_.value[t];
  const std::size_t common = agents() - 1;
  for (std::size_t k = 0; k <= common; ++k) unit_[k] = value[k] + noise_ * draws(slot).normal();
  std::ranges::copy(left_[slot], before_.begin());
  take(w, left_[slot], row.executed);
  Earned out;
  double variance = 0;
  for (std::size_t k = 0; k <= common; ++k) {
    // the share of its picks that are its own; of the common one always all, whatever it does for others
    const double own = before_[k] <= 0 ? 0 : k < common && w[k] > before_[k] ? row.executed[k] / w[k] : 1;
    row.credit[k] = own * unit_[k] + (1 - own) * unit_[common];
    row.credit_se[k] = noise_ * std::sqrt(own * own + (1 - own) * (1 - own));
    out.reward += row.executed[k] * unit_[k];
    out.expected += row.executed[k] * value[k];
    variance += row.executed[k] * row.executed[k] * noise_ * noise_;
  }
  out.se = std::sqrt(variance);
  out.best = optimum_[t];
  return out;
}

Answer ReservoirEnv::solve() {
  const Plan plan(problem_);
  Answer out;
  out.schedule_weights = plan.amount();
  out.optimum = out.schedule = plan.value();
  optimum_.clear();
  for (std::size_t t = 0; t < problem_.decisions(); ++t)
    optimum_.push_back(std::inner_product(plan.amount()[t].begin(), plan.amount()[t].end(), problem_.value[t].begin(), 0.0));
  out.fixed_weights = best_fixed(problem_);
  out.fixed = earned_by(problem_, out.fixed_weights);
  out.uniform = earned_by(problem_, std::vector<double>(agents(), 1.0 / static_cast<double>(agents())));
  return out;
}

REGISTER_ENV("reservoir-v0", ReservoirEnv, ReservoirEnvOptions,
             "known answer: supplies run dry and the scarce one is worth most at the end", "checked against an oracle");

}  // namespace
}  // namespace fader
