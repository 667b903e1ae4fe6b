#include "analysis/budget_curve.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace fader::stats {
namespace {

struct Group {
  double log_budget = 0, loss = 0, weight = 0;
};

/// Ascending; points of about one budget are one.
std::vector<Group> group(std::span<const BudgetPoint> points) {
  std::vector<BudgetPoint> sorted(points.begin(), points.end());
  std::sort(sorted.begin(), sorted.end(), [](const BudgetPoint& a, const BudgetPoint& b) {
    return a.budget != b.budget ? a.budget < b.budget : a.loss < b.loss;
  });
  std::vector<Group> groups;
  double least = 0;
  for (const BudgetPoint& p : sorted) {
    if (groups.empty() || p.budget > least * (1 + kOneBudget)) {
      groups.emplace_back();
      least = p.budget;
    }
    Group& g = groups.back();
    g.weight += 1;
    g.log_budget += (std::log(p.budget) - g.log_budget) / g.weight;
    g.loss += (p.loss - g.loss) / g.weight;
  }
  return groups;
}

/// loss = c - a u, u = (1 - e^(-b x)) / b with x = log(D / D0).
struct PowerLaw {
  double b = 0, a = 0, c = 0, residual = 0;
  static double u(double b, double x) { return b == 0 ? x : -std::expm1(-b * x) / b; }
};

PowerLaw fit(const std::vector<Group>& groups, double center, double b) {
  double weight = 0, mu = 0, ml = 0, uu = 0, ul = 0;
  for (const Group& g : groups) {
    weight += g.weight;
    mu += g.weight * PowerLaw::u(b, g.log_budget - center);
    ml += g.weight * g.loss;
  }
  mu /= weight;
  ml /= weight;
  for (const Group& g : groups) {
    const double du = PowerLaw::u(b, g.log_budget - center) - mu;
    uu += g.weight * du * du;
    ul += g.weight * du * (g.loss - ml);
  }
  PowerLaw law{b, -ul / uu, 0, 0};
  law.c = ml + law.a * mu;
  for (const Group& g : groups) {
    const double off = g.loss - law.c + law.a * PowerLaw::u(b, g.log_budget - center);
    law.residual += g.weight * off * off;
  }
  return law;
}

/// Least squares over b.
PowerLaw fit(const std::vector<Group>& groups, double center) {
  constexpr int kGrid = 24, kSections = 40;
  const auto at = [&](double b) { return fit(groups, center, std::clamp(b, 0.0, kSteepest)); };
  const double step = kSteepest / kGrid;
  PowerLaw best = at(0);
  for (int i = 1; i <= kGrid; ++i)
    if (const PowerLaw law = at(i * step); law.residual < best.residual) best = law;
  const double golden = 0.5 * (std::sqrt(5.0) - 1);
  double low = std::max(best.b - step, 0.0), high = std::min(best.b + step, kSteepest);
  PowerLaw left = at(high - golden * (high - low)), right = at(low + golden * (high - low));
  for (int i = 0; i < kSections; ++i) {
    if (left.residual < right.residual) {
      high = right.b;
      right = left;
      left = at(high - golden * (high - low));
    } else {
      low = left.b;
      left = right;
      right = at(low + golden * (high - low));
    }
    for (const PowerLaw& law : {left, right})
      if (law.residual < best.residual) best = law;
  }
  return best;
}

/// A falling curve of loss over budget within the measured budgets.
class BudgetCurve {
 public:
  explicit BudgetCurve(std::span<const BudgetPoint> points) {
    for (const BudgetPoint& p : points)
      if (!(p.budget > 0 && p.loss > 0 && std::isfinite(p.budget) && std::isfinite(p.loss)))
        problem_ = "a budget or a loss is not a positive number";
    if (problem_.empty()) groups_ = group(points);
    if (problem_.empty() && groups_.size() < 2) problem_ = fmt::format("measured budgets: {}; two are needed", groups_.size());
    if (!problem_.empty()) return;
    if (is_law()) fit_law();
    if (is_law() ? !(law_.a > 0) : last() >= first()) problem_ = "the loss does not fall as the budget grows";
  }
  void fit_law() {
    for (const Group& g : groups_) center_ += g.log_budget / static_cast<double>(groups_.size());
    law_ = fit(groups_, center_);
  }

  const std::string& problem() const { return problem_; }
  const std::vector<Group>& groups() const { return groups_; }
  bool is_law() const { return groups_.size() >= 4; }
  const PowerLaw& law() const { return law_; }
  /// At a budget within the measured ones.
  double loss(double log_budget) const {
    if (is_law()) return law_.c - law_.a * PowerLaw::u(law_.b, log_budget - center_);
    std::size_t i = 0;
    while (i + 2 < groups_.size() && log_budget > groups_[i + 1].log_budget) ++i;
    const Group &one = groups_[i], &next = groups_[i + 1];
    const double way = (log_budget - one.log_budget) / (next.log_budget - one.log_budget);
    return std::exp(std::log(one.loss) + std::clamp(way, 0.0, 1.0) * (std::log(next.loss) - std::log(one.loss)));
  }
  double first() const { return loss(groups_.front()); }
  double last() const { return loss(groups_.back()); }

  /// log of the least budget whose loss is at most `target`; -inf: even the least measured one's, +inf: none.
  double log_budget(double target) const {
    constexpr double kInfinite = std::numeric_limits<double>::infinity();
    const double slack = 1e-12 * target;
    if (target > first() + slack) return -kInfinite;
    if (is_law()) {
      if (target < last() - slack) return kInfinite;
      const double u = (law_.c - target) / law_.a;
      const double x = law_.b == 0 ? u : -std::log1p(-law_.b * u) / law_.b;
      return std::clamp(center_ + x, groups_.front().log_budget, groups_.back().log_budget);
    }
    for (std::size_t i = 0; i + 1 < groups_.size(); ++i) {
      const Group &one = groups_[i], &next = groups_[i + 1];
      if (target < next.loss - slack || next.loss >= one.loss) continue;
      const double way = (std::log(one.loss) - std::log(target)) / (std::log(one.loss) - std::log(next.loss));
      return one.log_budget + std::clamp(way, 0.0, 1.0) * (next.log_budget - one.log_budget);
    }
    return kInfinite;
  }

 private:
  double loss(const Group& g) const { return is_law() ? loss(g.log_budget) : g.loss; }

  std::vector<Group> groups_;
  std::string problem_;
  double center_ = 0;
  PowerLaw law_;
};

using BySeed = std::vector<std::vector<BudgetPoint>>;

std::vector<BudgetPoint> points_of(const BySeed& seeds, std::span<const std::size_t> which) {
  std::vector<BudgetPoint> all;
  for (const std::size_t i : which) all.insert(all.end(), seeds[i].begin(), seeds[i].end());
  return all;
}

/// log of the factor; infinite where one side has the loss of the other below its least budget, NaN without two curves.
double log_factor(const BudgetCurve& method, const BudgetCurve& baseline) {
  if (!method.problem().empty() || !baseline.problem().empty()) return kNaN;
  const double target = std::max(method.last(), baseline.last());
  return baseline.log_budget(target) - method.log_budget(target);
}

}  // namespace

ToTarget budget_to_target(std::span<const BudgetPoint> points, double target) {
  const BudgetCurve curve(points);
  if (!curve.problem().empty()) return {kNaN, curve.problem()};
  const double found = curve.log_budget(target);
  if (found == -std::numeric_limits<double>::infinity())
    return {kNaN, fmt::format("the least budget already has a loss of {:.6g}, below {:.6g}", curve.first(), target)};
  if (!std::isfinite(found)) return {kNaN, fmt::format("no measured budget reaches {:.6g}; the greatest has {:.6g}", target, curve.last())};
  return {std::exp(found), ""};
}

FittedCurve fitted_curve(std::span<const BudgetPoint> points, std::size_t count) {
  FADER_CHECK(count >= 2);
  const BudgetCurve curve(points);
  FittedCurve out;
  out.budgets = curve.groups().size();
  out.note = curve.problem();
  if (!out.note.empty()) return out;
  const double low = curve.groups().front().log_budget, high = curve.groups().back().log_budget;
  for (std::size_t i = 0; i < count; ++i) {
    const double at = low + (high - low) * static_cast<double>(i) / static_cast<double>(count - 1);
    out.points.push_back({std::exp(at), curve.loss(at)});
  }
  if (!curve.is_law()) return out;
  out.exponent = curve.law().b;
  if (out.exponent > 0) out.floor = curve.law().c - curve.law().a / out.exponent;
  return out;
}

SpeedUp speed_up(const BySeed& method_by_seed, const BySeed& baseline_by_seed, const Bootstrap& options, Rng stream) {
  FADER_CHECK_EQ(method_by_seed.size(), baseline_by_seed.size());
  const std::size_t seeds = method_by_seed.size();
  std::vector<std::size_t> which(seeds);
  for (std::size_t i = 0; i < seeds; ++i) which[i] = i;
  const BudgetCurve method(points_of(method_by_seed, which)), baseline(points_of(baseline_by_seed, which));
  SpeedUp out;
  if (!method.problem().empty()) out.note = "method: " + method.problem();
  if (!baseline.problem().empty()) out.note = "baseline: " + baseline.problem();
  if (!out.note.empty()) return out;
  const double factor = log_factor(method, baseline);
  if (!std::isfinite(factor)) {
    out.note = fmt::format("the {}'s least budget is already below the loss that the other ends with", factor > 0 ? "method" : "baseline");
    return out;
  }
  out.factor = std::exp(factor);
  if (seeds < 2) {
    out.note = "an interval needs two seeds";
    return out;
  }
  std::vector<double> drawn(options.draws);
  for (double& value : drawn) {
    for (std::size_t& i : which) i = stream.below(seeds);
    value = log_factor(BudgetCurve(points_of(method_by_seed, which)), BudgetCurve(points_of(baseline_by_seed, which)));
  }
  const Interval found = middle(drawn, options.confidence);
  if (found.known())
    out.interval = {std::exp(found.low), std::exp(found.high)};
  else
    out.note = "too many draws of seeds have curves whose losses do not meet";
  return out;
}

}  // namespace fader::stats
