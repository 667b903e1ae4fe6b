// Off-policy estimates beside Open Bandit Pipeline's: the same log, the same predictions (tests/oracle/reference/ope.py).
#include <catch2/catch.hpp>
#include <algorithm>
#include <sstream>

#include "analysis/ope.h"
#include "core/error.h"
#include "core/files.h"

using namespace fader;
using namespace fader::ope;

namespace {

struct Expected {
  std::string estimator, target;
  std::vector<double> pi;
  double value = 0;
};

struct Shared {
  Rounds rounds;
  RewardModel model;
  Settings settings;
  std::vector<Expected> expected;
};

std::vector<double> numbers(std::istream& in, std::size_t n) {
  std::vector<double> out(n);
  for (double& x : out) in >> x;
  return out;
}

Shared read_shared() {
  Shared out;
  std::istringstream file(read_file(std::string(FADER_SOURCE_DIR) + "/tests/oracle/reference/ope.txt"));
  std::size_t row = 0, arms = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream in(line);
    std::string kind;
    in >> kind;
    if (kind == "shape") {
      const std::vector<double> shape = numbers(in, 2);
      arms = static_cast<std::size_t>(shape[1]);
      out.rounds.probability.resize(static_cast<std::size_t>(shape[0]), arms);
      out.model.predicted.resize(static_cast<std::size_t>(shape[0]), arms);
    } else if (kind == "tau") {
      in >> out.settings.tau;
    } else if (kind == "lambda") {
      in >> out.settings.lambda;
    } else if (kind == "round") {
      const std::vector<double> head = numbers(in, 3), p = numbers(in, arms), q = numbers(in, arms);
      out.rounds.run.push_back(static_cast<std::size_t>(head[0]));
      out.rounds.episode.push_back(static_cast<std::size_t>(head[0]));
      out.rounds.arm.push_back(static_cast<std::size_t>(head[1]));
      out.rounds.reward.push_back(head[2]);
      std::ranges::copy(p, out.rounds.probability[row].begin());
      std::ranges::copy(q, out.model.predicted[row++].begin());
    } else if (kind == "value") {
      Expected e;
      in >> e.estimator >> e.target;
      e.pi = numbers(in, arms);
      in >> e.value;
      out.expected.push_back(e);
    }
    if (kind[0] != '#') REQUIRE(in);
  }
  return out;
}

Estimator by_name(const std::string& name) {
  const auto at = std::ranges::find(kEstimators, name);
  REQUIRE(at != kEstimators.end());
  return static_cast<Estimator>(at - kEstimators.begin());
}

}  // namespace

TEST_CASE("estimates of one step are those of Open Bandit Pipeline on a shared log") {
  const Shared shared = read_shared();
  REQUIRE(shared.rounds.size() == 60);
  REQUIRE(shared.expected.size() == 46);  // eight estimators of six targets, but for replay of the two that mix arms
  double apart = 0;
  for (const Expected& e : shared.expected) {
    const Estimate ours = estimate(by_name(e.estimator), shared.rounds, e.pi, shared.model, shared.settings);
    INFO(e.estimator << " of " << e.target << ": " << ours.value << " against " << e.value);
    CHECK(std::abs(ours.value - e.value) < 1e-12);
    apart = std::max(apart, std::abs(ours.value - e.value));
  }
  INFO("greatest difference " << apart);
  CHECK(apart < 1e-12);
}
