// Adaptive data optimisation, agents = domains: more weight where the loss is falling fastest, by power laws fitted online.
// For agent k, from its own loss L_k (credit) after n intervals; n counts the samples of all agents, in intervals:
//   law         L_k(n) = e_k + b_k n^(-a_k), fitted to all losses of the episode after the first `skip` ones
//   speed       v_k = max(a_k, 0.05) (L_k(n) - e_k) / n                           = -dL_k/dn
//   credit      h_k <- (1 - c) h_k + c p_k                                        share of recent weight, from the prior on
//   preference  rho_k proportional to mu_k h_k^s v_k, each at least `least`, normalised
//   weights     p = g pbar + (1 - g) rho,  then the floor
//   history     pbar <- (1 - 1/(t + 1)) pbar + rho / (t + 1)
// mu is the prior mix; it is played for `warm_up` decisions. A law that cannot be fitted yet counts as the mean of the others.
// Everything belongs to the slot's episode: nothing is carried to the next. Nothing is drawn.
// Jiang, Zhou, Feng, Malladi and Kolter (2024), arXiv 2410.11820, section 3; order of the last two as in the code of that
// paper. Theirs per optimiser step, here per decision: c = 0.1 a step is nearly all of an interval, hence 0.5; warm-up of some
// 1000 of 60 000 steps would be none of 20 decisions, hence 5; losses come as means of intervals and are not smoothed again.
// Status: checked against known laws and a known best mix (tests/oracle/ado_test.cc).
#include <algorithm>
#include <cmath>

#include "policies/power_law.h"
#include "policies/presets.h"
#include "policies/simplex.h"

namespace fader {
namespace {

struct AdoOptions final : CreditOptions {
  std::vector<double> prior;
  double credit_rate = 0.5, credit_power = 0.5, history = 0.9, least = 0.01, floor_passages = 8;
  std::int64_t warm_up = 5, skip = 1;

  AdoOptions() {
    credit = "training_loss";
    credit_scaler = "none";
  }
  void fields(Fields& f) override {
    CreditOptions::fields(f);
    f("prior", prior, "mu, one weight per agent; empty: all the same", 0, 1);
    f("warm_up", warm_up, "decisions that play the prior before the laws are used", 1, 1e9);
    f("skip", skip, "first losses that the laws are not fitted to", 0, 1e9);
    f("credit_rate", credit_rate, "c: how much the latest weights count in the share of recent weight", 0, 1);
    f("credit_power", credit_power, "s: how much that share counts; 0: not at all", 0, 10);
    f("history", history, "g: how much of the weights is the mean of all preferences so far", 0, 1);
    f("least", least, "of every preference, before they are normalised again", 0, 1);
    f("floor_passages", floor_passages, "passages that every agent gets in an interval, about; at most half of an even share", 0,
      1e9);
  }
  void validate() const override {
    if (credit_scaler != "none")
      throw ConfigError(fmt::format("credit_scaler is '{}': laws are fitted to losses as they are; set credit_scaler = \"none\"",
                                    credit_scaler));
  }
};

class Ado final : public Policy {
 public:
  Ado(const AdoOptions& options, const PolicyContext& context)
      : options_(options), agents_(context.agents.size()), floor_(floor_of(options.floor_passages, context)),
        prior_(options.prior.empty() ? std::vector<double>(agents_, 1.0 / static_cast<double>(agents_))
                                     : checked_weights(options.prior, context.agents, "prior")),
        runs_(static_cast<std::size_t>(context.slots)) {
    options_.validate();
    spec_.learns = true;
    spec_.deterministic = true;
    spec_.credit = options.credit;
    spec_.credit_scaler = options.credit_scaler;
    for (const std::string& agent : context.agents) spec_.diagnostics.push_back("speed_" + agent);
    spec_.diagnostics.push_back("fitted");
    for (Run& run : runs_) start(run);
  }

  const PolicySpec& spec() const override { return spec_; }

  void begin(Slots slots, Streams) override {
    for (const int slot : slots) start(runs_[static_cast<std::size_t>(slot)]);
  }

  void decide(const Observations& observations, Streams, Decisions& out) override {
    for (std::size_t i = 0; i < observations.slots.size(); ++i) {
      const Run& run = runs_[static_cast<std::size_t>(observations.slots[i])];
      std::copy(run.weights.begin(), run.weights.end(), out.weights[i].begin());
      std::copy(run.speed.begin(), run.speed.end(), out.diagnostics[i].begin());
      out.diagnostics[i][agents_] =
          static_cast<double>(std::ranges::count_if(run.speed, [](double v) { return !std::isnan(v); }));
      out.log_density[i] = 0;
    }
  }

  void learn(const Transitions& transitions, Rng&) override {
    for (std::size_t i = 0; i < transitions.before.slots.size(); ++i) {
      require_finite(transitions, i, spec_);
      for (const double loss : transitions.credit[i])
        if (loss <= 0)
          throw RunError(
              fmt::format("ado fits power laws to losses, and the credit '{}' of slot {} has {}; expected numbers "
                          "above 0; learn from a credit that is a loss",
                          spec_.credit, transitions.before.slots[i], loss));
    }
    for (std::size_t i = 0; i < transitions.before.slots.size(); ++i)
      hear(runs_[static_cast<std::size_t>(transitions.before.slots[i])], transitions.decided.weights[i], transitions.credit[i]);
  }

  void learned(Archive&) override {}  // laws belong to the episode that they were fitted to
  void state(Archive& archive) override {
    const std::size_t slots = runs_.size();
    archive.field("runs", runs_);
    archive.expect(runs_.size() == slots, "as many runs as slots");
    for (const Run& run : runs_) {
      for (const auto* list : {&run.recent, &run.history, &run.weights})
        archive.expect(list->size() == agents_ && simplex::is_on(*list), "weights");
      archive.expect(run.speed.size() == agents_ && run.loss.size() % agents_ == 0, "losses of agents");
      for (const double loss : run.loss) archive.expect(std::isnan(loss) || (loss > 0 && std::isfinite(loss)), "a loss");
    }
  }

 private:
  struct Run {  // of one slot
    std::vector<double> loss;                       // [t, K]; NaN: not measured
    std::vector<double> recent, history, weights;   // [K] h, pbar, p
    std::vector<double> speed;                      // [K] v; NaN: no law
    void state(Archive& archive) {
      archive.field("loss", loss);
      archive.field("recent", recent);
      archive.field("history", history);
      archive.field("weights", weights);
      archive.field("speed", speed);
    }
  };

  void start(Run& run) const {
    run = {{}, prior_, prior_, prior_, std::vector<double>(agents_, std::nan(""))};
    if (floor_ > 0) simplex::floor(run.weights, floor_);
  }

  void hear(Run& run, std::span<const double> played, std::span<const double> loss) const {
    run.loss.insert(run.loss.end(), loss.begin(), loss.end());
    for (std::size_t k = 0; k < agents_; ++k)
      run.recent[k] = (1 - options_.credit_rate) * run.recent[k] + options_.credit_rate * played[k];
    const std::size_t t = run.loss.size() / agents_;
    if (static_cast<std::int64_t>(t) < options_.warm_up) return;
    for (std::size_t k = 0; k < agents_; ++k) run.speed[k] = speed(run, k, t);
    const auto rho = preference(run);
    for (std::size_t k = 0; k < agents_; ++k) {
      run.weights[k] = options_.history * run.history[k] + (1 - options_.history) * rho[k];
      run.history[k] += (rho[k] - run.history[k]) / static_cast<double>(t + 1);
    }
    simplex::normalise(run.weights);
    simplex::normalise(run.history);
    if (floor_ > 0) simplex::floor(run.weights, floor_);
  }

  double speed(const Run& run, std::size_t agent, std::size_t t) const {
    std::vector<double> n, loss;
    for (auto i = static_cast<std::size_t>(options_.skip); i < t; ++i)
      if (const double x = run.loss[i * agents_ + agent]; !std::isnan(x)) {
        n.push_back(static_cast<double>(i + 1));
        loss.push_back(x);
      }
    const auto law = fit_power_law(n, loss);
    return law ? law->speed(static_cast<double>(t)) : std::nan("");
  }

  std::vector<double> preference(const Run& run) const {
    std::vector<double> speed(agents_), rho(agents_);
    if (!complete_credit(run.speed, speed)) return prior_;
    double total = 0;
    for (std::size_t k = 0; k < agents_; ++k)
      total += rho[k] = prior_[k] * std::pow(run.recent[k], options_.credit_power) * speed[k];
    if (!(total > 0 && std::isfinite(total))) return prior_;  // nothing falls any more
    for (double& x : rho) x = std::max(x / total, options_.least);
    simplex::normalise(rho);
    return rho;
  }

  PolicySpec spec_;
  const AdoOptions options_;
  const std::size_t agents_;
  const double floor_;
  const std::vector<double> prior_;
  std::vector<Run> runs_;  // [slots]
};

REGISTER_POLICY("ado", Ado, AdoOptions, "agents = domains: weight where a fitted power law says that the loss falls fastest",
                "checked against an oracle");

}  // namespace
}  // namespace fader
