// pretrain-v0 on a corpus small enough to check every promise of env/env.h.
#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <set>

#include "env/pretrain.h"
#include "tests/trainer/toy_corpus.h"

using namespace fader;

namespace {

struct Small {
  std::shared_ptr<const Corpus> corpus = ToyCorpus::random(11, 600);
  ModelOptions model;
  TrainOptions train;
  PretrainOptions env;
  std::vector<std::string> agents = {"quality", "domain", "topic", "random"};
  Small() {
    model.vocabulary = corpus->vocabulary();
    model.context = corpus->context();
    model.width = 16;
    model.layers = 1;
    model.heads = 2;
    train.intervals = 4;
    train.steps_per_interval = 3;
    train.batch = 4;
    env.candidates = 3;
    env.reference_passages = 24;
    env.evaluation_passages = 24;
    env.domain_passages = 8;
  }
  std::unique_ptr<Env> make(int slots = 1) const {
    static NoProgress progress;
    EnvContext context;
    context.slots = slots;
    context.pretraining = std::make_shared<Pretraining>();
    context.pretraining->model = model;
    context.pretraining->train = train;
    context.pretraining->corpus = corpus;
    context.pretraining->trainer = make_trainer(model, train, corpus, slots, {1});
    for (const std::string& kind : agents) {
      context.pretraining->agents.push_back(fader::agents().make_default(kind, AgentContext{corpus, slots, progress}));
      context.pretraining->agent_names.push_back(kind);
    }
    return environments().at("pretrain-v0").make(env, context);
  }
};

/// Every number of an outcome's row, bit for bit; `but` are infos that may differ.
std::string bits(const EnvSpec& spec, const Outcome& out, std::size_t row, const std::string& but = "infos/loss_validation") {
  std::string all;
  const auto add = [&](std::span<const double> v) { all.append(reinterpret_cast<const char*>(v.data()), v.size_bytes()); };
  add(out.observation[row]);
  add(out.reward[row]);
  add(out.credit[row]);
  add(out.executed[row]);
  for (const Series& s : spec.infos)
    if (s.path != but) add(out.infos[row].subspan(s.offset, s.size));
  for (const Series& s : spec.series)
    if (!s.volatile_value) add(out.series[row].subspan(s.offset, s.size));
  add(out.finals[row]);
  for (const TrainRow& t : out.train[row]) add({&t.loss, 1});
  return all;
}

std::vector<double> mix(std::int64_t t, std::size_t k) {
  std::vector<double> w(k, 0.0);
  w[static_cast<std::size_t>(t) % k] += 0.5;
  w[static_cast<std::size_t>(t + 1) % k] += 0.5;
  return w;
}

std::string step(Env& env, int slot, std::int64_t t, Outcome& out) {
  const auto w = mix(t, env.spec().agents.size());
  const int slots[] = {slot};
  out.fit(env.spec(), 1);
  env.step(slots, {w.data(), 1, w.size()}, out);
  return bits(env.spec(), out, 0);
}

std::string reset(Env& env, int slot, std::uint64_t seed, Outcome& out) {
  const int slots[] = {slot};
  out.fit(env.spec(), 1);
  env.reset(slots, {&seed, 1}, out);
  return bits(env.spec(), out, 0);
}

std::string episode(Env& env, int slot, std::uint64_t seed) {
  Outcome out;
  std::string all = reset(env, slot, seed, out);
  for (std::int64_t t = 0; t < env.spec().horizon; ++t) all += step(env, slot, t, out);
  return all;
}

double value(const EnvSpec&, const std::vector<Series>& list, std::span<const double> row, const std::string& path) {
  for (const Series& s : list)
    if (s.path == path) return row[s.offset];
  FAIL("no series " << path);
  return 0;
}

}  // namespace

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
  Small small;
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

  Archive away(saved.bytes());
  other->slot_state(away, 0);
  CHECK(step(*other, 0, 2, out) + step(*other, 0, 3, out) == straight);
}

TEST_CASE("a step saved in its middle goes on elsewhere as if it had not been left") {
  Small small;
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
  Small small;
  const auto env = small.make();
  Outcome out;
  reset(*env, 0, 5, out);
  Archive saved;
  env->slot_state(saved, 0);
  for (const char* name : {"interval", "reference", "weights", "agent_reward", "agreement", "ranking", "domain", "first_mean"}) {
    std::string bytes = saved.bytes();
    const std::size_t at = bytes.find(name) + std::strlen(name);
    REQUIRE(at < bytes.size());
    std::uint64_t count = 0;
    std::memcpy(&count, bytes.data() + at, sizeof count);
    if (std::string(name) == "interval") bytes[at + sizeof count + 1] = 1;  // 256 and more
    else if (std::string(name) == "ranking") std::memset(bytes.data() + at + sizeof count, 0x7f, 4);
    else {  // one element less
      const std::uint64_t fewer = count - 1;
      std::memcpy(bytes.data() + at, &fewer, sizeof fewer);
      bytes.erase(at + sizeof fewer, bytes[bytes.rfind(name) - 5] == 'f' ? 4 : 8);
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
