#include "experiments/outcome.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/files.h"
#include "store/store.h"

namespace fader {
namespace {

constexpr const char* kLosses[] = {"final/loss_reference", "final/loss_validation", "final/loss_test"};

/// Rows of the run's summary that it is judged by; none where every episode is the only one.
std::vector<std::size_t> judged_rows(const RunReader& reader) {
  if (reader.summary_columns().empty()) return {};
  const std::vector<double> number = reader.summary("episode"), evaluation = reader.summary("evaluation");
  std::vector<std::size_t> rows(number.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
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

double mean_of(const std::vector<double>& values, const std::vector<std::size_t>& rows) {
  double sum = 0;
  for (const std::size_t r : rows) sum += values[r];
  return sum / static_cast<double>(rows.size());
}

/// `path` of the episodes that the run is judged by; NaN where it has no such number.
double final_of(const RunReader& reader, const std::vector<std::size_t>& judged, const std::string& path) {
  const bool summed_up = std::ranges::find(reader.summary_columns(), path, &Column::path) != reader.summary_columns().end();
  if (!judged.empty() && summed_up) return mean_of(reader.summary(path), judged);
  const std::size_t last = reader.episodes() - 1;
  if (!reader.has(path) || reader.rows(last, path) == 0) return std::nan("");
  return reader.read(last, path).back();
}

double return_of(const RunReader& reader, const std::vector<std::size_t>& judged) {
  if (!judged.empty()) return mean_of(reader.summary("return"), judged);
  const std::vector<double> rewards = reader.has("rewards") ? reader.read(reader.episodes() - 1, "rewards") : std::vector<double>{std::nan("")};
  return std::accumulate(rewards.begin(), rewards.end(), 0.0);
}

/// Of all phases but `observe`, which is for people and free.
double flops_of(const RunReader& reader) {
  const std::size_t last = reader.episodes() - 1, rows = reader.has("cost/flops") ? reader.rows(last, "cost/flops") : 0;
  if (rows == 0) return std::nan("");
  const std::vector<double> all = reader.read(last, "cost/flops");
  const std::vector<std::string> phases = reader.labels("cost/flops");
  const std::size_t wide = all.size() / rows;
  double sum = 0;
  for (std::size_t p = 0; p < wide; ++p)
    if (p >= phases.size() || phases[p] != "observe") sum += all[all.size() - wide + p];
  return sum;
}

}  // namespace

RunOutcome outcome_of(const std::filesystem::path& run_h5, const std::string& also) {
  const RunReader reader(run_h5);
  const std::vector<std::size_t> judged = judged_rows(reader);
  RunOutcome out = {{"episodes", static_cast<double>(std::max<std::size_t>(1, judged.size()))},
                 {"return", return_of(reader, judged)},
                 {"tokens", final_of(reader, {}, "infos/tokens")},
                 {"flops", flops_of(reader)},
                 {"seconds", final_of(reader, {}, "cost/total_seconds")}};
  for (const char* loss : kLosses) out[loss] = final_of(reader, judged, loss);
  if (!also.empty() && !out.count(also)) out[also] = final_of(reader, judged, also);
  return out;
}

void write_summary(const std::filesystem::path& folder, const std::vector<SummaryRow>& rows) {
  std::string text = "point\tpolicy\tseed\tstatus\tepisodes\ttokens\tloss_reference\tloss_validation\tloss_test\treturn\tflops\ttotal_seconds\n";
  for (const SummaryRow& r : rows) {
    const auto value = [&](const char* name) {
      const auto found = r.outcome.find(name);
      return found == r.outcome.end() ? std::nan("") : found->second;
    };
    text += fmt::format("{}\t{}\t{}\t{}\t{:.0f}\t{:.0f}", r.point, r.policy, r.seed, r.status, value("episodes"), value("tokens"));
    for (const char* loss : kLosses) text += fmt::format("\t{}", value(loss));
    text += fmt::format("\t{}\t{:.6g}\t{:.3f}\n", value("return"), value("flops"), value("seconds"));
  }
  write_atomically(folder / "summary.tsv", text);
}

}  // namespace fader
