// The environment's contract: all that consoles ever see of pretraining.
//
// Batch-first: one call serves any subset of the slots; row i of every table belongs to slots[i]. There is no automatic
// reset: a slot that has ended is left out of later calls until it is reset. Equal seeds and equal weights give equal
// bits. Not thread-safe.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/archive.h"
#include "core/ledger.h"
#include "core/options.h"
#include "core/table.h"

namespace fader {

/// A named stretch of a row.
struct Field {
  std::string name;
  std::size_t offset = 0, size = 1;
  std::vector<std::string> labels = {};  ///< of its numbers; empty: they are counted
  std::string axis = "";                 ///< what they are counted by: "agent", "pair" (of agents), "domain", "" otherwise
  bool asked_for = false;                ///< policies see it only where they name it
  std::string label(std::size_t i) const; ///< "weights[quality]", "progress"
};
/// A quantity that is logged but not observed by policies, e.g. {"corpus/domain_tokens", 7, "domain", "token"}.
struct Series {
  std::string path;          ///< below /episode_<i>/
  std::size_t size = 1;      ///< numbers a row
  std::string axis;          ///< what the second dimension counts, "" when size is 1 and the row is a scalar
  std::string unit;
  std::size_t offset = 0;    ///< in the row of its kind
  std::vector<std::string> labels;  ///< of the second dimension
  bool whole = false;        ///< holds whole numbers
  bool volatile_value = false;      ///< may differ between equal runs
};

void add_series(std::vector<Series>& list, Series series);  ///< sets its offset
/// Writes a series into a row that `list` describes.
void put(const std::vector<Series>& list, std::string_view path, std::span<double> row, std::span<const double> values);
void put(const std::vector<Series>& list, std::string_view path, std::span<double> row, double value);

/// Everything that does not change while the environment lives.
struct EnvSpec {
  std::string name;                    ///< "pretrain-v0": a change of behaviour is a new version
  std::int64_t horizon = 0;            ///< decisions in an episode
  std::int64_t picks = 0;              ///< passages that an interval takes, about; 0: nothing is picked
  bool deterministic = true;           ///< same seed and weights, same bits
  std::vector<std::string> agents;     ///< K of them: the length of the weights
  std::vector<std::string> rewards;    ///< R names; the first is the one named in env.reward
  std::vector<std::string> credits;    ///< C names, each K numbers
  std::size_t credit = 0;              ///< of these, what policies learn from that name none
  std::vector<Field> observation;
  std::vector<Series> infos;           ///< known after the reset as well: T+1 rows
  std::vector<Series> series;          ///< one row a decision
  std::vector<Series> finals;          ///< one row an episode
  std::size_t observation_size() const;
  std::size_t size(const std::vector<Series>& list) const;
};

/// What happened at optimiser-step resolution.
struct TrainRow {
  std::int64_t step = 0;
  double loss = 0, learning_rate = 0, gradient_norm = 0;
};
struct Event {
  std::string kind;  ///< "pool", "clip", "divergence", ...
  std::string text;
};

/// What is known of an environment with a known answer: expected sums of the first reward over an episode, noise and whatever a
/// reset draws averaged out.
struct Answer {
  double optimum = 0;        ///< of the best policy, which knows all but what is drawn (what it may see: the environment's head)
  double schedule = 0;       ///< of the best weights fixed beforehand for every decision
  double fixed = 0;          ///< of the best weights that never change
  double uniform = 0;        ///< of equal weights
  std::vector<double> fixed_weights;   ///< [K] that earn `fixed`
  Grid<double> schedule_weights;       ///< [T, K] that earn `schedule`
};

/// no; terminated: the problem ended, nothing lies beyond; truncated: the observer stopped looking.
enum class End : std::uint8_t { no, terminated, truncated };

/// Filled by reset and step. Whoever calls them calls `fit` before, which sets every number to NaN: not measured.
struct Outcome {
  Grid<double> observation;          ///< [n, d]
  Grid<double> reward, reward_se;    ///< [n, R]
  Grid<double> credit, credit_se;    ///< [n, C K]
  Grid<double> executed;             ///< [n, K] weights after what an exhausted pool forced
  Grid<double> infos, series, finals;
  std::vector<std::vector<TrainRow>> train;  ///< [n]
  std::vector<std::vector<Event>> events;    ///< [n]
  std::vector<End> end;                      ///< [n]
  std::vector<std::uint8_t> failed;          ///< [n] the episode ended as a failure
  void fit(const EnvSpec& spec, std::size_t n);
};

class Env : public PerSlot {
 public:
  virtual const EnvSpec& spec() const = 0;
  /// Fills observation and infos.
  virtual void reset(Slots slots, std::span<const std::uint64_t> seeds, Outcome& out) = 0;
  /// Weights are on the simplex to 1e-9 or RunError: repair is the policy's business.
  virtual void step(Slots slots, Table<const double> weights, Outcome& out) = 0;
  /// `moment` is called within a long step whenever everything can be saved. Such a state, loaded into a fresh environment, belongs
  /// to the middle of that step: step, called with the same slots and weights, does the rest of it and fills the outcome as if
  /// it had done all. `moment` may throw to leave; what is left then is good for nothing but to be destroyed.
  virtual void when_resting(std::function<void()> moment) { static_cast<void>(moment); }
  /// Only of an environment with a known answer; the same for all seeds. May take a second; not found again for a second call.
  virtual const Answer* answer() { return nullptr; }
  /// A number that depends on all that a slot has learned, found without changing it: it tells whether a state that was saved
  /// elsewhere is computed with here as it was there. 0 where nothing is learned.
  virtual double fingerprint(int slot) {
    static_cast<void>(slot);
    return 0;
  }
  /// Where the environment charges what it does; the runner adds console and store.
  virtual Ledger& ledger() = 0;
};

/// Weights that an environment accepts.
bool on_simplex(std::span<const double> weights, double tolerance = 1e-9);

}  // namespace fader
