// The console: chooses the agents' weights for the next interval, from observations, rewards and credit. Never sees a
// model, a document or a file.
//
// Three kinds of feedback reach it: the reward of the interval (a number), credit (a number for every agent) and, for a
// policy that asks for it, what other weights would have earned from here (branches).
//
// One object is one run's policy; it may serve several slots at once (members played in lockstep under one policy). What
// is learned is shared by them; what belongs to an episode (recurrent state, what was played) is per slot.
// `decide` may draw from the slot's stream; `learn` hears every transition, in order. Not thread-safe.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/archive.h"
#include "core/registry.h"
#include "core/rng.h"
#include "core/table.h"
#include "env/env.h"

namespace fader {

struct PolicySpec {
  std::size_t arms = 0;                  ///< presets it chooses among; 0: not a discrete policy
  std::vector<std::vector<double>> presets;   ///< [arms][K], as executed: floors applied
  std::vector<std::string> diagnostics;  ///< names of its numbers, the same in every decision
  bool learns = false;
  bool across = false;                   ///< learns across episodes: a single one tells it little
  bool deterministic = false;            ///< never draws
  std::string reward;                    ///< which reward it learns from; empty: env.reward
  std::string scaler = "none";           ///< applied by the runner before `learn`
  std::string credit = "none";           ///< which credit it wants; empty: the environment's first
  std::string credit_scaler = "none";    ///< applied by the runner before `learn`
  std::vector<std::vector<double>> branches;  ///< [B][K] weights that are tried from where it stands before every decision
};

struct Observations {
  Slots slots;
  Table<const double> x;                 ///< [n, d], fields as EnvSpec says
  Table<const double> branched = {};     ///< [n, B] the reward it asked for, unscaled, of each of PolicySpec::branches
};

/// NaN and -1 where a policy has nothing to say.
struct Decisions {
  Grid<double> weights;                  ///< [n, K] on the simplex to 1e-12
  Grid<double> probability;              ///< [n, A] of every preset at the time of the draw
  Grid<double> diagnostics;              ///< [n, D]
  std::vector<std::int64_t> arm;         ///< [n]
  std::vector<double> log_density;       ///< [n] of the draw; 0 = ln 1 when it could not have been another
  std::vector<double> value;             ///< [n] critics only
  void fit(const PolicySpec& spec, std::size_t agents, std::size_t n);
  /// Whether all have the sizes that fit() gives them, no arm is beyond the last, and an arm that was drawn had a probability.
  bool fits(const PolicySpec& spec, std::size_t agents, std::size_t n) const;
  void state(Archive& archive);
};

struct Transitions {
  Observations before;
  const Decisions& decided;
  std::span<const double> reward, reward_se;   ///< [n] the one it asked for, scaled
  Table<const double> credit, credit_se;       ///< [n, K] the one it asked for, scaled; no columns: none; NaN: not measured
  Table<const double> after;                   ///< [n, d]
  std::span<const End> end;
};

class Policy : public Stateful {
 public:
  virtual const PolicySpec& spec() const = 0;
  /// The part of the state that was learned, without what belongs to slots and episodes: what a saved console is, and what another
  /// run with another number of slots can go on from.
  virtual void learned(Archive& archive) { state(archive); }
  /// New episodes in these slots.
  virtual void begin(Slots, Streams) {}
  virtual void decide(const Observations& observations, Streams streams, Decisions& out) = 0;
  /// RunError when a reward is not finite, or credit is infinite; nothing is learned then. Not called when frozen.
  virtual void learn(const Transitions&, Rng&) {}
  /// Whether it may play worse than it knows in order to learn. Without, it plays the best that it has found: no noise, the mean
  /// of a density, the arm that is greatest. Not part of the state; at first it explores.
  virtual void explore(bool) {}
};

/// RunError when the reward of row i is not finite, or credit it learns from is infinite.
void require_finite(const Transitions& transitions, std::size_t i, const PolicySpec& spec);

/// Credit of every agent, [K]; one that has none (NaN) counts as the mean of the others. False: none has any.
bool complete_credit(std::span<const double> credit, std::span<double> out);

/// What a policy is told of the environment it will play.
struct PolicyContext {
  std::vector<std::string> agents;
  std::vector<Field> observation;
  std::int64_t horizon = 0;
  std::int64_t picks = 0;
  int slots = 1;
  std::uint64_t seed = 0;                ///< of the run: for what is drawn when the policy is made, Rng(seed, "policy/init/...")
};

using PolicyRegistry = Registry<Policy, const PolicyContext&>;
PolicyRegistry& policies();

/// In the policy's file, at namespace scope.
#define REGISTER_POLICY(name, Class, OptionsType, summary, status) \
  [[maybe_unused]] const bool registered_##Class = ::fader::policies().add<Class, OptionsType>(name, summary, status)

}  // namespace fader
