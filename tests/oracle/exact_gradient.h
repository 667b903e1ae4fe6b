// A world so small that every course of an episode can be counted: the gradient of the expected return by central differences, and the
// expectation of what a console's update does to its parameters. Consoles are looked into through their saved state alone.
#pragma once
#include <cstring>
#include <string>
#include <vector>

#include "tests/oracle/learned_play.h"

namespace fader::testing {

/// The parameters within a saved state, which is the field "theta" of 32-bit numbers.
class Parameters {
 public:
  explicit Parameters(Policy& policy) {
    Archive archive;
    policy.state(archive);
    bytes_ = archive.bytes();
    const std::string name = std::string("f") + std::string("\5\0\0\0", 4) + "theta";
    const auto at = bytes_.find(name);
    FADER_CHECK(at != std::string::npos, "a state without theta");
    std::uint64_t count = 0;
    std::memcpy(&count, bytes_.data() + at + name.size(), sizeof count);
    at_ = at + name.size() + sizeof count;
    theta_.resize(count);
    std::memcpy(theta_.data(), bytes_.data() + at_, count * sizeof(float));
  }
  const std::vector<float>& get() const { return theta_; }
  void set(Policy& policy, const std::vector<float>& theta) const {
    std::string bytes = bytes_;
    std::memcpy(bytes.data() + at_, theta.data(), theta.size() * sizeof(float));
    Archive archive(bytes);
    policy.state(archive);
    archive.finish();
  }

 private:
  std::string bytes_;
  std::size_t at_ = 0;
  std::vector<float> theta_;
};

/// Two decisions between three presets; what the second pays depends on the first, which is shown.
struct Counted {
  static constexpr std::size_t kArms = 3;
  static constexpr double kFirst[kArms] = {0.3, -0.2, 0.1};
  static constexpr double kSecond[kArms][kArms] = {{0, 0.4, -0.3}, {1, 0.2, 0.6}, {-0.5, 0.9, 0}};

  static PolicyContext context() {
    PolicyContext c;
    for (std::size_t k = 0; k < kArms; ++k) c.agents.push_back("agent_" + std::to_string(k));
    c.observation = {{"step", 0, 1}, {"arm", 1, 1}};
    c.horizon = 2;
    return c;
  }
  static std::vector<double> seen(std::size_t step, std::size_t arm) { return {static_cast<double>(step), step == 0 ? 0.5 : static_cast<double>(arm) - 1}; }

  explicit Counted(Policy& console) : policy(console) { decided.fit(policy.spec(), kArms, 1); }

  void decide(const std::vector<double>& x, std::uint64_t draw) {
    std::vector<Rng> streams = {Rng(draw, "draw")};
    policy.decide({slots, {x.data(), 1, 2}}, streams, decided);
  }
  void begin() {
    std::vector<Rng> streams = {Rng(0, "begin")};
    policy.begin(slots, streams);
  }
  void learn(const std::vector<double>& x, double reward, const std::vector<double>& after, End how) {
    const Grid<double> none(1, 0);
    const std::vector<double> r = {reward}, se = {0.1};
    const std::vector<End> end = {how};
    Rng rng(1, "learn");
    policy.learn({{slots, {x.data(), 1, 2}}, decided, r, se, none.view(), none.view(), {after.data(), 1, 2}, end}, rng);
  }
  double probability(std::size_t step, std::size_t before, std::size_t arm) {
    decide(seen(step, before), 0);
    return decided.probability[0][arm];
  }
  double expected_return() {
    double total = 0;
    for (std::size_t a = 0; a < kArms; ++a)
      for (std::size_t b = 0; b < kArms; ++b) total += probability(0, 0, a) * probability(1, a, b) * (kFirst[a] + kSecond[a][b]);
    return total;
  }
  /// An episode in which these arms are drawn, learned from.
  void play(std::size_t a, std::size_t b) {
    begin();
    for (std::size_t step = 0; step < 2; ++step) {
      const auto x = seen(step, a);
      const auto wanted = static_cast<std::int64_t>(step == 0 ? a : b);
      std::uint64_t draw = 0;
      do decide(x, draw++);
      while (decided.arm[0] != wanted);
      learn(x, step == 0 ? kFirst[a] : kSecond[a][b], seen(1, step == 0 ? a : b), step == 0 ? End::no : End::terminated);
    }
  }

  Policy& policy;
  std::array<int, 1> slots = {0};
  Decisions decided;
};

/// Compares the expectation of what an update of `episodes` episodes changes (one plain step against a gradient of means over
/// decisions, rate one) with the slope of the expected return.
inline void check_policy_gradient(const std::string& name, int episodes, const std::function<void(Options&)>& set) {
  const auto make = [&] {
    return make_policy(name, Counted::context(), [&](Options& o) {
      set_option(o, "hidden", std::vector<std::int64_t>{3});
      set_option<std::string>(o, "optimiser", "sgd");
      set_option(o, "learning_rate", 1.0);
      set_option(o, "entropy", 0.0);
      set_option(o, "value", 0.0);
      set_option(o, "clip_gradient", 0.0);
      set_option(o, "normalise", false);
      set(o);
    });
  };
  const auto policy = make();
  Counted world(*policy);
  const Parameters fresh(*policy);
  std::vector<float> theta = fresh.get();
  Rng rng(5, "theta");
  for (float& t : theta) t = static_cast<float>(0.7 * rng.normal());
  std::vector<double> change(theta.size(), 0.0), slope(theta.size());
  fresh.set(*policy, theta);
  std::vector<double> p;
  for (std::size_t a = 0; a < 3; ++a)
    for (std::size_t b = 0; b < 3; ++b) p.push_back(world.probability(0, 0, a) * world.probability(1, a, b));
  for (std::size_t course = 0; course < (episodes == 1 ? 9u : 81u); ++course) {
    fresh.set(*policy, theta);
    world.play(course % 9 / 3, course % 3);
    if (episodes == 2) world.play(course / 27, course / 9 % 3);
    const Parameters after(*policy);
    for (std::size_t i = 0; i < theta.size(); ++i)
      change[i] += p[course % 9] * (episodes == 2 ? p[course / 9] : 1.0) * (static_cast<double>(after.get()[i]) - static_cast<double>(theta[i]));
  }
  double greatest = 0;
  for (std::size_t i = 0; i < theta.size(); ++i) {
    constexpr float kStep = 1e-2f;
    auto moved = theta;
    moved[i] = theta[i] + kStep;
    fresh.set(*policy, moved);
    const double up = world.expected_return();
    const double span = static_cast<double>(moved[i]);
    moved[i] = theta[i] - kStep;
    fresh.set(*policy, moved);
    slope[i] = (up - world.expected_return()) / (span - static_cast<double>(moved[i]));
    greatest = std::max(greatest, std::abs(slope[i]));
  }
  REQUIRE(greatest > 0.1);
  for (std::size_t i = 0; i < theta.size(); ++i) CHECK(change[i] == Approx(slope[i] / 2).margin(2e-4));  // two decisions an episode
}

/// What the critic is fitted to, read off its last bias, which a plain step of rate 1/2 moves by the mean over the decisions of
/// target - value.
inline void check_targets(const std::string& name, double gamma, double lambda, End how, const std::function<void(Options&)>& set) {
  const auto policy = make_policy(name, Counted::context(), [&](Options& o) {
    set_option(o, "hidden", std::vector<std::int64_t>{3});
    set_option<std::string>(o, "optimiser", "sgd");
    set_option(o, "learning_rate", 0.5);
    set_option(o, "value", 1.0);
    set_option(o, "clip_gradient", 0.0);
    set_option(o, "gamma", gamma);
    set(o);
  });
  Counted world(*policy);
  const auto first = Counted::seen(0, 0), second = Counted::seen(1, 2), after = std::vector<double>{2, 1};
  const auto value = [&](const std::vector<double>& x) {
    world.decide(x, 0);
    return world.decided.value[0];
  };
  const double v0 = value(first), v1 = value(second), v2 = how == End::terminated ? 0 : value(after), before = static_cast<double>(Parameters(*policy).get().back());
  REQUIRE(std::abs(value(after)) > 0.05);
  world.begin();
  world.decide(first, 0);
  world.learn(first, 0.7, second, End::no);
  world.decide(second, 0);
  world.learn(second, -0.4, after, how);
  const double d0 = 0.7 + gamma * v1 - v0, d1 = -0.4 + gamma * v2 - v1;
  const double moved = ((d0 + gamma * lambda * d1) + d1) / 2;
  REQUIRE(static_cast<double>(Parameters(*policy).get().back()) - before == Approx(moved).margin(1e-5));
}

}  // namespace fader::testing
