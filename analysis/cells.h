// A study: the runs of an experiment by cell, each cell with a comparison of its own.
//
// A sweep may vary the environment; every combination of what it varies there is a cell, and policies are compared within a cell only.
// Most experiments have one cell, whose name is "".
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analysis/budgets.h"
#include "analysis/compare.h"

namespace fader {

struct Cell {
  std::string name;
  std::string file;                             ///< the name as a folder's, with '/' behind; "" for the only cell of an experiment
  std::map<std::string, std::string> settings;  ///< its place on the axes of the study
  Collection collection;                        ///< of which `comparison` holds pointers into the runs
  Comparison comparison;
};

/// A quantity that is varied, and its values: numbers in rising order, words in that of the alphabet behind them.
struct Axis {
  std::string name;
  std::vector<std::string> values;
};

struct Study {
  std::filesystem::path folder;
  std::vector<Cell> cells;                      ///< in the order of their names, numbers in them by size
  std::vector<LeftOut> left_out;                ///< of all cells, and of none
  std::optional<PlanFile> plan;
  std::vector<Searched> searched;               ///< candidates that policies were chosen from
  std::vector<Axis> axes;                       ///< along which cells lie; empty: a single cell
  std::vector<BudgetFamily> budgets;            ///< cells that differ in the length of training alone
};

/// ConfigError as compare().
Study study_of(Collection collection, const std::string& baseline = "");

/// The points of one policy that differ in its settings.
struct Sweep {
  std::string policy, file;
  std::vector<Axis> axes;
  std::vector<std::pair<const Contender*, std::vector<std::string>>> points;   ///< with the value on each axis
};
/// Of every policy that has several points and a baseline to be held against; those that `varies` does not tell apart are left out.
std::vector<Sweep> sweeps_of(const Comparison& comparison);

/// Whether `a` comes before `b`: digits in them count as numbers.
bool naturally_before(const std::string& a, const std::string& b);

}  // namespace fader
