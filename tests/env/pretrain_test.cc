// pretrain-v0, promise by promise.
#include "tests/env/small_pretrain.h"

#include <cstring>
#include <set>

using namespace fader;
using namespace fader::pretraining;

TEST_CASE("an episode of pretrain-v0 ends after its horizon, with every number that it promises") {
  Small small;
  const auto env = small.make();
  const EnvSpec& spec = env->spec();
  Outcome out;
  reset(*env, 0, 1, out);
  CHECK(value(spec, spec.infos, out.infos[0], "infos/tokens") == 0);
  const double first = value(spec, spec.infos, out.infos[0], "infos/loss_reference");
  CHECK(first == Approx(std::log(small.corpus->vocabulary())).margin(0.3));
  double fallen = 0;
  for (std::int64_t t = 0; t < spec.horizon; ++t) {
    step(*env, 0, t, out);
    CHECK(out.end[0] == (t + 1 == spec.horizon ? End::terminated : End::no));
    for (const double x : out.observation[0]) CHECK(std::isfinite(x));
    fallen += out.reward[0][0];
    CHECK(out.reward_se[0][0] > 0);
    CHECK(out.train[0].size() == 3);
    CHECK(value(spec, spec.infos, out.infos[0], "infos/tokens") == 3.0 * 4 * 16 * static_cast<double>(t + 1));
    double tokens = 0;
    for (const Series& s : spec.series)
      if (s.path == "corpus/domain_tokens")
        for (const double x : out.series[0].subspan(s.offset, s.size)) tokens += x;
    CHECK(tokens == Approx(3 * 4 * 16).margin(16));  // to a passage that is carried over
  }
  const double last = value(spec, spec.infos, out.infos[0], "infos/loss_reference");
  CHECK(fallen == Approx(first - last));
  CHECK(last < first);
  for (const Series& s : spec.finals)
    for (const double x : out.finals[0].subspan(s.offset, s.size)) CHECK(std::isfinite(x));
  CHECK(value(spec, spec.finals, out.finals[0], "final/loss_reference") == last);
}

TEST_CASE("equal seeds give equal episodes, others do not, in any slot and beside any other") {
  Small small;
  const auto env = small.make();
  const std::string one = episode(*env, 0, 7);
  CHECK(one == episode(*env, 0, 7));
  CHECK(one != episode(*env, 0, 8));

  const auto two = small.make(2);
  Outcome out;
  const int both[] = {1, 0};
  const std::uint64_t seeds[] = {7, 8};
  out.fit(two->spec(), 2);
  two->reset(both, seeds, out);
  std::string a = bits(two->spec(), out, 0), b = bits(two->spec(), out, 1);
  for (std::int64_t t = 0; t < 4; ++t) {
    auto w = mix(t, 4);
    const auto again = w;
    w.insert(w.end(), again.begin(), again.end());
    out.fit(two->spec(), 2);
    two->step(both, {w.data(), 2, 4}, out);
    a += bits(two->spec(), out, 0);
    b += bits(two->spec(), out, 1);
  }
  CHECK(a == one);
  CHECK(b == episode(*env, 0, 8));
}

TEST_CASE("equal seeds give equal episodes in any slot of a reservoir and of top-k selection as well") {
  for (const Small& small : {Small::seed(), Small::seed("code"), Small::reservoir()}) {
    const std::string one = episode(*small.make(), 0, 7);
    const auto two = small.make(2);
    CHECK(one == episode(*two, 1, 7));
    CHECK(one == episode(*two, 1, 7));
    CHECK(one != episode(*two, 1, 8));
  }
}

TEST_CASE("looking is free: validation losses change nothing else") {
  Small small;
  const std::string plain = episode(*small.make(), 0, 3);
  small.env.validation_every = 1;
  const auto env = small.make();
  CHECK(plain == episode(*env, 0, 3));
  Outcome out;
  reset(*env, 0, 3, out);
  CHECK(std::isfinite(value(env->spec(), env->spec().infos, out.infos[0], "infos/loss_validation")));
}

TEST_CASE("a snapshot in mid-episode gives branches and comes back") {
  const Small small = GENERATE(Small(), Small::seed(), Small::seed("code"), Small::reservoir());
  const auto env = small.make(), other = small.make();
  Outcome out;
  reset(*env, 0, 5, out);
  step(*env, 0, 0, out);
  step(*env, 0, 1, out);
  Archive saved;
  env->slot_state(saved, 0);
  const std::string straight = step(*env, 0, 2, out) + step(*env, 0, 3, out);

  Archive back(saved.bytes());
  env->slot_state(back, 0);
  back.finish();
  const std::string branch = step(*env, 0, 3, out);  // another action from the same state
  CHECK(branch != straight.substr(0, branch.size()));
  Archive again(saved.bytes());
  env->slot_state(again, 0);
  CHECK(step(*env, 0, 2, out) + step(*env, 0, 3, out) == straight);

  Archive away(saved.bytes());
  other->slot_state(away, 0);
  CHECK(step(*other, 0, 2, out) + step(*other, 0, 3, out) == straight);
}

TEST_CASE("a step saved in its middle goes on elsewhere as if it had not been left") {
  const Small small = GENERATE(Small(), Small::seed(), Small::seed("code"), Small::reservoir());
  const auto env = small.make();
  Outcome out;
  reset(*env, 0, 5, out);
  step(*env, 0, 0, out);
  std::vector<std::string> moments;
  env->when_resting([&] {
    Archive archive;
    env->state(archive);
    moments.push_back(archive.bytes());
    env->fingerprint(0);  // looking is free
  });
  const std::string second = step(*env, 0, 1, out);
  env->when_resting({});
  REQUIRE(moments.size() == 3);
  const std::string third = step(*env, 0, 2, out);
  const auto flops = env->ledger().row(0).flops;
  const double fingerprint = env->fingerprint(0);
  for (const std::string& moment : moments) {
    const auto later = small.make();
    Archive archive(moment);
    later->state(archive);
    archive.finish();
    CHECK(step(*later, 0, 1, out) == second);
    CHECK(step(*later, 0, 2, out) == third);
    CHECK(later->ledger().row(0).flops == flops);
    CHECK(later->fingerprint(0) == fingerprint);
  }
  struct Away {};
  env->when_resting([] { throw Away{}; });
  CHECK_THROWS_AS(step(*env, 0, 3, out), Away);
}

TEST_CASE("a state that leads out of the environment's tables is refused") {
  const Small small = Small::seed();
  const auto env = small.make();
  Outcome out;
  reset(*env, 0, 5, out);
  Archive saved;
  env->slot_state(saved, 0);
  for (const char* name : {"interval", "turn", "uses", "reference", "weights", "agent_reward", "agreement", "raw", "keys", "dead", "exhausted", "domain", "first_mean"}) {
    std::string bytes = saved.bytes();
    const std::size_t at = bytes.find(name) + std::strlen(name);
    REQUIRE(at < bytes.size());
    std::uint64_t count = 0;
    std::memcpy(&count, bytes.data() + at, sizeof count);
    if (std::string(name) == "interval" || std::string(name) == "turn") bytes[at + sizeof count + 1] = 1;  // 256 and more
    else {  // one element less
      const std::uint64_t fewer = count - 1;
      std::memcpy(bytes.data() + at, &fewer, sizeof fewer);
      const char kind = bytes[bytes.find(name) - 5];
      bytes.erase(at + sizeof fewer, kind == 'f' ? 4 : kind == 'B' ? 1 : 8);
    }
    const auto other = small.make();
    Archive archive(bytes);
    INFO(name);
    CHECK_THROWS_AS(other->slot_state(archive, 0), DataError);
  }
}

TEST_CASE("weights off the simplex are refused, and so is a pool too small") {
  Small small;
  const auto env = small.make();
  Outcome out;
  reset(*env, 0, 1, out);
  const int slots[] = {0};
  for (const std::vector<double>& w : {std::vector<double>{0.5, 0.5, 0.5, -0.5}, {0.3, 0.3, 0.3, 0.3}, {NAN, 0.5, 0.5, 0}})
    CHECK_THROWS_WITH(env->step(slots, {w.data(), 1, 4}, out), Catch::Contains("not on the simplex"));
  small.train.intervals = 400;
  CHECK_THROWS_WITH(small.make(), Catch::Contains("lower env.candidates"));
}

TEST_CASE("every slice is its own: no passage is trained on twice, and the order is the seed's") {
  Small small;
  small.agents = {"random"};
  const auto env = small.make();
  Outcome out;
  reset(*env, 0, 1, out);
  double left = 1;
  std::set<double> means;  // of the scores of the candidates: a slice that came twice would have its mean again
  for (std::int64_t t = 0; t < 4; ++t) {
    const std::vector<double> w = {1.0};
    const int slots[] = {0};
    out.fit(env->spec(), 1);
    env->step(slots, {w.data(), 1, 1}, out);
    const double now = value(env->spec(), env->spec().series, out.series[0], "corpus/pool_left");
    CHECK(now < left);
    left = now;
    CHECK(means.insert(value(env->spec(), env->spec().series, out.series[0], "agents/score_mean")).second);
  }
  CHECK(left >= 0);
}

TEST_CASE("a reservoir's passages are used as often as allowed, and what is left follows") {
  for (const std::int64_t epochs : {1, 2}) {
    Small small = Small::reservoir();
    small.env.epochs = epochs;
    const auto env = small.make();
    Outcome out;
    reset(*env, 0, 1, out);
    double used = 0;
    for (std::int64_t t = 0; t < 4; ++t) {
      step(*env, 0, t, out);
      for (const Series& s : env->spec().series)
        if (s.path == "agents/selected")
          for (const double n : out.series[0].subspan(s.offset, s.size)) used += n;
      const double left = value(env->spec(), env->spec().series, out.series[0], "corpus/pool_left");
      CHECK(left == Approx(1 - used / (100.0 * static_cast<double>(epochs))));
      for (const Field& f : env->spec().observation)
        if (f.name == "pool_left") CHECK(out.observation[0][f.offset] == left);
    }
  }
}

TEST_CASE("a reservoir that could run dry is refused before it starts") {
  Small small = Small::reservoir();
  small.env.pool_size = 40;
  CHECK_THROWS_WITH(small.make(), Catch::Contains("raise env.pool_size or env.epochs"));
  small.env.pool_size = 1'000'000;
  CHECK_THROWS_WITH(small.make(), Catch::Contains("env.pool_size is 1000000"));
  // enough on average, not for every permutation
  small = Small::reservoir();
  double tokens = 0, passages = 0;
  for (const PassageId id : small.corpus->set(Set::pool)) tokens += small.corpus->passages()[id].tokens, passages += 1;
  small.env.pool_size = static_cast<std::int64_t>(std::ceil(4 * 3 * 4 * 16 / (tokens / passages)));
  const auto env = small.make();
  Outcome out;
  int refused = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    try {
      episode(*env, 0, seed);  // runs to its end where it starts
    } catch (const ConfigError& e) {
      ++refused;
      CHECK(std::string(e.what()).find("reservoir hold") != std::string::npos);
    }
  }
  CHECK(refused > 0);
  CHECK(refused < 20);
}

TEST_CASE("options that mean nothing together are refused") {
  const auto refused = [](auto&& change) {
    PretrainOptions o;
    change(o);
    try {
      o.validate();
    } catch (const ConfigError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(refused([](auto&) {}).empty());
  CHECK_THAT(refused([](auto& o) { o.scores = "raw"; }), Catch::Contains("scores is 'raw'"));
  CHECK_THAT(refused([](auto& o) { o.repetition_decay = 0.1; }), Catch::Contains("no sum of scores"));
  CHECK_THAT(refused([](auto& o) { o.selection = "top_k", o.repetition_decay = 0.1; }), Catch::Contains("nothing is repeated"));
  CHECK_THAT(refused([](auto& o) { o.epochs = 2; }), Catch::Contains("epochs is 2"));
  CHECK_THAT(refused([](auto& o) { o.pool_size = 9; }), Catch::Contains("pool_size is 9"));
  CHECK_THAT(refused([](auto& o) { o.tau = 1; }), Catch::Contains("has no temperature"));
  CHECK_THAT(refused([](auto& o) { o.filter_ratio = 3; }), Catch::Contains("draws no batch"));
  CHECK_THAT(refused([](auto& o) { o.selection = "batch_filter", o.filter_ratio = 5; }), Catch::Contains("more than there is"));
  CHECK(refused([](auto& o) { o.selection = "batch_filter", o.filter_ratio = 3, o.scores = "raw"; }).empty());
  CHECK(refused([](auto& o) { o.selection = "gumbel_top_k", o.tau = 3, o.scores = "raw"; }).empty());
  CHECK(refused([](auto& o) { o.pool = "reservoir", o.selection = "top_k", o.epochs = 2, o.repetition_decay = 0.1; }).empty());
}

TEST_CASE("credit is the training loss of what each agent drew, and the released code's numbers where it is asked for") {
  Small small;
  small.agents = {"random"};
  {
    const auto env = small.make();
    REQUIRE(env->spec().credits == std::vector<std::string>{"agent_reward", "training_loss", "seed_code"});
    Outcome out;
    reset(*env, 0, 1, out);
    const int slots[] = {0};
    const std::vector<double> w = {1.0};
    out.fit(env->spec(), 1);
    env->step(slots, {w.data(), 1, 1}, out);
    // nothing was carried over yet: all that was trained on was drawn now
    CHECK(out.credit[0][1] == Approx(value(env->spec(), env->spec().infos, out.infos[0], "infos/loss_train")).epsilon(1e-6));
    CHECK(out.credit_se[0][1] > 0);
    CHECK(std::isnan(out.credit[0][0]));
    CHECK(std::isnan(out.credit[0][2]));
  }
  small = Small::seed("code");
  const auto env = small.make();
  Outcome out;
  reset(*env, 0, 1, out);
  step(*env, 0, 0, out);
  for (std::size_t a = 0; a < 3; ++a) {
    CHECK(std::isnan(out.credit[0][a]));            // no reward of an agent
    CHECK(std::isfinite(out.credit[0][6 + a]));     // quality's first three bins
    CHECK(std::abs(out.credit[0][6 + a]) < 0.25);   // below 1 / n_j
  }
}

TEST_CASE("everything is in the ledger, under its phase") {
  Small small;
  const auto env = small.make();
  episode(*env, 0, 1);
  const Ledger::Row& row = env->ledger().row(0);
  const auto flops = [&](Phase p) { return row.flops[static_cast<std::size_t>(p)]; };
  const auto tokens = [&](Phase p) { return row.tokens[static_cast<std::size_t>(p)]; };
  CHECK(tokens(Phase::train) == 4 * 3 * 4 * 16);
  CHECK(flops(Phase::train) > 0);
  CHECK(flops(Phase::probe) > 0);
  CHECK(flops(Phase::reward) > 0);
  CHECK(flops(Phase::observe) > 0);  // the final losses, for people
  CHECK(flops(Phase::select) == 0);
  // three domains and two topics, four intervals, at most four passages of at most 16 tokens each
  CHECK(tokens(Phase::probe) <= 5 * 4 * 4 * 16);
  CHECK(tokens(Phase::probe) > 5 * 4 * 4);
}

TEST_CASE("without agents that probe, the reference gradient is never taken") {
  Small small;
  small.agents = {"quality", "random"};
  const auto env = small.make();
  episode(*env, 0, 1);
  CHECK(env->ledger().row(0).tokens[static_cast<std::size_t>(Phase::probe)] == 0);
}

TEST_CASE("agents hear once an interval what was trained on, before anything is probed") {
  struct Listener final : Agent {
    std::vector<std::string>& heard;
    explicit Listener(std::vector<std::string>& to) : heard(to) {}
    void begin(Slots, std::span<const std::uint64_t>) override { heard.push_back("begin"); }
    void score(std::span<ScoreJob> jobs, Trainer&) override {
      heard.push_back("score");
      for (const ScoreJob& job : jobs) std::ranges::fill(job.score, 0.5f);
    }
    void trained(std::span<const TrainedOn> slots) override {
      REQUIRE(slots.size() == 1);
      REQUIRE(slots[0].passages.size() == slots[0].loss.size());
      double nats = 0;
      for (const float l : slots[0].loss) nats += static_cast<double>(l);
      heard.push_back(fmt::format("slot {}, {}, {:.6f}", slots[0].slot, slots[0].passages.size(), nats / static_cast<double>(slots[0].loss.size())));
    }
    void probes(Slots, Streams, std::span<std::vector<ProbeGroup>>) override { heard.push_back("probes"); }
    void state(Archive&) override {}
    void slot_state(Archive&, int) override {}
  };
  std::vector<std::string> heard;
  Small small;
  small.agents = {"random"};
  small.change = [&](Pretraining& parts) {
    parts.agents.push_back(std::make_unique<Listener>(heard));
    parts.agent_names.push_back("listener");
  };
  const auto env = small.make();
  Outcome out;
  reset(*env, 0, 1, out);
  step(*env, 0, 0, out);
  REQUIRE(heard.size() == 5);
  CHECK(heard[2].starts_with("slot 0, "));
  heard.erase(heard.begin() + 2);
  CHECK(heard == std::vector<std::string>{"begin", "score", "probes", "score"});
}

TEST_CASE("divergence ends the episode as a failure that is worse than finishing") {
  Small small;
  small.train.learning_rate = 1e30;
  small.train.warmup = 0;
  small.train.clip = 1e30;
  const auto env = small.make();
  const EnvSpec& spec = env->spec();
  Outcome out;
  reset(*env, 0, 1, out);
  const double first = value(spec, spec.infos, out.infos[0], "infos/loss_reference");
  std::int64_t t = 0;
  for (; t < spec.horizon && out.end[0] == End::no; ++t) step(*env, 0, t, out);
  REQUIRE(out.end[0] == End::terminated);
  CHECK(out.failed[0]);
  REQUIRE(out.events[0].size() == 1);
  CHECK(out.events[0][0].kind == "divergence");
  const double worst = std::max(first, std::log(small.corpus->vocabulary())) + 1;
  CHECK(value(spec, spec.finals, out.finals[0], "final/loss_test") == worst);
  CHECK(std::isfinite(out.reward[0][0]));
  for (const double x : out.observation[0]) CHECK(std::isfinite(x));
}
