// Presets: fixed weight vectors as the arms of a bandit ("one-hot" with vertices, "lattice" with more).
//
//   vertices          e_k for each of K agents                          K arms
//   vertices_centre   and the uniform mix                               K + 1
//   simplex           vertices, midpoints of edges, the uniform mix     K + K (K - 1) / 2 + 1 (less for K < 3)
//
//   lattice           all weights in quarters                           (K + 3)! / (4! (K - 1)!) arms: 15 for K = 3, 35 for K = 4
//
// A floor leaves every agent a few passages an interval, so that no agent's data go unseen and propensities stay above
// zero: least weight = floor_passages / picks, at most 1 / (2 K).
#include "policies/presets.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "policies/scaler.h"
#include "policies/simplex.h"

namespace fader {
namespace {

constexpr double kWrittenTolerance = 1e-6;
constexpr int kQuarters = 4;

void add_new(Vectors& list, std::vector<double> preset) {
  if (std::find(list.begin(), list.end(), preset) == list.end()) list.push_back(std::move(preset));
}

/// Every way to give the quarters that are left to the agents from `agent` on, the first agent getting most first.
void add_quarters(std::vector<double>& preset, std::size_t agent, int left, Vectors& out) {
  if (agent + 1 == preset.size()) {
    preset[agent] = static_cast<double>(left) / kQuarters;
    out.push_back(preset);
    return;
  }
  for (int take = left; take >= 0; --take) {
    preset[agent] = static_cast<double>(take) / kQuarters;
    add_quarters(preset, agent + 1, left - take, out);
  }
}

Vectors lattice(const std::string& kind, std::size_t k) {
  Vectors out;
  if (kind == "lattice") {
    std::vector<double> preset(k, 0.0);
    add_quarters(preset, 0, kQuarters, out);
    return out;
  }
  for (std::size_t i = 0; i < k; ++i) {
    out.emplace_back(k, 0.0);
    out.back()[i] = 1;
  }
  if (kind == "simplex")
    for (std::size_t i = 0; i < k; ++i)
      for (std::size_t j = i + 1; j < k; ++j) {
        out.emplace_back(k, 0.0);
        out.back()[i] = out.back()[j] = 0.5;
      }
  if (kind != "vertices") add_new(out, std::vector<double>(k, 1.0 / static_cast<double>(k)));
  return out;
}

Vectors written(const Vectors& list, const std::vector<std::string>& agents) {
  Vectors out;
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto preset = checked_weights(list[i], agents, fmt::format("presets_list, row {}", i + 1));
    const auto twin = std::find(out.begin(), out.end(), preset);
    if (twin != out.end())
      throw ConfigError(fmt::format("presets_list: rows {} and {} are the same weights; leave one out",
                                    twin - out.begin() + 1, i + 1));
    out.push_back(std::move(preset));
  }
  return out;
}

}  // namespace

void LearningOptions::fields(Fields& f) {
  f("reward", reward, "which of the environment's rewards it learns from; empty: env.reward");
  f("scaler", scaler, "applied to that reward before it is learned").one_of(scaler_names());
}

void BanditOptions::fields(Fields& f) {
  LearningOptions::fields(f);
  f("presets", presets, "the arms: weights to choose among").one_of({"vertices", "vertices_centre", "simplex", "lattice"});
  f("presets_list", presets_list, "the arms one by one, each a list with one weight per agent; in place of presets", 0, 1);
  f("floor_passages", floor_passages, "passages that every agent gets in an interval, about; at most half of an even share",
    0, 1e9);
  f("play", play, "one: the weights of one arm, drawn; mixture: of all arms, in the proportion of their probabilities").one_of({"one", "mixture"});
  f("feedback", feedback, "what is learned from: the reward of the arm that was played, or every agent's credit, which tells of all arms")
    .one_of({"reward", "credit"});
  credits.fields(f);
}

void CreditOptions::fields(Fields& f) {
  f("credit", credit, "which of the environment's credits it learns from; empty: the first of env.credit, else the first of all");
  f("credit_scaler", credit_scaler, "applied to that credit before it is learned").one_of(credit_scaler_names());
}

void BanditOptions::validate() const {
  if (!presets_list.empty() && presets != BanditOptions{}.presets)
    throw ConfigError(fmt::format("presets is '{}' and presets_list has {} rows; give one of the two", presets,
                                  presets_list.size()));
  if (play == "mixture" && feedback == "reward")
    throw ConfigError("play is 'mixture' and feedback is 'reward': the reward of a mixture tells nothing of its arms; "
                      "set feedback = \"credit\", or play = \"one\"");
}

std::vector<double> checked_weights(std::span<const double> given, const std::vector<std::string>& agents,
                                    std::string_view what) {
  if (given.size() != agents.size())
    throw ConfigError(fmt::format("{}: {} weights for {} agents; expected one for each of: {}", what, given.size(), agents.size(),
                                  fmt::join(agents, ", ")));
  for (std::size_t k = 0; k < given.size(); ++k)
    if (!(given[k] >= 0) || !std::isfinite(given[k]))
      throw ConfigError(fmt::format("{}: the weight of '{}' is {}; expected 0 to 1", what, agents[k], given[k]));
  const double total = std::accumulate(given.begin(), given.end(), 0.0);
  if (!(std::abs(total - 1) <= kWrittenTolerance))
    throw ConfigError(fmt::format("{}: the weights sum to {}; expected 1 to within {}", what, total, kWrittenTolerance));
  std::vector<double> out(given.begin(), given.end());
  simplex::normalise(out);
  return out;
}

Vectors make_presets(const BanditOptions& options, const PolicyContext& context) {
  options.validate();
  const std::size_t k = context.agents.size();
  FADER_CHECK(k > 0, "no agents");
  Vectors out = options.presets_list.empty() ? lattice(options.presets, k) : written(options.presets_list, context.agents);
  const double least = floor_of(options.floor_passages, context);
  if (least > 0)
    for (auto& preset : out) simplex::floor(preset, least);
  return out;
}

double floor_of(double passages, const PolicyContext& context) {
  if (context.picks == 0) return 0;
  return std::min(passages / static_cast<double>(context.picks), 0.5 / static_cast<double>(context.agents.size()));
}

}  // namespace fader
