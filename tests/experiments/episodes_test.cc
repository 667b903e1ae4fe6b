// Learning across episodes: how they are counted and seeded, that evaluation teaches nothing, that what was learned can be played
// elsewhere, and branches for a greedy oracle.
#include <catch2/catch.hpp>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "core/error.h"
#include "core/files.h"
#include "experiments/recorder.h"
#include "experiments/run.h"
#include "tests/experiments/point_of.h"
#include "tests/scratch_folder.h"

using namespace fader;
using testing::point_of;

namespace {

const std::string kBandit = "[env]\nkind = \"bandit-v0\"\nhorizon = 10\n";

Cohort cohort_of(const std::string& text, std::int64_t seed = 3) {
  NoProgress quiet;
  return assemble(point_of(text), seed, nullptr, quiet);
}

// One line an interval: what was played, and what the world was like.
class Lines final : public Hook {
 public:
  void interval(const Glimpse& g) override {
    for (std::size_t i = 0; i < g.slots.size(); ++i) {
      if (g.interval == 1) begun.push_back(g.episodes[i]);
      if (g.evaluation) evaluated.insert(g.episodes[i]);
      const auto credit = g.outcome.credit[g.first + i];
      worlds[g.episodes[i]].insert(worlds[g.episodes[i]].end(), credit.begin(), credit.end());
      arms[g.episodes[i]].push_back(g.decisions->arm[i]);
      rewards[g.episodes[i]].push_back(g.outcome.reward[g.first + i][0]);
    }
  }
  std::vector<std::int64_t> begun;
  std::set<std::int64_t> evaluated;
  std::map<std::int64_t, std::vector<double>> worlds, rewards;
  std::map<std::int64_t, std::vector<std::int64_t>> arms;
};

Lines played(Cohort& cohort) {
  Lines lines;
  std::array<Hook*, 1> hooks = {&lines};
  Player(cohort, hooks).run([] { return false; });
  return lines;
}

std::string learned(Cohort& cohort) {
  Archive archive;
  cohort.seats[0].policy->learned(archive);
  return archive.bytes();
}

}  // namespace

TEST_CASE("episodes are counted round by round and slot by slot, evaluation last") {
  Cohort cohort = cohort_of(kBandit + "[policy]\nkind = \"ucb\"\n[run]\nepisodes = 5\nmembers = 2\nevaluation_episodes = 3\n");
  const Lines lines = played(cohort);
  CHECK(lines.begun == std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(lines.evaluated == std::set<std::int64_t>{5, 6, 7});
  std::set<std::vector<double>> worlds;
  for (const auto& [episode, world] : lines.worlds) worlds.insert(world);
  CHECK(worlds.size() == 8);
}

TEST_CASE("the first episode is that of a run of one, however many members play") {
  Cohort one = cohort_of(kBandit + "[policy]\nkind = \"uniform\"\n");
  Cohort many = cohort_of(kBandit + "[policy]\nkind = \"uniform\"\n[run]\nepisodes = 6\nmembers = 3\n");
  const Lines alone = played(one), together = played(many);
  CHECK(together.worlds.at(0) == alone.worlds.at(0));
}

TEST_CASE("evaluation episodes are the same worlds for every policy and teach nothing") {
  const std::string run = "[run]\nepisodes = 4\nmembers = 2\nevaluation_episodes = 4\n";
  Cohort ucb = cohort_of(kBandit + "[policy]\nkind = \"ucb\"\n" + run), uniform = cohort_of(kBandit + "[policy]\nkind = \"uniform\"\n" + run);
  Lines of_ucb = played(ucb), of_uniform = played(uniform);
  CHECK(of_uniform.begun == std::vector<std::int64_t>{0, 1, 2, 3});  // nothing to learn: evaluation alone
  for (std::int64_t e = 0; e < 4; ++e) CHECK(of_ucb.worlds.at(4 + e) == of_uniform.worlds.at(e));
  Cohort without = cohort_of(kBandit + "[policy]\nkind = \"ucb\"\n[run]\nepisodes = 4\nmembers = 2\n");
  const Lines only_learning = played(without);
  CHECK(learned(ucb) == learned(without));
  for (std::int64_t e = 0; e < 4; ++e) CHECK(of_ucb.arms.at(e) == only_learning.arms.at(e));
  // without exploring, ucb plays the arm of the greatest mean throughout
  for (std::int64_t e = 4; e < 8; ++e) CHECK(std::set(of_ucb.arms.at(e).begin(), of_ucb.arms.at(e).end()).size() == 1);
}

TEST_CASE("a saved console is gone on from, or played as it is, with other numbers of members") {
  const ScratchFolder scratch;
  const std::string ucb = kBandit + "[policy]\nkind = \"ucb\"\n";
  Cohort teacher = cohort_of(ucb + "[run]\nepisodes = 8\nmembers = 4\n");
  played(teacher);
  const Point point = point_of(ucb);
  save_console(scratch / "console.bin", console_identity(point, teacher.env->spec()), *teacher.seats[0].policy);

  const std::string from = "init_from = \"" + scratch.path().string() + "\"\n";
  Cohort frozen = cohort_of(ucb + from + "frozen = true\n");
  CHECK(learned(frozen) == learned(teacher));
  const Lines lines = played(frozen);
  CHECK(learned(frozen) == learned(teacher));
  CHECK(std::set(lines.arms.at(0).begin(), lines.arms.at(0).end()).size() == 1);
  Cohort learning = cohort_of(ucb + from);
  played(learning);
  CHECK(learned(learning) != learned(teacher));

  CHECK_THROWS_WITH(cohort_of(kBandit + "[policy]\nkind = \"discounted_ucb\"\n" + from), Catch::Contains("is a 'ucb'"));
  CHECK_THROWS_WITH(cohort_of("[env]\nkind = \"bandit-v0\"\nmeans = [0.1, 0.2]\n[policy]\nkind = \"ucb\"\n" + from), Catch::Contains("the same, in the same order"));
  CHECK_THROWS_WITH(cohort_of(kBandit + "[policy]\nkind = \"ucb\"\npresets = \"simplex\"\n" + from), Catch::Contains("does not fit here") && Catch::Contains("presets = \"vertices\""));
  CHECK_THROWS_WITH(point_of(ucb + "init_from = \"" + (scratch / "nothing").string() + "\"\n"), Catch::Contains("there is no such console"));
  CHECK_THROWS_WITH(point_of(ucb + from + "init_sha256 = \"" + std::string(64, '0') + "\"\n"), Catch::Contains("another content"));
  std::ofstream(scratch / "console.bin", std::ios::trunc) << "nonsense";
  CHECK_THROWS_AS(cohort_of(ucb + from), DataError);
}

TEST_CASE("a greedy oracle earns what the best arm pays, and leaves no other trace than its cost") {
  const std::string env = "[env]\nkind = \"bandit-v0\"\nhorizon = 30\n";
  Cohort oracle = cohort_of(env + "[policy]\nkind = \"oracle_greedy\"\n"), uniform = cohort_of(env + "[policy]\nkind = \"uniform\"\n");
  const Lines greedy = played(oracle), even = played(uniform);
  CHECK(greedy.worlds == even.worlds);
  const std::vector<double>&world = greedy.worlds.at(0), &earned = greedy.rewards.at(0);
  for (std::size_t t = 0; t < earned.size(); ++t) CHECK(earned[t] == *std::max_element(world.begin() + static_cast<std::ptrdiff_t>(4 * t), world.begin() + static_cast<std::ptrdiff_t>(4 * t + 4)));
  const auto spent = [](Cohort& c, Phase p) { return c.env->ledger().row(0).tokens[static_cast<std::size_t>(p)]; };
  CHECK(spent(oracle, Phase::train) == 30);
  CHECK(spent(oracle, Phase::console) == 4 * 30);
  CHECK(spent(uniform, Phase::console) == 0);
}

TEST_CASE("episodes that are kept in full are spread evenly, the first and the last among them") {
  CHECK(kept_episodes(1, 64) == std::vector<std::int64_t>{0});
  CHECK(kept_episodes(5, 64) == std::vector<std::int64_t>{0, 1, 2, 3, 4});
  CHECK(kept_episodes(101, 5) == std::vector<std::int64_t>{0, 25, 50, 75, 100});
  CHECK(kept_episodes(100, 1) == std::vector<std::int64_t>{99});
  const auto many = kept_episodes(3001, 64);
  CHECK(many.size() == 64);
  CHECK(std::set(many.begin(), many.end()).size() == 64);
}

TEST_CASE("a logged schedule is replayed, and its average played, from the run's file") {
  const ScratchFolder scratch;
  const std::string file = (scratch / "try.toml").string(), env = "[env]\nkind = \"bandit-v0\"\nhorizon = 8\n";
  std::ofstream(file) << "# Try?\n" + env + "[policy]\nkind = \"ucb\"\n";
  const Experiment experiment = load_experiment(file, {});
  struct Quiet final : RunWatcher {
    void beat(const Beat&) override {}
    void event(const std::string&, const std::string&) override {}
  } watcher;
  NoProgress quiet;
  const Signals signals;
  const auto folder = scratch / "run";
  execute({experiment, experiment.points[0], 3, folder, scratch / "cache", {}}, signals, quiet, watcher);
  const RunReader run(folder / "run.h5");
  const std::vector<double> actions = run.read(0, "actions");

  const auto weights = [&](const std::string& kind) {
    Cohort cohort = cohort_of(env + "[policy]\nkind = \"" + kind + "\"\nfrom = \"" + folder.string() + "\"\n");
    struct Weights final : Hook {
      std::vector<double> all;
      void interval(const Glimpse& g) override { all.insert(all.end(), g.decisions->weights[0].begin(), g.decisions->weights[0].end()); }
    } seen;
    std::array<Hook*, 1> hooks = {&seen};
    Player(cohort, hooks).run([] { return false; });
    return seen.all;
  };
  CHECK(weights("replay") == actions);
  std::vector<double> mean(4, 0.0);
  for (std::size_t i = 0; i < actions.size(); ++i) mean[i % 4] += actions[i] / 8;
  const std::vector<double> average = weights("average");
  for (std::size_t i = 0; i < average.size(); ++i) CHECK(average[i] == Approx(mean[i % 4]));
  CHECK_THROWS_WITH(point_of(env + "[policy]\nkind = \"replay\"\nfrom = \"" + (scratch / "none").string() + "\"\n"), Catch::Contains("there is no such file"));
  CHECK_THROWS_WITH(point_of(env + "[policy]\nkind = \"replay\"\nepisode = 4\nfrom = \"" + folder.string() + "\"\n"), Catch::Contains("episode 4 is asked for"));
  CHECK_THROWS_WITH(point_of("[env]\nkind = \"bandit-v0\"\nmeans = [0.1, 0.2]\n[policy]\nkind = \"replay\"\nfrom = \"" + folder.string() + "\"\n"),
                    Catch::Contains("mixes the agents"));
}
