// What known-answer environments share: states that are refused, steps without allocations, and what answers are found with.
#include "env/known_answer.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>

#include "env/convex.h"
#include "tests/counted_malloc.h"

using namespace fader;

namespace {

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& name : environments().names())
    if (!dynamic_cast<EnvOptions&>(*environments().at(name).options()).trains()) out.push_back(name);
  return out;
}

std::unique_ptr<Env> make(const std::string& name) { return environments().make_default(name, EnvContext{}); }

struct Slot {
  std::unique_ptr<Env> env;
  Outcome out = {};
  std::vector<double> w = {};
  std::array<int, 1> slots = {0};
  explicit Slot(const std::string& name) : env(make(name)) {
    w.assign(env->spec().agents.size(), 1.0 / static_cast<double>(env->spec().agents.size()));
    out.fit(env->spec(), 1);
  }
  void reset() { env->reset(slots, std::array<std::uint64_t, 1>{1}, out); }
  void step() { env->step(slots, {w.data(), 1, w.size()}, out); }
};

}  // namespace

TEST_CASE("the nine known answers are there") {
  CHECK(names() == std::vector<std::string>{"bandit-v0", "collinear-v0", "contextual-v0", "curves-v0", "delayed-v0", "experts-v0",
                                            "hidden-v0", "misleading-v0", "reservoir-v0"});
}

TEST_CASE("known answers show progress and weights first") {
  for (const auto& name : names()) {
    CAPTURE(name);
    const auto env = make(name);
    const auto& fields = env->spec().observation;
    REQUIRE(fields.size() >= 2);
    CHECK(fields[0].name == "progress");
    CHECK(fields[1].name == "weights");
    CHECK(fields[1].axis == "agent");
    CHECK(fields[1].labels == env->spec().agents);
  }
}

TEST_CASE("a step of a known answer allocates nothing") {
  if (!counted::kCounts) return;
  for (const auto& name : names()) {
    CAPTURE(name);
    Slot slot(name);
    slot.reset();
    slot.step();
    const auto before = counted::calls.load();
    for (int i = 0; i < 20; ++i) slot.step();
    CHECK(counted::calls.load() == before);
    slot.out.fit(slot.env->spec(), 1);
    CHECK(counted::calls.load() == before);  // nor does clearing the outcome
  }
}

TEST_CASE("a state of a known answer with a flipped bit is refused or plays on") {
  for (const auto& name : names()) {
    CAPTURE(name);
    Slot slot(name);
    slot.reset();
    for (int i = 0; i < 5; ++i) slot.step();
    Archive saved;
    slot.env->state(saved);
    int refused = 0, played = 0;
    for (std::size_t bit = 0; bit < 8 * saved.bytes().size(); bit += 3) {
      std::string bytes = saved.bytes();
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
      Slot other(name);
      try {
        Archive loading(bytes);
        other.env->state(loading);
        loading.finish();
      } catch (const DataError&) {
        ++refused;
        continue;
      }
      ++played;
      try {
        for (other.out.end[0] = End::no; other.out.end[0] == End::no;) other.step();
      } catch (const Defect& e) {
        REQUIRE_THAT(e.what(), Catch::Contains("has ended or was never reset"));  // `live` was the bit
      }
    }
    CHECK(refused > 0);
    CHECK(played > 0);
  }
}

TEST_CASE("a state that is live beyond the last decision is refused") {
  for (const auto& name : names()) {
    CAPTURE(name);
    Slot slot(name);
    slot.reset();
    Archive saved;
    slot.env->state(saved);
    std::string bytes = saved.bytes();
    const std::size_t at = bytes.find("decisions") + 9 + 8;  // name, count, value
    REQUIRE(bytes[at] == 0);
    bytes[at] = static_cast<char>(slot.env->spec().horizon);
    Archive loading(bytes);
    REQUIRE_THROWS_WITH(slot.env->state(loading), Catch::Contains("a decision of this episode"));
  }
}

TEST_CASE("a schedule too long to write down has no answer") {
  const auto& entry = environments().at("bandit-v0");
  const auto options = entry.options();
  dynamic_cast<KnownAnswerOptions&>(*options).horizon = 1'000'000'000;
  const auto env = entry.make(*options, EnvContext{});
  REQUIRE_THROWS_WITH(env->answer(), Catch::Contains("horizon = 1000000000 is too long"));
}

TEST_CASE("the answer of means known beforehand") {
  Grid<double> mean(3, 2);
  mean[0][0] = 1, mean[0][1] = 2;
  mean[1][0] = 5, mean[1][1] = 0;
  mean[2][0] = 0, mean[2][1] = 3;
  const Answer answer = linear_answer(mean);
  CHECK(answer.optimum == 10);
  CHECK(answer.schedule == 10);
  CHECK(answer.fixed == 6);
  CHECK(answer.uniform == 5.5);
  CHECK(answer.fixed_weights == std::vector<double>{1, 0});
  CHECK(answer.schedule_weights[0][1] == 1);
  CHECK(answer.schedule_weights[1][0] == 1);
  CHECK(answer.schedule_weights[2][1] == 1);
}

TEST_CASE("the least of a convex function over a hull") {
  // distance to a point, over a triangle: nearest points are known
  Grid<double> triangle(3, 2);
  triangle[0][0] = 0, triangle[0][1] = 0;
  triangle[1][0] = 4, triangle[1][1] = 0;
  triangle[2][0] = 0, triangle[2][1] = 4;
  struct Case {
    double x, y, nearest_x, nearest_y;
  };
  for (const Case& c : {Case{1, 1, 1, 1}, {3, 3, 2, 2}, {1, -2, 1, 0}, {-1, -1, 0, 0}, {9, 1, 4, 0}, {-3, 2.5, 0, 2.5}}) {
    const Convex square = [&](std::span<const double> at, std::span<double> gradient) {
      gradient[0] = 2 * (at[0] - c.x);
      gradient[1] = 2 * (at[1] - c.y);
      return (at[0] - c.x) * (at[0] - c.x) + (at[1] - c.y) * (at[1] - c.y);
    };
    const HullMinimum found = least_in_hull(square, triangle, {1.0 / 3, 1.0 / 3, 1.0 / 3}, 1e-12);
    CHECK(found.at[0] == Approx(c.nearest_x).margin(1e-6));
    CHECK(found.at[1] == Approx(c.nearest_y).margin(1e-6));
    CHECK(found.gap <= 1e-12);
    CHECK(on_simplex(found.share));
    CHECK(found.at[0] == Approx(4 * found.share[1]).margin(1e-12));
  }
}

TEST_CASE("a function with a kink is not certified") {
  Grid<double> line(2, 1);
  line[1][0] = 1;
  const Convex kink = [](std::span<const double> x, std::span<double> gradient) {
    gradient[0] = x[0] < 0.3 ? -1 : 1;
    return std::abs(x[0] - 0.3);
  };
  REQUIRE_THROWS_AS(least_in_hull(kink, line, {0.5, 0.5}, 1e-9), RunError);
}
