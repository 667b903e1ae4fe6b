// The scorecard: what its numbers mean, and that they depend on seeds alone.
#include "experiments/scorecard.h"

#include <catch2/catch.hpp>
#include <set>
#include <sstream>

#include "core/error.h"
#include "policies/policy.h"

using namespace fader;
using Catch::Matchers::Contains;

namespace {

Scorecard card_of(ScorecardOptions options) {
  return play_scorecard(options, [](std::size_t, std::size_t) {});
}

const Score& score_of(const Scorecard& card, const std::string& policy, const std::string& label) {
  for (const Score& s : card.scores)
    if (s.policy == policy && s.label == label) return s;
  FAIL("no score of " << policy << " in " << label);
  throw 0;
}

std::vector<std::vector<std::string>> cells_of(const std::string& tsv) {
  std::vector<std::vector<std::string>> out;
  std::istringstream lines(tsv);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) continue;
    out.emplace_back();
    std::istringstream cells(line + "\t|");
    for (std::string cell; std::getline(cells, cell, '\t');) out.back().push_back(cell);
    out.back().pop_back();
  }
  return out;
}

}  // namespace

TEST_CASE("a score is 1 for the optimum, 0 for equal weights, and the same share below") {
  ScorecardOptions o;
  o.seeds = 3;
  o.policies = {"uniform", "oracle_greedy", "one_hot"};
  o.environments = {"stationary", "experts", "delayed", "curves"};
  const Scorecard card = card_of(o);
  CHECK(card.scores.size() == 12);
  for (const std::string& label : o.environments) {
    CHECK(std::abs(score_of(card, "uniform", label).score) < 1e-12);
    CHECK(score_of(card, "uniform", label).se < 1e-12);
  }
  // What is best in every single interval is best in all where nothing is carried over, and not where acting now has a price later.
  CHECK(score_of(card, "oracle_greedy", "experts").score == Approx(1).margin(1e-3));
  CHECK(score_of(card, "oracle_greedy", "curves").score == Approx(1).margin(0.01));
  CHECK(score_of(card, "oracle_greedy", "delayed").score < 0.5);
  // 100 decisions on the arm of mean 0.2, where the best has 0.8 and the average 0.5.
  const Score& worst = score_of(card, "one_hot", "stationary");
  CHECK(worst.mean == Approx(20));
  CHECK(worst.regret == Approx(60));
  CHECK(worst.score == Approx(-1));
  CHECK(worst.seeds == 3);
  CHECK(worst.episodes == 0);
}

TEST_CASE("policies that learn across episodes are judged afterwards, on seeds of their own number") {
  ScorecardOptions o;
  o.seeds = 5;
  o.across_seeds = 2;
  o.episodes = 160;
  o.evaluation = 4;
  o.policies = {"ppo", "ucb"};
  o.environments = {"contextual"};
  const Scorecard card = card_of(o);
  const Score &ppo = score_of(card, "ppo", "contextual"), &ucb = score_of(card, "ucb", "contextual");
  CHECK(ppo.seeds == 2);
  CHECK(ppo.episodes == 160);
  CHECK(ucb.seeds == 5);
  CHECK(ucb.episodes == 0);
  CHECK(ppo.score > 0.9);  // with the episodes that it learned in, or none to learn in, it would be far below
  o.episodes = 8;
  CHECK(score_of(card_of(o), "ppo", "contextual").score < 0.6);
}

TEST_CASE("equal seeds give an equal table with any number of jobs, and other seeds another") {
  ScorecardOptions o;
  o.seeds = 3;
  o.across_seeds = 1;
  o.episodes = 16;
  o.evaluation = 2;
  o.policies = {"thompson", "dirichlet", "random_search"};
  o.environments = {"hidden-v0", "contextual"};
  const std::string once = scorecard_tsv(card_of(o));
  o.jobs = 2;
  const Scorecard two = card_of(o);
  CHECK(scorecard_tsv(two) == once);
  o.seeds = 4;
  const Scorecard more = card_of(o);
  CHECK(score_of(more, "thompson", "hidden").mean != score_of(two, "thompson", "hidden").mean);
  CHECK(score_of(more, "random_search", "hidden").mean == score_of(two, "random_search", "hidden").mean);
}

TEST_CASE("the table has a line for every policy and case, by group, and says why there is no number") {
  ScorecardOptions o;
  o.seeds = 1;
  o.policies = {"ucb", "odm_code", "fixed", "ucb"};
  o.environments = {"stationary", "curves"};
  const Scorecard card = card_of(o);
  const std::string tsv = scorecard_tsv(card);
  CHECK_THAT(tsv, Contains("Learning within an episode: 1 seed,") && Contains("Across episodes: 5 seeds, judged in 100 episodes after learning from 2000."));
  const auto cells = cells_of(tsv);
  REQUIRE(cells.size() == 1 + 3 * 2);
  for (const auto& row : cells) CHECK(row.size() == 18);
  std::vector<std::string> order;
  for (std::size_t i = 1; i < cells.size(); ++i) {
    order.push_back(cells[i][2]);
    CHECK(cells[i][0] == std::to_string((i + 1) / 2));
    CHECK(cells[i][3] == std::to_string(2 - i % 2));
  }
  CHECK(order == std::vector<std::string>{"fixed", "fixed", "odm_code", "odm_code", "ucb", "ucb"});
  CHECK(cells[3][11] == "NaN");
  CHECK_THAT(cells[3][17], Contains("'training_loss' is not one that the environment measures"));
  CHECK(cells[1][11] == "0");
  CHECK(cells[5][12] == "NaN");  // a single seed has no standard error
  CHECK(cells[5][17].empty());
  CHECK_THAT(scorecard_markdown(card), Contains("| policy | stationary | curves |") && Contains("| *best fixed mix* | 1.00 | 1.00 |") &&
                                           Contains("| fixed | 0.00 | 0.00 |") && Contains("| odm_code | | "));
}

TEST_CASE("what is unknown is refused with a suggestion, before anything is played") {
  ScorecardOptions o;
  bool played = false;
  const auto refused = [&](const std::string& what) {
    CHECK_THROWS_WITH(play_scorecard(o, [&](std::size_t, std::size_t) { played = true; }), Contains(what));
  };
  o.policies = {"uniform", "thomson"};
  refused("no policy 'thomson'; did you mean 'thompson'?");
  o.policies = {"uniform"};
  o.environments = {"stationery"};
  refused("no case 'stationery' in the scorecard; did you mean 'stationary'?");
  CHECK_FALSE(played);
}

TEST_CASE("groups of the scorecard name policies that there are, each once") {
  std::set<std::string> seen;
  for (const PolicyGroup& group : scorecard_groups())
    for (const std::string& name : group.policies) {
      CAPTURE(group.name, name);
      CHECK(policies().has(name));
      CHECK(seen.insert(name).second);
    }
}
