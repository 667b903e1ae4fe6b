// [compare] baselines = "full": what a console has to beat, added to the policies of an experiment.
//
//   b0_random                passages by chance: the natural mixture of the pool
//   b1_random_equally        by chance, from every domain as much as from any other
//   b2_<agent>               each agent alone
//   b3_uniform               all agents, equal weights
//   b4_tuned_fixed           fixed weights, the best of compare.baseline_samples that are drawn, by turns from a lattice of quarters and a Dirichlet distribution
//   b4_tuned_fixed_epochs    the same weights where every passage may be used up to four times
//   b4_tuned_two_phase       two mixes, and when one follows the other, tuned alike
//   b5_average               the mean of what the console played with another seed, always
//   b6_replay, b6_shuffled   what the console played with another seed: in its order; in an order by chance
//   b7_hand_made             from equal weights to the agent of quality alone (the first agent, where none is of that kind), linearly
//   b8_random_weights        other weights by chance in every interval
//   b9_random_same_flops     by chance, with as many more intervals as the console's own FLOPs pay for
//   b10_oracle_greedy        tries every agent for an interval and plays the best; with baselines = "full_and_oracle" alone
//
// Between them they tell adapting from having a good mix (b4, b5), a good schedule (b4_tuned_two_phase, b6), noise (b8) or more compute (b9). Tuning is by
// successive halving (halving.h), chosen by the validation loss on seeds of its own, and the winner plays the seeds of the experiment. The console is
// compare.console: the first policy of the file that learns. A policy of the file that is the same stands in for one of these.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "experiments/config.h"

namespace fader {

struct AddedBaseline {
  enum class From { itself, search, winner, other_seed, same_flops };
  std::string name;
  std::string toml;          ///< keys of its table, a line each
  From from = From::itself;
  std::string over;          ///< search: its axes, keys of [sweep.over] below policies.<name>
  std::string of;            ///< winner, other_seed, same_flops: the policy that it comes after
  std::string settings;      ///< winner: what else is set, one key=value
};

struct BaselineScene {
  std::vector<std::string> agents;   ///< names, in order
  std::string quality;               ///< the agent that b7 goes to
  bool trains = false, oracle = false;
  std::string console;
};

/// Those that make sense in this scene, each after what it comes after.
std::vector<AddedBaseline> full_baselines(const BaselineScene& scene);

/// The setting, as of --set, by which b5 and b6 follow the console's run with the next seed. RunError when no run of it is complete.
std::string other_seed_setting(const std::string& policy, const Results& results, std::size_t console, std::int64_t seed);
/// As many intervals as make random picks (`point`, which had its whole number of them at `random`) cost what the console's run of this
/// seed did, or its runs on average. RunError when no run of either is complete.
std::string same_flops_setting(const Point& point, const Results& results, std::size_t console, std::size_t random, std::int64_t seed);

}  // namespace fader
