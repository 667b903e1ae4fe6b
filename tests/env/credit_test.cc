#include "env/credit.h"

#include <catch2/catch.hpp>

#include <cmath>

#include "core/rng.h"

using namespace fader;

TEST_CASE("training_loss is a mean over tokens of what each agent drew, with the error of a ratio over passages") {
  const std::vector<Pick> picks = {{0, 0, 1}, {1, 2, 1}, {2, 0, 1}, {3, 0, 1}};
  const std::vector<float> loss = {2, 7, 4, 3};
  const std::vector<double> tokens = {10, 5, 20, 10};
  const auto credit = training_loss_credit(picks, loss, tokens, 3);
  REQUIRE(credit.size() == 3);
  CHECK(credit[0].value == Approx(130.0 / 40));
  // residuals 10 (2 - 3.25), 20 (4 - 3.25), 10 (3 - 3.25); three passages, 40 tokens
  CHECK(credit[0].standard_error == Approx(std::sqrt(1.5 * (12.5 * 12.5 + 15 * 15 + 2.5 * 2.5)) / 40));
  CHECK(std::isnan(credit[1].value));
  CHECK(std::isnan(credit[1].standard_error));
  CHECK(credit[2].value == 7);
  CHECK(std::isnan(credit[2].standard_error));  // one passage has none
}

TEST_CASE("the error of training_loss covers: its mean square is the variance of the estimate") {
  Rng rng(6, "test/credit");
  const int repetitions = 3000, n = 40;
  double squared_error = 0, squared_se = 0;
  for (int r = 0; r < repetitions; ++r) {
    std::vector<Pick> picks(n);
    std::vector<float> loss;
    std::vector<double> tokens;
    for (int i = 0; i < n; ++i) {
      tokens.push_back(5 + static_cast<double>(rng.below(60)));
      loss.push_back(static_cast<float>(3 + 0.5 * rng.normal()));
    }
    const Estimate e = training_loss_credit(picks, loss, tokens, 1)[0];
    squared_error += std::pow(e.value - 3, 2) / repetitions;
    squared_se += e.standard_error * e.standard_error / repetitions;
  }
  CHECK(squared_se / squared_error == Approx(1.0).margin(0.1));
}

TEST_CASE("seed_code's credit is by place in the merged list: quality, domain, topic, whoever the agents are") {
  const CategoryValues topic{2, {5, 6}}, domain{1, {3, 4}}, quality{0, {1, 2}}, none{};
  // agents in another order than the list: agent i gets entry i all the same
  const auto d = seed_code_credit({topic, none, domain, quality}, 4);
  CHECK(d == std::vector<double>{1 - 3.5, 2 - 3.5, 3 - 3.5, 4 - 3.5});
  const auto few = seed_code_credit({none, domain}, 3);
  CHECK(few[0] == -0.5);
  CHECK(few[1] == 0.5);
  CHECK(std::isnan(few[2]));
  for (const double x : seed_code_credit({none, none}, 2)) CHECK(std::isnan(x));
}
