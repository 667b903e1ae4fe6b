// What a report says about budgets.h: tables, figures, a table in words.
#pragma once
#include <string>
#include <vector>

#include "analysis/cells.h"
#include "analysis/gnuplot.h"
#include "analysis/trend_tables.h"

namespace fader {

/// Of every family <file> (a row a policy and kind of budget), <file>_tokens and <file>_flops (what was measured) and <file>_tokens_curve,
/// <file>_flops_curve (what was fitted to it).
std::vector<NamedTable> budget_tables(const Study& study);
/// <file>_tokens and <file>_flops, drawn from these.
std::vector<Figure> budget_figures(const Study& study);

/// Which budgets there are, and the target.
std::string budgets_said(const Study& study, const BudgetFamily& family);
/// A row a policy: budget to the target and speed-up, in tokens and in FLOPs; why a number is not there stands in its place.
std::vector<std::vector<std::string>> budgets_in_words(const BudgetFamily& family);
/// What the numbers of that table are.
std::string budgets_explained(const Study& study, const BudgetFamily& family);

}  // namespace fader
