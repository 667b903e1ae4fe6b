// Tables of the figures beyond curves and weights: exposure, credit, rewards, regret, FLOPs, phases, profiles, sweeps, cells.
#pragma once
#include <string>
#include <vector>

#include "analysis/tables.h"

namespace fader {

struct NamedTable {
  std::string name;    ///< of its file, without ending
  TableText table;
  std::string policy = {};   ///< that it is about, where it is about one
};

/// Those of one comparison that have rows: exposure, credit, rewards, regret, flops, phases, profiles, sweep_<policy>.
std::vector<NamedTable> trend_tables(const Comparison& comparison);
/// Over the cells of a study, where there are several and a baseline: cells (one axis or many), heat_<policy> (two axes).
std::vector<NamedTable> overview_tables(const Study& study);

/// Better is more: by how much each run of a contender is better than the mean of the baseline; without a baseline the metric itself,
/// its sign turned where lower is better.
std::vector<double> scores_of(const Comparison& comparison, const Contender& contender);

/// A policy at one place of the axes of a study.
struct Placed {
  std::string policy;                 ///< name of the contender
  const Cell* cell = nullptr;
  const Contender* contender = nullptr;
};
/// Every policy that is compared with the baseline in some cell, by policy, then cell.
std::vector<Placed> placed(const Study& study);

}  // namespace fader
