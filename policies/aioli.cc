// Aioli, agents = domains: tries each domain a little, solves for how training on one helps the others, shifts the mix.
// A period begins with `rounds` sweeps over K mixes, one decision each: mix j gives `factor` to j and an even share of the
// rest to the others. With P [K, K] the mixes that were played, a row each, and beta_i the mean fall of domain i's validation
// loss under each of them:
//   P A_i = beta_i  (`diagonal`: A_ii = beta_ii / P_ii alone)
//   A <- A - min A where that is below zero, A <- A / sum A
//   Abar <- (1 - m) A + m Abar     m = `memory`; the first is A itself
//   p_j proportional to p_j exp(eta sum_i Abar_ij)     `from` = "prior": from the prior mix each time
// p is played for the rest of the period. Falls are those of the field "loss_domain" over an interval. What was not
// measured is left out; a domain not measured under each mix says nothing of that period.
// Everything belongs to the slot's episode. Nothing is drawn: sweeps go back and forth, so that a fall that slows
// down evenly favours no domain over two sweeps (published: in random order).
// Chen, Hu, Lourie, Cho and Re (2025), ICLR, arXiv 2411.05735 (Aioli and LearnParams); A normalised, and memory, as in the code
// of that paper. Theirs: eta 0.2 to 1 and 20 periods or more; ours defaults to 4, for fewer.
// Status: checked against an independent computation and a known best mix (tests/oracle/aioli_test.cc).
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "policies/linear_algebra.h"
#include "policies/presets.h"
#include "policies/simplex.h"

namespace fader {
namespace {

struct AioliOptions final : Options {
  std::vector<double> prior;
  std::string from = "last";
  std::int64_t rounds = 2, period = 0;
  double factor = 0.75, eta = 4, memory = 0.1, floor_passages = 8;
  bool diagonal = false;
  void fields(Fields& f) override {
    f("prior", prior, "the first mix, one weight per agent; empty: all the same", 0, 1);
    f("from", from, "which mix an update starts from: the last one, or the prior each time").one_of({"last", "prior"});
    f("rounds", rounds, "sweeps over the agents at the beginning of a period, a decision each", 1, 1e6);
    f("period", period, "decisions from one update to the next, sweeps included; 0: three times the sweeps", 0, 1e9);
    f("factor", factor, "weight of the agent that is tried; the others share the rest. Above an even share", 0, 1);
    f("eta", eta, "how far an update goes", 0, 1e6);
    f("memory", memory, "share of the earlier estimates in an update", 0, 0.999);
    f("diagonal", diagonal, "whether only what a domain does for itself counts");
    f("floor_passages", floor_passages, "passages that every agent gets in an interval, about; at most half of an even share", 0,
      1e9);
  }
};

std::size_t domain_losses(const PolicyContext& context) {
  const auto it = std::ranges::find(context.observation, "loss_domain", &Field::name);
  if (it == context.observation.end())
    throw ConfigError("aioli goes by the field 'loss_domain', and the environment shows none; use an environment with domains");
  if (it->size != context.agents.size())
    throw ConfigError(fmt::format("aioli needs one agent per domain: {} domains ({}) and {} agents ({})", it->size,
                                  fmt::join(it->labels, ", "), context.agents.size(), fmt::join(context.agents, ", ")));
  return it->offset;
}

class Aioli final : public Policy {
 public:
  Aioli(const AioliOptions& options, const PolicyContext& context)
      : options_(options), agents_(context.agents.size()), offset_(domain_losses(context)),
        floor_(floor_of(options.floor_passages, context)), sweeps_(options.rounds * static_cast<std::int64_t>(agents_)),
        period_(options.period > 0 ? options.period : 3 * sweeps_),
        prior_(options.prior.empty() ? std::vector<double>(agents_, 1.0 / static_cast<double>(agents_))
                                     : checked_weights(options.prior, context.agents, "prior")),
        runs_(static_cast<std::size_t>(context.slots)) {
    if (period_ <= sweeps_)
      throw ConfigError(
          fmt::format("period is {} and {} sweeps over {} agents take {} decisions; expected more, so that something is played "
                      "of what was found; give a longer period or fewer rounds",
                      period_, options.rounds, agents_, sweeps_));
    if (agents_ > 1 && options.factor * static_cast<double>(agents_) <= 1 + 1e-6)
      throw ConfigError(fmt::format("factor is {}, with {} agents; expected above {}: the mixes must differ", options.factor,
                                    agents_, 1.0 / static_cast<double>(agents_)));
    spec_.learns = true;
    spec_.deterministic = true;
    spec_.diagnostics = {"trying", "updates"};
    for (const std::string& agent : context.agents) spec_.diagnostics.push_back("help_" + agent);
    make_mixes();
    for (Run& run : runs_) start(run);
  }

  const PolicySpec& spec() const override { return spec_; }
  void explore(bool on) override { exploring_ = on; }

  void begin(Slots slots, Streams) override {
    for (const int slot : slots) start(runs_[static_cast<std::size_t>(slot)]);
  }

  void decide(const Observations& observations, Streams, Decisions& out) override {
    for (std::size_t i = 0; i < observations.slots.size(); ++i) {
      const Run& run = runs_[static_cast<std::size_t>(observations.slots[i])];
      const bool trying = exploring_ && run.moment < sweeps_;
      const std::span<double> w = out.weights[i], numbers = out.diagnostics[i];
      std::copy_n(trying ? std::as_const(mixes_)[tried(run)].begin() : std::span<const double>(run.mix).begin(), agents_,
                  w.begin());
      if (!trying && floor_ > 0) simplex::floor(w, floor_);
      numbers[0] = trying;
      numbers[1] = static_cast<double>(run.updates);
      for (std::size_t j = 0; j < agents_; ++j) {
        double help = 0;
        for (std::size_t d = 0; d < agents_; ++d) help += run.help[d * agents_ + j];
        numbers[2 + j] = run.updates > 0 ? help : std::nan("");
      }
      out.log_density[i] = 0;
    }
  }

  void learn(const Transitions& transitions, Rng&) override {
    for (std::size_t i = 0; i < transitions.before.slots.size(); ++i) require_finite(transitions, i, spec_);
    for (std::size_t i = 0; i < transitions.before.slots.size(); ++i)
      hear(runs_[static_cast<std::size_t>(transitions.before.slots[i])], transitions.before.x[i].subspan(offset_, agents_),
           transitions.after[i].subspan(offset_, agents_), transitions.decided.weights[i]);
  }

  void learned(Archive&) override {}  // laws belong to the episode that they were measured in
  void state(Archive& archive) override {
    const std::size_t slots = runs_.size();
    archive.field("runs", runs_);
    archive.expect(runs_.size() == slots, "as many runs as slots");
    for (const Run& run : runs_) {
      archive.expect(run.moment >= 0 && run.moment < period_ && run.updates >= 0 && run.updates < (std::int64_t{1} << 60),
                     "a place in a period");
      archive.expect(run.mix.size() == agents_ && simplex::is_on(run.mix), "weights");
      for (const auto* list : {&run.fall, &run.count, &run.help}) {
        archive.expect(list->size() == agents_ * agents_, "numbers of domains and mixes");
        for (const double x : *list) archive.expect(std::abs(x) <= kGreatest, "numbers of domains and mixes");
      }
      for (const double n : run.count) archive.expect(n >= 0, "how often a domain was measured");
    }
  }

 private:
  static constexpr double kGreatest = 1e100;

  struct Run {  // of one slot
    std::int64_t moment = 0, updates = 0;    // decisions since the period began; periods that taught something
    std::vector<double> mix;                 // [K] p
    std::vector<double> fall, count, help;   // [domain, mix] summed falls and how many; [domain, agent] Abar
    void state(Archive& archive) {
      archive.field("moment", moment);
      archive.field("updates", updates);
      archive.field("mix", mix);
      archive.field("fall", fall);
      archive.field("count", count);
      archive.field("help", help);
    }
  };

  void start(Run& run) const {
    const std::vector<double> none(agents_ * agents_, 0.0);
    run = {0, 0, prior_, none, none, none};
  }

  /// What is executed when an agent is tried, floors applied, and the factor of that matrix, which is symmetric.
  void make_mixes() {
    const double rest = agents_ > 1 ? (1 - options_.factor) / static_cast<double>(agents_ - 1) : 0;
    mixes_.resize(agents_, agents_, rest);
    for (std::size_t j = 0; j < agents_; ++j) {
      mixes_[j][j] = agents_ > 1 ? options_.factor : 1;
      simplex::normalise(mixes_[j]);
      if (floor_ > 0) simplex::floor(mixes_[j], floor_);
    }
    factor_ = mixes_;
    FADER_CHECK(cholesky(factor_), "mixes that do not differ");
  }

  std::size_t tried(const Run& run) const {
    const auto k = static_cast<std::int64_t>(agents_);
    const std::int64_t place = run.moment % k;
    return static_cast<std::size_t>(run.moment / k % 2 == 0 ? place : k - 1 - place);
  }

  void hear(Run& run, std::span<const double> before, std::span<const double> after, std::span<const double> played) const {
    if (run.moment < sweeps_ && std::ranges::equal(played, std::as_const(mixes_)[tried(run)]))
      for (std::size_t d = 0; d < agents_; ++d)
        if (const double fall = before[d] - after[d]; std::abs(fall) <= kGreatest / 1e10) {  // measured, that is
          run.fall[d * agents_ + tried(run)] += fall;
          run.count[d * agents_ + tried(run)] += 1;
        }
    ++run.moment;
    if (run.moment == sweeps_) update(run);
    if (run.moment < period_) return;
    run.moment = 0;
    std::fill(run.fall.begin(), run.fall.end(), 0.0);
    std::fill(run.count.begin(), run.count.end(), 0.0);
  }

  void update(Run& run) const {
    std::vector<double> estimate(agents_ * agents_, 0.0);
    std::vector<bool> known(agents_);
    double least = 0;
    for (std::size_t d = 0; d < agents_; ++d) {
      const auto row = std::span(estimate).subspan(d * agents_, agents_);
      known[d] = std::all_of(run.count.begin() + static_cast<std::ptrdiff_t>(d * agents_),
                             run.count.begin() + static_cast<std::ptrdiff_t>((d + 1) * agents_), [](double n) { return n > 0; });
      if (!known[d]) continue;
      solve(run, d, row);
      least = std::min(least, *std::min_element(row.begin(), row.end()));
    }
    double total = 0;
    for (std::size_t d = 0; d < agents_; ++d)
      for (std::size_t j = 0; j < agents_ && known[d]; ++j) total += estimate[d * agents_ + j] -= least;
    if (!(total > 0 && std::isfinite(total))) return;  // nothing fell, or nothing was measured
    const double memory = run.updates > 0 ? options_.memory : 0;
    for (std::size_t i = 0; i < estimate.size(); ++i) run.help[i] = (1 - memory) * estimate[i] / total + memory * run.help[i];
    ++run.updates;
    shift(run);
  }

  void solve(const Run& run, std::size_t domain, std::span<double> row) const {
    for (std::size_t j = 0; j < agents_; ++j) row[j] = run.fall[domain * agents_ + j] / run.count[domain * agents_ + j];
    if (options_.diagonal) {
      for (std::size_t j = 0; j < agents_; ++j) row[j] = j == domain ? row[j] / mixes_[j][j] : 0;
      return;
    }
    solve_lower(factor_, row);
    solve_upper(factor_, row);
  }

  void shift(Run& run) const {
    const std::vector<double>& start = options_.from == "prior" ? prior_ : run.mix;
    std::vector<double> next(agents_), exponent(agents_, 0.0);
    for (std::size_t d = 0; d < agents_; ++d)
      for (std::size_t j = 0; j < agents_; ++j) exponent[j] += options_.eta * run.help[d * agents_ + j];
    const double top = *std::max_element(exponent.begin(), exponent.end());
    for (std::size_t j = 0; j < agents_; ++j) next[j] = start[j] * std::exp(exponent[j] - top);
    simplex::normalise(next);
    run.mix = next;
  }

  PolicySpec spec_;
  const AioliOptions options_;
  const std::size_t agents_, offset_;
  const double floor_;
  const std::int64_t sweeps_, period_;
  const std::vector<double> prior_;
  bool exploring_ = true;
  Grid<double> mixes_, factor_;  // [mix, agent]; L of it
  std::vector<Run> runs_;        // [slots]
};

REGISTER_POLICY("aioli", Aioli, AioliOptions, "agents = domains: tries each, solves for who helps whom, shifts the mix",
                "checked against an oracle");

}  // namespace
}  // namespace fader
