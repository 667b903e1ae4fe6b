// Small run.h5 files with known numbers, in a folder of their own that goes away.
#pragma once
#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "core/files.h"
#include "store/store.h"

namespace fader::test {
namespace fs = std::filesystem;

class TemporaryFolder {
 public:
  TemporaryFolder() {
    static int count = 0;
    path_ = fs::temp_directory_path() / fmt::format("fader_analysis_{}_{}", ::getpid(), count++);
    fs::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// A run: its losses at the given tokens, its weights interval by interval, its ends.
struct SyntheticRun {
  std::string policy = "random";
  std::uint64_t seed = 0;
  std::vector<double> tokens = {0, 100, 200, 300, 400};
  std::vector<double> reference = {6, 5, 4.5, 4.25, 4};
  std::vector<std::string> agents = {"quality", "random"};
  std::vector<std::vector<double>> weights{};  ///< empty: all on the last agent
  double arm = -1;
  double loss_test = 4.5;
  RunStatus status = RunStatus::complete;
  std::string corpus = "c0ffee", model = "model-a", baseline = "random", experiment = "synthetic", config = "hash", metric = "final/loss_test";
  std::string question = "Does anything beat chance?";
  // Of a run of several episodes: the phases of those kept in full (all alike, but for losses that are higher by the group's index),
  // and the rows of the summary.
  std::vector<std::string> phases = {""};
  struct Played {
    std::int64_t number = 0;
    bool evaluation = false;
    double total = 0, loss_test = 0;
  };
  std::vector<Played> played{};
  std::int64_t members = 0;                    ///< 0: the file does not say
  std::string cell{};                          ///< and `varies`: not written when empty
  std::vector<std::string> varies{};
  std::string stage{};
  std::string toml{};                          ///< the resolved configuration; not written when empty
  std::int64_t planned = 0;                    ///< intervals; 0: the file does not say
  double score_flops = 1e6;                    ///< an interval; training is 8e6, set-up 1e6
  std::vector<std::vector<double>> domain_tokens{}, credit{};   ///< interval by interval; not written when empty
  std::string credit_name = "byproduct_regression";
  std::string point() const {
    std::string out = "policy=" + policy;
    for (const std::string& setting : varies) out += "," + setting;
    return out;
  }
};

inline std::vector<Column> synthetic_columns(const SyntheticRun& run) {
  const std::vector<std::string> phases = {"setup", "train", "score", "observe"};
  const auto vectors = [](std::string path, const std::vector<std::string>& labels) {
    Column c;
    c.path = std::move(path);
    c.size = labels.size();
    c.scalar = false;
    c.axes = "interval item";
    c.labels = labels;
    return c;
  };
  const auto number = [](std::string path, Rows rows, std::string unit = "") {
    Column c;
    c.path = std::move(path);
    c.rows = rows;
    c.axes = rows == Rows::once ? "episode" : "interval";
    c.unit = std::move(unit);
    return c;
  };
  Column domains = vectors("final/loss_test_domain", {"books", "code"});
  domains.rows = Rows::once;
  std::vector<Column> out = {vectors("actions", run.agents), number("rewards", Rows::interval), number("console/arm", Rows::interval),
          number("infos/tokens", Rows::interval_plus, "token"), number("infos/loss_reference", Rows::interval_plus, "nat/token"),
          number("infos/loss_train", Rows::interval_plus, "nat/token"), vectors("cost/seconds", phases), vectors("cost/flops", phases),
          vectors("cost/tokens", phases), number("cost/total_seconds", Rows::interval), number("final/loss_reference", Rows::once, "nat/token"),
          number("final/loss_validation", Rows::once, "nat/token"), number("final/loss_test", Rows::once, "nat/token"), domains};
  if (!run.domain_tokens.empty()) out.push_back(vectors("corpus/domain_tokens", {"books", "code"}));
  if (!run.credit.empty()) out.push_back(vectors("credit/" + run.credit_name, run.agents));
  return out;
}

inline void append_moment(RunWriter& writer, const SyntheticRun& run, std::size_t e, std::size_t t) {
  writer.append(e, "infos/tokens", run.tokens[t]);
  writer.append(e, "infos/loss_reference", run.reference[t] + static_cast<double>(e));
  writer.append(e, "infos/loss_train", t == 0 ? std::numeric_limits<double>::quiet_NaN() : run.reference[t] + 0.25);
  if (t == 0) return;
  std::vector<double> weights(run.agents.size(), 0.0);
  weights.back() = 1;
  const double d = static_cast<double>(t);
  const std::vector<double> seconds = {2, 9 * d, d, 3 * d}, flops = {1e6 * d, 8e6 * d, run.score_flops * d, 5e6 * d}, tokens = {0, 100 * d, 10 * d, 0};
  writer.append(e, "actions", run.weights.empty() ? weights : run.weights[t - 1]);
  if (!run.domain_tokens.empty()) writer.append(e, "corpus/domain_tokens", run.domain_tokens[t - 1]);
  if (!run.credit.empty()) writer.append(e, "credit/" + run.credit_name, run.credit[t - 1]);
  writer.append(e, "rewards", run.reference[t - 1] - run.reference[t]);
  writer.append(e, "console/arm", run.arm);
  writer.append(e, "cost/seconds", seconds);
  writer.append(e, "cost/flops", flops);
  writer.append(e, "cost/tokens", tokens);
  writer.append(e, "cost/total_seconds", 2 + 13 * d);
}

inline std::vector<Column> synthetic_summary(const SyntheticRun& run) {
  std::vector<Column> out;
  for (const char* path : {"episode", "evaluation", "return", "final/loss_test"}) {
    if (run.played.empty()) break;
    Column& c = out.emplace_back();
    c.path = path;
    c.rows = Rows::episode;
    c.type = c.path == "episode" ? Type::i64 : c.path == "evaluation" ? Type::boolean : Type::f64;
  }
  return out;
}

/// Writes <experiment>/policy=<policy>/seed-<n>/run.h5 and returns its folder.
inline fs::path write_run(const fs::path& experiment, const SyntheticRun& run) {
  const fs::path folder = experiment / run.point() / fmt::format("seed-{}", run.seed);
  make_folder(folder);
  Attributes root = {{"experiment", run.experiment}, {"question", run.question}, {"policy_name", run.policy}, {"point", run.point()},
                           {"seed", run.seed}, {"baseline", run.baseline}, {"metric", run.metric}, {"confidence", 0.95},
                           {"corpus_hash", run.corpus}, {"model", run.model}, {"config_sha256", run.config}};
  if (run.members > 0) root["members"] = run.members;
  if (!run.cell.empty()) root["cell"] = run.cell;
  if (!run.varies.empty()) root["varies"] = run.varies;
  if (!run.stage.empty()) root["stage"] = run.stage;
  if (!run.toml.empty()) root["config_toml"] = run.toml;
  std::vector<Attributes> episodes;
  for (const std::string& phase : run.phases) {
    episodes.push_back({{"env", std::string("pretrain-v0")}, {"policy", run.policy}});
    if (!phase.empty()) episodes.back()["phase"] = phase;
    if (run.planned > 0) episodes.back()["total_steps"] = run.planned;
  }
  const std::vector<Column> columns = synthetic_columns(run);
  RunWriter writer(folder / "run.h5", root, episodes, columns, synthetic_summary(run));
  for (std::size_t e = 0; e < episodes.size(); ++e) {
    for (std::size_t t = 0; t < run.tokens.size(); ++t) {
      append_moment(writer, run, e, t);
      if (t > 0) writer.commit(e);
    }
    if (run.status != RunStatus::complete) continue;
    const double worse = static_cast<double>(e);
    const std::vector<double> domains = {run.loss_test + worse, run.loss_test + worse + 1};
    writer.set(e, "final/loss_reference", run.reference.back() + worse);
    writer.set(e, "final/loss_validation", run.loss_test + worse + 0.125);
    writer.set(e, "final/loss_test", run.loss_test + worse);
    writer.set(e, "final/loss_test_domain", domains);
    writer.commit(e);
  }
  for (const auto& p : run.played)
    writer.summarise(std::vector{static_cast<double>(p.number), p.evaluation ? 1.0 : 0.0, p.total, p.loss_test});
  writer.status(run.status);
  writer.close();
  return folder;
}

/// Seeds 0 to n - 1 of `random` and of `console`, whose loss is lower by 0.25 + 0.0625 (seed mod 2) in each pair.
inline void write_pairs(const fs::path& experiment, std::uint64_t seeds) {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    SyntheticRun base{.seed = seed};
    base.loss_test = 4.5 + 0.125 * static_cast<double>(seed);
    for (double& loss : base.reference) loss += 0.125 * static_cast<double>(seed);
    SyntheticRun console = base;
    console.policy = "console";
    console.arm = 1;
    const double gain = 0.25 + 0.0625 * static_cast<double>(seed % 2);
    console.loss_test -= gain;
    for (std::size_t t = 1; t < console.reference.size(); ++t) console.reference[t] -= gain * static_cast<double>(t) / 4;
    console.weights = {{0.5, 0.5}, {0.25, 0.75}, {0.75, 0.25}, {1, 0}};
    if (seed % 2 == 1) console.weights = {{0.5, 0.5}, {0.75, 0.25}, {0.75, 0.25}, {0.5, 0.5}};
    write_run(experiment, base);
    write_run(experiment, console);
  }
}

/// Ten learning episodes in rounds of two, whose return rises by `gain` from one to the next, and, where asked for, two evaluation
/// episodes of returns 8 and 10 and losses 3 and 4.
inline SyntheticRun many_episodes(SyntheticRun run, double gain, bool evaluated) {
  run.phases = {"learn", "learn"};
  run.members = 2;
  const std::vector<std::int64_t> ended = {1, 0, 2, 3, 4, 5, 7, 6, 8, 9};  // the faster one of a round ends first
  for (const std::int64_t n : ended) run.played.push_back({n, false, gain * static_cast<double>(n), 5.0 - 0.125 * static_cast<double>(n)});
  if (!evaluated) return run;
  run.phases.insert(run.phases.begin() + 1, "evaluate");
  run.played.push_back({10, true, 8, 3});
  run.played.push_back({11, true, 10, 4});
  return run;
}

/// Cells of a table, header first; `#` lines and empty lines left out.
inline std::vector<std::vector<std::string>> read_table(const fs::path& file) {
  std::vector<std::vector<std::string>> rows;
  const std::string text = read_file(file);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    at = end == std::string::npos ? text.size() : end + 1;
    if (line.empty() || line[0] == '#') continue;
    rows.emplace_back();
    for (std::size_t from = 0; from != std::string::npos;) {
      const std::size_t tab = line.find('\t', from);
      rows.back().push_back(line.substr(from, tab == std::string::npos ? tab : tab - from));
      from = tab == std::string::npos ? tab : tab + 1;
    }
  }
  return rows;
}

/// The cell in the row whose first columns read `key`, under `column`.
inline std::string cell(const std::vector<std::vector<std::string>>& table, const std::string& column, const std::string& key_column,
                        const std::string& key) {
  std::size_t at = 0, by = 0;
  for (std::size_t i = 0; i < table.at(0).size(); ++i) {
    if (table[0][i] == column) at = i + 1;
    if (table[0][i] == key_column) by = i + 1;
  }
  if (at == 0 || by == 0) return "no such column";
  for (std::size_t r = 1; r < table.size(); ++r)
    if (table[r].at(by - 1) == key) return table[r].at(at - 1);
  return "no such row";
}

}  // namespace fader::test
