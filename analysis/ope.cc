#include "analysis/ope.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace fader::ope {
namespace {

using stats::kNaN;

constexpr double kRounding = 1e-9;  // by which logged probabilities may miss one

double size_of(const std::vector<double>& x) { return static_cast<double>(x.size()); }
double sum(const std::vector<double>& x) { return std::accumulate(x.begin(), x.end(), 0.0); }

std::vector<double> weights_of(const Rounds& rounds, std::span<const double> target) {
  std::vector<double> w(rounds.size());
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = target[rounds.arm[i]] / rounds.probability[i][rounds.arm[i]];
  return w;
}

double effective_size(const std::vector<double>& w) {
  const double square = std::inner_product(w.begin(), w.end(), w.begin(), 0.0), total = sum(w);
  return square > 0 ? total * total / square : 0;
}

/// `sums` of clusters over the number of terms, which are zero in sum.
void add_error(const std::vector<double>& sums, double confidence, Estimate& out) {
  const double f = size_of(sums);
  out.clusters = sums.size();
  if (sums.size() < 2) return;
  out.standard_error = std::sqrt(f / (f - 1) * std::inner_product(sums.begin(), sums.end(), sums.begin(), 0.0));
  const double reach = stats::t_quantile(confidence, f - 1) * out.standard_error;
  out.interval = {out.value - reach, out.value + reach};
}

std::vector<double> summed(const std::vector<double>& terms, const std::vector<std::size_t>& cluster) {
  std::vector<double> out(cluster.back() + 1, 0.0);
  for (std::size_t i = 0; i < terms.size(); ++i) out[cluster[i]] += terms[i] / size_of(terms);
  return out;
}

std::string independent_of(const Rounds& rounds) {
  return rounds.runs() > kMostClusters ? "groups of runs" : rounds.runs() > 1 ? "runs" : "stretches of time";
}

std::vector<std::size_t> counted(std::size_t n) {
  std::vector<std::size_t> out(n);
  std::iota(out.begin(), out.end(), std::size_t{0});
  return out;
}

/// Every estimator of one step is mean b_i + mean u_i y_i, the second part over mean u_i where it is normalised:
/// b_i = sum_a pi_a q_i(a) and y_i = r_i - q_i(a_i) with a model, else 0 and r_i.
struct Recipe {
  enum class Weight { none, match, plain, cut, shrunk } weight;
  bool model, normalised;
};

Recipe recipe_of(Estimator estimator) {
  using W = Recipe::Weight;
  switch (estimator) {
    case Estimator::replay: return {W::match, false, true};
    case Estimator::ipw: return {W::plain, false, false};
    case Estimator::snipw: return {W::plain, false, true};
    case Estimator::dm: return {W::none, true, false};
    case Estimator::dr: return {W::plain, true, false};
    case Estimator::sndr: return {W::plain, true, true};
    case Estimator::switch_dr: return {W::cut, true, false};
    case Estimator::dros: return {W::shrunk, true, false};
    case Estimator::pdis:
    case Estimator::wpdis: break;
  }
  FADER_CHECK(false, "not an estimator of one step");
}

double used_weight(Recipe::Weight kind, double w, double pi, const Settings& settings) {
  switch (kind) {
    case Recipe::Weight::none: return 0;
    case Recipe::Weight::match: return pi == 1;
    case Recipe::Weight::plain: return w;
    case Recipe::Weight::cut: return w <= settings.tau ? w : 0;
    case Recipe::Weight::shrunk: return settings.lambda * w / (w * w + settings.lambda);
  }
  return 0;
}

/// The sums b, u and y of a recipe with given predictions, and what comes of them.
struct Terms {
  std::vector<double> b, u, y;
  double mean_b = 0, mean_u = 0, ratio = 0;

  Terms(const Recipe& recipe, const Rounds& rounds, std::span<const double> target, const std::vector<double>& w, const Grid<double>& predicted,
        const Settings& settings)
      : b(w.size(), 0.0), u(w.size()), y(rounds.reward) {
    for (std::size_t i = 0; i < w.size(); ++i) {
      u[i] = used_weight(recipe.weight, w[i], target[rounds.arm[i]], settings);
      if (!recipe.model) continue;
      b[i] = std::inner_product(target.begin(), target.end(), predicted[i].begin(), 0.0);
      y[i] -= predicted[i][rounds.arm[i]];
    }
    mean_b = sum(b) / size_of(b);
    mean_u = sum(u) / size_of(u);
    const double mean_uy = std::inner_product(u.begin(), u.end(), y.begin(), 0.0) / size_of(u);
    ratio = recipe.normalised ? mean_uy / mean_u : mean_uy;
  }
  double value() const { return mean_b + ratio; }
  /// What each round adds to the value beyond its share, were the predictions exact.
  std::vector<double> influence(bool normalised) const {
    std::vector<double> out(b.size());
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = b[i] - mean_b + (normalised ? u[i] * (y[i] - ratio) / mean_u : u[i] * y[i] - ratio);
    return out;
  }
};

/// What each round is expected to earn by the mean of the models, which no fold's peculiarity is in.
Grid<double> mean_prediction(const RewardModel& model) {
  const std::size_t folds = model.level.rows();
  Grid<double> out(model.predicted.rows(), model.predicted.cols());
  for (std::size_t i = 0; i < out.rows(); ++i)
    for (std::size_t a = 0; a < out.cols(); ++a)
      for (std::size_t f = 0; f < folds; ++f) out[i][a] += (model.level[f][i] + model.arm[f][a]) / static_cast<double>(folds);
  return out;
}

/// Adds what the model's own error does to the clusters' sums: see ope.h.
void add_model(const RewardModel& model, const Rounds& rounds, std::span<const double> target, const Terms& terms, bool normalised,
               std::vector<double>& sums) {
  const std::size_t folds = model.level.rows();
  FADER_CHECK_EQ(folds, sums.size());
  std::vector<double> part(folds, 0.0);  // D_f
  for (std::size_t f = 0; f < folds; ++f) {
    for (std::size_t i = 0; i < rounds.size(); ++i) {
      const double used = normalised ? terms.u[i] / terms.mean_u : terms.u[i];
      part[f] += (model.level[f][i] * (1 - used) - used * model.arm[f][rounds.arm[i]]) / static_cast<double>(rounds.size());
    }
    part[f] += std::inner_product(target.begin(), target.end(), model.arm[f].begin(), 0.0);
  }
  const double n = static_cast<double>(folds), mean = stats::mean(part);
  for (std::size_t f = 0; f < folds; ++f) sums[f] += (n - 1) / n * (mean - part[f]);
}

Estimate one_step(Estimator estimator, const Rounds& rounds, std::span<const double> target, const RewardModel& model,
                  const Settings& settings) {
  const Recipe recipe = recipe_of(estimator);
  const std::vector<double> w = weights_of(rounds, target);
  const Terms terms(recipe, rounds, target, w, model.predicted, settings);
  Estimate out;
  out.value = terms.value();
  out.n = estimator == Estimator::replay ? static_cast<std::size_t>(sum(terms.u)) : rounds.size();
  out.effective = effective_size(w);
  out.largest = *std::ranges::max_element(w);
  out.independent = independent_of(rounds);
  const bool with_folds = recipe.model && model.level.rows() > 0;
  const Terms smooth = with_folds ? Terms(recipe, rounds, target, w, mean_prediction(model), settings) : terms;
  std::vector<double> sums = summed(smooth.influence(recipe.normalised), clusters_of(rounds));
  if (with_folds) add_model(model, rounds, target, terms, recipe.normalised, sums);
  add_error(sums, settings.confidence, out);
  return out;
}

/// Products of weights and rewards by episode and decision.
struct Episodes {
  Grid<double> weight, reward;    ///< [E, T]
  std::vector<std::size_t> run;   ///< [E]
};

Episodes by_episode(const Rounds& rounds, std::span<const double> target) {
  std::vector<std::size_t> begin;
  for (std::size_t i = 0; i < rounds.size(); ++i)
    if (i == 0 || rounds.episode[i] != rounds.episode[i - 1]) begin.push_back(i);
  begin.push_back(rounds.size());
  const std::size_t n = begin.size() - 1, length = begin[1];
  if (n < 2)
    throw DataError(fmt::format("1 episode of {} decisions; estimates over an episode expect several: log with more seeds or episodes", length));
  Episodes out{Grid<double>(n, length), Grid<double>(n, length), {}};
  const std::vector<double> w = weights_of(rounds, target);
  for (std::size_t e = 0; e < n; ++e) {
    if (begin[e + 1] - begin[e] != length)
      throw DataError(fmt::format("episodes of {} and of {} decisions; expected equal lengths: estimate from complete episodes of one horizon",
                                  length, begin[e + 1] - begin[e]));
    out.run.push_back(rounds.run[begin[e]]);
    double product = 1;
    for (std::size_t t = 0; t < length; ++t) {
      out.weight[e][t] = product *= w[begin[e] + t];
      out.reward[e][t] = rounds.reward[begin[e] + t];
    }
  }
  return out;
}

Estimate over_episodes(bool weighted, const Rounds& rounds, std::span<const double> target, const Settings& settings) {
  const Episodes all = by_episode(rounds, target);
  const std::size_t n = all.weight.rows(), length = all.weight.cols();
  const double count = static_cast<double>(n), decisions = static_cast<double>(length);
  Estimate out;
  out.n = n;
  out.value = out.largest = 0;
  out.effective = count;
  std::vector<double> influence(n, 0.0), w(n);
  for (std::size_t t = 0; t < length; ++t) {
    double earned = 0;
    for (std::size_t e = 0; e < n; ++e) {
      w[e] = all.weight[e][t];
      earned += w[e] * all.reward[e][t];
    }
    const double total = sum(w);
    if (!(total > 0))
      throw DataError(fmt::format("none of {} logged episodes plays as the target for all of its {} decisions; expected some that do: ask for "
                                  "targets that mix arms, or log short episodes", n, length));
    const double mean = weighted ? earned / total : earned / count, scale = weighted ? total / count : 1;
    for (std::size_t e = 0; e < n; ++e)
      influence[e] += (weighted ? w[e] * (all.reward[e][t] - mean) / scale : w[e] * all.reward[e][t] - mean) / decisions;
    out.value += mean / decisions;
    out.effective = std::min(out.effective, effective_size(w));
    out.largest = std::max(out.largest, *std::ranges::max_element(w));
  }
  const bool many = rounds.runs() > 1;
  out.independent = many ? "runs" : "episodes";
  add_error(summed(influence, many ? all.run : counted(n)), settings.confidence, out);
  return out;
}

void require_probabilities(const Rounds& rounds) {
  std::size_t unknown = 0, choices = 0;
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    const std::span<const double> p = rounds.probability[i];
    const double drawn = p[rounds.arm[i]], total = std::accumulate(p.begin(), p.end(), 0.0);
    if (!std::isfinite(total)) {
      ++unknown;
      continue;
    }
    if (!(drawn > 0) || std::ranges::any_of(p, [](double x) { return x < 0; }) || std::abs(total - 1) > kRounding)
      throw DataError(fmt::format("decision {} logs probabilities [{:.6g}] and drew arm {}; expected a distribution in which that arm is possible: "
                                  "was the file written by another program?", i, fmt::join(p, ", "), rounds.arm[i]));
    choices += drawn < 1 - kRounding;
  }
  if (unknown > 0)
    throw DataError(fmt::format("the probability of {} of {} draws was not logged; expected all: a policy that draws without knowing its "
                                "probabilities cannot be weighted, log with one that does (boltzmann, epsilon_greedy, exp3)", unknown,
                                rounds.size()));
  if (choices == 0)
    throw DataError(fmt::format("the logger was deterministic: none of {} decisions could have been another; expected arms drawn at random: "
                                "log with a policy that does (boltzmann, epsilon_greedy, exp3)", rounds.size()));
}

}  // namespace

void require_known(const Rounds& rounds) {
  const auto unknown = std::ranges::count_if(rounds.reward, [](double r) { return !std::isfinite(r); });
  if (unknown > 0)
    throw DataError(fmt::format("the reward of {} of {} decisions is not known; expected all: leaving some out would choose among them; take a "
                                "reward that is measured every interval", unknown, rounds.size()));
  require_probabilities(rounds);
}

void require_enough(const Rounds& rounds) {
  if (rounds.size() < kFewestRounds)
    throw DataError(fmt::format("{} decisions were logged; expected {} at least: run more seeds or longer episodes", rounds.size(), kFewestRounds));
}

void require_support(const Rounds& rounds, std::span<const double> target) {
  FADER_CHECK_EQ(target.size(), rounds.arms());
  for (std::size_t a = 0; a < target.size(); ++a) {
    std::size_t impossible = 0;
    for (std::size_t i = 0; i < rounds.size(); ++i) impossible += rounds.probability[i][a] <= 0;
    if (target[a] > 0 && impossible > 0)
      throw DataError(fmt::format("arm {} was impossible in {} of {} decisions; expected a logger that could always have played what the target "
                                  "does: log with one whose probabilities are never zero (boltzmann, epsilon_greedy, exp3)", a, impossible,
                                  rounds.size()));
  }
  if (std::ranges::none_of(rounds.arm, [&](std::size_t a) { return target[a] > 0; }))
    throw DataError(fmt::format("no arm of the target was drawn in {} decisions, though possible; expected some: run more seeds, or a logger that "
                                "explores more", rounds.size()));
}

std::vector<std::size_t> clusters_of(const Rounds& rounds) {
  const std::size_t n = rounds.size(), runs = rounds.runs(), stretches = std::min(n, kStretches), groups = std::min(runs, kMostClusters);
  std::vector<std::size_t> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = runs > 1 ? rounds.run[i] * groups / runs : i * stretches / n;
  return out;
}

Overlap overlap(const Rounds& rounds, std::span<const double> target, const Settings& settings) {
  const std::vector<double> w = weights_of(rounds, target);
  Overlap out{effective_size(w), *std::ranges::max_element(w), 0};
  for (std::size_t i = 0; i < rounds.size(); ++i)
    for (std::size_t a = 0; a < target.size(); ++a)
      if (rounds.probability[i][a] > settings.threshold) out.share += target[a];
  out.share /= static_cast<double>(rounds.size());
  return out;
}

Estimate estimate(Estimator estimator, const Rounds& rounds, std::span<const double> target, const RewardModel& model,
                  const Settings& settings) {
  FADER_CHECK_EQ(target.size(), rounds.arms());
  FADER_CHECK_EQ(model.predicted.rows(), rounds.size());
  if (estimator == Estimator::pdis || estimator == Estimator::wpdis)
    return over_episodes(estimator == Estimator::wpdis, rounds, target, settings);
  if (estimator == Estimator::replay && std::ranges::none_of(target, [](double pi) { return pi == 1; }))
    throw DataError("the target mixes arms; replay expects one that plays a single arm: take snipw or dr");
  return one_step(estimator, rounds, target, model, settings);
}

Estimate as_logged(const Rounds& rounds, const Settings& settings) {
  Estimate out;
  out.n = rounds.size();
  out.effective = static_cast<double>(out.n);
  out.largest = 1;
  out.value = stats::mean(rounds.reward);
  std::vector<double> influence = rounds.reward;
  for (double& x : influence) x -= out.value;
  out.independent = independent_of(rounds);
  add_error(summed(influence, clusters_of(rounds)), settings.confidence, out);
  return out;
}

}  // namespace fader::ope
