// Prediction with expert advice: full information, payoffs fixed beforehand, as an environment. Contract and sums:
// env/known_answer.h.
//
// Expert k pays p_tk at decision t, whatever is played; weights w earn sum_k w_k (p_tk + noise). The sequences of mean
// payoffs are
//   leader       whoever has paid most so far (the first of equals) pays 0, all others 1: following the leader earns nothing
//   alternating  experts 0 and 1 pay (1/2, 0), then (0, 1), (1, 0), (0, 1), ...; the others always 0.4. The classic on which
//                a leader is always behind (Cesa-Bianchi and Lugosi 2006, "Prediction, learning, and games", section 4.3)
//   phases       the episode in as many equal phases as there are experts; expert k pays 1 in phase k, else 0.2
//   late         expert k pays 0 until decision k T / K and then 1.5 k / (K - 1): the lead changes hands
//   random       each payoff uniform in 0 to 1, drawn once from `instance_seed`
//   rows         the rows of `payoffs` in turn, then the first again
// Shown: "payoff", what every expert paid last (zeros before the first decision). The credit "payoff" is the same.
// Optimum = best schedule: the greatest mean of each decision; best fixed: the best expert in hindsight. Exact, by summation.
// Status: checked against direct computation (tests/oracle/experts_env_test.cc).
#include <algorithm>
#include <numeric>

#include "env/known_answer.h"

namespace fader {
namespace {

struct ExpertsEnvOptions final : KnownAnswerOptions {
  std::string sequence = "phases";
  std::int64_t experts = 4, instance_seed = 0;
  Vectors payoffs;

  void fields(Fields& f) override {
    reward_field(f);
    f("sequence", sequence, "of payoffs, fixed beforehand: see the head of env/known/experts.cc")
        .one_of({"leader", "alternating", "phases", "late", "random", "rows"});
    f("experts", experts, "number of agents; payoffs settle it where sequence = \"rows\"", 2, 1000);
    horizon_field(f, 1e6);
    noise_field(f, "standard deviation of payoffs around their sequence");
    f("instance_seed", instance_seed, "draws the sequence \"random\"", 0, 9e15);
    f("payoffs", payoffs, "of sequence = \"rows\": one list a decision, a number for each expert", -1e6, 1e6);
  }
  void validate() const override {
    KnownAnswerOptions::validate();
    if ((sequence == "rows") == payoffs.empty())
      throw ConfigError(payoffs.empty() ? "payoffs: the list is empty; sequence = \"rows\" expects one list a decision"
                                        : "payoffs: sequence = \"" + sequence + "\" does not read them; set sequence = \"rows\"");
    for (const auto& row : payoffs)
      if (row.empty() || row.size() != payoffs[0].size())
        throw ConfigError(fmt::format("payoffs: a row has {} numbers, the first {}; expected one for each expert", row.size(),
                                      payoffs[0].size()));
  }
  std::size_t agents() const { return payoffs.empty() ? static_cast<std::size_t>(experts) : payoffs[0].size(); }
};

void leader(Grid<double>& payoff) {
  std::vector<double> total(payoff.cols(), 0.0);
  for (std::size_t t = 0; t < payoff.rows(); ++t) {
    const auto ahead = static_cast<std::size_t>(std::max_element(total.begin(), total.end()) - total.begin());
    for (std::size_t k = 0; k < payoff.cols(); ++k) total[k] += payoff[t][k] = k == ahead ? 0 : 1;
  }
}

void alternating(Grid<double>& payoff) {
  for (std::size_t t = 0; t < payoff.rows(); ++t) {
    std::fill(payoff[t].begin(), payoff[t].end(), 0.4);
    payoff[t][0] = t == 0 ? 0.5 : static_cast<double>(t % 2 == 0);
    payoff[t][1] = static_cast<double>(t % 2 == 1);
  }
}

Grid<double> sequence_of(const ExpertsEnvOptions& options) {
  const auto horizon = static_cast<std::size_t>(options.horizon);
  const std::size_t n = options.agents();
  Grid<double> payoff(horizon, n);
  if (options.sequence == "leader") leader(payoff);
  if (options.sequence == "alternating") alternating(payoff);
  Rng drawn(static_cast<std::uint64_t>(options.instance_seed), "env/experts");
  for (std::size_t t = 0; t < horizon; ++t)
    for (std::size_t k = 0; k < n; ++k) {
      const std::size_t phase = t * n / horizon;
      if (options.sequence == "phases") payoff[t][k] = k == phase ? 1 : 0.2;
      if (options.sequence == "late") payoff[t][k] = phase < k ? 0 : 1.5 * static_cast<double>(k) / static_cast<double>(n - 1);
      if (options.sequence == "random") payoff[t][k] = drawn.uniform();
      if (options.sequence == "rows") payoff[t][k] = options.payoffs[t % options.payoffs.size()][k];
    }
  return payoff;
}

class ExpertsEnv final : public KnownAnswer {
 public:
  ExpertsEnv(const ExpertsEnvOptions& options, const EnvContext& context)
      : KnownAnswer("experts-v0", counted("expert", (options.validate(), options.agents())), {"payoff"}, options.horizon,
                    context),
        mean_(sequence_of(options)),
        deviation_(agents(), options.noise),
        last_(slots(), agents()) {
    show("payoff", spec().agents, "agent");
  }

 private:
  void begin(std::size_t slot) override { std::ranges::fill(last_[slot], 0.0); }
  Earned play(std::size_t slot, std::int64_t decision, std::span<const double> w, const Row& row) override {
    const Earned earned = pay(slot, w, mean_[static_cast<std::size_t>(decision)], deviation_, row);
    std::ranges::copy(row.credit, last_[slot].begin());
    return earned;
  }
  void observe(std::size_t slot, std::int64_t, std::span<double> shown) const override {
    std::ranges::copy(last_[slot], shown.begin());
  }
  void more_state(Archive& archive, std::size_t slot) override {
    archive.field("last", last_[slot]);
    archive.expect(std::ranges::all_of(last_[slot], [](double x) { return std::isfinite(x); }), "what experts paid");
  }
  Answer solve() override { return linear_answer(mean_); }

  const Grid<double> mean_;  // [T, K]
  const std::vector<double> deviation_;
  Grid<double> last_;  // [slot, K] payoffs
};

REGISTER_ENV("experts-v0", ExpertsEnv, ExpertsEnvOptions,
             "known answer: expert advice, all payoffs seen, sequences fixed beforehand", "checked against an oracle");

}  // namespace
}  // namespace fader
