// What a console that learned across episodes earns in an environment with a known answer, as the share of a known gap.
#pragma once
#include <cmath>
#include <string>
#include <vector>

#include "experiments/run.h"
#include "tests/experiments/point_of.h"

namespace fader::testing {

struct Learned {
  double earned = 0;      // mean expected return of the evaluation episodes
  Answer answer;
  /// Of what lies between the best fixed weights (or the best schedule) and the optimum.
  double beyond_fixed() const { return (earned - answer.fixed) / (answer.optimum - answer.fixed); }
  double beyond_schedule() const { return (earned - answer.schedule) / (answer.optimum - answer.schedule); }
};

/// `policy`: TOML of the policy's table. Learns from `episodes`, eight at a time, and is then judged by 200 others.
inline Learned learn(const std::string& env, const std::string& policy, std::int64_t seed, std::int64_t episodes) {
  const std::string text = fmt::format("[env]\nkind = \"{}\"\n[policy]\n{}\n[run]\nepisodes = {}\nmembers = 8\nevaluation_episodes = 200\n", env,
                                       policy, episodes);
  const Point point = point_of(text);
  NoProgress quiet;
  Cohort cohort = assemble(point, seed, nullptr, quiet);
  struct Judge final : Hook {
    double sum = 0, count = 0;
    void interval(const Glimpse& g) override {
      const EnvSpec& spec = g.cohort.env->spec();
      for (std::size_t i = 0; g.evaluation && i < g.slots.size(); ++i)
        for (const Series& s : spec.finals)
          if (s.path == "final/loss_test" && g.outcome.end[g.first + i] != End::no)
            sum -= g.outcome.finals[g.first + i][s.offset] * static_cast<double>(spec.horizon), ++count;
    }
  } judge;
  std::array<Hook*, 1> hooks = {&judge};
  Player(cohort, hooks).run([] { return false; });
  return {judge.sum / judge.count, *cohort.env->answer()};
}

}  // namespace fader::testing
