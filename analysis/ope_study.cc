#include "analysis/ope_study.h"

#include <algorithm>

#include "core/error.h"

namespace fader {
namespace {

std::vector<OpeTarget> targets_for(const ArmsPlayed& logger, const LoggedArms& all) {
  const std::size_t arms = logger.presets.size();
  std::vector<OpeTarget> out;
  for (std::size_t a = 0; a < arms; ++a) {
    out.push_back({.name = "always " + arm_name(logger, a), .probability = std::vector<double>(arms, 0.0)});
    out.back().probability[a] = 1;
  }
  out.push_back({.name = "all arms alike", .probability = std::vector<double>(arms, 1 / static_cast<double>(arms))});
  for (const ArmsPlayed& other : all.policies) {
    const bool drew = std::ranges::any_of(other.frequency, [](double f) { return f > 0; });
    if (other.point == logger.point || other.cell != logger.cell || other.presets != logger.presets || !drew) continue;
    const auto same = std::ranges::count(all.policies, other.policy, &ArmsPlayed::policy);
    out.push_back({.name = "as often as " + (same > 1 ? other.point : other.policy), .probability = other.frequency});
  }
  return out;
}

void estimate_all(const ope::Rounds& rounds, const ope::RewardModel& model, const ope::Settings& settings, OpeTarget& target) try {
  ope::require_support(rounds, target.probability);
  target.overlap = ope::overlap(rounds, target.probability, settings);
  for (std::size_t e = 0; e < ope::kEstimators.size(); ++e) {
    OpeValue& value = target.values.emplace_back(static_cast<ope::Estimator>(e));
    try {
      value.estimate = ope::estimate(value.estimator, rounds, target.probability, model, settings);
    } catch (const DataError& error) {
      value.refusal = error.what();
    }
  }
} catch (const DataError& error) {
  target.refusal = error.what();
}

OpeLogger study(const ArmsPlayed& played, const LoggedArms& all, const ope::Settings& settings) {
  const ope::Rounds& rounds = played.rounds;
  OpeLogger out{.policy = played.policy, .point = played.point, .cell = played.cell, .runs = rounds.runs(), .decisions = rounds.size(),
                .episodes = rounds.episodes(), .arms = rounds.arms()};
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    out.least_drawn = std::min(out.least_drawn, rounds.probability[i][rounds.arm[i]]);
    out.greatest_drawn = std::max(out.greatest_drawn, rounds.probability[i][rounds.arm[i]]);
  }
  try {
    ope::require_enough(rounds);
  } catch (const DataError& error) {
    out.refusal = error.what();
    return out;
  }
  out.logged = ope::as_logged(rounds, settings);
  const ope::RewardModel model = ope::fit_rewards(rounds, settings.ridge);
  out.targets = targets_for(played, all);
  for (OpeTarget& target : out.targets) estimate_all(rounds, model, settings, target);
  return out;
}

}  // namespace

bool OffPolicyStudy::estimated() const {
  return std::ranges::any_of(loggers, [](const OpeLogger& logger) {
    return std::ranges::any_of(logger.targets, [](const OpeTarget& target) { return target.refusal.empty(); });
  });
}

OffPolicyStudy off_policy(const Collection& collection, const OpeOptions& options) {
  const LoggedArms all = read_arms(collection, options);
  OffPolicyStudy out{.reward = all.reward, .settings = options.settings, .observations = options.observations, .loggers = {}, .refused = all.refused};
  if (!collection.runs.empty()) out.settings.confidence = collection.runs[0].confidence;
  for (const ArmsPlayed& played : all.policies)
    if (played.rounds.size() > 0) out.loggers.push_back(study(played, all, out.settings));
  return out;
}

}  // namespace fader
