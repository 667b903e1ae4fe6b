// What an experiment's agents cost, and how far they agree.
//
// Every agent is made as for a run and scores a sample of the pool with a model that has trained for some steps on passages drawn by
// chance. Then comes one short interval by hand: a training step, what was trained on, the probes that the agent asks for, its
// feedback; then it scores again, and these scores are compared (a memory has something to tell by then). An agent is dynamic when that changes a score, when it asks for probes, or when
// scoring costs FLOPs; else it is static. Nothing but the corpus cache, with the columns of static agents, is written to disk here.
// Times are of this machine, now.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/table.h"
#include "experiments/config.h"

namespace fader {

struct AgentRow {
  std::string name, kind;
  bool dynamic = false;
  std::optional<double> column_seconds, column_flops;  ///< of computing its column, when it was; per thousand passages of the pool
  std::optional<double> read_seconds;                  ///< of opening it again, per thousand passages of the pool
  double make_seconds = 0;                             ///< of making the agent now, columns that were not there and training included
  double score_seconds = 0, score_flops = 0;           ///< per thousand passages of the sample
  std::int64_t probes = 0, probe_passages = 0;         ///< that it asks for after an interval
  double probe_seconds = 0, probe_flops = 0;           ///< of all of these
  double lowest = 0, mean = 0, highest = 0;            ///< scores of the sample, after the interval
};
struct AgentsTable {
  std::vector<AgentRow> agents;
  Grid<double> agreement;       ///< [agent, agent] spearman() of these scores
  std::size_t sample = 0, pool = 0;
  std::int64_t steps = 0;       ///< of the model before
  std::string corpus;           ///< its hash
};

struct AgentsTableOptions {
  std::size_t cases = 2000;           ///< passages of the sample, at most
  std::optional<std::int64_t> steps;  ///< of the model before it is asked; absent: as many as an interval has
};

/// ConfigError: an environment without agents; more steps than a run has; whatever making the agents throws.
AgentsTable measure_agents(const Point& point, std::int64_t seed, const AgentsTableOptions& options, const std::filesystem::path& cache,
                           Progress& progress);

/// Tab-separated, a header first: a line an agent; a line a pair, `row agent column other correlation`, rows and columns from 1.
std::string agents_tsv(const AgentsTable& table);
std::string agreement_tsv(const AgentsTable& table);
/// Both, for a terminal.
std::string agents_text(const AgentsTable& table);

}  // namespace fader
