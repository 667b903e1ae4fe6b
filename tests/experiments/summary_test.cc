// summary.tsv: what a run is judged by stands there, also when it has many episodes of which few are kept in full.
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "core/files.h"
#include "experiments/outcome.h"
#include "experiments/run.h"
#include "experiments/sweep.h"
#include "store/check.h"
#include "tests/scratch_folder.h"

using namespace fader;

namespace {

struct Quiet final : RunWatcher {
  void beat(const Beat&) override {}
  void event(const std::string&, const std::string&) override {}
};

/// The words of summary.tsv by the names of its columns, and the run that they speak of.
struct Written {
  std::map<std::string, std::string> words;
  std::vector<double> test;  // of every episode
  double last_kept = 0;
};

Written written(const std::string& run_keys) {
  const ScratchFolder scratch;
  std::ofstream(scratch / "try.toml") << "# Try?\n[env]\nkind = \"hidden-v0\"\n[policy]\nkind = \"ucb\"\n[run]\n" + run_keys;
  const Experiment experiment = load_experiment((scratch / "try.toml").string(), {});
  const Point& point = experiment.points[0];
  Quiet watcher;
  NoProgress quiet;
  const Signals signals;
  const auto folder = scratch / point.slug / "seed-3";
  execute({experiment, point, 3, folder, scratch / "cache", {}}, signals, quiet, watcher);
  write_summary(scratch.path(), {{point.slug, point.policy.name, 3, "complete", outcome_of(folder / "run.h5")}});

  Written out;
  std::istringstream lines(read_file(scratch / "summary.tsv"));
  std::string head, row;
  std::getline(lines, head);
  std::getline(lines, row);
  std::istringstream names(head), words(row);
  for (std::string name, word; std::getline(names, name, '\t') && std::getline(words, word, '\t');) out.words[name] = word;
  for (const Problem& problem : check_run(folder / "run.h5").problems) FAIL_CHECK(problem.text);
  const RunReader reader(folder / "run.h5");
  out.last_kept = reader.read(reader.episodes() - 1, "final/loss_test").at(0);
  if (reader.summary_columns().empty()) return out;
  out.test = reader.summary("final/loss_test");
  for (const double tokens : reader.summary("tokens")) CHECK(tokens == reader.summary("tokens")[0]);  // of that episode alone
  const auto& last = reader.episode(reader.episodes() - 1);
  CHECK(static_cast<double>(std::get<std::int64_t>(last.at("slot"))) == reader.summary("slot").back());
  return out;
}

double mean(const std::vector<double>& of, std::size_t first, std::size_t last) {
  double sum = 0;
  for (std::size_t i = first; i < last; ++i) sum += of[i];
  return sum / static_cast<double>(last - first);
}

}  // namespace

TEST_CASE("summary.tsv has the mean of the evaluation episodes, however few are kept in full") {
  const Written run = written("episodes = 5\nmembers = 2\nevaluation_episodes = 5\nlog_episodes = 2\n");
  REQUIRE(run.test.size() == 10);
  CHECK(std::stod(run.words.at("loss_test")) == Approx(mean(run.test, 5, 10)));
  CHECK(std::abs(mean(run.test, 5, 10) - run.last_kept) > 1e-6);  // so that it can be told from the last alone
  CHECK(run.words.at("episodes") == "5");
  CHECK(run.words.at("status") == "complete");
  CHECK(run.words.at("seed") == "3");
}

TEST_CASE("without evaluation summary.tsv has the mean of the last round") {
  const Written run = written("episodes = 9\nmembers = 3\nlog_episodes = 2\n");
  REQUIRE(run.test.size() == 9);
  CHECK(std::stod(run.words.at("loss_test")) == Approx(mean(run.test, 6, 9)));
  CHECK(run.words.at("episodes") == "3");
}

TEST_CASE("of a single episode summary.tsv has its own losses") {
  const Written run = written("");
  CHECK(std::stod(run.words.at("loss_test")) == Approx(run.last_kept));
  CHECK(run.words.at("episodes") == "1");
}
