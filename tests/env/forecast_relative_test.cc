#include <catch2/catch.hpp>

#include <cmath>

#include "core/rng.h"
#include "env/reward.h"
#include "tests/trainer/toy_corpus.h"

using namespace fader;

namespace {

const int kSlots[] = {0, 1};

// One reference passage a group in two groups, so that losses are what the curve says.
struct Course {
  ToyCorpus corpus{10, 8};
  std::unique_ptr<Reward> reward;
  std::vector<double> loss = {6};
  std::int64_t tokens = 0;
  Course() {
    corpus.add({2, 2, 2}, Set::reward, 0, 1);
    corpus.add({2, 2, 2}, Set::reward, 0, 2);
    reward = rewards().make_default("forecast_relative", RewardContext{corpus, 2});
    reward->begin(kSlots);
  }
  Estimate go_to(double next, std::int64_t step = 1000, int slot = 0) {
    tokens += step;
    const std::vector<PassageId> items = {0, 1};
    const std::vector<float> before(2, static_cast<float>(loss.back()));
    const std::vector<float> after = {static_cast<float>(next + 0.01), static_cast<float>(next - 0.01)};
    const Estimate e = reward->measure(slot, {items, before, after, loss.back(), next, tokens});
    loss.push_back(next);
    return e;
  }
};

double law(double n, double e, double b, double a) { return e + b * std::pow(n, -a); }

}  // namespace

TEST_CASE("W6 is zero on a power law, once four losses are known, whatever the law") {
  using Laws = std::vector<std::array<double, 3>>;
  for (const auto& [e, b, a] : Laws{{2, 30, 0.3}, {0, 50, 0.5}, {3, 1e4, 1.2}, {2.5, 4, 0.05}, {1, 2e9, 3.0}}) {
    Course course;
    double n = 0;
    for (int t = 1; t <= 12; ++t) {
      const std::int64_t step = 800 + 100 * (t % 3);  // intervals need not be equal
      n += static_cast<double>(step);
      const double r = course.go_to(law(n, e, b, a), step).value;
      INFO("e " << e << ", b " << b << ", a " << a << ", interval " << t);
      if (t > 4) CHECK(r == Approx(0).margin(1e-6));
    }
  }
}

TEST_CASE("W6 is positive when the loss falls faster than foretold, negative when slower, by just as much") {
  for (const double extra : {0.05, -0.05}) {
    Course course;
    for (int t = 1; t <= 6; ++t) course.go_to(law(1000.0 * t, 2, 30, 0.3));
    CHECK(course.go_to(law(7000, 2, 30, 0.3) - extra).value == Approx(extra).margin(1e-6));
  }
}

TEST_CASE("before there is a fit W6 is the fall against the mean of the falls before, and zero in the first interval") {
  Course course;
  CHECK(course.go_to(5.0).value == 0);
  CHECK(course.go_to(4.5).value == Approx(0.5 - 1.0));
  CHECK(course.go_to(4.1).value == Approx(0.4 - 0.75));
  CHECK(course.go_to(4.0).value == Approx(0.1 - (1.0 + 0.5 + 0.4) / 3));
}

TEST_CASE("W6 is fitted by least squares: no other law of its kind leaves smaller squares") {
  // From what it foretells of noisy losses at two distances, against a search by hand.
  Course course;
  Rng rng(3, "test/forecast");
  std::vector<double> n, y;
  for (int t = 1; t <= 8; ++t) {
    n.push_back(1000.0 * t);
    y.push_back(law(n.back(), 2, 30, 0.3) + 0.05 * rng.normal());
    course.go_to(y.back());
  }
  double best = 1e9, fall = 0;
  for (double e = 0; e < 3.6; e += 0.01)
    for (double a = 0.02; a < 4; a *= 1.02) {
      double ux = 0, uu = 0;
      for (std::size_t i = 0; i < n.size(); ++i) {
        const double u = std::pow(n[i] / 8000, -a);
        ux += u * (y[i] - e);
        uu += u * u;
      }
      const double b = std::max(0.0, ux / uu);
      double squares = 0;
      for (std::size_t i = 0; i < n.size(); ++i) squares += std::pow(y[i] - e - b * std::pow(n[i] / 8000, -a), 2);
      if (squares < best) best = squares, fall = b - b * std::pow(9000.0 / 8000, -a);
    }
  const double after = y.back() - 0.1;
  CHECK(course.go_to(after).value == Approx(0.1 - fall).margin(5e-4));
}

TEST_CASE("the error of W6 is that of the fall") {
  Course course;
  const Estimate e = course.go_to(5.0);
  // two groups with residuals 4 tokens x 0.01 each way: var = 2/1 * 2 * 0.04^2 / 8^2
  CHECK(e.standard_error == Approx(0.01).epsilon(1e-4));
}

TEST_CASE("W6 keeps its slots apart, forgets at a new episode, and survives save and load") {
  Course course;
  for (int t = 1; t <= 6; ++t) course.go_to(law(1000.0 * t, 2, 30, 0.3));
  Archive out;
  course.reward->slot_state(out, 0);
  Course other;
  other.loss = course.loss;
  other.tokens = course.tokens;
  Archive in(out.bytes());
  other.reward->slot_state(in, 1);  // a slot's state may be moved
  in.finish();
  CHECK(other.go_to(3.9, 1000, 1).value == course.go_to(3.9).value);
  CHECK(course.go_to(3.8, 1000, 1).value == 0);  // the first of slot 1
  course.reward->begin(kSlots);
  CHECK(course.go_to(3.0).value == 0);

  std::string bytes = out.bytes();
  const double odd = std::nan("");
  bytes.replace(bytes.size() - 8, 8, reinterpret_cast<const char*>(&odd), 8);
  Archive broken(bytes);
  CHECK_THROWS_AS(other.reward->slot_state(broken, 0), DataError);
}
