// Does every registered policy keep the promises of policies/policy.h? Finds newcomers by itself.
#include <boost/math/distributions/chi_squared.hpp>
#include <catch2/catch.hpp>

#include <array>
#include <cstring>
#include <limits>
#include <map>
#include <ostream>
#include <set>

#include "policies/simplex.h"
#include "tests/policies/console.h"

using namespace fader;
using namespace fader::testing;

namespace {

// Of consoles that learn by networks: these as small as they go, and updates often. What is checked here does not depend on the
// sizes, and the updates have to be seen.
void shrink(Options& options) {
  const std::map<std::string, std::int64_t> numbers = {{"memory_units", 3}, {"n_steps", 12},  {"episodes", 2},
                                                       {"batch", 8},        {"warm_up", 10}, {"capacity", 30}};
  for (auto& o : options.list()) {
    if (const auto it = numbers.find(o.name); it != numbers.end())
      if (auto* const* value = std::get_if<std::int64_t*>(&o.target)) **value = it->second;
    if (o.name == "hidden") *std::get<std::vector<std::int64_t>*>(o.target) = {4};
  }
}

// A policy as it comes, or with one of its texts set to another value that is allowed: "ucb", "ucb variant=tuned". Where that
// value needs another beside it, both: "ucb play=mixture feedback=credit".
struct Case {
  std::string name;
  std::vector<std::pair<std::string, std::string>> settings;

  void set(Options& options) const {
    for (const auto& [option, value] : settings) set_option(options, option, value);
  }
  bool allowed() const {
    const auto options = policies().at(name).options();
    set(*options);
    try {
      options->validate();
    } catch (const ConfigError&) {
      return false;
    }
    return true;
  }
  std::unique_ptr<Policy> make(const PolicyContext& context) const {
    return make_policy(name, context, [this](Options& o) {
      set(o);
      shrink(o);
    });
  }
};
std::ostream& operator<<(std::ostream& out, const Case& c) {
  out << c.name;
  for (const auto& [option, value] : c.settings) out << " " << option << "=" << value;
  return out;
}

// What is fed to a policy is the runner's business, not another policy.
bool of_the_runner(const Option& o) { return o.name == "scaler" || o.name == "credit_scaler"; }

std::vector<std::pair<std::string, std::string>> choices(const std::string& name) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto options = policies().at(name).options();
  for (const auto& o : options->list())
    for (const auto& value : o.allowed)
      if (!of_the_runner(o) && value != *std::get<std::string*>(o.target)) out.emplace_back(o.name, value);
  return out;
}

std::vector<Case> cases() {
  std::vector<Case> out;
  for (const auto& name : policies().names()) {
    out.push_back({name, {}});
    FADER_CHECK(out.back().allowed(), "the defaults of {}", name);
    const auto all = choices(name);
    for (const auto& choice : all) {
      Case c{name, {choice}};
      for (auto other = all.begin(); !c.allowed() && other != all.end(); ++other)
        if (other->first != choice.first) c.settings = {choice, *other};
      FADER_CHECK(c.allowed(), "no value of another option goes with {} {}={}", name, choice.first, choice.second);
      out.push_back(c);
    }
  }
  return out;
}

Console console_of(const Case& which, const PolicyContext& context, std::uint64_t seed) {
  return Console(which.make(context), context, seed);
}

std::vector<double> random_rewards(Console& console, std::size_t n) {
  std::vector<double> out(n);
  for (double& r : out) r = console.world().uniform();
  return out;
}

// `steps` decisions, learned from; their bits. An episode has 20.
std::vector<std::uint64_t> play(Console& console, int steps) {
  std::vector<std::uint64_t> out;
  for (int t = 0; t < steps; ++t) {
    append_bits(console.decide(), out);
    console.learn(random_rewards(console, console.decided().arm.size()), t % 20 == 19);
  }
  return out;
}

std::string saved(Console& console) {
  Archive archive;
  console.state(archive);
  return archive.bytes();
}

void load(Console& console, const std::string& bytes) {
  Archive archive(bytes);
  console.state(archive);
  archive.finish();
}

}  // namespace

TEST_CASE("policies stay on the simplex and say how they drew", "[contract]") {
  const auto policy = GENERATE(from_range(cases()));
  const auto agents = GENERATE(1, 2, 5, 11);
  const auto picks = GENERATE(0, 100);
  const int slots = GENERATE(1, 3);
  CAPTURE(policy, agents, picks, slots);
  const auto context = context_of(static_cast<std::size_t>(agents), slots, picks);
  const int steps = agents == 11 ? 60 : 200;  // there are many arms where there are many agents
  auto console = console_of(policy, context, 7);
  const PolicySpec spec = console.policy().spec();
  REQUIRE(spec.presets.size() == spec.arms);
  for (const auto& preset : spec.presets) REQUIRE((preset.size() == context.agents.size() && simplex::is_on(preset)));
  for (int t = 0; t < steps; ++t) {
    const Decisions& d = console.decide();
    for (std::size_t i = 0; i < static_cast<std::size_t>(slots); ++i) {
      REQUIRE(simplex::is_on(d.weights[i], 1e-12));
      REQUIRE_FALSE(std::isnan(d.log_density[i]));
      if (spec.arms == 0) {
        REQUIRE(d.arm[i] == -1);
        continue;
      }
      if (d.arm[i] == -1) {  // a mixture of them
        REQUIRE(simplex::is_on(d.probability[i], 1e-12));
        for (std::size_t k = 0; k < context.agents.size(); ++k) {
          double expected = 0;
          for (std::size_t a = 0; a < spec.arms; ++a) expected += d.probability[i][a] * spec.presets[a][k];
          REQUIRE(d.weights[i][k] == Approx(expected).margin(1e-12));
        }
        continue;
      }
      REQUIRE((d.arm[i] >= 0 && d.arm[i] < static_cast<std::int64_t>(spec.arms)));
      const auto arm = static_cast<std::size_t>(d.arm[i]);
      REQUIRE(std::equal(d.weights[i].begin(), d.weights[i].end(), spec.presets[arm].begin()));
      REQUIRE(simplex::is_on(d.probability[i], 1e-12));
      REQUIRE(d.probability[i][arm] > 0);
      REQUIRE(d.log_density[i] == Approx(std::log(d.probability[i][arm])).margin(1e-12));
    }
    console.learn(random_rewards(console, static_cast<std::size_t>(slots)), t % 20 == 19);
    REQUIRE(console.policy().spec().diagnostics == spec.diagnostics);
  }
}

TEST_CASE("policies that learn leave every agent its floor", "[contract]") {
  const auto policy = GENERATE(from_range(cases()));
  const auto agents = GENERATE(1, 2, 5, 11);
  CAPTURE(policy, agents);
  const auto context = context_of(static_cast<std::size_t>(agents), 1, 400);
  auto console = console_of(policy, context, 3);
  if (!console.policy().spec().learns) return;
  const double least = std::min(8.0 / 400, 0.5 / agents);
  for (int t = 0; t < 50; ++t) {
    for (const double w : console.decide().weights[0]) REQUIRE(w >= least - 1e-15);
    console.learn(random_rewards(console, 1));
  }
}

TEST_CASE("equal seeds give equal decisions, other seeds others", "[contract]") {
  const auto policy = GENERATE(from_range(cases()));
  const int agents = GENERATE(1, 5);
  CAPTURE(policy, agents);
  const auto context = context_of(static_cast<std::size_t>(agents), 2);
  auto a = console_of(policy, context, 1), b = console_of(policy, context, 1);
  REQUIRE(play(a, 60) == play(b, 60));

  // Rewards and observations of seed 1 but draws of other seeds: only draws may differ.
  const auto first_draws = [&](std::uint64_t seed) {
    Console console(policy.make(context), context, 1, seed);
    std::vector<double> weights;
    for (int t = 0; t < 60; ++t) {
      for (const double w : console.decide().weights.view().flat()) weights.push_back(w);
      console.learn({0.5, 0.5}, t % 20 == 19);
    }
    return weights;
  };
  bool differs = false;
  const auto reference = first_draws(1);
  for (std::uint64_t seed = 2; seed < 6; ++seed) differs |= first_draws(seed) != reference;
  REQUIRE(differs == !a.policy().spec().deterministic);
}

TEST_CASE("save, load, continue equals continue", "[contract]") {
  const auto policy = GENERATE(from_range(cases()));
  const int before = GENERATE(0, 1, 3, 40);
  const int slots = GENERATE(1, 3);
  CAPTURE(policy, before, slots);
  const auto context = context_of(4, slots, 100);
  auto original = console_of(policy, context, 5);
  play(original, before);
  const std::string bytes = saved(original);
  REQUIRE(saved(original) == bytes);
  auto copy = console_of(policy, context, 99);
  load(copy, bytes);
  REQUIRE(saved(copy) == bytes);
  REQUIRE(play(copy, 40) == play(original, 40));
  REQUIRE(saved(copy) == saved(original));
}

TEST_CASE("what was learned by three slots is played by one", "[contract]") {
  const auto policy = GENERATE(from_range(cases()));
  CAPTURE(policy);
  const auto three = context_of(4, 3, 100), one = context_of(4, 1, 100);
  auto teacher = console_of(policy, three, 5), alike = console_of(policy, three, 6);
  if (!teacher.policy().spec().learns) return;
  play(teacher, 50);
  Archive archive, again;
  teacher.policy().learned(archive);
  const auto load_into = [&](Policy& other) {
    Archive loading(archive.bytes());
    other.learned(loading);
    loading.finish();
  };
  load_into(alike.policy());
  alike.policy().learned(again);
  REQUIRE(again.bytes() == archive.bytes());
  Console pupil(policy.make(one), one, 7);
  load_into(pupil.policy());
  pupil.policy().explore(false);
  teacher.begin();
  teacher.policy().explore(false);
  // the same is played where the same is seen
  const Grid<double> seen(3, teacher.observed(0).size(), 0.25), branched(3, teacher.policy().spec().branches.size(), 0.5);
  std::vector<Rng> streams = {Rng(1, "a"), Rng(1, "b"), Rng(1, "c")}, copy = streams;
  const std::vector<int> slots = {0, 1, 2};
  Decisions many, single;
  many.fit(teacher.policy().spec(), 4, 3);
  single.fit(pupil.policy().spec(), 4, 1);
  teacher.policy().begin(slots, streams);
  pupil.policy().begin(std::span(slots).first(1), std::span(copy).first(1));
  teacher.policy().decide({slots, seen.view(), branched.view()}, streams, many);
  pupil.policy().decide({std::span(slots).first(1), {seen.view().data, 1, seen.cols()}, {branched.view().data, 1, branched.cols()}},
                        std::span(copy).first(1), single);
  REQUIRE(std::equal(single.weights[0].begin(), single.weights[0].end(), many.weights[0].begin()));
}

TEST_CASE("a policy saved for other agents is refused", "[contract]") {
  const auto policy = GENERATE(from_range(cases()));
  CAPTURE(policy);
  const auto four = context_of(4), five = context_of(5);
  auto original = policy.make(four);
  if (!original->spec().learns) return;
  Archive archive;
  original->state(archive);
  auto other = policy.make(five);
  Archive loading(archive.bytes());
  REQUIRE_THROWS_AS(other->state(loading), DataError);
}

TEST_CASE("a state with odd numbers anywhere in it is refused, or can be gone on from", "[contract]") {
  const auto policy = GENERATE(from_range(cases()));
  CAPTURE(policy);
  const auto context = context_of(3);
  auto console = console_of(policy, context, 5);
  play(console, 4);
  Archive archive;
  console.policy().state(archive);
  for (const double odd : {std::nan(""), -1.0, -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::max()})
    for (std::size_t at = 0; at + 3 * sizeof odd <= archive.bytes().size(); ++at) {
      std::string bytes = archive.bytes();
      for (std::size_t i = 0; i < 3; ++i) std::memcpy(bytes.data() + at + i * sizeof odd, &odd, sizeof odd);  // of every arm
      auto other = console_of(policy, context, 5);
      try {
        Archive loading(bytes);
        other.policy().state(loading);
      } catch (const DataError&) {
        continue;
      }
      for (int i = 0; i < 3; ++i) {
        CHECK(on_simplex(other.decide().weights[0]));
        other.learn({0.5});
      }
    }
}

TEST_CASE("deciding without learning leaves what is learned alone", "[contract]") {
  const auto policy = GENERATE(from_range(cases()));
  CAPTURE(policy);
  const auto context = context_of(4, 2);
  auto plain = console_of(policy, context, 11), curious = console_of(policy, context, 11);
  play(plain, 15);
  play(curious, 15);
  for (std::uint64_t i = 0; i < 20; ++i) curious.decide_aside(i);
  plain.begin();  // what belongs to an episode may have changed
  curious.begin();
  REQUIRE(play(plain, 20) == play(curious, 20));
}

TEST_CASE("rewards that are not finite are refused and leave no trace", "[contract]") {
  const auto policy = GENERATE(from_range(cases()));
  const double infinity = std::numeric_limits<double>::infinity();
  const double bad = GENERATE_COPY(std::nan(""), infinity, -infinity);
  CAPTURE(policy, bad);
  const auto context = context_of(3, 2);
  auto console = console_of(policy, context, 13), spared = console_of(policy, context, 13);
  if (!console.policy().spec().learns) return;
  play(console, 5);
  play(spared, 5);
  console.decide();
  Archive before, after;
  console.policy().state(before);
  REQUIRE_THROWS_AS(console.learn({0.5, bad}), RunError);
  console.policy().state(after);
  REQUIRE(before.bytes() == after.bytes());
}

TEST_CASE("logged probabilities match frequencies", "[contract]") {
  static std::set<std::string> drawn;  // a million draws of each policy, a tenth of that where only an option differs
  const auto policy = GENERATE(from_range(cases()));
  const int learned = GENERATE(30, 0);
  CAPTURE(policy, learned);
  if (learned == 0 && !policy.settings.empty()) return;  // before anything is learned variants are alike
  const auto context = context_of(5);
  auto console = console_of(policy, context, 17);
  const std::size_t arms = console.policy().spec().arms;
  if (arms == 0) return;
  play(console, learned);
  console.begin();  // before every draw, as what a console remembers of an episode would change them
  if (console.decide().arm[0] == -1) return;  // a mixture: nothing is drawn
  const auto row = console.decide().probability[0];
  const std::vector<double> p(row.begin(), row.end());
  const bool certain = *std::max_element(p.begin(), p.end()) == 1;
  const int draws = certain ? 1000 : drawn.insert(policy.name).second ? 1'000'000 : 100'000;
  std::vector<double> count(arms, 0);
  for (int i = 0; i < draws; ++i) {
    console.begin();
    ++count[static_cast<std::size_t>(console.decide().arm[0])];
  }
  double statistic = 0;
  int possible = 0;
  for (std::size_t a = 0; a < arms; ++a) {
    if (p[a] == 0) {
      REQUIRE(count[a] == 0);
      continue;
    }
    ++possible;
    statistic += std::pow(count[a] - draws * p[a], 2) / (draws * p[a]);
  }
  if (possible < 2) return;
  // One in 10,000 would be above by chance; the seed is fixed, so that it is not.
  REQUIRE(statistic < boost::math::quantile(boost::math::chi_squared(possible - 1), 1 - 1e-4));
}

TEST_CASE("a slot draws from its own stream alone", "[contract]") {
  const auto policy = GENERATE(from_range(cases()));
  CAPTURE(policy);
  const auto context = context_of(11, 3);
  const auto together = policy.make(context), alone = policy.make(context);
  const std::size_t tried = together->spec().branches.size(), d = context.observation.back().offset + context.observation.back().size;
  const Grid<double> seen(3, d, 0.5), branched(3, tried, 0.5);
  Decisions all, one;
  all.fit(together->spec(), 11, 3);
  one.fit(alone->spec(), 11, 1);
  const std::array<int, 3> slots = {2, 0, 1};  // in any order
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::vector<Rng> streams, copies;
    for (const int slot : slots) streams.emplace_back(seed, "slot/" + std::to_string(slot));
    copies = streams;
    together->decide({slots, seen.view(), branched.view()}, streams, all);
    for (std::size_t i = 0; i < 3; ++i) {
      alone->decide({std::span(slots).subspan(i, 1), {seen.view().data, 1, d}, {branched.view().data, 1, tried}},
                    std::span(copies).subspan(i, 1), one);
      REQUIRE(std::equal(one.weights[0].begin(), one.weights[0].end(), all.weights[i].begin()));
    }
  }
}
