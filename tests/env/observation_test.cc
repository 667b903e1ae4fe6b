// What consoles observe: the same things mean the same, whatever the corpus and the model.
#include "env/observation.h"

#include <catch2/catch.hpp>

#include <cmath>

#include "core/error.h"

using namespace fader;

namespace {

/// An episode as a corpus and a model have it: `log_vocabulary` is the scale of losses, `score` that of scores, `interval` of tokens.
struct World {
  double log_vocabulary, score, shift, credit, interval;
  std::vector<std::string> domains;

  std::vector<double> observe(ObservationBuilder& builder, int t, int slot = 0) const {
    const double x = t;
    const double level = log_vocabulary * (0.4 + 0.6 * std::pow(1 + x, -0.5));
    const std::vector<double> weights = {0.2, 0.8}, domain(domains.size(), level), agreement = {0.3}, own = {0.5, NAN};
    const std::vector<ScoreStatistics> scores = {{shift + score * (1 + 0.1 * x), score * (2 + x), shift + score * (5 + x)}, {shift, 0, shift}};
    const std::vector<Estimate> found = {{3 * credit, 0.5 * credit}, {-credit, NAN}};
    Situation now;
    now.progress = x / 10;
    now.weights = weights;
    now.learning_rate = 0.5;
    now.loss_reference = level;
    now.loss_train = t == 0 ? NAN : level;
    now.loss_domain = domain;
    now.gradient_norm = t == 0 ? NAN : 0.7;
    now.pool_left = 1 - x / 20;
    now.scores = scores;
    now.agreement = agreement;
    now.agent_reward = own;
    now.tokens = interval * x;
    now.times_seen = x;
    now.gradient_cosine = t == 0 ? NAN : 0.25;
    if (t > 0) now.credit = found;
    const std::vector<Estimate> none(2);
    if (t == 0) now.credit = none;
    std::size_t size = 0;
    for (const Field& f : builder.fields()) size += f.size;
    std::vector<double> out(size, NAN);
    builder.write(slot, now, out);
    return out;
  }
  ObservationBuilder builder() const { return {2, {"a", "b"}, domains, log_vocabulary}; }
};

const World kSmall{std::log(512.0), 1, 0, 1e-3, 1000, {"book"}};
const World kLarge{std::log(32000.0), 250, 40, 7.0, 64000, {"book", "wiki", "code"}};

std::span<const double> field(const ObservationBuilder& builder, std::span<const double> row, const std::string& name) {
  for (const Field& f : builder.fields())
    if (f.name == name) return row.subspan(f.offset, f.size);
  FAIL("no field " << name);
  return {};
}

}  // namespace

TEST_CASE("fields of experiments with other corpora and models mean the same") {
  ObservationBuilder small = kSmall.builder(), large = kLarge.builder();
  for (int t = 0; t < 12; ++t) {
    const auto a = kSmall.observe(small, t), b = kLarge.observe(large, t);
    for (const Field& f : small.fields()) {
      if (f.axis == "domain") continue;
      const auto x = field(small, a, f.name), y = field(large, b, f.name);
      INFO(f.name << ", decision " << t);
      REQUIRE(x.size() == y.size());
      for (std::size_t i = 0; i < x.size(); ++i) CHECK(x[i] == Approx(y[i]).margin(2e-5));
    }
  }
}

TEST_CASE("what is observed is finite and within three, however odd the situation") {
  ObservationBuilder builder = kSmall.builder();
  World odd = kSmall;
  odd.credit = 1e-300;
  odd.score = 1e30;
  for (int t = 0; t < 6; ++t)
    for (const double x : odd.observe(builder, t)) {
      CHECK(std::isfinite(x));
      CHECK(std::abs(x) <= 3);
    }
}

TEST_CASE("the law's exponent and asymptote are those of the curve, times seen are in uses that are free, credit in all agents' unit") {
  ObservationBuilder builder = kSmall.builder();
  std::vector<double> row;
  for (int t = 0; t < 9; ++t) {
    World world = kSmall;
    row = world.observe(builder, t);
    // three losses after training are too few for a law, and the untrained model's is on none
    if (t < 4) CHECK(field(builder, row, "law_exponent")[0] == 0);
    if (t >= 4) CHECK(field(builder, row, "law_exponent")[0] > 0);
  }
  ObservationBuilder power({1, {"a"}, {"book"}, std::log(512.0)});
  const auto law = [](double n) { return 1.5 + 40 * std::pow(n, -0.4); };
  std::vector<double> out(100, NAN);
  std::size_t size = 0;
  for (const Field& f : power.fields()) size += f.size;
  for (int t = 0; t < 8; ++t) {
    const std::vector<double> weight = {1}, domain = {3}, own = {NAN};
    const std::vector<ScoreStatistics> scores = {{0, 1, 1}};
    const std::vector<Estimate> none(1);
    Situation now;
    now.weights = weight;
    now.loss_domain = domain;
    now.scores = scores;
    now.agent_reward = own;
    now.credit = none;
    now.loss_reference = t == 0 ? 6 : law(1000.0 * t);
    now.tokens = 1000.0 * t;
    now.times_seen = 2;
    power.write(0, now, std::span(out).first(size));
  }
  CHECK(field(power, out, "law_exponent")[0] == Approx(0.4).epsilon(1e-3));
  CHECK(field(power, out, "law_asymptote")[0] == Approx(1.5 / law(7000)).epsilon(1e-3));
  CHECK(field(power, out, "times_seen")[0] == 0.5);
  CHECK(field(power, out, "gradient_cosine")[0] == 0);
  CHECK(field(power, out, "credit")[0] == 0);
  // of 3 and -1 the root mean square is that of 5
  CHECK(field(builder, row, "credit")[0] == Approx(3 / std::sqrt(5.0)));
  CHECK(field(builder, row, "credit")[1] == Approx(-1 / std::sqrt(5.0)));
  CHECK(field(builder, row, "credit_se")[0] == Approx(0.5 / std::sqrt(5.0)));
  CHECK(field(builder, row, "credit_se")[1] == 0);
}

TEST_CASE("the newer fields are seen only where they are named, and the others stand where they stood") {
  const ObservationBuilder builder = kLarge.builder();
  std::vector<std::string> asked;
  std::size_t before = 0;
  for (const Field& f : builder.fields()) {
    if (f.asked_for) asked.push_back(f.name);
    else {
      CHECK(asked.empty());  // none of them comes after
      before = f.offset + f.size;
    }
  }
  CHECK(asked == std::vector<std::string>{"law_exponent", "law_asymptote", "times_seen", "gradient_cosine", "credit", "credit_se"});
  CHECK(before == 1 + 2 + 7 + 2 * 3 + 2 + 3 * 2 + 1 + 2);
}

TEST_CASE("an observer that is saved and loaded sees the same, in any slot") {
  ObservationBuilder one = kSmall.builder(), other = kSmall.builder();
  for (int t = 0; t < 6; ++t) kSmall.observe(one, t);
  Archive saved;
  one.slot_state(saved, 0);
  Archive loaded(saved.bytes());
  other.slot_state(loaded, 1);
  loaded.finish();
  for (int t = 6; t < 9; ++t) CHECK(kSmall.observe(one, t) == kSmall.observe(other, t, 1));
}
