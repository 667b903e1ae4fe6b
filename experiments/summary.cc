// summary.tsv: what the runs of an experiment came to, one line each.
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/files.h"
#include "experiments/sweep.h"
#include "store/store.h"

namespace fader {
namespace {

namespace fs = std::filesystem;

/// Rows of the run's summary; none where every episode is the only one.
std::vector<std::size_t> judged_rows(const RunReader& reader) {
  if (reader.summary_columns().empty()) return {};
  const std::vector<double> number = reader.summary("episode"), evaluation = reader.summary("evaluation");
  std::vector<std::size_t> rows(number.size());
  for (std::size_t r = 0; r < rows.size(); ++r) rows[r] = r;
  std::ranges::sort(rows, {}, [&](std::size_t r) { return number[r]; });  // they end in any order
  if (std::ranges::find(evaluation, 1.0) != evaluation.end()) {
    std::erase_if(rows, [&](std::size_t r) { return evaluation[r] != 1; });
    return rows;
  }
  const auto found = reader.root().find("members");
  const auto* members = found == reader.root().end() ? nullptr : std::get_if<std::int64_t>(&found->second);
  const std::size_t last = members && *members > 0 ? static_cast<std::size_t>(*members) : 1;
  if (rows.size() > last) rows.erase(rows.begin(), rows.end() - static_cast<std::ptrdiff_t>(last));
  return rows;
}

double final_of(const RunReader& reader, const std::vector<std::size_t>& judged, const char* path) {
  const bool summed_up = std::ranges::find(reader.summary_columns(), path, &Column::path) != reader.summary_columns().end();
  if (judged.empty() || !summed_up) return reader.has(path) ? reader.read(reader.episodes() - 1, path).at(0) : std::nan("");
  const std::vector<double> values = reader.summary(path);
  double sum = 0;
  for (const std::size_t r : judged) sum += values[r];
  return sum / static_cast<double>(judged.size());
}

double last_of(const RunReader& reader, const char* path) {
  const auto values = reader.has(path) ? reader.read(reader.episodes() - 1, path) : std::vector<double>{};
  return values.empty() ? std::nan("") : values.back();
}

std::string numbers_of(const RunReader& reader) {
  static constexpr const char* kStatus[] = {"running", "complete", "failed"};
  const std::vector<std::size_t> judged = judged_rows(reader);
  const auto final = [&](const char* path) { return final_of(reader, judged, path); };
  return fmt::format("{}\t{}\t{:.0f}\t{}\t{}\t{}\t{:.3f}", kStatus[static_cast<std::size_t>(reader.status())], std::max<std::size_t>(1, judged.size()),
                     last_of(reader, "infos/tokens"), final("final/loss_reference"), final("final/loss_validation"), final("final/loss_test"),
                     last_of(reader, "cost/total_seconds"));
}

std::vector<fs::path> runs_of(const fs::path& point) {
  std::vector<fs::path> out;
  std::error_code ignored;
  if (!fs::is_directory(point, ignored)) return out;
  for (const auto& entry : fs::directory_iterator(point))
    if (fs::exists(entry.path() / "run.h5")) out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

void write_summary(const Experiment& experiment, const fs::path& folder) {
  std::string text = "point\tpolicy\tseed\tstatus\tepisodes\ttokens\tloss_reference\tloss_validation\tloss_test\ttotal_seconds\n";
  for (const Point& point : experiment.points)
    for (const fs::path& run : runs_of(folder / point.slug)) {
      std::string numbers = "damaged\tnan\tnan\tnan\tnan\tnan\tnan";
      try {
        numbers = numbers_of(RunReader(run / "run.h5"));
      } catch (const DataError&) {  // it says so
      }
      text += fmt::format("{}\t{}\t{}\t{}\n", point.slug, point.policy.name, run.filename().string().substr(5), numbers);
    }
  write_atomically(folder / "summary.tsv", text);
}

}  // namespace fader
