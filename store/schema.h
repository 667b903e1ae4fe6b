// All paths, types, shapes, axes and units of run.h5, in one place.
//
//   /                  attributes schema, schema_version "major.minor", provenance
//   /status            uint8[1]   0 running, 1 complete, 2 failed
//   /commit            uint64[3]  intervals, step rows, event rows, summed over the episodes
//   /episode_<i>       attributes id, total_steps (planned, since SWMR forbids later ones), seed, policy, env, ...
//   /episode_<i>/commit  uint64[3]  of this episode; readers trust it and ignore rows beyond it
//   /episode_<i>/<path>  one dataset a column: [rows] when a row is a number, else [rows, size]
//   /summary           only in a run of many episodes, of which some alone are kept in full as /episode_<i>: a row for every
//                      episode played, in the order in which they ended. The attribute `episode` of /episode_<i> says which it is.
//   /summary/commit    uint64[1]  rows; flushed last like the others
//   /summary/<path>    one dataset a column, a number a row
//
// Each dataset says what it is by attributes: rows, axes, unit, missing (NaN or -1), labels (of the last dimension),
// note, and volatile = 1 when equal runs may differ in it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace fader {

inline constexpr const char* kSchemaName = "fader-run";
inline constexpr int kSchemaMajor = 1, kSchemaMinor = 1;  // 1.1: /summary

/// What a row of a column belongs to.
enum class Rows : std::uint8_t {
  interval,       ///< a decision: T rows
  interval_plus,  ///< the reset and every decision: T + 1 rows; the reset is counted with the first decision
  step,           ///< an optimiser step
  event,          ///< something that happened
  once,           ///< one row an episode, NaN until the episode is complete
  constant,       ///< written with the file
  episode         ///< an episode that was played: the columns of /summary, and no others
};
enum class Type : std::uint8_t { f64, i64, u8, boolean, text };

struct Column {
  std::string path;                 ///< below /episode_<i>/ or /summary/
  Rows rows = Rows::interval;
  Type type = Type::f64;
  std::size_t size = 1;             ///< numbers a row; of text: bytes a row, longer ones are cut
  bool scalar = true;               ///< a row is a number, not a vector of one
  std::string axes;                 ///< "interval agent"
  std::string unit;                 ///< "nat/token"
  std::vector<std::string> labels;  ///< of the second dimension
  bool is_volatile = false;         ///< may differ between equal runs
  std::vector<double> value;        ///< of a constant column of numbers, row-major
  std::vector<std::string> text;    ///< of a constant column of texts
  std::string note;                 ///< one line for whoever opens the file

  bool operator==(const Column&) const = default;
};

/// What the environment logs beyond the fixed columns. Mirrors env/env.h, which this room does not see.
struct LoggedSeries {
  std::string path;                 ///< below /episode_<i>/: "infos/tokens", "corpus/domain_tokens", "final/loss_test"
  std::size_t size = 1;
  std::string axis, unit;           ///< axis: what the second dimension counts, "" when a row is a number
  std::vector<std::string> labels;
  bool whole = false, is_volatile = false;
};

struct RunShape {
  std::vector<std::string> agents, rewards, credits, diagnostics, phases;
  std::vector<std::string> observation_labels;  ///< one a number: "weights[quality]"
  std::vector<std::vector<double>> presets;  ///< empty: not a discrete policy
  std::vector<LoggedSeries> infos, series, finals;
};

/// The fixed columns of design 5.3 and those of `shape`, in the order in which they are written:
///   observations [T+1,d]; actions [T,K] (executed weights); rewards; terminations; truncations
///   infos/<name> [T+1]; console/{arm,weights_asked,reward_fed,log_density,value,support}, console/probability [T,A],
///   console/presets [A,K], console/diag/<name>; reward/<name> and <name>_se; credit/<name> [T,K] and <name>_se;
///   agents/names; cost/{seconds,flops,tokens} [T,P] cumulated over the episode; cost/total_seconds [T];
///   train/{step,loss,learning_rate,gradient_norm}; events/{interval,kind,text}; final/<name>; and the environment's series.
/// `rewards` is the environment's first reward, unscaled. probability and presets are there for discrete policies only.
std::vector<Column> run_columns(const RunShape& shape);

/// The columns of /summary, in the order in which RunWriter::summarise takes them: episode, slot, evaluation, decisions, failed,
/// return, flops, tokens, and final/<name> for all that is one number.
///   episode     its number in the run: learning episodes first, then evaluation episodes
///   return      sum of the first reward, unscaled
///   flops, tokens  of the whole episode, all phases; a final value is NaN where it was not measured
std::vector<Column> summary_columns(const RunShape& shape);

}  // namespace fader
