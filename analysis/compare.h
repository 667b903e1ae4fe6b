// What the runs of an experiment say about its policies: statistics over seeds, differences to the baseline paired by seed,
// curves aligned by tokens. Numbers only; tables, figures and text are made from this elsewhere.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/runs.h"
#include "analysis/series.h"
#include "analysis/stats.h"

namespace fader {

/// How a policy did from episode to episode while it learned: over all episodes of all its runs whose number is among the last
/// `Comparison::window` up to this one.
struct Learning {
  std::vector<double> episode, mean, sd;   ///< of the return
  std::vector<std::size_t> n;              ///< returns in the mean
};

/// What happened along the runs of a policy, mean over seeds; empty: its runs do not tell.
struct Trends {
  Stretches exposure;        ///< share of the tokens trained on, by domain
  Stretches credit;          ///< by agent, over the seeds in which it was measured; NaN: in none
  Curve reward;              ///< of the interval that ends there, unscaled
  Curve by_flops;            ///< losses against the FLOPs of all phases but observe
  Curve regret;              ///< what the best fixed policy had earned more up to there, paired by seed; of that policy itself: empty
};

struct Pair {
  std::uint64_t seed = 0;
  double value = 0, baseline = 0;
};

/// The runs of one point: a policy with its settings.
struct Contender {
  std::string name;                     ///< the policy's, with settings where it has several points, or the point's
  std::string file;                     ///< the name as part of that of a file, unlike those of the others
  std::string point;
  std::vector<const RunRecord*> runs;   ///< by seed; of the Collection
  std::size_t left_out = 0;             ///< runs of this point that were found and not used
  bool is_baseline = false, adapts = false;
  std::size_t line = 0;                 ///< its line type in figures of curves, 1 is the baseline's; 0: one of many, grey and without a name
  double mean = 0, sd = 0, median = 0, interquartile = 0;  ///< of the metric, over seeds
  stats::Interval interval;             ///< of the mean
  double overhead_seconds = 0, overhead_flops = 0;         ///< shares, mean over seeds (see overhead_* below)
  Curve curve, difference;              ///< `difference`: to the baseline, paired by seed; empty for the baseline
  std::vector<Pair> pairs;
  std::optional<stats::Paired> paired;  ///< none: it is the baseline, or shares no seed with it
  Stretches weights, first_weights;     ///< mean over seeds; of the first seed
  Trends trends;
  Learning learning;                    ///< empty: no run of several episodes, or none of them was learned from
  bool evaluated = false;               ///< some of its runs have evaluation episodes
  /// It is compared at equal FLOPs, its runs being on more tokens than those of the others.
  bool more_tokens() const { return !runs.empty() && runs[0]->stage == "same_flops"; }
};

struct Comparison {
  std::string experiment, question;
  std::string metric, quantity;         ///< "final/loss_test", "final test loss (nats per token)"
  std::string curve_quantity, x_name;   ///< what the curves show, against what
  double confidence = 0.95;
  bool screening = false;               ///< no verdict is wanted
  std::size_t window = 0;               ///< of moving averages over learning episodes; 0: no run has several episodes
  bool lower_is_better = true;
  std::string baseline;                 ///< name; "" when no single point of it has complete runs
  std::vector<Contender> contenders;    ///< baseline first, the others by name
  std::vector<std::size_t> ranking;     ///< best mean first
  std::vector<std::string> notes;       ///< what a reader has to know
  std::string best_fixed;               ///< name of the policy that regret is against: kTunedFixed, else of those that do not adapt the best; "": none
  std::string credit_name, reward_name; ///< of the trends; "": several, or not stated

  const Contender* baseline_contender() const;
  std::size_t named() const;            ///< contenders whose line is not 0
  std::size_t wins(const stats::Paired& p) const { return lower_is_better ? p.lower : p.higher; }
};

/// `baseline`, when not empty, in place of the one that the runs name. ConfigError when no policy of that name is there.
Comparison compare(const Collection& collection, const std::string& baseline = "");

/// A name as part of that of a file: marks other than . _ = , + - are underscores.
std::string file_name(std::string text);

/// Reference loss of a run along its tokens; without `losses` (an environment that has none) its return so far.
Trace curve_of(const RunRecord& run, bool losses);

/// Pairs of two contenders by seed.
std::vector<Pair> pairs_of(const Contender& one, const Contender& other);
stats::Paired paired(const std::vector<Pair>& pairs, double confidence);

/// The baseline whose fixed weights were tuned on other seeds.
inline constexpr const char* kTunedFixed = "b4_tuned_fixed";

/// Contenders that figures of curves can name all; of more, the baseline, the best kBestNamed and the worst are.
inline constexpr std::size_t kCurvesNamed = 12, kBestNamed = 4;

/// Share of a run's seconds that its console needs: all phases but train, setup and observe, over those and train.
double overhead_seconds(const RunRecord& run);
/// The same of FLOPs, where set-up work (training a classifier, say) counts: all phases but train and observe.
double overhead_flops(const RunRecord& run);

}  // namespace fader
