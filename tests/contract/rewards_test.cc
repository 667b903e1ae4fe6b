// Does every registered reward keep the promises of env/reward.h? Finds newcomers by itself.
#include <catch2/catch.hpp>

#include <cmath>

#include "core/error.h"
#include "core/rng.h"
#include "tests/env/reward_course.h"

using namespace fader;

namespace {

constexpr std::int64_t kHorizon = 12;

struct Course {
  std::shared_ptr<ToyCorpus> corpus = reference_corpus(4);
  std::unique_ptr<Reward> reward;
  explicit Course(const std::string& name, const RewardOptions& options = {}) {
    Baseline baseline{"a run", {6.0}, {}};
    for (std::int64_t t = 0; t < kHorizon; ++t) baseline.loss.push_back(baseline.loss.back() - 1.0 / static_cast<double>(t + 2));
    reward = rewards().make_default(name, RewardContext{*corpus, 3, options, baseline});
    const int slots[] = {0, 1, 2};
    reward->begin(slots);
  }
  /// Interval t of a course that a seed draws: falls and rises, passages apart.
  Estimate go(int slot, std::uint64_t seed, std::int64_t t) const {
    const auto losses = [&](std::int64_t at) {
      Rng rng(seed, fmt::format("test/course/{}", at));
      std::vector<float> out;
      for (std::size_t i = 0; i < corpus->set(Set::reward).size(); ++i)
        out.push_back(static_cast<float>(2 + 4 / (1 + 0.3 * static_cast<double>(at)) + 0.2 * rng.normal()));
      return out;
    };
    MadeInterval m(*corpus, losses(t), losses(t + 1), t, kHorizon);
    return reward->measure(slot, m.with_uses({1, 3, 9}));
  }
};

bool same(const Estimate& a, const Estimate& b) {
  const auto equal = [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); };
  return equal(a.value, b.value) && equal(a.standard_error, b.standard_error);
}

}  // namespace

TEST_CASE("every reward is finite in every interval of an episode, with an error that is none or not negative") {
  const std::string name = GENERATE(from_range(rewards().names()));
  INFO(name);
  const Course course(name);
  REQUIRE(course.reward->lacks().empty());
  for (std::int64_t t = 0; t < kHorizon; ++t) {
    const Estimate e = course.go(0, 1, t);
    CHECK(std::isfinite(e.value));
    CHECK((std::isnan(e.standard_error) || e.standard_error >= 0));
  }
}

TEST_CASE("every reward stays finite where training diverged") {
  const std::string name = GENERATE(from_range(rewards().names()));
  INFO(name);
  const Course course(name);
  for (std::int64_t t = 0; t < 3; ++t) course.go(0, 1, t);
  const std::size_t n = course.corpus->set(Set::reward).size();
  MadeInterval m(*course.corpus, std::vector<float>(n, 4.0f), std::vector<float>(n, NAN), 3, kHorizon);
  m.interval.loss_after = 7;
  m.interval.last = true;
  m.interval.train_flops = 0;
  const Estimate e = course.reward->measure(0, m.interval);
  CHECK(std::isfinite(e.value));
}

TEST_CASE("no slot of a reward hears of another, nor an episode of the one before") {
  const std::string name = GENERATE(from_range(rewards().names()));
  INFO(name);
  const Course alone(name), among(name);
  for (std::int64_t t = 0; t < kHorizon; ++t) {
    const Estimate one = alone.go(0, 1, t);
    among.go(0, 2, t);
    CHECK(same(among.go(2, 1, t), one));
    among.go(1, 3, t);
  }
  const int again[] = {1};
  among.reward->begin(again);
  const Course fresh(name);
  for (std::int64_t t = 0; t < kHorizon; ++t) CHECK(same(among.go(1, 1, t), fresh.go(0, 1, t)));
}

TEST_CASE("a reward that is saved and loaded goes on as if nothing had been, in any slot") {
  const std::string name = GENERATE(from_range(rewards().names()));
  INFO(name);
  const Course course(name), other(name);
  for (std::int64_t t = 0; t < 5; ++t) {
    course.go(0, 1, t);
    other.go(1, 4, t);
  }
  Archive saved;
  course.reward->slot_state(saved, 0);
  Archive loaded(saved.bytes());
  other.reward->slot_state(loaded, 1);
  loaded.finish();
  for (std::int64_t t = 5; t < kHorizon; ++t) CHECK(same(other.go(1, 1, t), course.go(0, 1, t)));
}

TEST_CASE("a state of a reward with any byte changed is refused or harmless") {
  const std::string name = GENERATE(from_range(rewards().names()));
  INFO(name);
  const Course course(name);
  for (std::int64_t t = 0; t < 5; ++t) course.go(0, 1, t);
  Archive saved;
  course.reward->slot_state(saved, 0);
  for (std::size_t at = 0; at < saved.bytes().size(); ++at)
    for (const unsigned char with : {0x00, 0x01, 0x7f, 0xff}) {
      std::string bytes = saved.bytes();
      bytes[at] = static_cast<char>(with);
      try {
        Archive loaded(bytes);
        course.reward->slot_state(loaded, 1);
        loaded.finish();
      } catch (const DataError&) {
        continue;
      }
      CHECK(std::isfinite(course.go(1, 1, 5).value));
    }
}

TEST_CASE("every reward points the right way, with its options this way or that") {
  const std::string name = GENERATE(from_range(rewards().names()));
  INFO(name);
  const auto corpus = reference_corpus();
  const Baseline baseline{"a run", {3, 2}, {}};
  for (const char* rate : {"token", "flop"})
    for (const char* expected : {"baseline", "forecast"})
      for (const char* penalised : {"reference_loss_drop", "baseline_relative", "terminal_loss", "progress_fraction"}) {
        RewardOptions o;
        o.rate = rate;
        o.expected = expected;
        o.penalised = penalised;
        CHECK_NOTHROW(check_sign(rewards().at(name), RewardContext{*corpus, 1, o, baseline}, corpus->set(Set::reward)));
      }
}
