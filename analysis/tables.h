// Tidy tables: tab-separated, `#` lines of provenance, one header line, NaN for what is not known, numbers that read back to
// the same bits. Equal runs give equal bytes. Curves lie one after another with two empty lines between, as gnuplot wants, in the
// order in which they are drawn; `line` is Contender::line.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/cells.h"

namespace fader {

/// Builds one table.
class TableText {
 public:
  TableText(const std::vector<std::string>& comments, const std::vector<std::string>& columns);
  TableText& add(std::string_view text);   ///< tabs, line ends and quotes in it become blanks
  TableText& add(double number);
  TableText& add(std::size_t number);
  void end_row();                          ///< as many cells as columns, checked
  void separate() { pending_ = true; }     ///< two empty lines before the next row
  const std::string& text() const { return text_; }

 private:
  TableText& cell(const std::string& text);
  std::string text_;
  std::size_t columns_, cells_ = 0;
  bool pending_ = false;
};

/// The `#` lines of a table: what it holds, and of which comparison.
std::vector<std::string> provenance(const Comparison& comparison, const std::string& what);
/// In the order in which curves are drawn, the last on top: those without a name, the named ones, the baseline.
std::vector<const Contender*> drawing_order(const Comparison& comparison);
/// policy line tokens mean lo hi n, the policies in drawing order; those whose curve has no points are not there.
TableText curves_table(const Comparison& comparison, const std::string& what, const Curve& (*of)(const Contender&));

/// Where a contender's weights are, below `tables`, without ending: "weights_discounted_ucb".
std::string weights_name(const Contender& contender);

/// Writes all tables into `folder` (made when absent): left_out and points, and for every cell, in a folder of its name where there are
/// several, runs, intervals, policies, paired, pairs, curves, differences, domains, weights_<policy>, weights_<policy>_one_run; where
/// some run has several episodes also learning and evaluation; and those of trend_tables.h. Tables of an earlier report on the
/// experiment that no longer have anything to say are removed.
void write_tables(const Study& study, const std::filesystem::path& folder);

}  // namespace fader
