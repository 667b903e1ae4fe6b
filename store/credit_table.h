// The table that a study of credit leaves: what was said of each agent, and what came of listening to it. Tab-separated, a header
// line, before it one that says of which study; experiments/credit_study.h says how the numbers come about.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fader {

/// `kind`: "interval" and "episode" are truths; else the name of a credit.
struct CreditRow {
  std::string point;
  std::int64_t interval = 0;
  std::string kind, agent;
  std::int64_t seed = 0;
  double value = 0, standard_error = 0;   ///< NaN: none
};
struct CreditTable {
  std::string study;             ///< a hash of all that the numbers depend on
  std::vector<CreditRow> rows;
};

/// DataError naming file and line when it is not such a table; RunError when it cannot be read.
CreditTable read_credit_table(const std::filesystem::path& file);
/// Whole or not at all. RunError.
void write_credit_table(const CreditTable& table, const std::filesystem::path& file);

}  // namespace fader
