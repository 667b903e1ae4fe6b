// The preset of baselines: what it adds, and what the derived ones turn out to be.
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <fstream>
#include <set>

#include "core/error.h"
#include "experiments/claims.h"
#include "experiments/config.h"
#include "experiments/display.h"
#include "experiments/sweep.h"
#include "store/store.h"
#include "tests/scratch_folder.h"

using namespace fader;
using Catch::Contains;

namespace {

constexpr const char* kBandit = "# Which?\n[run]\nseeds = [0, 1, 2]\n[env]\nkind = \"bandit-v0\"\nhorizon = 12\n[[policies]]\nkind = \"exp3\"\n[[policies]]\nkind = \"uniform\"\n"
                                "[compare]\nbaselines = \"full\"\nbaseline_samples = 5\n";
constexpr const char* kPretrain = "# Which?\n[env]\nkind = \"pretrain-v0\"\n[[agents]]\nkind = \"length\"\n[[agents]]\nkind = \"quality\"\nname = \"good\"\n"
                                  "[[policies]]\nkind = \"hedge\"\nname = \"console\"\n[compare]\nbaselines = \"full_and_oracle\"\n";

Experiment loaded(const std::filesystem::path& folder, const std::string& text, const std::vector<std::string>& overrides = {}) {
  std::ofstream(folder / "try.toml") << text;
  return load_experiment((folder / "try.toml").string(), overrides);
}

std::set<std::string> names(const Experiment& e) {
  std::set<std::string> out;
  for (const Point& p : e.points)
    if (p.stage != "search") out.insert(p.policy.name);
  return out;
}

const Point& named(const Experiment& e, const std::string& name) {
  for (const Point& p : e.points)
    if (p.stage != "search" && p.policy.name == name) return p;
  throw std::runtime_error("no point " + name);
}

std::string setting(const Point& point, const std::string& path) {
  for (const Setting& s : settings(point))
    if (s.path() == path) return s.value;
  return "";
}

}  // namespace

TEST_CASE("the preset for what trains has all of them, with random agents where there were none") {
  const ScratchFolder scratch;
  const Experiment e = loaded(scratch.path(), kPretrain);
  CHECK(names(e) == std::set<std::string>{"console", "b0_random", "b1_random_equally", "b2_length", "b2_good", "b3_uniform", "b4_tuned_fixed",
                                          "b4_tuned_fixed_epochs", "b4_tuned_two_phase", "b5_average", "b6_replay", "b6_shuffled", "b7_hand_made",
                                          "b8_random_weights", "b9_random_same_flops", "b10_oracle_greedy"});
  REQUIRE(named(e, "b0_random").agents.size() == 1);
  CHECK(named(e, "b0_random").agents[0].kind == "random");
  CHECK(setting(named(e, "b1_random_equally"), "env.stratify") == "\"domain_equally\"");
  CHECK(setting(named(e, "b7_hand_made"), "policy.to") == "[0.0, 1.0]");
  CHECK(setting(named(e, "b4_tuned_fixed_epochs"), "env.epochs") == "4");
  CHECK(setting(named(e, "b4_tuned_fixed"), "env.pool") == "\"stream\"");
  CHECK(named(e, "b4_tuned_fixed").after == named(e, "b4_tuned_fixed_epochs").after);
  CHECK(named(e, "b9_random_same_flops").stage == "same_flops");
  for (const Point& p : e.points)
    for (const std::size_t before : p.after) CHECK(e.points[before].slug != p.slug);
}

TEST_CASE("a policy of the file stands in for a baseline that it is, what is for several agents is left out where there is one") {
  const ScratchFolder scratch;
  const Experiment e = loaded(scratch.path(), kBandit);
  CHECK(names(e).count("b3_uniform") == 0);
  CHECK(names(e).count("uniform") == 1);
  CHECK(names(e).count("b0_random") == 0);
  std::string one = kPretrain;
  one.erase(one.find("[[agents]]\nkind = \"quality\""), std::string("[[agents]]\nkind = \"quality\"\nname = \"good\"\n").size());
  CHECK(names(loaded(scratch.path(), one)) == std::set<std::string>{"console", "b0_random", "b1_random_equally", "b2_length", "b9_random_same_flops", "b10_oracle_greedy"});
}

TEST_CASE("baselines are tuned and derived in every cell of a sweep") {
  const ScratchFolder scratch;
  const Experiment e = loaded(scratch.path(), std::string(kBandit) + "[sweep.over]\nenv.noise = [0.1, 0.3]\n");
  std::size_t tuned = 0, replays = 0, candidates = 0;
  for (const Point& p : e.points) {
    CHECK((p.cell == "env.noise=0.1" || p.cell == "env.noise=0.3"));
    CHECK(p.slug.find(p.cell.substr(0, 9)) != std::string::npos);
    tuned += p.policy.name == "b4_tuned_fixed" && p.stage.empty() ? 1 : 0;
    replays += p.policy.name == "b6_replay" ? 1 : 0;
    candidates += p.policy.name == "b4_tuned_fixed" && p.stage == "search" ? 1 : 0;
    for (const std::size_t before : p.after) CHECK(e.points[before].cell == p.cell);
  }
  CHECK(tuned == 2);
  CHECK(replays == 2);
  CHECK(candidates == 2 * 2 * 5);
}

TEST_CASE("the console is named, or the first that learns") {
  const ScratchFolder scratch;
  CHECK_THROWS_WITH(loaded(scratch.path(), kBandit, {"compare.console=exp4"}), Contains("no policy 'exp4'"));
  CHECK_THROWS_WITH(loaded(scratch.path(), kBandit, {"policies.exp3.kind=dirichlet"}), Contains("none of the policies learns"));
  CHECK_THROWS_WITH(loaded(scratch.path(), kBandit, {"compare.baselines=fall"}), Contains("full"));
}

TEST_CASE("played: the winner of the search, and what another seed of the console played") {
  const ScratchFolder scratch;
  const Experiment e = loaded(scratch.path(), kBandit);
  Display display(2, true);
  const Signals signals;
  SweepOptions options;
  options.out = scratch / "runs";
  options.jobs = 2;
  const SweepResult result = sweep(e, options, display, signals);
  CHECK(result.failed == 0);
  CHECK(result.left == 0);
  const auto run = [&](const std::string& policy, int seed) { return RunReader(result.folder / ("policy=" + policy) / fmt::format("seed-{}", seed) / "run.h5"); };
  for (int seed = 0; seed < 3; ++seed) {
    CAPTURE(seed);
    const auto console = run("exp3", (seed + 1) % 3).read(0, "actions"), replay = run("b6_replay", seed).read(0, "actions"), mean = run("b5_average", seed).read(0, "actions");
    CHECK(replay == console);
    auto shuffled = run("b6_shuffled", seed).read(0, "actions");
    CHECK(shuffled != console);
    const std::size_t k = console.size() / 12;
    for (std::size_t i = 0; i < k; ++i) {
      double sum = 0;
      for (std::size_t t = 0; t < 12; ++t) sum += console[t * k + i];
      CHECK(mean[i] == Approx(sum / 12));
    }
    CHECK(std::get<std::string>(run("b6_replay", seed).root().at("stage")) == "derived");
  }
  // the winner of the search has the best mean of the last rung
  Board board;
  Journal journal(result.folder / "journal.jsonl", result.folder / "lock");
  for (const auto& line : journal.news()) board.read(line);
  std::string best;
  double highest = -1e9;
  std::size_t played = 0;
  for (const Point& p : e.points) {
    if (p.stage != "search" || p.policy.name != "b4_tuned_fixed" || p.slug.find("rung=1") == std::string::npos) continue;
    double sum = 0;
    std::size_t n = 0;
    for (const std::int64_t seed : p.run.seeds)
      if (const RunState& s = board.of({p.slug, seed}); s.stage == RunState::Stage::complete) sum += s.outcome.at("return"), ++n;
    if (n < p.run.seeds.size()) continue;
    ++played;
    if (sum > highest) highest = sum, best = setting(p, "policy.weights");
  }
  CHECK(played == 2);  // one in four of five, rounded up
  const Experiment as_played = load_resolved(result.folder / "policy=b4_tuned_fixed" / "seed-0" / "config.toml");
  CHECK(setting(as_played.points[0], "policy.weights") == best);
}
