// pretrain-v0 and its agents: ways of selecting, agents that run out of their own, those that die, what they remark.
#include "tests/env/small_pretrain.h"

using namespace fader;
using namespace fader::pretraining;

TEST_CASE("top-k under one agent trains alike by ranks and by raw scores, under two it does not") {
  Small small;
  small.agents = {"quality", "random"};
  small.env.selection = "top_k";
  const auto episode_of = [&](const char* scores, std::vector<double> w) {
    small.env.scores = scores;
    const auto env = small.make();
    Outcome out;
    reset(*env, 0, 4, out);
    const int slots[] = {0};
    std::string all;
    for (int t = 0; t < 4; ++t) {
      out.fit(env->spec(), 1);
      env->step(slots, {w.data(), 1, w.size()}, out);
      all += bits(env->spec(), out, 0);
      const double p = value(env->spec(), env->spec().series, out.series[0], "agents/propensity");
      CHECK((std::isnan(p) || p == 1.0));
    }
    return all;
  };
  const std::string alone = episode_of("ranks", {0, 1});
  CHECK((alone == episode_of("raw", {0, 1})));  // one agent's order is the same in both; random's scores are never equal
  CHECK((alone != episode_of("ranks", {1, 0})));
  CHECK((episode_of("ranks", {0.5, 0.5}) != episode_of("raw", {0.5, 0.5})));
}

namespace {

std::vector<double> values(const std::vector<Series>& list, std::span<const double> row, const std::string& path) {
  for (const Series& s : list)
    if (s.path == path) return {row.begin() + static_cast<std::ptrdiff_t>(s.offset), row.begin() + static_cast<std::ptrdiff_t>(s.offset + s.size)};
  return {};
}

void step_with(Env& env, const std::vector<double>& w, Outcome& out) {
  const int slots[] = {0};
  out.fit(env.spec(), 1);
  env.step(slots, {w.data(), 1, w.size()}, out);
}

/// Passages below an id are its own; from some interval on it may fail.
struct Odd final : Agent {
  PassageId own = 0;
  int calls = 0, good_calls = 1'000'000;
  std::string how = "throws";
  explicit Odd(PassageId below = 0) : own(below) {}
  std::optional<float> not_mine() const override { return own > 0 ? std::optional(0.0f) : std::nullopt; }
  void begin(Slots, std::span<const std::uint64_t>) override { calls = 0; }
  void score(std::span<ScoreJob> jobs, Trainer&) override {
    ++calls;
    if (calls > good_calls && how == "throws") throw DataError("the table is gone");
    for (const ScoreJob& job : jobs)
      for (std::size_t i = 0; i < job.passages.size(); ++i) {
        job.score[i] = own == 0 ? static_cast<float>(job.passages[i]) : job.passages[i] < own ? 1.0f : 0.0f;
        if (calls > good_calls) job.score[i] = std::nanf("");
      }
  }
  void trained(std::span<const TrainedOn>) override {
    if (how == "throws when trained" && calls >= good_calls) throw std::runtime_error("no room");
  }
  void state(Archive&) override {}
  void slot_state(Archive&, int) override {}
  using Agent::remark;
};

}  // namespace

TEST_CASE("what an agent remarks is among the events of the first interval of every episode") {
  Small small;
  small.agents = {"random"};
  small.add<Odd>("odd").remark("half of it was guessed");
  const auto env = small.make();
  Outcome out;
  for (int episode = 0; episode < 2; ++episode) {
    reset(*env, 0, 1, out);
    for (std::int64_t t = 0; t < env->spec().horizon; ++t) {
      step(*env, 0, t, out);
      REQUIRE(out.events[0].size() == (t == 0 ? 1u : 0u));
      if (t > 0) continue;
      CHECK(out.events[0][0].kind == "agent");
      CHECK(out.events[0][0].text == "agent 'odd': half of it was guessed");
    }
  }
}

TEST_CASE("one agent is played by any weights there are, and an event says so") {
  Small small;
  small.agents = {"random"};
  const auto env = small.make();
  Outcome out;
  reset(*env, 0, 1, out);
  out.fit(env->spec(), 1);
  const int slot[] = {0};
  const double all = 1;
  env->step(slot, {&all, 1, 1}, out);
  REQUIRE(out.events[0].size() == 1);
  CHECK(out.events[0][0].text == "there is one agent: every console plays alike");
  CHECK(out.executed[0][0] == 1);
  CHECK(std::isfinite(out.reward[0][0]));
}

TEST_CASE("every way of selecting trains, alone and in strata, with its numbers in the series") {
  for (const std::string selection : {"mixture_of_picks", "top_k", "gumbel_top_k", "batch_filter"})
    for (const std::string stratify : {"none", "domain"}) {
      CAPTURE(selection, stratify);
      Small small;
      small.env.selection = selection;
      small.env.stratify = stratify;
      small.env.inclusion_draws = 20;
      const auto env = small.make();
      Outcome out;
      const std::string one = episode(*env, 0, 7);
      CHECK(one == episode(*small.make(2), 1, 7));
      reset(*env, 0, 7, out);
      step(*env, 0, 0, out);
      const auto& spec = env->spec();
      const double effective = value(spec, spec.series, out.series[0], "corpus/effective_candidates");
      CHECK(effective > 3);
      if (selection == "top_k" && stratify == "none") {
        double picks = 0;
        for (const double n : values(spec.series, out.series[0], "agents/selected")) picks += n;
        CHECK(effective == Approx(picks));
      }
      const auto inclusion = values(spec.series, out.series[0], "agents/inclusion"), selected = values(spec.series, out.series[0], "agents/selected");
      for (std::size_t a = 0; a < 4; ++a)
        if (selected[a] > 0) CHECK((inclusion[a] >= 0 && inclusion[a] <= 1));
        else CHECK(std::isnan(inclusion[a]));
    }
}

TEST_CASE("simulating inclusion changes nothing else") {
  Small small;
  const auto plain = small.make();
  small.env.inclusion_draws = 5;
  const auto looking = small.make();
  Outcome a, b;
  reset(*plain, 0, 3, a);
  reset(*looking, 0, 3, b);
  for (std::int64_t t = 0; t < 4; ++t) {
    step(*plain, 0, t, a);
    step(*looking, 0, t, b);
    for (const char* path : {"infos/loss_train", "infos/loss_reference"})
      CHECK(value(plain->spec(), plain->spec().infos, a.infos[0], path) == value(looking->spec(), looking->spec().infos, b.infos[0], path));
  }
}

TEST_CASE("strata keep the domains of the candidates in training") {
  Small small;
  small.agents = {"random"};
  small.env.stratify = "domain";
  small.add<Odd>("greedy");  // wants the passages with the greatest ids alone
  const auto env = small.make();
  Outcome out;
  reset(*env, 0, 1, out);
  std::vector<double> trained, pool(small.corpus->domains().size(), 0.0);
  for (int t = 0; t < 4; ++t) {
    step_with(*env, {0, 1}, out);
    const auto tokens = values(env->spec().series, out.series[0], "corpus/domain_tokens");
    trained.resize(tokens.size());
    for (std::size_t d = 0; d < tokens.size(); ++d) trained[d] += tokens[d];
  }
  double all = 0, sum = 0;
  for (const PassageId id : small.corpus->set(Set::pool)) pool[small.corpus->document(id).domain] += small.corpus->passages()[id].tokens;
  for (const double x : pool) all += x;
  for (const double x : trained) sum += x;
  for (std::size_t d = 0; d < pool.size(); ++d) CHECK(trained[d] / sum == Approx(pool[d] / all).margin(0.08));
}

TEST_CASE("an agent that runs out hands its weight on, and executed weights, series and an event say so") {
  Small small;
  small.agents = {"random"};
  small.env.pool = "reservoir";
  const PassageId few = small.corpus->set(Set::pool)[12];
  const std::string policy = GENERATE("renormalise", "continue", "stop");
  small.env.exhausted = policy;
  small.add<Odd>("owner", few);
  const auto env = small.make();
  Outcome out;
  reset(*env, 0, 1, out);
  int events = 0;
  double left = 1;
  bool stopped = false;
  for (int t = 0; t < 4; ++t) {
    try {
      step_with(*env, {0.5, 0.5}, out);
    } catch (const RunError& e) {
      CHECK_THAT(e.what(), Catch::Contains("agent 'owner', of weight 0.5, calls none") && Catch::Contains("env.exhausted"));
      stopped = true;
      break;
    }
    const auto exhausted = values(env->spec().series, out.series[0], "agents/exhausted");
    CHECK(out.executed[0][0] + out.executed[0][1] == Approx(1));
    CHECK(exhausted[0] == 0);
    CHECK(out.executed[0][1] == Approx(0.5 * (1 - exhausted[1])));
    CHECK(out.executed[0][1] <= left);
    left = out.executed[0][1];
    events += static_cast<int>(out.events[0].size());
    if (!out.events[0].empty()) {
      CHECK(out.events[0][0].kind == "exhausted");
      CHECK_THAT(out.events[0][0].text, Catch::Contains("agent 'owner', of weight 0.5, calls none of the candidates left its own"));
    }
  }
  CHECK(stopped == (policy == "stop"));
  CHECK(events == (policy == "renormalise" ? 1 : 0));  // once, though it stays without
  CHECK(left == (policy == "renormalise" ? 0.0 : 0.5));
}

TEST_CASE("an agent that dies ends the run with an error that says which and why, or is ignored from then on") {
  const std::string how = GENERATE("throws", "gives NaN", "throws when trained");
  const int good_calls = GENERATE(0, 2);
  CAPTURE(how, good_calls);
  const auto small_of = [&](const char* agent_failure) {
    Small small;
    small.agents = {"quality", "random"};
    small.env.agent_failure = agent_failure;
    Odd& odd = small.add<Odd>("odd");
    odd.good_calls = good_calls;
    odd.how = how;
    return small;
  };
  const auto run = [&](Env& env, std::vector<Event>& events) {
    Outcome out;
    reset(env, 0, 1, out);
    for (std::int64_t t = 0; t < 4; ++t) {
      step(env, 0, t, out);
      events.insert(events.end(), out.events[0].begin(), out.events[0].end());
      for (const double x : out.observation[0]) CHECK(std::isfinite(x));
    }
    return values(env.spec().series, out.series[0], "agents/score_std");
  };
  std::vector<Event> events;
  const auto stop = small_of("stop").make();
  try {
    run(*stop, events);
    FAIL("it went on");
  } catch (const Error& e) {
    CHECK(e.code() == (how == "throws" ? Exit::data : Exit::run));
    CHECK_THAT(e.what(), Catch::Contains(fmt::format("interval {}: agent 'odd' failed", how == "throws when trained" ? std::max(0, good_calls - 1) : good_calls)) &&
                             Catch::Contains("env.agent_failure = \"ignore\""));
  }
  const auto ignore = small_of("ignore").make();
  const auto deviations = run(*ignore, events);
  CHECK(deviations[2] == 0);
  CHECK(deviations[1] > 0);
  REQUIRE(events.size() == 1);
  CHECK(events[0].kind == "agent");
  CHECK_THAT(events[0].text, Catch::Contains("agent 'odd' failed and is ignored from now on"));
}

TEST_CASE("a snapshot keeps who is dead, who ran out and what was not told yet") {
  Small small;
  small.agents = {"random"};
  small.env.agent_failure = "ignore";
  Odd& odd = small.add<Odd>("odd");
  odd.good_calls = 0;
  const auto env = small.make();
  Outcome out;
  reset(*env, 0, 1, out);
  Archive saved;
  env->slot_state(saved, 0);
  const std::string first = step(*env, 0, 0, out);
  REQUIRE(out.events[0].size() == 1);
  const std::string told = out.events[0][0].text;
  Small healthy;
  healthy.agents = {"random"};
  healthy.env.agent_failure = "ignore";
  healthy.add<Odd>("odd");
  const auto other = healthy.make();
  Archive in(saved.bytes());
  other->slot_state(in, 0);
  in.finish();
  CHECK(step(*other, 0, 0, out) == first);
  REQUIRE(out.events[0].size() == 1);
  CHECK(out.events[0][0].text == told);
}
