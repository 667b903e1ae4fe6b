// Weights as a function of how far the episode is, p in [0, 1]: the baselines that an adapting console has to beat.
//   a(p) = (1 - s(p)) from + s(p) to, with
//     linear     s = p
//     cosine     s = (1 - cos(pi p)) / 2
//     step       s = floor(p steps) / (steps - 1): `steps` equal stretches, the first plays `from`, the last `to`
//     two_phase  s = 0 before `when`, 1 from there on
//     cyclic     s = (1 - cos(2 pi cycles p)) / 2: begins and ends with `from`
//   knots: the weights given for the times given, straight lines in between.
// Nothing is learned; no floor is kept. Status: checked exactly (tests/oracle/schedule_test.cc).
#include <algorithm>
#include <cmath>
#include <numbers>

#include "policies/presets.h"
#include "policies/progress.h"

namespace fader {
namespace {

struct ScheduleOptions final : Options {
  std::string shape = "linear";
  std::vector<double> from, to, knots_at;
  double when = 0.5;
  std::int64_t steps = 4, cycles = 2;
  Vectors knots;

  void fields(Fields& f) override {
    f("shape", shape, "how it goes from one mix to the other, or knots")
        .one_of({"linear", "cosine", "step", "two_phase", "cyclic", "knots"});
    f("from", from, "the first mix, one weight per agent; empty: all the same", 0, 1);
    f("to", to, "the other mix, one weight per agent; empty: all the same", 0, 1);
    f("when", when, "of two_phase: the progress at which the other mix begins", 0, 1);
    f("steps", steps, "of step: how many equal stretches", 2, 1'000'000);
    f("cycles", cycles, "of cyclic: how often it goes there and back", 1, 1'000'000);
    f("knots_at", knots_at, "of knots: the progress of each, ascending; empty: spread evenly from 0 to 1", 0, 1);
    f("knots", knots, "of knots: the weights of each, one list with a weight per agent; empty: all the same", 0, 1);
  }

  void validate() const override {
    if (shape == "knots" && !(from.empty() && to.empty()))
      throw ConfigError("shape is 'knots' and from or to is given: knots say all; leave the mixes out, or choose another shape");
    if (shape != "knots" && !(knots.empty() && knots_at.empty()))
      throw ConfigError(fmt::format("shape is '{}' and knots are given; set shape = \"knots\", or leave them out", shape));
    if (!knots_at.empty() && knots_at.size() != knots.size())
      throw ConfigError(
          fmt::format("knots_at has {} times and knots has {} rows; expected as many", knots_at.size(), knots.size()));
    for (std::size_t i = 1; i < knots_at.size(); ++i)
      if (!(knots_at[i] > knots_at[i - 1]))
        throw ConfigError(fmt::format("knots_at: {} follows {}; expected times that ascend (for a jump, set two close together)",
                                      knots_at[i], knots_at[i - 1]));
  }
};

class Schedule final : public Policy {
 public:
  Schedule(const ScheduleOptions& options, const PolicyContext& context)
      : options_(options), progress_(context, "schedule") {
    options_.validate();
    spec_.deterministic = true;
    const std::vector<double> even(context.agents.size(), 1.0 / static_cast<double>(context.agents.size()));
    const auto mix = [&](const std::vector<double>& written, const std::string& what) {
      return written.empty() ? even : checked_weights(written, context.agents, what);
    };
    if (options_.shape != "knots") {
      mixes_ = {mix(options_.from, "from"), mix(options_.to, "to")};
      return;
    }
    for (std::size_t i = 0; i < options_.knots.size(); ++i)
      mixes_.push_back(mix(options_.knots[i], fmt::format("knots, row {}", i + 1)));
    if (mixes_.empty()) mixes_ = {even};
    at_ = options_.knots_at;
    if (at_.empty())
      for (std::size_t i = 0; i < mixes_.size(); ++i)
        at_.push_back(static_cast<double>(i) / std::max(1.0, static_cast<double>(mixes_.size() - 1)));
  }

  const PolicySpec& spec() const override { return spec_; }
  void state(Archive&) override {}

  void decide(const Observations& observations, Streams, Decisions& out) override {
    for (std::size_t i = 0; i < observations.slots.size(); ++i) {
      const double p = progress_.of(observations.x[i]);
      const Between at = options_.shape == "knots" ? between(at_, p) : Between{0, 1, share(p)};
      const std::span<double> w = out.weights[i];
      for (std::size_t k = 0; k < w.size(); ++k) w[k] = (1 - at.share) * mixes_[at.first][k] + at.share * mixes_[at.second][k];
      out.log_density[i] = 0;  // it could not have been another
    }
  }

 private:
  double share(double p) const {
    const auto n = static_cast<std::size_t>(options_.steps);
    const auto cycles = static_cast<double>(options_.cycles);
    if (options_.shape == "cosine") return (1 - std::cos(std::numbers::pi * p)) / 2;
    if (options_.shape == "step") return static_cast<double>(stretch_of(p, n)) / static_cast<double>(n - 1);
    if (options_.shape == "two_phase") return p < options_.when ? 0 : 1;
    if (options_.shape == "cyclic") return (1 - std::cos(2 * std::numbers::pi * cycles * p)) / 2;
    return p;
  }

  PolicySpec spec_;
  const ScheduleOptions options_;
  const EpisodeProgress progress_;
  Vectors mixes_;            // from and to, or the knots
  std::vector<double> at_;   // of the knots
};

REGISTER_POLICY("schedule", Schedule, ScheduleOptions, "weights that change with the progress of the episode, as given",
                "checked against an oracle");

}  // namespace
}  // namespace fader
