// The shared part of black-box search across episodes: what is searched, which slot plays which candidate, what it returned.
//
// A candidate is a curve of weights over an episode: `knots` points u in R^(K-1), a = softmax([u, 0]), spread evenly over the
// progress; one knot is a mix that never changes. Between knots u goes in straight lines ("linear"), or every knot holds for
// an equal stretch ("constant"). What is executed keeps the floor.
//
// A slot draws a candidate from its own stream when an episode begins, plays it for `repeats` episodes and reports their mean
// return; the return of an episode is the sum of its rewards, as far as it went. What ends without that many whole episodes is
// not told: an episode begun anew, one in which something else was played (explore(false)), a candidate of an earlier
// generation. Within an episode nothing is drawn, so that the density logged is always ln 1: it is not that of the candidate.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "policies/presets.h"
#include "policies/progress.h"

namespace fader {

struct SearchOptions : LearningOptions {
  std::int64_t knots = 1, repeats = 1;
  std::string curve = "linear";
  double floor_passages = 8;
  void fields(Fields& f) override;
};

class Search : public Policy {
 public:
  const PolicySpec& spec() const final { return spec_; }
  void begin(Slots slots, Streams streams) final;
  void decide(const Observations& observations, Streams, Decisions& out) final;
  void learn(const Transitions& transitions, Rng&) final;
  void explore(bool on) final { exploring_ = on; }
  void state(Archive& archive) final;

 protected:
  /// Logits beyond this change no weight that matters: e^-10 is less than one pick in twenty thousand.
  static constexpr double kReach = 10;

  Search(const SearchOptions& options, const PolicyContext& context, std::vector<std::string> diagnostics);

  /// Numbers in a candidate: knots (K - 1). With none, the rest is never called.
  std::size_t dimension() const { return best_.size(); }
  /// A random candidate: every knot from Dirichlet(concentration), logits cut at kReach.
  void draw_mixes(double concentration, Rng& stream, std::span<double> u) const;

  /// What a slot plays next, drawn from its stream.
  virtual void propose(Rng& stream, std::span<double> u) = 0;
  /// A candidate was played; `value` is the mean of its returns.
  virtual void tell(std::span<const double> u, double value) = 0;
  /// What it would play if nothing more were to be learned.
  virtual void incumbent(std::span<double> u) = 0;
  /// The numbers that spec().diagnostics names.
  virtual void diagnose(std::span<double> out) = 0;
  /// Nothing in it depends on the number of slots.
  void learned(Archive& archive) override = 0;
  /// Candidates of another generation are not told.
  virtual std::int64_t generation() const { return 0; }

 private:
  struct Trial {
    bool open = false;            // an episode is being played
    std::int64_t episodes = 0;    // whole ones
    std::int64_t generation = 0;
    double sum = 0, running = 0;  // returns of the whole episodes, and of this one so far
    void state(Archive& archive);
  };
  std::span<double> candidate(std::size_t slot) { return candidates_[slot]; }
  void weights(std::span<const double> u, std::span<const double> x, std::span<double> out);
  void hear(std::size_t row, const Transitions& transitions);

  PolicySpec spec_;
  const SearchOptions options_;
  const std::size_t agents_;
  const double floor_;
  std::optional<EpisodeProgress> progress_;   // one knot needs none
  bool exploring_ = true;
  std::vector<double> at_, logits_, played_, best_, numbers_;
  Grid<double> candidates_;            // [slots, knots (K - 1)]
  std::vector<Trial> trials_;          // [slots]
};

}  // namespace fader
