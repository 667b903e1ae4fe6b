#include "store/repair.h"

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "store/check.h"
#include "store/hdf5.h"
#include "store/layout.h"
#include "store/remains.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

constexpr int kMostAttempts = 100;  // each cuts an episode before a row that cannot be true

class Salvager {
 public:
  Salvager(const fs::path& from, fs::path to)
      : from_(from), to_(std::move(to)), remains_(from, to_.string() + ".padded"), status_(remains_.status()) {
    lost_ = remains_.problems();
    for (const auto& episode : remains_.episodes()) limits_.emplace_back(episode.sound);
    summary_rows_ = remains_.summary().committed;
    if (remains_.summary().lost || summary_rows_ < remains_.summary().counted) unfinished();
  }

  Salvage run() {
    for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
      plan();
      write();
      const Checked checked = check_run(to_);
      if (checked.problems.empty()) return report();
      for (const Problem& problem : checked.problems) learn(problem);
    }
    throw DataError(fmt::format("{}: cannot be made whole: {} rows in turn cannot be true", from_.string(), kMostAttempts));
  }

 private:
  /// What is kept of an episode: no column may have fewer rows.
  Committed cut(std::size_t e) const {
    const Committed& there = remains_.episodes()[e].committed;
    const std::uint64_t steps = least(e, Rows::step).value_or(there.steps), events = least(e, Rows::event).value_or(there.events);
    const std::uint64_t most = std::min(there.intervals, least(e, Rows::interval).value_or(there.intervals));
    const auto steps_of = [&](std::uint64_t n) {  // every interval has as many steps as the others
      if (n == there.intervals) return there.steps;
      return there.steps / there.intervals * n + there.steps % there.intervals * n / there.intervals;
    };
    std::uint64_t intervals = 0;  // the most that have all their steps
    for (std::uint64_t beyond = most + 1; intervals + 1 < beyond;) {
      const std::uint64_t middle = intervals + (beyond - intervals) / 2;
      (steps_of(middle) <= steps ? intervals : beyond) = middle;
    }
    Committed out{intervals, std::min(steps, steps_of(intervals)), std::min(events, there.events)};
    if (intervals < there.intervals) out.events = events_until(e, intervals, out.events);
    return out;
  }

  /// Events name the interval that they belong to (-1: none in particular); those of intervals that are lost go with them.
  std::uint64_t events_until(std::size_t e, std::uint64_t intervals, std::uint64_t most) const {
    const auto& columns = remains_.columns();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].path != "events/interval" || columns[i].type != Type::i64) continue;
      const auto at = decode_numbers(remains_.raw(e, i, most), Type::i64);
      const auto later = std::find_if(at.begin(), at.end(), [&](double interval) { return interval > static_cast<double>(intervals); });
      return static_cast<std::uint64_t>(later - at.begin());
    }
    return most;
  }

  std::optional<std::uint64_t> least(std::size_t e, Rows kind) const {
    std::optional<std::uint64_t> out;
    const auto& columns = remains_.columns();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const bool reset = kind == Rows::interval && columns[i].rows == Rows::interval_plus;
      if (columns[i].rows != kind && !reset) continue;
      const std::uint64_t rows = reset && limits_[e][i] > 0 ? limits_[e][i] - 1 : limits_[e][i];
      out = std::min(out.value_or(rows), rows);
    }
    return out;
  }

  void plan() {
    kept_.clear();
    std::uint64_t before = 0, after = 0;
    for (std::size_t e = 0; e < remains_.episodes().size(); ++e) {
      kept_.push_back(cut(e));
      const Committed& there = remains_.episodes()[e].committed;
      before += there.intervals;
      after += kept_[e].intervals;
      if (kept_[e].intervals < there.intervals || kept_[e].steps < there.steps || remains_.episodes()[e].lost) unfinished();
    }
    if (after == 0 && (before > 0 || !remains_.problems().empty()))
      throw DataError(fmt::format("{}: nothing can be saved: no interval is left that all datasets have{}", from_.string(),
                                  lost_.empty() ? "" : " (" + lost_.front() + ")"));
  }

  void unfinished() {
    if (status_ != RunStatus::complete) return;
    status_ = RunStatus::running;
    lost_.push_back("the run was complete and is not any more: its status is running, and --resume plays it to its end");
  }

  void learn(const Problem& problem) {
    if (!problem.at) {
      if (status_ != RunStatus::complete) throw DataError(fmt::format("{}: cannot be made whole: {}", from_.string(), problem.text));
      lost_.push_back(problem.text);
      return unfinished();
    }
    const auto& [episode, path, row] = *problem.at;
    if (!episode) {
      summary_rows_ = std::min(summary_rows_, row);
      lost_.push_back(problem.text + "; the summary is cut before it");
      return unfinished();
    }
    const auto& columns = remains_.columns();
    const auto it = std::find_if(columns.begin(), columns.end(), [&wanted = path](const Column& c) { return c.path == wanted; });
    FADER_CHECK(it != columns.end(), "{}", path);
    if (it->rows == Rows::constant) throw DataError(fmt::format("{}: cannot be made whole: {}", from_.string(), problem.text));
    const bool final_value = it->rows == Rows::once;
    if (final_value) unfinished();
    std::uint64_t& limit = limits_[*episode][static_cast<std::size_t>(it - columns.begin())];
    limit = std::min(limit, row);
    lost_.push_back(problem.text + (final_value ? "" : "; the episode is cut before it"));
  }

  /// Of an episode that is lost altogether: what all others say alike. Its own number comes from make_objects.
  Attributes shared_attributes() const {
    std::optional<Attributes> out;
    for (const auto& episode : remains_.episodes()) {
      if (episode.lost) continue;
      if (!out) out = episode.attributes;
      std::erase_if(*out, [&](const auto& entry) {
        const auto it = episode.attributes.find(entry.first);
        return it == episode.attributes.end() || it->second != entry.second;
      });
    }
    return out.value_or(Attributes());
  }

  void write() {
    const h5::Session session;
    std::vector<Attributes> attributes;
    for (const auto& episode : remains_.episodes()) attributes.push_back(episode.lost ? shared_attributes() : episode.attributes);
    try {
      make_objects(to_, remains_.root(), attributes, remains_.columns(), remains_.summary().columns);
      h5::Handle file = h5::open_to_append(to_);
      std::uint64_t all[3] = {};
      for (std::size_t e = 0; e < kept_.size(); ++e) {
        copy(e, h5::open_group(file, episode_name(e)));
        const std::uint64_t here[3] = {kept_[e].intervals, kept_[e].steps, kept_[e].events};
        for (int k = 0; k < 3; ++k) all[k] += here[k];
      }
      h5::write_counter(h5::open_dataset(file, kCommit), all, false);
      copy_summary(file);
      h5::write_counter(h5::open_dataset(file, kStatus), &status_, true);
      file.close();
    } catch (const h5::Failure& e) {
      throw RunError(fmt::format("{}: {}", to_.string(), e.what()));
    }
  }

  void copy(std::size_t e, const h5::Handle& group) {
    const auto& columns = remains_.columns();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const Column& c = columns[i];
      const std::uint64_t rows = counted_rows(c.rows, kept_[e]);
      const bool whole = kept_[e] == remains_.episodes()[e].committed;  // final values are those of the whole episode
      if (c.rows == Rows::constant || (c.rows == Rows::once && (!whole || limits_[e][i] < rows))) continue;
      h5::append_rows(h5::open_dataset(group, c.path), c, 0, rows, remains_.raw(e, i, rows).data());
    }
    const std::uint64_t here[3] = {kept_[e].intervals, kept_[e].steps, kept_[e].events};
    h5::write_counter(h5::open_dataset(group, kCommit), here, false);
  }

  void copy_summary(const h5::Handle& file) {
    const auto& columns = remains_.summary().columns;
    if (columns.empty()) return;
    const h5::Handle group = h5::open_group(file, kSummary);
    for (std::size_t i = 0; i < columns.size(); ++i)
      h5::append_rows(h5::open_dataset(group, columns[i].path), columns[i], 0, summary_rows_, remains_.summary_raw(i, summary_rows_).data());
    h5::write_counter(h5::open_dataset(group, kCommit), &summary_rows_, false);
  }

  Salvage report() const {
    Committed kept, there;
    const auto add = [](Committed& sum, const Committed& c) { sum = {sum.intervals + c.intervals, sum.steps + c.steps, sum.events + c.events}; };
    Salvage out{"", lost_};
    for (std::size_t e = 0; e < kept_.size(); ++e) {
      const Committed& before = remains_.episodes()[e].committed;
      add(kept, kept_[e]);
      add(there, before);
      if (kept_[e] != before && kept_.size() > 1)
        out.lost.push_back(fmt::format("{} keeps {} of {} intervals", episode_name(e), kept_[e].intervals, before.intervals));
    }
    static constexpr const char* kWords[] = {"running", "complete", "failed"};
    out.kept = fmt::format("{}, {} episode{}, {} of {} intervals, {} of {} step rows, {} of {} events", kWords[static_cast<int>(status_)],
                           kept_.size(), kept_.size() == 1 ? "" : "s", kept.intervals, there.intervals, kept.steps, there.steps,
                           kept.events, there.events);
    if (const auto& summary = remains_.summary(); !summary.columns.empty())
      out.kept += fmt::format(", {} of {} rows of the summary", summary_rows_, summary.counted);
    return out;
  }

  fs::path from_, to_;
  Remains remains_;
  RunStatus status_;
  std::vector<std::string> lost_;
  std::vector<std::vector<std::uint64_t>> limits_;  ///< [episode][column] rows that can be kept
  std::vector<Committed> kept_;
  std::uint64_t summary_rows_ = 0;
};

}  // namespace

Salvage salvage_run(const fs::path& from, const fs::path& to) {
  try {
    return Salvager(from, to).run();
  } catch (...) {
    std::error_code ignored;
    fs::remove(to, ignored);
    throw;
  }
}

}  // namespace fader
