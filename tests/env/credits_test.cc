// Estimators of credit against what they estimate, each found another way.
#include "tests/env/credit_bench.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <map>

#include "core/error.h"
#include "env/linear_fit.h"

using namespace fader;

namespace {

std::vector<PassageId> ids_of(const CreditBench& b, std::span<const std::uint32_t> own) {
  std::vector<PassageId> ids;
  for (const std::uint32_t c : own) ids.push_back(b.candidates[c]);
  return ids;
}

std::vector<float> influence_of(CreditBench& b) {
  std::vector<PassageId> ids;
  for (const Pick& pick : b.picks) ids.push_back(b.candidates[pick.candidate]);
  std::vector<Probe> probes;
  for (const PassageId& id : ids) probes.push_back({.slot = 0, .passages = {&id, 1}});
  b.trainer->influence(probes);
  std::vector<float> out;
  for (const Probe& p : probes) out.push_back(p.dot);
  return out;
}

// What the estimators say of the bench after some training, each as the book would ask it; `regression` after decisions that are
// taken back again, so that all are about the same model.
std::map<std::string, std::vector<Estimate>> all_credit(CreditBench& b, const EstimatorOptions& o) {
  std::map<std::string, std::vector<Estimate>> out;
  b.set_reference(b.reference, b.reference_weight());
  b.choose(77);
  const std::vector<float> influence = influence_of(b);
  for (const std::string& name : credit_estimators().names()) {
    if (name == "alignment" || name == "regression") continue;
    out[name] = b.ask(name, o, 3, influence);
  }
  out["alignment"] = b.ask("alignment", o, 3);
  const auto regression = credit_estimators().make_default("regression", b.context(o));
  const int slots[] = {0, 1};
  regression->begin(slots);
  const std::string here = b.saved();
  Rng rng(4, "test/weights");
  for (int t = 0; t < 24; ++t) {
    double total = 0;
    for (double& w : b.weights) total += w = rng.exponential();
    for (double& w : b.weights) w /= total;
    b.choose(100 + static_cast<std::uint64_t>(t));
    const double before = b.loss();
    b.train();
    CreditScene s = b.scene();
    s.reward = {before - b.loss(), 0};
    out["regression"].assign(CreditBench::kAgents, {});
    regression->estimate(s, *b.trainer, rng, out["regression"]);
    b.restore(here);
  }
  return out;
}

}  // namespace

TEST_CASE("credit of an agent that picks the reference passages themselves is positive by every estimator, and all see who helps") {
  CreditBench b;
  b.warm_up(4);
  EstimatorOptions o = b.options({});
  o.passages = 40;  // all of an agent's own
  const auto credit = all_credit(b, o);
  REQUIRE(credit.size() == credit_estimators().names().size());
  for (const auto& [name, estimates] : credit) {
    INFO(name);
    std::string shown;
    for (const Estimate& e : estimates) shown += fmt::format("{:.4g} ({:.2g})  ", e.value, e.standard_error);
    INFO(shown);
    CHECK(estimates[0].value > 0);
    CHECK(estimates[0].value > 2 * estimates[0].standard_error);
    CHECK(estimates[1].value > estimates[2].value);
    CHECK(estimates[1].value > estimates[3].value);
    CHECK(estimates[0].value > estimates[3].value);
    for (const Estimate& e : estimates) CHECK(e.standard_error > 0);
  }
  // the cheap ones that look at each agent's own picks put the agents in the order of the truth
  const auto& truth = credit.at("rollout");
  for (const char* name : {"probe", "probe_cosine", "one_step"}) {
    INFO(name);
    for (std::size_t a = 0; a < 4; ++a)
      for (std::size_t c = 0; c < 4; ++c)
        if (truth[a].value - truth[c].value > 0.25 * truth[0].value)
          CHECK(credit.at(name)[a].value > credit.at(name)[c].value);
  }
}

TEST_CASE("probe is the pooled inner product of all own picks when all are looked at, and near it when some are") {
  CreditBench b;
  b.warm_up(2);
  b.set_reference(b.reference, b.reference_weight());
  EstimatorOptions o = b.options({});
  o.passages = 1000;
  const auto credit = b.ask("probe", o);
  const CreditScene s = b.scene();
  o.passages = 10;
  std::vector<double> deviation(4, 0);
  const int tries = 150;
  for (int t = 0; t < tries; ++t) {
    const auto some = b.ask("probe", o, 10 + static_cast<std::uint64_t>(t));
    for (std::size_t a = 0; a < 4; ++a) deviation[a] += std::pow((some[a].value - credit[a].value) / some[a].standard_error, 2) / tries;
  }
  for (std::size_t a = 0; a < 4; ++a) {
    const auto ids = ids_of(b, s.own[a]);
    Probe pooled{.slot = 0, .passages = ids};
    b.trainer->influence({&pooled, 1});
    CHECK(credit[a].value == Approx(pooled.dot).epsilon(1e-4));
    // 10 of 40 without replacement: a quarter of the variance is not there; an error from 10 is off by 9 / 7 in the mean of squares
    CHECK(deviation[a] == Approx(0.75 * 9 / 7).margin(0.4));
  }
}

TEST_CASE("probe_cosine is a mean of cosines, counted by tokens, and does not depend on the length of the reference gradient") {
  CreditBench b;
  b.warm_up(2);
  b.set_reference(b.reference, b.reference_weight());
  EstimatorOptions o = b.options({});
  o.passages = 1000;
  const auto credit = b.ask("probe_cosine", o);
  const auto dots = b.ask("probe", o);
  std::vector<float> longer = token_weights(*b.corpus, b.reference);
  for (float& w : longer) w *= 4;
  b.set_reference(b.reference, longer);
  const auto again = b.ask("probe_cosine", o), larger = b.ask("probe", o);
  const CreditScene s = b.scene();
  for (std::size_t a = 0; a < 4; ++a) {
    double sum = 0, tokens = 0;
    for (const PassageId id : ids_of(b, s.own[a])) {
      Probe p{.slot = 0, .passages = {&id, 1}};
      b.trainer->influence({&p, 1});
      sum += double{p.dot} / (double{p.norm} * b.trainer->reference_norm(0)) * b.corpus->passages()[id].tokens;
      tokens += b.corpus->passages()[id].tokens;
    }
    CHECK(credit[a].value == Approx(sum / tokens).epsilon(1e-4));
    CHECK(again[a].value == Approx(credit[a].value).epsilon(1e-4));
    CHECK(larger[a].value == Approx(4 * dots[a].value).epsilon(1e-4));
    CHECK(std::abs(credit[a].value) <= 1);
  }
}

TEST_CASE("one_step and rollout leave the slot as it was, bit for bit, and say what the steps themselves bring") {
  CreditBench b;
  b.warm_up(3);
  b.set_reference(b.reference, b.reference_weight());
  EstimatorOptions o = b.options({});
  o.rollout_repeats = 3;
  o.rollout_steps = 4;
  const std::string here = b.saved(), beside = b.saved(1);
  const auto one = b.ask("one_step", o), several = b.ask("rollout", o);
  CHECK((b.saved() == here));  // in brackets: bytes are not shown
  CHECK((b.saved(1) == beside));
  const CreditScene s = b.scene();
  const double before = b.loss();
  for (std::size_t a = 0; a < 4; ++a) {
    const auto fall = [&](std::int64_t steps, int repeat) {
      const auto order = sample(s, a, 1000, stream_of(Rng(1, "test/ask"), a).child(fmt::format("repeat{}", repeat)));
      std::vector<PassageId> ids;
      for (std::int64_t left = b.trainer->demand(0, steps); left > 0; left -= b.corpus->passages()[ids.back()].tokens)
        ids.push_back(order[ids.size()]);
      TrainJob job{.slot = 0, .passages = ids};
      b.trainer->train({&job, 1}, steps);
      const double fell = before - b.loss();
      b.restore(here);
      return fell;
    };
    CHECK(one[a].value == Approx(fall(1, 0)).epsilon(1e-6).margin(1e-9));
    CHECK(one[a].standard_error > 0);
    double mean = 0, squares = 0;
    for (int r = 0; r < 3; ++r) mean += fall(4, r) / 3;
    for (int r = 0; r < 3; ++r) squares += std::pow(fall(4, r) - mean, 2);
    CHECK(several[a].value == Approx(mean).epsilon(1e-6));
    CHECK(several[a].standard_error == Approx(std::sqrt(squares / 2 / 3)).epsilon(1e-4));
  }
}

TEST_CASE("alignment is the sum of inner products with the others' gradients, over what it would be if all were alike") {
  CreditBench b;
  b.warm_up(2);
  EstimatorOptions o = b.options({});
  o.passages = 1000;
  const auto credit = b.ask("alignment", o);
  const CreditScene s = b.scene();
  std::vector<std::vector<double>> inner(4, std::vector<double>(4));
  for (std::size_t j = 0; j < 4; ++j) {
    const auto theirs = ids_of(b, s.own[j]);
    b.set_reference(theirs);
    for (std::size_t i = 0; i < 4; ++i) {
      const auto ids = ids_of(b, s.own[i]);
      Probe p{.slot = 0, .passages = ids};
      b.trainer->influence({&p, 1});
      inner[i][j] = p.dot;
    }
  }
  double squares = 0;
  for (std::size_t i = 0; i < 4; ++i) squares += inner[i][i] / 4;
  for (std::size_t i = 0; i < 4; ++i) {
    double others = 0;
    for (std::size_t j = 0; j < 4; ++j)
      if (j != i) others += inner[i][j];
    CHECK(credit[i].value == Approx(others / (3 * squares)).epsilon(1e-3));
    CHECK(credit[i].standard_error > 0);
  }
  const auto alone = credit_estimators().make_default("alignment", CreditContext{*b.corpus, 1, 1, o});
  std::vector<Estimate> single(1);
  alone->estimate(s, *b.trainer, Rng(1, "test/ask"), single);
  CHECK(single[0].value == 0);
}

TEST_CASE("byproduct_regression foretells a linear influence without an error, and a noisy one with the error that it states") {
  CreditBench b;
  EstimatorOptions o = b.options({});
  o.ridge = 1e-6;
  const CreditScene s = b.scene();
  std::vector<std::vector<double>> ranks;
  for (const auto& r : b.rankings) ranks.push_back(normalised_ranks(r));
  const double slope[] = {0.5, 0.2, -0.1, -0.4};
  const auto linear = [&](std::uint32_t c) {
    double y = 0.3;
    for (std::size_t a = 0; a < 4; ++a) y += slope[a] * ranks[a][c];
    return y;
  };
  std::vector<double> truth(4, 0);
  for (std::size_t a = 0; a < 4; ++a) {
    double tokens = 0;
    for (const std::uint32_t c : s.own[a]) {
      const double n = b.corpus->passages()[b.candidates[c]].tokens;
      truth[a] += n * linear(c);
      tokens += n;
    }
    truth[a] /= tokens;
  }
  const int tries = 400;
  std::vector<double> squares(4, 0), errors(4, 0);
  for (int t = 0; t <= tries; ++t) {
    b.choose(static_cast<std::uint64_t>(t));
    Rng rng(static_cast<std::uint64_t>(t), "test/noise");
    std::vector<float> influence;
    for (std::size_t i = 0; i < b.picks.size(); ++i)
      influence.push_back(i % 7 == 3 ? NAN : static_cast<float>(linear(b.picks[i].candidate) + (t > 0 ? 0.2 * rng.normal() : 0)));
    const auto credit = b.ask("byproduct_regression", o, 1, influence);
    for (std::size_t a = 0; a < 4; ++a) {
      if (t == 0) CHECK(credit[a].value == Approx(truth[a]).epsilon(1e-3));
      if (t == 0) continue;
      squares[a] += std::pow(credit[a].value - truth[a], 2) / tries;
      errors[a] += std::pow(credit[a].standard_error, 2) / tries;
    }
  }
  for (std::size_t a = 0; a < 4; ++a) CHECK(errors[a] / squares[a] == Approx(1.0).margin(0.3));

  b.picks.resize(5);
  for (const Estimate& e : b.ask("byproduct_regression", o, 1, std::vector<float>(5, 1.0f))) CHECK(std::isnan(e.value));
}

TEST_CASE("byproduct_ipw weighs a pick by the inverse of its probability for every agent whose next it was") {
  CreditBench b;
  EstimatorOptions o = b.options({});
  b.rankings = {{0, 1, 2, 3}, {1, 0, 2, 3}, {3, 2, 1, 0}, {3, 2, 1, 0}};
  b.candidates.resize(4);
  b.picks = {{1, 1, 0.2}, {0, 0, 0.9}, {3, 2, 0.1}};
  const std::vector<float> influence = {5, 7, 11};
  std::vector<double> n;
  for (const PassageId id : b.candidates) n.push_back(b.corpus->passages()[id].tokens);
  CreditScene s{.candidates = b.candidates, .rankings = b.rankings, .picks = b.picks, .influence = influence};
  std::vector<Estimate> credit(4);
  credit_estimators().make_default("byproduct_ipw", b.context(o))->estimate(s, *b.trainer, Rng(1, ""), credit);
  CHECK(credit[0].value == Approx(7.0));  // its first was left for the second place; 1 was taken before its turn
  CHECK(std::isnan(credit[0].standard_error));
  CHECK(credit[1].value == Approx((n[1] * 5 / 0.2 + n[0] * 7 / 0.9) / (n[1] / 0.2 + n[0] / 0.9)));
  CHECK(credit[2].value == Approx(11.0));
  CHECK(credit[3].value == Approx(11.0));  // no weight, but another agent's pick was its own
  CreditContext summed = b.context(o);
  summed.mixture = false;
  CHECK_THROWS_WITH(credit_estimators().make_default("byproduct_ipw", summed), Catch::Contains("set env.selection = \"mixture_of_picks\""));
}

TEST_CASE("byproduct_ipw is right on average, though what is drawn is not what an agent alone would draw") {
  CreditBench b;
  b.weights = {0.1, 0.4, 0.3, 0.2};
  EstimatorOptions o = b.options({});
  // influence falls with the place under agent 0: what it would pick is worth much more than what is drawn
  const auto ranks = normalised_ranks(b.rankings[0]);
  const int tries = 600;
  double ipw = 0, plain = 0, truth = 0;
  for (int t = 0; t < tries; ++t) {
    b.choose(static_cast<std::uint64_t>(t));
    std::vector<float> influence(b.picks.size(), NAN);
    for (std::size_t i = 0; i < 6; ++i) influence[i] = static_cast<float>(std::pow(ranks[b.picks[i].candidate], 2));
    const Estimate e = b.ask("byproduct_ipw", o, 1, influence)[0];
    if (std::isnan(e.value)) continue;
    ipw += e.value;
    for (std::size_t i = 0; i < 6; ++i) plain += double{influence[i]} / 6;
    truth += 1;
  }
  CHECK(ipw / truth == Approx(1.0).margin(0.05));  // its first few are nearly the best there are
  CHECK(plain / truth < 0.7);
}

TEST_CASE("regression is the slope of a ridge with forgetting, found from the dual") {
  CreditBench b;
  EstimatorOptions o = b.options({});
  o.forgetting = 0.8;
  o.ridge = 0.3;
  const auto estimator = credit_estimators().make_default("regression", b.context(o));
  const int slots[] = {0, 1};
  estimator->begin(slots);
  Rng rng(9, "test/regression");
  std::vector<std::vector<double>> w;
  std::vector<double> r;
  std::vector<Estimate> credit(4);
  for (int t = 0; t < 12; ++t) {
    std::vector<double> row(4);
    double total = 0;
    for (double& x : row) total += x = rng.exponential();
    for (double& x : row) x /= total;
    w.push_back(row);
    r.push_back(0.5 + 2 * row[1] - row[3] + 0.1 * rng.normal());
    CreditScene s{.slot = 0, .weights = w.back(), .reward = {r.back(), 0.1}};
    estimator->estimate(s, *b.trainer, rng, credit);
    if (t < 1) CHECK(std::isnan(credit[0].value));
    if (t < 5) CHECK(std::isnan(credit[0].standard_error));
  }
  // slope = Z^T (Z Z^T + lambda I)^-1 y with rows weighted by roots: by Gauss and Jordan
  const std::size_t n = w.size();
  std::vector<double> q(n), mean(4, 0);
  double total = 0, level = 0;
  for (std::size_t i = 0; i < n; ++i) total += q[i] = std::pow(0.8, static_cast<double>(n - 1 - i));
  for (std::size_t i = 0; i < n; ++i) {
    q[i] /= total;
    level += q[i] * r[i];
    for (std::size_t a = 0; a < 4; ++a) mean[a] += q[i] * w[i][a];
  }
  std::vector<std::vector<double>> z(n, std::vector<double>(4)), m(n, std::vector<double>(n + 1));
  double trace = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t a = 0; a < 4; ++a) {
      z[i][a] = std::sqrt(q[i]) * (w[i][a] - mean[a]);
      trace += z[i][a] * z[i][a];
    }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t a = 0; a < 4; ++a) m[i][j] += z[i][a] * z[j][a];
    m[i][i] += 0.3 * trace / 4;
    m[i][n] = std::sqrt(q[i]) * (r[i] - level);
  }
  for (std::size_t p = 0; p < n; ++p)
    for (std::size_t i = 0; i < n; ++i) {
      if (i == p) continue;
      const double f = m[i][p] / m[p][p];
      for (std::size_t j = p; j <= n; ++j) m[i][j] -= f * m[p][j];
    }
  double sum = 0;
  for (std::size_t a = 0; a < 4; ++a) {
    double slope = 0;
    for (std::size_t i = 0; i < n; ++i) slope += z[i][a] * m[i][n] / m[i][i];
    CHECK(credit[a].value == Approx(slope).margin(1e-9));
    sum += credit[a].value;
  }
  CHECK(sum == Approx(0).margin(1e-9));
  CHECK(credit[1].value > credit[0].value);
  CHECK(credit[3].value < credit[0].value);
}

TEST_CASE("the error of a linear fit covers, of what it predicts and of a slope, whatever the noise") {
  Rng rng(2, "test/linear_fit");
  const int tries = 1500;
  const double at[] = {0.9, 0.1}, along[] = {1.0, 0.0};
  double squares[2] = {}, errors[2] = {};
  for (int t = 0; t < tries; ++t) {
    Grid<double> x(60, 2);
    std::vector<double> y, weight;
    for (std::size_t i = 0; i < 60; ++i) {
      x[i][0] = rng.uniform();
      x[i][1] = rng.uniform();
      y.push_back(1 + 2 * x[i][0] - x[i][1] + (0.1 + 0.8 * x[i][0]) * rng.normal());  // noisier where x is large
      weight.push_back(1);
    }
    const LinearFit fit(x, y, weight, 1e-9);
    const Estimate e[] = {fit.at(at), fit.along(along)};
    const double truth[] = {1 + 1.8 - 0.1, 2};
    for (int j = 0; j < 2; ++j) {
      squares[j] += std::pow(e[j].value - truth[j], 2) / tries;
      errors[j] += std::pow(e[j].standard_error, 2) / tries;
    }
  }
  for (int j = 0; j < 2; ++j) CHECK(errors[j] / squares[j] == Approx(1.0).margin(0.15));
  const LinearFit flat(Grid<double>(5, 2, 0.5), std::vector<double>{1, 2, 3, 4, 5}, std::vector<double>(5, 1.0), 0.1);
  CHECK_FALSE(flat.sound());
  CHECK(std::isnan(flat.along(along).value));
}
