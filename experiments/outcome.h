// What a run came to, in a few numbers: what sweeps choose by and summary.tsv lists.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace fader {

/// By name: "return" (unscaled, of the first reward), "final/loss_reference", "final/loss_validation", "final/loss_test" where there
/// are any, "tokens" and "flops" (of all that is not only looked at) of one episode (the last that is kept in full), "seconds" of the whole run, "episodes" that it is judged by. Of a run of
/// several episodes losses and return are means over those: all of evaluation, or where there are none, its last round.
using RunOutcome = std::map<std::string, double>;

/// DataError when the file is missing, damaged or foreign. `also`: another number of each episode, by its path in run.h5.
RunOutcome outcome_of(const std::filesystem::path& run_h5, const std::string& also = "");

struct SummaryRow {
  std::string point, policy;
  std::int64_t seed = 0;
  std::string status;                   ///< "complete", "failed", "running" (or stopped)
  RunOutcome outcome;                      ///< empty unless complete
};
/// <folder>/summary.tsv: a row a run, header first. RunError.
void write_summary(const std::filesystem::path& folder, const std::vector<SummaryRow>& rows);

}  // namespace fader
