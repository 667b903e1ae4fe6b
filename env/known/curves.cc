// Learning curves: a loss for every domain, falling by a power law of what was trained on. Contract and sums:
// env/known_answer.h.
//
// There is one agent per domain (their number is that of `floors`). m_j is the weight that domain j has had so far; after a
// decision m_j <- memory_j m_j + w_j. The loss of domain i is
//   L_i(m) = floors_i + scales_i (start + sum_j transfer_ij m_j)^(-powers_i),
// the reference loss is sum_i reference_i L_i: a power law for each domain, as ADO fits them (arXiv 2410.11820, section 3), with
// transfer between domains. Every loss is observed with noise after each decision (the one before the first without); the
// reward is the fall of the observed reference loss since the decision before. Returns telescope: first loss minus last. By
// default the reference is about domains 0 and 1, and most is learned from domain 3, which helps both.
// Here infos/loss_train is the mean of all domains' losses, without noise; infos/loss_reference is, as everywhere, minus the
// rewards so far. Shown, as in pretraining with one nat for ln(vocabulary): "loss_domain" and "loss_domain_fall" (the fall
// since the decision before, in tenths), counted by domain, and "loss_reference"; observed ones.
// Credits: "training_loss", the observed loss of each domain; "gradient", - dL_reference / dm_j after the decision, without
// noise: the marginal worth of each agent's picks.
//
// L_reference is convex in the amounts m_T, and these are linear in the weights. Over fixed mixes m_T lies in the hull of
// what each agent alone reaches, over schedules in the hull of what schedules of one agent a decision reach; the schedule
// that the gradient likes best plays argmax_j gradient_j memory_j^(decisions left). So both are found by growing a hull by
// that schedule (simplicial decomposition, von Hohenbalken 1977, Mathematical Programming 13) and minimising over it
// (env/convex.h) until the gap, which bounds what is left to gain, is below 1e-9. Nothing being hidden, the best schedule is
// the optimum. Where every memory is 1, or all are equal, only totals count and the best fixed mix does as well; where they
// differ, what is forgotten soon is best taken late. Status: checked against grids and enumeration
// (tests/oracle/curves_env_test.cc).
#include <algorithm>
#include <numeric>

#include "env/convex.h"
#include "env/known_answer.h"

namespace fader {
namespace {

constexpr double kGap = 1e-9;

struct CurvesEnvOptions final : KnownAnswerOptions {
  std::vector<double> floors = {1.2, 1.0, 1.5, 0.8}, scales = {2, 2, 1, 2.5}, powers = {0.5, 0.6, 0.3, 0.6};
  std::vector<double> reference = {0.6, 0.4, 0, 0}, memory;
  Vectors transfer = {{1, 0.1, 0, 0.6}, {0.1, 1, 0, 0.6}, {0, 0, 1, 0.1}, {0, 0, 0.3, 1}};
  double start = 1;

  CurvesEnvOptions() { noise = 0.005; }
  void fields(Fields& f) override {
    reward_field(f);
    f("floors", floors, "loss of each domain that no training removes", 0, 100);
    f("scales", scales, "loss of each domain that training removes", 0, 100);
    f("powers", powers, "how fast it is removed", 0.001, 5);
    f("start", start, "training that each domain begins with, in decisions", 1e-3, 1e6);
    f("transfer", transfer, "one row a domain: what a decision of each agent counts for it; empty: its own alone", -10, 10);
    f("reference", reference, "shares of the domains in the reference loss; empty: equal", 0, 1);
    f("memory", memory, "share of each agent's training that is left after a decision; empty: all of it", 0, 1);
    horizon_field(f, 1e4);
    noise_field(f, "standard deviation of an observed loss");
  }
  void validate() const override;
  Grid<double> transfer_matrix() const;
  std::vector<double> or_all(const std::vector<double>& list, double otherwise) const {
    return list.empty() ? std::vector<double>(floors.size(), otherwise) : list;
  }
};

void CurvesEnvOptions::validate() const {
  KnownAnswerOptions::validate();
  const std::size_t n = floors.size();
  if (n == 0) throw ConfigError("floors: the list is empty; expected one number per domain");
  for (const auto& [name, list, may_be_empty] : {std::tuple{"scales", &scales, false},
                                                 {"powers", &powers, false},
                                                 {"reference", &reference, true},
                                                 {"memory", &memory, true}})
    if (list->size() != n && !(may_be_empty && list->empty()))
      throw ConfigError(fmt::format("{}: {} numbers for {} domains; expected one for each of floors", name, list->size(), n));
  if (const double sum = std::accumulate(reference.begin(), reference.end(), 0.0); !reference.empty() && std::abs(sum - 1) > 1e-9)
    throw ConfigError(fmt::format("reference: the shares sum to {}; expected 1", sum));
  if (!transfer.empty() && transfer.size() != n)
    throw ConfigError(fmt::format("transfer: {} rows for {} domains; expected one for each of floors", transfer.size(), n));
  for (const auto& row : transfer) {
    if (row.size() != n)
      throw ConfigError(fmt::format("transfer: a row has {} numbers for {} agents; expected one for each", row.size(), n));
    const double least = start + static_cast<double>(horizon) * std::min(0.0, *std::min_element(row.begin(), row.end()));
    if (least <= 0)
      throw ConfigError(
          fmt::format("transfer: over horizon = {} a domain could lose more training than start = {}; raise start, or make the "
                      "negative numbers smaller",
                      horizon, start));
  }
}

Grid<double> CurvesEnvOptions::transfer_matrix() const {
  Grid<double> out(floors.size(), floors.size(), 0.0);
  for (std::size_t i = 0; i < floors.size(); ++i)
    for (std::size_t j = 0; j < floors.size(); ++j) out[i][j] = transfer.empty() ? static_cast<double>(i == j) : transfer[i][j];
  return out;
}

class CurvesEnv final : public KnownAnswer {
 public:
  CurvesEnv(const CurvesEnvOptions& options, const EnvContext& context)
      : KnownAnswer("curves-v0", counted("domain", (options.validate(), options.floors.size())), {"training_loss", "gradient"},
                    options.horizon, context),
        options_(options),
        transfer_(options.transfer_matrix()),
        reference_(options.or_all(options.reference, 1.0 / static_cast<double>(options.floors.size()))),
        memory_(options.or_all(options.memory, 1.0)),
        amount_(slots(), agents()),
        observed_(slots(), agents()),
        fall_(slots(), agents()),
        now_(slots(), 0.0),
        loss_(agents()),
        slope_(agents()) {
    show("loss_domain", spec().agents, "domain");
    show("loss_domain_fall", spec().agents, "domain");
    show("loss_reference");
  }

 private:
  void begin(std::size_t slot) override;
  Earned play(std::size_t slot, std::int64_t decision, std::span<const double> w, const Row& row) override;
  void observe(std::size_t slot, std::int64_t, std::span<double> shown) const override;
  double loss_train(std::size_t) const override {  // reported right after begin or play, which left loss_ behind
    return std::accumulate(loss_.begin(), loss_.end(), 0.0) / static_cast<double>(loss_.size());
  }
  void more_state(Archive& archive, std::size_t slot) override;
  Answer solve() override;

  double law(std::size_t domain, std::span<const double> m) const;  ///< training that counts for it
  double losses(std::span<const double> m);    ///< fills loss_ and slope_ (dL_i / d law_i); the reference loss
  void gradient(std::span<double> out) const;  ///< of the reference loss in m, from slope_
  std::vector<double> amounts(const Grid<double>& weights) const;  ///< m after all decisions
  Grid<double> liked(std::span<const double> gradient) const;      ///< the schedule that lowers <gradient, m> most
  Grid<double> best_schedule(const Convex& loss, const HullMinimum& fixed) const;
  std::vector<double> falls(const Grid<double>& weights);  ///< of the reference loss, by each decision

  const CurvesEnvOptions options_;
  const Grid<double> transfer_;
  const std::vector<double> reference_, memory_;
  Grid<double> amount_, observed_, fall_;  // [slot, K] m, observed losses, their last fall
  std::vector<double> now_;                // [slot] reference loss, without noise
  std::vector<double> loss_, slope_;       // of the present amounts
  std::vector<double> optimum_;            // [T] what the best schedule earns by each decision
};

double CurvesEnv::law(std::size_t domain, std::span<const double> m) const {
  return std::inner_product(m.begin(), m.end(), transfer_[domain].begin(), options_.start);
}

double CurvesEnv::losses(std::span<const double> m) {
  double total = 0;
  for (std::size_t i = 0; i < m.size(); ++i) {
    const double n = law(i, m), left = options_.scales[i] * std::exp(-options_.powers[i] * std::log(n));
    loss_[i] = options_.floors[i] + left;
    slope_[i] = -options_.powers[i] * left / n;
    total += reference_[i] * loss_[i];
  }
  return total;
}

void CurvesEnv::gradient(std::span<double> out) const {
  std::ranges::fill(out, 0.0);
  for (std::size_t i = 0; i < out.size(); ++i)
    for (std::size_t j = 0; j < out.size(); ++j) out[j] += reference_[i] * slope_[i] * transfer_[i][j];
}

void CurvesEnv::begin(std::size_t slot) {
  solved();
  std::ranges::fill(amount_[slot], 0.0);
  std::ranges::fill(fall_[slot], 0.0);
  now_[slot] = losses(amount_[slot]);
  std::ranges::copy(loss_, observed_[slot].begin());
}

KnownAnswer::Earned CurvesEnv::play(std::size_t slot, std::int64_t decision, std::span<const double> w, const Row& row) {
  solved();
  const std::span<double> m = amount_[slot], observed = observed_[slot], fall = fall_[slot];
  const std::size_t n = agents();
  Earned out;
  for (std::size_t j = 0; j < n; ++j) m[j] = memory_[j] * m[j] + w[j];
  const double now = losses(m);
  out.expected = now_[slot] - now;
  now_[slot] = now;
  double variance = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double seen = loss_[i] + options_.noise * draws(slot).normal();
    fall[i] = observed[i] - seen;
    observed[i] = seen;
    out.reward += reference_[i] * fall[i];
    variance += reference_[i] * reference_[i];
    row.credit[i] = seen;
    row.credit_se[i] = options_.noise;
    row.credit_se[n + i] = 0;
  }
  gradient(row.credit.subspan(n));
  for (double& g : row.credit.subspan(n)) g = -g;
  out.se = options_.noise * std::sqrt((decision == 0 ? 1 : 2) * variance);
  out.best = optimum_[static_cast<std::size_t>(decision)];
  return out;
}

void CurvesEnv::observe(std::size_t slot, std::int64_t, std::span<double> shown) const {
  const std::size_t n = agents();
  std::ranges::copy(observed_[slot], shown.begin());
  for (std::size_t i = 0; i < n; ++i) shown[n + i] = 10 * fall_[slot][i];
  shown[2 * n] = std::inner_product(reference_.begin(), reference_.end(), observed_[slot].begin(), 0.0);
}

void CurvesEnv::more_state(Archive& archive, std::size_t slot) {
  archive.field("amount", amount_[slot]);
  archive.field("observed", observed_[slot]);
  archive.field("fall", fall_[slot]);
  archive.field("now", now_[slot]);
  const auto finite = [](double x) { return std::isfinite(x); };
  for (const double m : amount_[slot])
    archive.expect(m >= 0 && m <= static_cast<double>(options_.horizon) * (1 + 1e-6), "training so far");
  archive.expect(std::ranges::all_of(observed_[slot], finite) && std::ranges::all_of(fall_[slot], finite) && finite(now_[slot]),
                 "losses");
  for (std::size_t i = 0; i < agents(); ++i) archive.expect(law(i, amount_[slot]) > 0, "training that a domain can have");
}

std::vector<double> CurvesEnv::amounts(const Grid<double>& weights) const {
  std::vector<double> m(agents(), 0.0);
  for (std::size_t t = 0; t < weights.rows(); ++t)
    for (std::size_t j = 0; j < m.size(); ++j) m[j] = memory_[j] * m[j] + weights[t][j];
  return m;
}

Grid<double> CurvesEnv::liked(std::span<const double> gradient) const {
  Grid<double> weights(static_cast<std::size_t>(spec().horizon), agents(), 0.0);
  std::vector<double> worth(gradient.begin(), gradient.end());  // of a decision's weight by the end
  for (std::size_t t = weights.rows(); t-- > 0;) {
    weights[t][static_cast<std::size_t>(std::min_element(worth.begin(), worth.end()) - worth.begin())] = 1;
    for (std::size_t j = 0; j < worth.size(); ++j) worth[j] *= memory_[j];
  }
  return weights;
}

Grid<double> repeated(std::span<const double> w, std::int64_t times) {
  Grid<double> out(static_cast<std::size_t>(times), w.size());
  for (std::size_t t = 0; t < out.rows(); ++t) std::ranges::copy(w, out[t].begin());
  return out;
}

// Begins at the best fixed mix; the hull grows by the schedule that is liked best, and loses those that have no share.
Grid<double> CurvesEnv::best_schedule(const Convex& loss, const HullMinimum& fixed) const {
  constexpr int kMostRounds = 1000;
  std::vector<Grid<double>> hull = {repeated(fixed.share, spec().horizon)};
  HullMinimum best = fixed;
  best.share = {1};
  for (int round = 0; round < kMostRounds; ++round) {
    Grid<double> next = liked(best.gradient);
    const auto reached = amounts(next);
    const auto dot = [&](const std::vector<double>& m) {
      return std::inner_product(m.begin(), m.end(), best.gradient.begin(), 0.0);
    };
    if (dot(best.at) - dot(reached) <= kGap) {
      Grid<double> mean(next.rows(), next.cols(), 0.0);
      for (std::size_t h = 0; h < hull.size(); ++h)
        for (std::size_t i = 0; i < mean.view().flat().size(); ++i)
          mean.view().flat()[i] += best.share[h] * hull[h].view().flat()[i];
      return mean;
    }
    hull.push_back(std::move(next));
    best.share.push_back(0);
    Grid<double> points(hull.size(), agents());
    for (std::size_t h = 0; h < hull.size(); ++h) std::ranges::copy(amounts(hull[h]), points[h].begin());
    best = least_in_hull(loss, points, best.share, kGap / 10);
    for (std::size_t h = hull.size(); h-- > 0;)
      if (best.share[h] == 0) {
        hull.erase(hull.begin() + static_cast<std::ptrdiff_t>(h));
        best.share.erase(best.share.begin() + static_cast<std::ptrdiff_t>(h));
      }
  }
  throw RunError(
      fmt::format("curves-v0: the best schedule is not found to {} within {} rounds; try another memory", kGap, kMostRounds));
}

std::vector<double> CurvesEnv::falls(const Grid<double>& weights) {
  std::vector<double> m(agents(), 0.0), out;
  double last = losses(m);
  for (std::size_t t = 0; t < weights.rows(); ++t) {
    for (std::size_t j = 0; j < m.size(); ++j) m[j] = memory_[j] * m[j] + weights[t][j];
    const double now = losses(m);
    out.push_back(last - now);
    last = now;
  }
  return out;
}

Answer CurvesEnv::solve() {
  const std::size_t n = agents();
  const Convex loss = [&](std::span<const double> m, std::span<double> g) {
    const double value = losses(m);
    gradient(g);
    return value;
  };
  const std::vector<double> uniform(n, 1.0 / static_cast<double>(n));
  const std::vector<double> full =
      amounts(repeated(std::vector<double>(n, 1.0), spec().horizon));  // of each agent, were it always played
  Grid<double> alone(n, n, 0.0);
  for (std::size_t j = 0; j < n; ++j) alone[j][j] = full[j];
  const HullMinimum fixed = least_in_hull(loss, alone, uniform, kGap / 10);
  const auto total = [&](const Grid<double>& weights) {
    const auto each = falls(weights);
    return std::accumulate(each.begin(), each.end(), 0.0);
  };
  Answer out;
  out.fixed_weights = fixed.share;
  out.fixed = total(repeated(fixed.share, spec().horizon));
  out.uniform = total(repeated(uniform, spec().horizon));
  out.schedule_weights = best_schedule(loss, fixed);
  optimum_ = falls(out.schedule_weights);
  out.optimum = out.schedule = std::accumulate(optimum_.begin(), optimum_.end(), 0.0);
  return out;
}

REGISTER_ENV("curves-v0", CurvesEnv, CurvesEnvOptions, "known answer: learning curves of domains with transfer and forgetting",
             "checked against an oracle");

}  // namespace
}  // namespace fader
