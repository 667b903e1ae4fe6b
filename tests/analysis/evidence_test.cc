// What pairs say, hypotheses stated beforehand, and runs that are not compared like others.
#include "analysis/evidence.h"

#include <catch2/catch.hpp>

#include <cmath>

#include "analysis/report.h"
#include "analysis/report_document.h"
#include "analysis/significance.h"
#include "core/error.h"
#include "tests/analysis/synthetic_runs.h"
#include "tests/scratch_folder.h"

using namespace fader;
using namespace fader::test;
using Catch::Contains;

namespace {

/// `random`, `good` (lower by about a quarter), `same` (lower or higher by turns).
void write_three(const fs::path& folder, std::uint64_t seeds) {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const double base = 4 + 0.1 * static_cast<double>(seed), wave = 0.03 * static_cast<double>(seed % 3);
    for (const auto& [policy, loss] : {std::pair{"random", base}, {"good", base - 0.25 - wave}, {"same", base + (seed % 2 ? 0.02 : -0.02)}}) {
      SyntheticRun run{.seed = seed};
      run.policy = policy;
      run.config = policy;
      run.loss_test = loss;
      write_run(folder, run);
    }
  }
}

PlanFile plan_with(const std::vector<Hypothesis>& hypotheses) { return {"try", "Which?", "random", "final/loss_test", 0.95, false, hypotheses, {}}; }

}  // namespace

TEST_CASE("evidence has every number of the pairs, and equal draws on every call") {
  std::vector<Pair> pairs;
  for (std::uint64_t seed = 0; seed < 8; ++seed) pairs.push_back({seed, 1.0 + 0.2 * std::sin(static_cast<double>(seed)), 1.5});
  const Evidence e = evidence_of(pairs, 0.95, true, "x"), again = evidence_of(pairs, 0.95, true, "x"), other = evidence_of(pairs, 0.95, true, "y");
  CHECK(e.paired.n == 8);
  CHECK(e.studentised.low == again.studentised.low);
  CHECK(e.studentised.low != other.studentised.low);
  CHECK(e.studentised.low == Approx(other.studentised.low).margin(0.05));
  CHECK(e.studentised.holds(e.paired.difference));
  CHECK(e.improvement == 1);
  CHECK(evidence_of(pairs, 0.95, false, "x").improvement == 0);
  std::vector<double> d;
  for (const Pair& p : pairs) d.push_back(p.value - p.baseline);
  CHECK(e.p_t == stats::paired_t_p(d));
  CHECK(e.p_wilcoxon == stats::wilcoxon(d).p);
  CHECK(e.seeds_needed >= 2);
  CHECK(e.smallest_effect > 0);
  const Evidence one = evidence_of({pairs[0]}, 0.95, true, "x");
  CHECK(std::isnan(one.p_t));
  CHECK_FALSE(one.studentised.known());
  std::vector<Evidence> several = {e, other, one};
  several[1].p_t = 0.04;
  correct({&several[0], &several[1], &several[2]});
  CHECK(several[0].p_holm == Approx(2 * e.p_t));
  CHECK(several[1].p_holm == Approx(0.04));
  CHECK(std::isnan(several[2].p_holm));
}

TEST_CASE("hypotheses are supported, contradicted, not shown, or not tested, corrected over all") {
  const ScratchFolder scratch;
  write_three(scratch.path(), 8);
  write_plan(scratch.path(), plan_with({{"good is good", "good", "random", "final/loss_test", "lower", ""},
                                        {"", "good", "random", "final/loss_test", "higher", ""},
                                        {"", "good", "same", "final/loss_validation", "different", ""},
                                        {"", "same", "random", "final/loss_test", "lower", ""},
                                        {"", "gone", "random", "final/loss_test", "lower", ""}}));
  const Study study = study_of(collect_runs(scratch.path()));
  const std::vector<Tested> tested = tested_hypotheses(study);
  REQUIRE(tested.size() == 5);
  using enum Tested::Outcome;
  const Tested::Outcome expected[] = {supported, contradicted, supported, open, not_tested};
  for (std::size_t i = 0; i < 5; ++i) {
    CAPTURE(i, sentence(tested[i], 0.95));
    CHECK(tested[i].outcome == expected[i]);
  }
  CHECK(tested[0].evidence.p_holm == Approx(4 * tested[0].evidence.p_t));
  CHECK(tested[2].evidence.paired.n == 8);
  CHECK_THAT(sentence(tested[0], 0.95), Contains("good is good (good ends lower than random in final/loss_test): supported (difference -0.2"));
  CHECK_THAT(sentence(tested[1], 0.95), Contains("contradicted, the difference is the other way round"));
  CHECK_THAT(sentence(tested[3], 0.95), Contains("not shown") && Contains("in 80 of 100 experiments"));
  CHECK_THAT(sentence(tested[4], 0.95), Contains("not tested, policy 'gone' has no complete run here"));
}

TEST_CASE("a hypothesis speaks of one point of a policy by the point's name, and not of several") {
  const ScratchFolder scratch;
  for (std::uint64_t seed = 0; seed < 8; ++seed)
    for (const double c : {0.5, 2.0}) {
      SyntheticRun run{.policy = "ucb", .seed = seed};
      run.varies = {c < 1 ? "policy.c=0.5" : "policy.c=2"};
      run.config = run.varies[0];
      run.loss_test = 4 + c + 0.01 * static_cast<double>(seed * (c < 1 ? 1 : 2) % 5);
      write_run(scratch.path(), run);
    }
  write_plan(scratch.path(), plan_with({{"", "policy=ucb,policy.c=0.5", "policy=ucb,policy.c=2", "final/loss_test", "lower", ""},
                                        {"", "ucb", "policy=ucb,policy.c=2", "final/loss_test", "lower", ""}}));
  const std::vector<Tested> tested = tested_hypotheses(study_of(collect_runs(scratch.path())));
  REQUIRE(tested.size() == 2);
  CHECK(tested[0].outcome == Tested::Outcome::supported);
  CHECK(tested[0].evidence.paired.difference == Approx(-1.5).margin(0.05));
  CHECK(tested[1].outcome == Tested::Outcome::not_tested);
  CHECK_THAT(tested[1].problem, Contains("several points"));
}

TEST_CASE("fewer than six pairs give no verdict on a hypothesis, none stated is said") {
  const ScratchFolder scratch;
  write_three(scratch.path(), 5);
  write_plan(scratch.path(), plan_with({{"", "good", "random", "final/loss_test", "lower", ""}}));
  const Study study = study_of(collect_runs(scratch.path()));
  CHECK(tested_hypotheses(study)[0].outcome == Tested::Outcome::too_few);
  fs::remove(scratch / "plan.json");
  CHECK(tested_hypotheses(study_of(collect_runs(scratch.path()))).empty());
}

TEST_CASE("what was planned and is not there is named, candidates of searches apart") {
  const ScratchFolder scratch;
  write_three(scratch.path(), 2);
  PlanFile plan = plan_with({});
  plan.points = {{"policy=good", "good", "", "", "", {}, {0, 1, 2}}, {"policy=never", "never", "", "", "", {}, {0}}, {"search=x", "x", "", "search", "", {}, {0}}};
  write_plan(scratch.path(), plan);
  const Collection c = collect_runs(scratch.path());
  REQUIRE(c.left_out.size() == 2);
  CHECK(c.left_out[0].place == "policy=good/seed-2");
  CHECK(c.left_out[1].place == "policy=never/seed-0");
  CHECK(c.left_out[1].reason == "planned, and not there");
}

TEST_CASE("candidates are counted and not compared, what is made for its seed may differ from seed to seed, equal FLOPs need no equal tokens") {
  const ScratchFolder scratch;
  write_three(scratch.path(), 2);
  const auto write = [&](const std::string& policy, std::uint64_t seed, const std::string& stage, const std::string& config, double scale) {
    SyntheticRun run{.seed = seed};
    run.policy = policy;
    run.config = config;
    run.stage = stage;
    for (double& t : run.tokens) t *= scale;
    write_run(scratch.path(), run);
  };
  write("candidate", 0, "search", "a", 0.25);
  write("candidate", 1, "search", "a", 0.25);
  write("replay", 0, "derived", "b", 1);
  write("replay", 1, "derived", "c", 1);
  write("flops", 0, "same_flops", "d", 2);
  const Collection c = collect_runs(scratch.path());
  REQUIRE(c.searched.size() == 1);
  CHECK(c.searched[0].policy == "candidate");
  CHECK(c.searched[0].runs == 2);
  CHECK(c.searched[0].tokens == Approx(0.5 * SyntheticRun().tokens.back()));
  CHECK(c.searched[0].seeds == std::set<std::uint64_t>{0, 1});
  CHECK(c.runs.size() == 6 + 2 + 1);
  report(scratch.path(), {.figures = false});
  const std::string text = read_file(scratch / "report.md"), apart = "flops was trained on 800 tokens a run against 400 of the others: at equal FLOPs, not at equal tokens; 4e+07 FLOPs, the others 4e+07.";
  CHECK(text.find(apart) != std::string::npos);
  CHECK(text.find(apart) != text.rfind(apart));   // beside both tables
  CHECK_THAT(read_file(scratch / "report.html"), Contains(apart));
  CHECK_THAT(text, Contains("candidate: 2 runs of candidates (200 tokens in all), on the seeds 0, 1; some of these are compared as well, which flatters it"));
  write("replay", 1, "", "c", 1);
  CHECK_THROWS_AS(collect_runs(scratch.path()), DataError);
  write("replay", 1, "derived", "c", 1);
  write("flops", 0, "", "d", 2);
  CHECK_THROWS_WITH(collect_runs(scratch.path()), Contains("token budget"));
}
