#include "store/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <set>
#include <span>
#include <thread>

#include "core/error.h"
#include "store/layout.h"
#include "store/remains.h"

namespace fader {
namespace {

constexpr double kSimplex = 1e-9, kSecondsShare = 1e-6, kSeconds = 0.1, kReturnShare = 1e-9;

using Row = std::span<const double>;

bool one_of(const std::string& path, std::initializer_list<const char*> paths) {
  return std::any_of(paths.begin(), paths.end(), [&](const char* p) { return path == p; });
}

/// Where NaN may stand: not measured. The README lists the same.
bool may_be_missing(const std::string& path) {
  return one_of(path, {"infos/loss_train", "infos/loss_validation", "console/value", "console/log_density", "console/probability",
                       "agents/propensity"}) ||
         path.starts_with("console/diag/") || path.starts_with("credit/") || (path.starts_with("reward/") && path.ends_with("_se"));
}
bool is_simplex(const std::string& path) {
  return one_of(path, {"actions", "console/weights_asked", "console/probability", "console/presets"});
}
bool is_cumulated(const std::string& path) {
  return one_of(path, {"infos/tokens", "cost/seconds", "cost/flops", "cost/tokens", "cost/total_seconds", "train/step"});
}

const char* word(RunStatus status) {
  return status == RunStatus::running ? "running" : status == RunStatus::complete ? "complete" : "failed";
}
std::string counted(std::uint64_t n, const char* what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

/// One episode's values.
class Values {
 public:
  Values(const Remains& run, std::size_t episode, std::vector<Problem>& out)
      : run_(run), episode_(episode), committed_(run.episodes()[episode].committed), out_(out) {}

  void check() {
    for (const Column& c : run_.columns()) {
      if (c.type == Type::text) continue;
      const std::vector<double> values = read(c.path);
      if (c.type == Type::f64) finite(c, values);
      if (c.type == Type::boolean)
        rows(c, values, [](Row row, Row) { return row[0] == 0 || row[0] == 1 ? "" : fmt::format("{}, 0 or 1 expected", row[0]); });
      if (is_simplex(c.path))
        rows(c, values, [&](Row row, Row) { return may_be_missing(c.path) && unknown(row) ? "" : off_simplex(row); });
      if (is_cumulated(c.path)) rows(c, values, fallen);
    }
    ends();
    seconds();
    length();
  }

 private:
  /// Nothing when there is no such column, or not all of it can be read.
  std::vector<double> read(std::string_view path) const {
    for (std::size_t i = 0; i < run_.columns().size(); ++i) {
      const Column& c = run_.columns()[i];
      if (c.path != path || c.type == Type::text) continue;
      const std::uint64_t sound = run_.episodes()[episode_].sound[i];
      const std::uint64_t rows = c.rows == Rows::constant ? sound : counted_rows(c.rows, committed_);
      return sound < rows ? std::vector<double>() : decode_numbers(run_.raw(episode_, i, rows), c.type);
    }
    return {};
  }

  void add(std::string_view path, std::uint64_t row, const std::string& what) {
    out_.push_back({fmt::format("{}/{}: row {}: {}", episode_name(episode_), path, row, what), BadRow{episode_, std::string(path), row}});
  }

  /// Notes the first row of which `wrong`, given it and the one before, has something to say, and counts the others.
  template <class F>
  void rows(const Column& c, const std::vector<double>& values, F wrong) {
    const std::size_t n = c.size == 0 ? 0 : values.size() / c.size;
    std::size_t first = n, bad = 0;
    std::string what;
    for (std::size_t r = 0; r < n; ++r) {
      const Row row(values.data() + r * c.size, c.size);
      std::string found = wrong(row, r == 0 ? Row() : Row(values.data() + (r - 1) * c.size, c.size));
      if (found.empty()) continue;
      ++bad;
      if (first < n) continue;
      first = r;
      what = std::move(found);
    }
    if (bad > 0) add(c.path, first, bad == 1 ? what : fmt::format("{} ({} of {} rows)", what, bad, n));
  }

  static bool unknown(Row row) { return std::all_of(row.begin(), row.end(), [](double x) { return std::isnan(x); }); }
  static std::string off_simplex(Row row) {
    for (const double w : row)
      if (!(w >= 0)) return fmt::format("{} among them, 0 or more expected", w);
    const double sum = std::accumulate(row.begin(), row.end(), 0.0);
    return std::abs(sum - 1) <= kSimplex ? "" : fmt::format("the sum is {}, 1 expected", sum);
  }
  static std::string fallen(Row row, Row before) {
    for (std::size_t i = 0; i < before.size(); ++i)
      if (row[i] < before[i]) return fmt::format("{} after {}, and what is cumulated never falls", row[i], before[i]);
    return "";
  }

  void finite(const Column& c, const std::vector<double>& values) {
    const bool failed = run_.status() == RunStatus::failed, complete = run_.status() == RunStatus::complete && ended();
    bool missing = may_be_missing(c.path);
    if (c.rows == Rows::once) missing = !complete || !c.scalar;  // a domain may be absent from the test set
    if (failed && c.rows == Rows::step) return;  // what made the run fail
    const std::size_t checked = values.size() - (failed && c.rows != Rows::once ? std::min(values.size(), c.size) : 0);
    rows(c, std::vector<double>(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(checked)), [&](Row row, Row) {
      for (std::size_t i = 0; i < row.size(); ++i)
        if (std::isinf(row[i]) || (std::isnan(row[i]) && !missing))
          return fmt::format("{}{} is not finite", row[i], c.labels.empty() ? "" : " for " + c.labels[i]);
      return std::string();
    });
  }

  bool ended() const {
    const auto terminated = read("terminations");
    return !terminated.empty() && terminated.back() == 1;
  }

  void ends() {
    const auto terminated = read("terminations"), truncated = read("truncations");
    for (std::size_t r = 0; r < terminated.size() && r < truncated.size(); ++r) {
      const bool here = terminated[r] != 0, cut = truncated[r] != 0;
      if (here && cut) return add("truncations", r, "the episode is terminated and truncated at once");
      if ((here || cut) && r + 1 < terminated.size())
        return add(here ? "terminations" : "truncations", r + 1,
                   fmt::format("a row after the end of the episode; {} follow it", terminated.size() - r - 1));
    }
  }

  void seconds() {
    const auto phases = read("cost/seconds"), total = read("cost/total_seconds");
    const std::size_t p = total.empty() ? 0 : phases.size() / total.size();
    for (std::size_t r = 0; p > 0 && r < total.size(); ++r) {
      const Row row(phases.data() + r * p, p);
      const double sum = std::accumulate(row.begin(), row.end(), 0.0);
      if (std::abs(sum - total[r]) <= kSeconds + kSecondsShare * std::abs(total[r])) continue;
      if (members() > 1 && sum < total[r]) continue;  // an episode's share of what several at once have taken
      return add("cost/total_seconds", r, fmt::format("{} s, and the phases of cost/seconds add up to {} s", total[r], sum));
    }
  }

  void length() {
    const Attributes& attributes = run_.episodes()[episode_].attributes;
    const auto it = attributes.find("total_steps");
    const auto* planned = it == attributes.end() ? nullptr : std::get_if<std::int64_t>(&it->second);
    if (!planned || *planned < 0) return;
    const auto intervals = committed_.intervals, most = static_cast<std::uint64_t>(*planned);
    if (intervals > most) add("rewards", most, fmt::format("{} intervals were planned and {} are there", most, intervals));
    const auto terminated = read("terminations"), truncated = read("truncations");
    const bool known = terminated.size() == intervals && truncated.size() == intervals;
    const bool over = intervals > 0 && known && (terminated.back() == 1 || truncated.back() == 1);
    if (run_.status() == RunStatus::complete && intervals < most && known && !over)
      out_.push_back({fmt::format("{} has {} of {} intervals and did not end, and the run says that it is complete", episode_name(episode_),
                                  intervals, most), {}});
  }

  std::int64_t members() const {
    const auto it = run_.root().find("members");
    const auto* n = it == run_.root().end() ? nullptr : std::get_if<std::int64_t>(&it->second);
    return n ? *n : 1;
  }

  const Remains& run_;
  std::size_t episode_;
  Committed committed_;
  std::vector<Problem>& out_;
};

/// The rows of /summary, one by one and against the episodes that are kept in full.
class SummaryValues {
 public:
  SummaryValues(const Remains& run, std::vector<Problem>& out) : run_(run), summary_(run.summary()), out_(out) {}

  void check() {
    for (const Column& c : summary_.columns) {
      const std::vector<double> values = read(c.path);
      std::vector<double>::const_iterator bad = values.end();
      if (c.type == Type::boolean) bad = std::ranges::find_if(values, [](double v) { return v != 0 && v != 1; });
      if (bad != values.end()) add(c.path, bad - values.begin(), fmt::format("{}, 0 or 1 expected", *bad));
      if (c.type == Type::f64) finite(c, values);
    }
    numbers();
    for (std::size_t e = 0; run_.status() == RunStatus::complete && e < run_.episodes().size(); ++e) agrees(e);
  }

 private:
  std::vector<double> read(std::string_view path) const {
    for (std::size_t i = 0; i < summary_.columns.size(); ++i)
      if (summary_.columns[i].path == path) return decode_numbers(run_.summary_raw(i, summary_.committed), summary_.columns[i].type);
    return {};
  }
  void add(std::string_view path, std::ptrdiff_t row, const std::string& what) {
    const auto r = static_cast<std::uint64_t>(row);
    out_.push_back({fmt::format("{}/{}: row {}: {}", kSummary, path, r, what), BadRow{{}, std::string(path), r}});
  }

  /// NaN stands for a final value that was not measured; an episode that failed may break off with anything.
  void finite(const Column& c, const std::vector<double>& values) {
    const std::vector<double> failed = read("failed");
    const bool missing = c.path.starts_with("final/");
    for (std::size_t r = 0; r < values.size(); ++r) {
      if (std::isfinite(values[r]) || (std::isnan(values[r]) && missing) || (r < failed.size() && failed[r] == 1)) continue;
      return add(c.path, static_cast<std::ptrdiff_t>(r), fmt::format("{} is not finite", values[r]));
    }
  }

  void numbers() {
    const std::vector<double> episode = read("episode"), evaluation = read("evaluation"), decisions = read("decisions");
    std::set<double> seen;
    for (std::size_t r = 0; r < episode.size(); ++r) {
      const auto row = static_cast<std::ptrdiff_t>(r);
      if (episode[r] < 0) return add("episode", row, fmt::format("{} is no number of an episode", episode[r]));
      if (!seen.insert(episode[r]).second) return add("episode", row, fmt::format("episode {} is there twice", episode[r]));
      if (r < decisions.size() && decisions[r] < 0) return add("decisions", row, fmt::format("{}, 0 or more expected", decisions[r]));
      if (r > 0 && r < evaluation.size() && evaluation[r] < evaluation[r - 1])
        return add("evaluation", row, "a learning episode after an evaluation episode");
    }
  }

  /// An episode that is kept in full, in a run that is complete.
  void agrees(std::size_t e) {
    const Attributes& attributes = run_.episodes()[e].attributes;
    const auto it = attributes.find("episode");
    const auto* number = it == attributes.end() ? nullptr : std::get_if<std::int64_t>(&it->second);
    const std::vector<double> episode = read("episode"), decisions = read("decisions"), returns = read("return"), failed = read("failed");
    if (!number || episode.empty()) return;
    const auto found = std::ranges::find(episode, static_cast<double>(*number));
    const std::string name = episode_name(e);
    if (found == episode.end()) {
      out_.push_back({fmt::format("{} is episode {} of the run, which the summary does not have", name, *number), {}});
      return;
    }
    const auto row = found - episode.begin();
    const auto r = static_cast<std::size_t>(row);
    const std::uint64_t intervals = run_.episodes()[e].committed.intervals;
    if (!decisions.empty() && decisions[r] != static_cast<double>(intervals))
      add("decisions", row, fmt::format("{} for episode {}, and {} has {}", decisions[r], *number, name, intervals));
    if (returns.empty() || failed.empty() || failed[r] == 1) return;
    const auto rewards = std::ranges::find(run_.columns(), "rewards", &Column::path);
    const auto c = static_cast<std::size_t>(rewards - run_.columns().begin());
    if (rewards == run_.columns().end() || rewards->type != Type::f64 || run_.episodes()[e].sound[c] < intervals) return;
    double sum = 0, size = 0;
    for (const double reward : decode_numbers(run_.raw(e, c, intervals), Type::f64)) {
      sum += reward;
      size += std::abs(reward);
    }
    if (std::abs(sum - returns[r]) > kReturnShare * size)
      add("return", row, fmt::format("{} for episode {}, and the rewards of {} add up to {}", returns[r], *number, name, sum));
  }

  const Remains& run_;
  const Remains::Summary& summary_;
  std::vector<Problem>& out_;
};

std::string summary_of(const Remains& run) {
  Committed sum;
  for (const auto& [attributes, c, sound, lost] : run.episodes()) sum = {sum.intervals + c.intervals, sum.steps + c.steps, sum.events + c.events};
  const auto& summary = run.summary();
  const std::string played = summary.columns.empty() ? "" : fmt::format(" in full of {} played", summary.committed);
  return fmt::format("{}, {}{}, {}, {}, {}, {}, schema {}", word(run.status()), counted(run.episodes().size(), "episode"), played,
                     counted(sum.intervals, "interval"), counted(sum.steps, "step row"), counted(sum.events, "event"),
                     counted(run.columns().size(), "dataset"), std::get<std::string>(run.root().at("schema_version")));
}

}  // namespace

Checked check_run(const std::filesystem::path& file) {
  Checked out;
  const auto add = [&](std::string what) {
    if (const std::string prefix = file.string() + ": "; what.starts_with(prefix)) what.erase(0, prefix.size());
    out.problems.push_back({std::move(what), {}});
  };
  try {
    std::optional<Remains> run(std::in_place, file);
    if (!run->closed() && !run->problems().empty()) {  // perhaps its writer was caught in the middle of a write
      run.reset();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      run.emplace(file);
    }
    out.closed = run->closed();
    out.summary = summary_of(*run);
    for (const std::string& what : run->problems()) add(what);
    for (std::size_t e = 0; e < run->episodes().size(); ++e) Values(*run, e, out.problems).check();
    SummaryValues(*run, out.problems).check();
    run.reset();
    if (out.problems.empty()) RunReader strict(file);  // what all others go by
  } catch (const DataError& error) {
    add(error.what());
  }
  return out;
}

}  // namespace fader
