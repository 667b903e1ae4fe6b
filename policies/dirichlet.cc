// Weights at random: the behaviour policy of logs that others learn from.
//   a ~ Dirichlet(c), a_i = g_i / sum_j g_j, g_i ~ Gamma(c_i, 1)
//   ln density(a) = lgamma(sum_i c_i) - sum_i lgamma(c_i) + sum_i (c_i - 1) ln a_i
// with respect to the first K - 1 weights. A draw is held for `hold` decisions; its density is logged where it is drawn, 0
// where it is held, so that the densities of an episode add up to that of its draws. Gammas are drawn as logarithms:
// the density stays finite where a weight is too small to be told from zero.
// It draws whether it shall explore or not: noise is what it is for.
// Devroye (1986), Non-Uniform Random Variate Generation, chapters XI.4 (gammas, normalised) and IX.3 (shapes below one).
// Status: checked against moments, marginals and the integral of the density (tests/oracle/dirichlet_test.cc).
#include <algorithm>
#include <cmath>

#include "policies/presets.h"
#include "policies/simplex.h"

namespace fader {
namespace {

struct DirichletOptions final : Options {
  std::vector<double> concentration = {1.0};
  std::int64_t hold = 1;
  void fields(Fields& f) override {
    f("concentration", concentration, "one number for all or one per agent: 1 is uniform over all weights, above it nearer to "
      "the mean, below nearer to the corners", 0.01, 1e6);
    f("hold", hold, "decisions that a draw is held for; 0: the episode", 0, 1'000'000'000);
  }
};

std::vector<double> concentrations(const DirichletOptions& options, const PolicyContext& context) {
  const std::size_t k = context.agents.size(), given = options.concentration.size();
  if (given == 1) return std::vector<double>(k, options.concentration[0]);
  if (given != k)
    throw ConfigError(fmt::format("concentration: {} numbers for {} agents; expected one for all, or one for each", given, k));
  return options.concentration;
}

class Dirichlet final : public Policy {
 public:
  Dirichlet(const DirichletOptions& options, const PolicyContext& context)
      : concentration_(concentrations(options, context)),
        hold_(options.hold),
        logs_(concentration_.size()),
        held_(static_cast<std::size_t>(context.slots), concentration_.size()),
        plays_(static_cast<std::size_t>(context.slots), 0) {
    spec_.deterministic = concentration_.size() == 1;
    double total = 0;
    for (const double c : concentration_) {
      total += c;
      log_constant_ -= std::lgamma(c);
    }
    log_constant_ += std::lgamma(total);
  }

  const PolicySpec& spec() const override { return spec_; }

  void begin(Slots slots, Streams) override {
    for (const int slot : slots) plays_[static_cast<std::size_t>(slot)] = 0;
  }

  void decide(const Observations& observations, Streams streams, Decisions& out) override {
    for (std::size_t i = 0; i < observations.slots.size(); ++i) {
      const auto slot = static_cast<std::size_t>(observations.slots[i]);
      const bool due = plays_[slot] == 0 || (hold_ > 0 && plays_[slot] >= hold_);
      out.log_density[i] = due ? draw(streams[i], held_[slot]) : 0;
      plays_[slot] = due ? 1 : plays_[slot] + 1;
      std::copy(held_[slot].begin(), held_[slot].end(), out.weights[i].begin());
    }
  }

  void state(Archive& archive) override {
    archive.field("held", held_.view().flat());
    archive.field("plays", std::span(plays_));
    for (std::size_t slot = 0; slot < plays_.size(); ++slot)
      archive.expect(
          plays_[slot] == 0 || (plays_[slot] > 0 && plays_[slot] < (std::int64_t{1} << 62) && simplex::is_on(held_[slot])),
          "weights that are held");
  }

 private:
  double draw(Rng& stream, std::span<double> out) {
    for (std::size_t k = 0; k < logs_.size(); ++k) {  // g of shape c < 1 is g of shape c + 1 times u^(1/c)
      const double c = concentration_[k];
      logs_[k] = c < 1 ? std::log(stream.gamma(c + 1)) - stream.exponential() / c : std::log(stream.gamma(c));
    }
    const double top = *std::max_element(logs_.begin(), logs_.end());
    double sum = 0;
    for (const double x : logs_) sum += std::exp(x - top);
    double log_density = log_constant_;
    for (std::size_t k = 0; k < logs_.size(); ++k) {
      const double log_weight = logs_[k] - top - std::log(sum);
      log_density += (concentration_[k] - 1) * log_weight;
      out[k] = std::exp(log_weight);
    }
    simplex::normalise(out);
    return log_density;
  }

  PolicySpec spec_;
  const std::vector<double> concentration_;
  const std::int64_t hold_;
  double log_constant_ = 0;
  std::vector<double> logs_;
  Grid<double> held_;                 // [slots, K]
  std::vector<std::int64_t> plays_;   // [slots] decisions that have played what is held; 0: nothing is
};

REGISTER_POLICY("dirichlet", Dirichlet, DirichletOptions, "weights drawn at random from a Dirichlet distribution",
                "checked against an oracle");

}  // namespace
}  // namespace fader
