// The shared part of bandits: three ways to play, what is heard of them, and play without exploring.
#include "policies/bandit.h"

#include <catch2/catch.hpp>

#include <limits>

#include "tests/policies/console.h"

using namespace fader;
using namespace fader::testing;

namespace {

using Row = std::vector<double>;

// Plays with the probabilities that it is given, and keeps what it hears.
class Listener final : public Bandit {
 public:
  Listener(const BanditOptions& options, const PolicyContext& context, bool reads = false)
      : Bandit(options, context, {"arm"}), p(arms(), 1 / static_cast<double>(arms())), reads_(reads) {}
  void state(Archive&) override {}

  Row p;
  std::vector<Pull> heard;
  int moments = 0, asked = 0;

 protected:
  bool contextual() const override { return reads_; }
  void probabilities(std::span<const double> x, std::span<double> out) override {
    ++asked;
    std::copy(p.begin(), p.end(), out.begin());
    if (reads_) out[0] = x[0] > 0 ? 1 : 0, out[1] = 1 - out[0];
  }
  void diagnose(std::size_t arm, std::span<double> out) override { out[0] = static_cast<double>(arm); }
  void update(std::span<const Pull> pulls) override {
    ++moments;
    heard.assign(pulls.begin(), pulls.end());
  }

 private:
  const bool reads_;
};

BanditOptions played(const std::string& play, const std::string& feedback) {
  BanditOptions options;
  options.play = play;
  options.feedback = feedback;
  return options;
}

struct Played {
  Listener* bandit;
  Console console;
  Played(const BanditOptions& options, const PolicyContext& context, bool reads = false)
      : Played(std::make_unique<Listener>(options, context, reads), context) {}

 private:
  Played(std::unique_ptr<Listener> made, const PolicyContext& context)
      : bandit(made.get()), console(std::move(made), context, 9) {}
};

Grid<double> grid(const std::vector<Row>& rows) {
  Grid<double> out(rows.size(), rows[0].size());
  for (std::size_t i = 0; i < rows.size(); ++i) std::copy(rows[i].begin(), rows[i].end(), out[i].begin());
  return out;
}

}  // namespace

TEST_CASE("an arm is drawn, its preset is played, and its reward is heard of with the probability of the draw") {
  BanditOptions options = played("one", "reward");
  options.presets = "vertices_centre";
  Played t(options, context_of(2, 3, 100));  // floors: 0.08
  t.bandit->p = {0.5, 0.2, 0.3};
  REQUIRE(t.bandit->spec().credit == "none");
  REQUIRE_FALSE(t.bandit->spec().deterministic);
  const auto& d = t.console.decide();
  REQUIRE(t.bandit->asked == 1);  // for all slots
  t.console.learn({0.1, 0.2, 0.3});
  REQUIRE(t.bandit->moments == 1);
  REQUIRE(t.bandit->heard.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto arm = static_cast<std::size_t>(d.arm[i]);
    const Row& preset = t.bandit->spec().presets[arm];
    REQUIRE(std::equal(preset.begin(), preset.end(), d.weights[i].begin()));
    REQUIRE(d.diagnostics[i][0] == static_cast<double>(arm));
    REQUIRE(d.log_density[i] == std::log(t.bandit->p[arm]));
    const Pull& pull = t.bandit->heard[i];
    REQUIRE(pull.arm == arm);
    REQUIRE(pull.reward == Row{0.1, 0.2, 0.3}[i]);
    REQUIRE(pull.probability == t.bandit->p[arm]);
    REQUIRE(pull.played == t.bandit->p[arm]);
    REQUIRE(pull.x.size() == t.console.observed(i).size());
  }
}

TEST_CASE("a mixture plays the presets in proportion and is told of every arm by the agents' credit") {
  BanditOptions options = played("mixture", "credit");
  options.presets_list = {{1, 0, 0}, {0, 0.5, 0.5}};
  options.credits.credit = "agent_reward";
  Played t(options, context_of(3, 2));
  t.bandit->p = {0.3, 0.7};
  REQUIRE(t.bandit->spec().credit == "agent_reward");
  REQUIRE(t.bandit->spec().credit_scaler == "minmax_window");
  REQUIRE(t.bandit->spec().deterministic);
  const auto& d = t.console.decide();
  for (std::size_t i = 0; i < 2; ++i) {
    REQUIRE(d.weights[i][0] == Approx(0.3));
    REQUIRE(d.weights[i][1] == Approx(0.35));
    REQUIRE(d.weights[i][2] == Approx(0.35));
    REQUIRE(d.arm[i] == -1);
    REQUIRE(d.log_density[i] == 0);
    REQUIRE(d.probability[i][1] == 0.7);
    REQUIRE(d.diagnostics[i][0] == 1);  // the most probable
  }
  t.console.learn({9, 9}, grid({{0.2, 0.4, 0.8}, {1, 2, 3}}));
  REQUIRE(t.bandit->moments == 1);
  REQUIRE(t.bandit->heard.size() == 4);  // slot by slot, arm by arm
  const Row earned = {0.2, 0.6, 1, 2.5};
  for (std::size_t i = 0; i < 4; ++i) {
    REQUIRE(t.bandit->heard[i].arm == i % 2);
    REQUIRE(t.bandit->heard[i].reward == Approx(earned[i]));
    REQUIRE(t.bandit->heard[i].probability == 1);
    REQUIRE(t.bandit->heard[i].played == t.bandit->p[i % 2]);
  }
}

TEST_CASE("an arm may be drawn and all of them heard of") {
  Played t(played("one", "credit"), context_of(2));
  t.bandit->p = {0.25, 0.75};
  const auto& d = t.console.decide();
  REQUIRE(d.arm[0] >= 0);
  t.console.learn({9}, grid({{0.5, -2}}));
  REQUIRE(t.bandit->heard.size() == 2);
  REQUIRE(t.bandit->heard[0].reward == 0.5);
  REQUIRE(t.bandit->heard[1].reward == -2);
  REQUIRE(t.bandit->heard[1].probability == 1);
  REQUIRE(t.bandit->heard[1].played == 0.75);
}

TEST_CASE("credit that was not measured counts as the mean of the rest, without any nothing is heard") {
  const double nan = std::nan("");
  Played t(played("mixture", "credit"), context_of(3, 2));
  t.console.decide();
  t.console.learn({0, 0}, grid({{0.2, nan, 0.6}, {nan, nan, nan}}));
  REQUIRE(t.bandit->heard.size() == 3);  // of the first slot
  REQUIRE(t.bandit->heard[0].reward == 0.2);
  REQUIRE(t.bandit->heard[1].reward == Approx(0.4));
  REQUIRE(t.bandit->heard[2].reward == 0.6);
  t.console.learn({0, 0}, grid({{nan, nan, nan}, {nan, nan, nan}}));
  REQUIRE(t.bandit->heard.empty());
}

TEST_CASE("credit that is infinite and rewards that are not finite are refused before anything is heard") {
  Played t(played("mixture", "credit"), context_of(2, 2));
  t.console.decide();
  const double infinity = std::numeric_limits<double>::infinity();
  REQUIRE_THROWS_WITH(t.console.learn({0, 0}, grid({{1, 2}, {3, infinity}})),
                      Catch::Contains("an agent's credit in slot 1 is inf"));
  REQUIRE_THROWS_AS(t.console.learn({0, std::nan("")}, grid({{1, 2}, {3, 4}})), RunError);
  REQUIRE(t.bandit->moments == 0);
}

TEST_CASE("a mixture cannot learn from its reward") {
  const auto refused = [] { played("mixture", "reward").validate(); };
  REQUIRE_THROWS_AS(refused(), ConfigError);
  REQUIRE_THROWS_WITH(refused(), Catch::Contains("set feedback = \"credit\", or play = \"one\""));
}

TEST_CASE("without exploring an arm that is drawn is the most probable one, a mixture stays one") {
  Played one(played("one", "reward"), context_of(3)), mixture(played("mixture", "credit"), context_of(3));
  for (auto* t : {&one, &mixture}) {
    t->bandit->p = {0.2, 0.5, 0.3};
    t->bandit->explore(false);
  }
  for (int i = 0; i < 20; ++i) {
    REQUIRE(one.console.decide().arm[0] == 1);
    REQUIRE(one.console.decided().log_density[0] == 0);
    REQUIRE(one.console.decided().probability[0][1] == 1);
  }
  REQUIRE(mixture.console.decide().weights[0][2] == 0.3);
  one.bandit->p = {0.4, 0.2, 0.4};  // several: any of them
  REQUIRE(one.console.decide().probability[0][0] == 0.5);
  REQUIRE(one.console.decided().probability[0][1] == 0);
  one.bandit->explore(true);
  REQUIRE(one.console.decide().probability[0][1] == 0.2);
}

TEST_CASE("a bandit that reads observations is asked for every slot") {
  constexpr std::size_t kSlots = 16;
  Played t(played("one", "reward"), context_of(2, kSlots), true);
  const auto& d = t.console.decide();
  REQUIRE(t.bandit->asked == kSlots);
  bool differs = false;
  for (std::size_t i = 0; i < kSlots; ++i) {
    REQUIRE(d.arm[i] == (t.console.observed(i)[0] > 0 ? 0 : 1));
    differs |= d.arm[i] != d.arm[0];
  }
  REQUIRE(differs);
}

TEST_CASE("greedy and softmax, in place too") {
  Row v = {1, 3, 3, -2};
  greedy(v, v);
  REQUIRE(v == Row{0, 0.5, 0.5, 0});
  Row s = {1000, 1000 + std::log(3.0), -1e308};
  softmax(s, s);
  REQUIRE(s[0] == Approx(0.25));
  REQUIRE(s[1] == Approx(0.75));
  REQUIRE(s[2] == 0);
}

TEST_CASE("decisions fit when their sizes do, their arms are known and what was drawn could have been") {
  const auto context = context_of(2, 2);
  Played t(played("one", "reward"), context);
  const PolicySpec& spec = t.bandit->spec();
  t.bandit->p = {0.25, 0.75};
  const Decisions made = t.console.decide();
  REQUIRE(made.fits(spec, 2, 2));
  REQUIRE_FALSE(made.fits(spec, 3, 2));
  REQUIRE_FALSE(made.fits(spec, 2, 1));
  Decisions none;
  none.fit(spec, 2, 2);
  REQUIRE(none.fits(spec, 2, 2));  // before the first
  for (const std::int64_t arm : {-2, 2}) {
    Decisions odd = made;
    odd.arm[1] = arm;
    REQUIRE_FALSE(odd.fits(spec, 2, 2));
  }
  Decisions unknown = made;  // a policy may not know how probable an arm was
  unknown.probability[1][static_cast<std::size_t>(unknown.arm[1])] = std::nan("");
  REQUIRE(unknown.fits(spec, 2, 2));
  for (const double p : {0.0, -0.5, 1.5}) {
    Decisions odd = made;
    odd.probability[1][static_cast<std::size_t>(odd.arm[1])] = p;
    REQUIRE_FALSE(odd.fits(spec, 2, 2));
  }
}
