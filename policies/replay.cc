// What a console once played, played again with its eyes shut.
//   replay    the logged weights, decision by decision: what remains when nothing is adapted to. `shuffled`: the same
//             weights in another order, drawn once from the run's seed: what remains when their order is lost as well
//   average   the mean of the logged weights, always
// A learned console that does not beat both has learned a good mix, or a good order, but not to adapt. A schedule of another
// length is read at the same progress (`stretch`), row floor(p n). Without `from` and `schedule` the weights are equal. Status:
// checked exactly (tests/oracle/replay_test.cc).
#include "policies/replay.h"

#include <algorithm>
#include <optional>

#include "policies/presets.h"
#include "policies/progress.h"
#include "policies/simplex.h"

namespace fader {

void LoggedOptions::fields(Fields& f) {
  f("from", from, "the file of the run whose weights are played").path().not_in_hash();
  f("episode", episode, "which episode of it, from 0; -1: the last", -1, 1e9);
  f("schedule", schedule, "the weights themselves, a list a decision with one per agent; read from `from` where that is given", 0,
    1);
}

namespace {

Vectors logged(const LoggedOptions& options, const PolicyContext& context) {
  const std::size_t k = context.agents.size();
  if (options.schedule.empty() && !options.from.empty())
    throw ConfigError(fmt::format("schedule is empty, though from is '{}'; give a run with decisions as from", options.from));
  if (options.schedule.empty()) return {std::vector<double>(k, 1.0 / static_cast<double>(k))};
  Vectors rows;
  for (std::size_t t = 0; t < options.schedule.size(); ++t) {
    rows.push_back(checked_weights(options.schedule[t], context.agents, fmt::format("schedule, row {}", t + 1)));
    if (simplex::is_on(options.schedule[t])) rows.back() = options.schedule[t];  // as it was, to the bit
  }
  return rows;
}

struct ReplayOptions final : LoggedOptions {
  bool shuffled = false, stretch = true;
  void fields(Fields& f) override {
    LoggedOptions::fields(f);
    f("shuffled", shuffled, "whether the rows are played in an order drawn from the run's seed");
    f("stretch", stretch, "whether a schedule of another length is read at the same progress; false: such a one is refused");
  }
};

class Replay final : public Policy {
 public:
  Replay(const ReplayOptions& options, const PolicyContext& context) : rows_(logged(options, context)) {
    spec_.deterministic = true;
    if (rows_.size() > 1) progress_.emplace(context, "replay");
    if (!options.stretch && !options.schedule.empty() && static_cast<std::int64_t>(rows_.size()) != context.horizon)
      throw ConfigError(fmt::format("schedule has {} rows and an episode {} decisions; expected as many, or stretch = true",
                                    rows_.size(), context.horizon));
    if (options.shuffled) Rng(context.seed, "policy/init/shuffle").shuffle(std::span(rows_));
  }

  const PolicySpec& spec() const override { return spec_; }
  void state(Archive&) override {}

  void decide(const Observations& observations, Streams, Decisions& out) override {
    for (std::size_t i = 0; i < observations.slots.size(); ++i) {
      const auto& row = rows_[progress_ ? stretch_of(progress_->of(observations.x[i]), rows_.size()) : 0];
      std::copy(row.begin(), row.end(), out.weights[i].begin());
      out.log_density[i] = 0;
    }
  }

 private:
  PolicySpec spec_;
  Vectors rows_;
  std::optional<EpisodeProgress> progress_;  // one row needs none
};

class Average final : public Policy {
 public:
  Average(const LoggedOptions& options, const PolicyContext& context) : mean_(context.agents.size(), 0.0) {
    spec_.deterministic = true;
    for (const auto& row : logged(options, context))
      for (std::size_t k = 0; k < mean_.size(); ++k) mean_[k] += row[k];
    simplex::normalise(mean_);
  }

  const PolicySpec& spec() const override { return spec_; }
  void state(Archive&) override {}

  void decide(const Observations& observations, Streams, Decisions& out) override {
    for (std::size_t i = 0; i < observations.slots.size(); ++i) {
      std::copy(mean_.begin(), mean_.end(), out.weights[i].begin());
      out.log_density[i] = 0;
    }
  }

 private:
  PolicySpec spec_;
  std::vector<double> mean_;
};

REGISTER_POLICY("replay", Replay, ReplayOptions, "the weights that another run played, in its order or shuffled",
                "checked against an oracle");
REGISTER_POLICY("average", Average, LoggedOptions, "the mean of the weights that another run played, always",
                "checked against an oracle");

}  // namespace
}  // namespace fader
