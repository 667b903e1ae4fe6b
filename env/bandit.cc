// A bandit with known means, as an environment: no model, no text, a microsecond a step. For checking consoles.
//
// Agent k pays p_k, drawn anew each decision around its mean mu_k; weights w earn the reward sum_k w_k p_k. Payoffs do not
// depend on the weights, so runs of equal seed are paired. Every `change_every` decisions come other means: the rows of
// `changes` in turn, then `means` again; without rows the means move on by one agent.
// The optimum is known: all weight on the agent whose mean is greatest at that time.
//
// What pretraining calls loss is here minus the reward, so that everything downstream reads the same way:
//   infos/tokens           decisions made
//   infos/loss_reference   minus the sum of the rewards so far
//   infos/loss_train       NaN: nothing is trained
//   console/regret         greatest mean of the time - sum_k w_k mu_k
//   final/loss_reference   minus the mean reward of a decision, noise included
//   final/loss_validation, final/loss_test   minus the mean of sum_k w_k mu_k: the same without noise
//   final/regret           sum of console/regret
// The reward is named "reward"; the credit "payoff" is every p_k, played or not. Tokens are decisions, FLOPs two a weight.
// Status: checked against direct computation (tests/oracle/bandit_env_test.cc).
#include <algorithm>
#include <array>
#include <cmath>

#include "env/registry.h"

namespace fader {
namespace {

struct BanditEnvOptions final : EnvOptions {
  std::vector<double> means = {0.2, 0.4, 0.6, 0.8};
  std::string payoff = "normal";
  double noise = 0.1;
  std::int64_t horizon = 100, change_every = 0;
  Vectors changes;

  BanditEnvOptions() { reward = "reward"; }
  bool trains() const override { return false; }
  void fields(Fields& f) override {
    f("reward", reward, "what is earned: there is \"reward\" alone").one_of({"reward"});
    f("means", means, "mean payoff of each agent", -1e6, 1e6);
    f("payoff", payoff, "how payoffs scatter around their means: normal with deviation noise, or 1 with probability mean, else 0")
        .one_of({"normal", "bernoulli"});
    f("noise", noise, "standard deviation of normal payoffs", 0, 1e6);
    f("horizon", horizon, "decisions in an episode", 1, 1e9);
    f("change_every", change_every, "decisions after which the means change; 0: never", 0, 1e9);
    f("changes", changes, "means after each change, each a list like means; empty: they move on by one agent", -1e6, 1e6);
  }
  void validate() const override {
    const std::vector<std::string> known = {"reward"};
    if (reward != known[0]) throw ConfigError(fmt::format("reward: bandit-v0 has no '{}'{}", reward, suggestion(reward, known)));
    if (means.empty()) throw ConfigError("means: the list is empty; expected one mean per agent");
    if (!changes.empty() && change_every == 0) throw ConfigError("changes: they never come; set change_every");
    for (const auto& row : stretches()) {
      if (row.size() != means.size())
        throw ConfigError(fmt::format("changes: a row has {} means for {} agents", row.size(), means.size()));
      for (const double m : row)
        if (payoff == "bernoulli" && (m < 0 || m > 1))
          throw ConfigError(fmt::format("means: {} is no probability; payoff = \"bernoulli\" expects 0 to 1", m));
    }
  }
  /// The means of every stretch between changes, in turn; then the first again.
  Vectors stretches() const {
    Vectors out = {means};
    out.insert(out.end(), changes.begin(), changes.end());
    while (changes.empty() && change_every > 0 && out.size() < means.size()) {
      out.push_back(out.back());
      std::rotate(out.back().begin(), out.back().begin() + 1, out.back().end());
    }
    return out;
  }
};

class BanditEnv final : public Env {
 public:
  BanditEnv(const BanditEnvOptions& options, const EnvContext& context)
      : options_((options.validate(), options)),
        stretches_(options.stretches()),
        slots_(static_cast<std::size_t>(context.slots)),
        ledger_(context.slots) {
    describe();
  }

  const EnvSpec& spec() const override { return spec_; }
  Ledger& ledger() override { return ledger_; }
  void reset(Slots slots, std::span<const std::uint64_t> seeds, Outcome& out) override;
  void step(Slots slots, Table<const double> weights, Outcome& out) override;

  void state(Archive& archive) override {
    for (std::size_t s = 0; s < slots_.size(); ++s) {
      const Archive::Scope scope(archive, fmt::format("slot_{}", s));
      slot_state(archive, static_cast<int>(s));
    }
  }
  void slot_state(Archive& archive, int slot) override {
    Episode& episode = slots_.at(static_cast<std::size_t>(slot));
    episode.state(archive);
    archive.expect(episode.decisions >= 0 && episode.decisions <= spec_.horizon, "a decision of this episode");
    const Archive::Scope scope(archive, "ledger");
    ledger_.slot_state(archive, slot);
  }

 private:
  struct Episode {
    Rng payoffs{0, "bandit"};
    std::int64_t decisions = 0;
    bool live = false;                            // between a reset and the end
    double earned = 0, expected = 0, regret = 0;  // sums over the decisions
    void state(Archive& archive) {
      archive.field("payoffs", payoffs);
      archive.field("decisions", decisions);
      archive.field("live", live);
      archive.field("earned", earned);
      archive.field("expected", expected);
      archive.field("regret", regret);
    }
  };

  void describe();
  const std::vector<double>& means(std::int64_t decision) const;
  void play(Episode& episode, std::span<const double> w, Outcome& out, std::size_t row) const;
  void observe(const Episode& episode, std::span<const double> w, Outcome& out, std::size_t row) const;
  std::size_t agents() const { return options_.means.size(); }

  const BanditEnvOptions options_;
  const Vectors stretches_;
  EnvSpec spec_;
  std::vector<Episode> slots_;
  Ledger ledger_;
};

void BanditEnv::describe() {
  spec_.name = "bandit-v0";
  spec_.horizon = options_.horizon;
  for (std::size_t k = 0; k < agents(); ++k) spec_.agents.push_back(fmt::format("arm_{}", k));
  spec_.rewards = {"reward"};
  spec_.credits = {"payoff"};
  spec_.observation = {{"progress", 0, 1}, {"weights", 1, agents(), spec_.agents, "agent"}};
  const auto add = [](std::vector<Series>& list, std::string path, std::string unit, bool whole = false) {
    Series s;
    s.path = std::move(path);
    s.unit = std::move(unit);
    s.offset = list.size();  // each is one number
    s.whole = whole;
    list.push_back(std::move(s));
  };
  add(spec_.infos, "infos/tokens", "decision", true);
  add(spec_.infos, "infos/loss_train", "reward");
  add(spec_.infos, "infos/loss_reference", "reward");
  add(spec_.series, "console/regret", "reward");
  add(spec_.finals, "final/loss_reference", "reward/decision");
  add(spec_.finals, "final/loss_validation", "reward/decision");
  add(spec_.finals, "final/loss_test", "reward/decision");
  add(spec_.finals, "final/regret", "reward");
}

const std::vector<double>& BanditEnv::means(std::int64_t decision) const {
  const std::int64_t stretch = options_.change_every > 0 ? decision / options_.change_every : 0;
  return stretches_[static_cast<std::size_t>(stretch) % stretches_.size()];
}

void BanditEnv::reset(Slots slots, std::span<const std::uint64_t> seeds, Outcome& out) {
  FADER_CHECK_EQ(slots.size(), seeds.size());
  ledger_.activate(slots);
  const auto setup = ledger_.scope(Phase::setup);
  const std::vector<double> nothing_yet(agents(), 0.0);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    Episode& episode = slots_.at(static_cast<std::size_t>(slots[i]));
    episode = Episode{};
    episode.payoffs = Rng(seeds[i], "env/payoffs");
    episode.live = true;
    observe(episode, nothing_yet, out, i);
  }
}

void BanditEnv::step(Slots slots, Table<const double> weights, Outcome& out) {
  FADER_CHECK(weights.rows == slots.size() && weights.cols == agents(), "{} x {} weights", weights.rows, weights.cols);
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (!on_simplex(weights[i]))
      throw RunError(fmt::format("slot {}: weights [{}] are not on the simplex; expected {} non-negative numbers that sum to 1 "
                                 "within 1e-9; the policy has to repair them",
                                 slots[i], fmt::join(weights[i], ", "), agents()));
  ledger_.activate(slots);
  const auto train = ledger_.scope(Phase::train);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    Episode& episode = slots_.at(static_cast<std::size_t>(slots[i]));
    FADER_CHECK(episode.live, "slot {} has ended or was never reset", slots[i]);
    play(episode, weights[i], out, i);
    observe(episode, weights[i], out, i);
    ledger_.add(slots[i], Phase::train, 1, 2.0 * static_cast<double>(agents()));
  }
}

void BanditEnv::play(Episode& episode, std::span<const double> w, Outcome& out, std::size_t row) const {
  const bool coins = options_.payoff == "bernoulli";
  const auto& mean = means(episode.decisions);
  const double best = *std::max_element(mean.begin(), mean.end());
  double reward = 0, variance = 0, expected = 0;
  for (std::size_t k = 0; k < agents(); ++k) {
    const double mu = mean[k];
    const double deviation = coins ? std::sqrt(mu * (1 - mu)) : options_.noise;
    const double payoff = coins ? static_cast<double>(episode.payoffs.uniform() < mu) : mu + deviation * episode.payoffs.normal();
    reward += w[k] * payoff;
    variance += w[k] * w[k] * deviation * deviation;
    expected += w[k] * mu;
    out.credit[row][k] = payoff;
    out.credit_se[row][k] = deviation;
    out.executed[row][k] = w[k];
  }
  ++episode.decisions;
  episode.earned += reward;
  episode.expected += expected;
  episode.regret += best - expected;
  episode.live = episode.decisions < options_.horizon;
  out.reward[row][0] = reward;
  out.reward_se[row][0] = std::sqrt(variance);
  out.series[row][0] = best - expected;
  out.end[row] = episode.live ? End::no : End::terminated;
  out.failed[row] = 0;
  out.train[row].clear();
  out.events[row].clear();
  const double n = static_cast<double>(episode.decisions), nan = std::nan("");
  const std::array<double, 4> finals = {-episode.earned / n, -episode.expected / n, -episode.expected / n, episode.regret};
  for (std::size_t f = 0; f < finals.size(); ++f) out.finals[row][f] = episode.live ? nan : finals[f];
}

void BanditEnv::observe(const Episode& episode, std::span<const double> w, Outcome& out, std::size_t row) const {
  out.observation[row][0] = static_cast<double>(episode.decisions) / static_cast<double>(options_.horizon);
  std::copy(w.begin(), w.end(), out.observation[row].begin() + 1);
  out.infos[row][0] = static_cast<double>(episode.decisions);
  out.infos[row][1] = std::nan("");
  out.infos[row][2] = -episode.earned;
}

REGISTER_ENV("bandit-v0", BanditEnv, BanditEnvOptions, "known answer: a bandit with given means, stationary or changing",
             "checked against an oracle");

}  // namespace
}  // namespace fader
