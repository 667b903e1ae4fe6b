// Does every known-answer environment keep the promises of env/env.h? Finds newcomers by itself.
#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <set>

#include "core/rng.h"
#include "env/registry.h"

using namespace fader;

namespace {

std::vector<std::string> known_answer() {
  std::vector<std::string> out;
  for (const auto& name : environments().names())
    if (!dynamic_cast<EnvOptions&>(*environments().at(name).options()).trains()) out.push_back(name);
  return out;
}

std::unique_ptr<Env> make(const std::string& name, int slots) {
  EnvContext context;
  context.slots = slots;
  return environments().make_default(name, context);
}

void append(std::span<const double> values, std::vector<std::uint64_t>& out) {
  for (const double x : values) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &x, sizeof bits);
    out.push_back(bits);
  }
}

// All that a slot's row tells, as bits.
std::vector<std::uint64_t> bits(const Outcome& out, std::size_t row) {
  std::vector<std::uint64_t> all;
  for (const auto* grid : {&out.observation, &out.reward, &out.reward_se, &out.credit, &out.credit_se, &out.executed, &out.infos,
                           &out.series, &out.finals})
    append((*grid)[row], all);
  all.push_back(static_cast<std::uint64_t>(out.end[row]));
  all.push_back(out.failed[row]);
  return all;
}

std::vector<double> random_weights(std::size_t k, Rng& rng) {
  std::vector<double> w(k);
  double total = 0;
  for (double& x : w) total += x = rng.exponential();
  for (double& x : w) x /= total;
  return w;
}

// Plays one slot with weights that depend on `weights` alone; until the end or for `steps`.
struct Rollout {
  std::vector<std::vector<std::uint64_t>> rows;
  End end = End::no;
};
Rollout play(Env& env, int slot, Rng& weights, std::int64_t steps) {
  Outcome out;
  out.fit(env.spec(), 1);
  const std::array<int, 1> slots = {slot};
  Rollout r;
  for (std::int64_t t = 0; t < steps && r.end == End::no; ++t) {
    const auto w = random_weights(env.spec().agents.size(), weights);
    env.step(slots, {w.data(), 1, w.size()}, out);
    r.rows.push_back(bits(out, 0));
    r.end = out.end[0];
  }
  return r;
}

void reset(Env& env, int slot, std::uint64_t seed) {
  Outcome out;
  out.fit(env.spec(), 1);
  env.reset(std::array<int, 1>{slot}, std::array<std::uint64_t, 1>{seed}, out);
}

Rollout episode(Env& env, int slot, std::uint64_t seed) {
  reset(env, slot, seed);
  Rng weights(1, "weights");
  return play(env, slot, weights, env.spec().horizon + 1);
}

}  // namespace

TEST_CASE("there is a known-answer environment", "[contract]") { REQUIRE_FALSE(known_answer().empty()); }

TEST_CASE("an environment describes itself without contradiction", "[contract]") {
  const auto name = GENERATE(from_range(known_answer()));
  CAPTURE(name);
  const auto env = make(name, 1);
  const EnvSpec& spec = env->spec();
  REQUIRE(spec.name == name);
  REQUIRE(spec.horizon > 0);
  REQUIRE_FALSE(spec.agents.empty());
  const auto options = environments().at(name).options();
  REQUIRE(spec.rewards.at(0) == dynamic_cast<EnvOptions&>(*options).reward);
  std::set<std::string> paths;
  for (const auto* list : {&spec.infos, &spec.series, &spec.finals}) {
    std::size_t at = 0;
    for (const auto& s : *list) {
      CAPTURE(s.path);
      REQUIRE(s.offset == at);
      REQUIRE(paths.insert(s.path).second);
      at += s.size;
    }
  }
  std::size_t at = 0;
  for (const auto& f : spec.observation) {
    REQUIRE(f.offset == at);
    at += f.size;
  }
  for (const char* path : {"infos/tokens", "infos/loss_train", "infos/loss_reference", "final/loss_reference",
                           "final/loss_validation", "final/loss_test"})
    REQUIRE(paths.count(path) == 1);
}

TEST_CASE("the horizon ends an episode as terminated, with finals", "[contract]") {
  const auto name = GENERATE(from_range(known_answer()));
  CAPTURE(name);
  const auto env = make(name, 1);
  const std::array<int, 1> slots = {0};
  Outcome out;
  out.fit(env->spec(), 1);
  env->reset(slots, std::array<std::uint64_t, 1>{3}, out);
  for (const double x : out.observation[0]) REQUIRE(std::isfinite(x));
  Rng weights(2, "weights");
  for (std::int64_t t = 1; t <= env->spec().horizon; ++t) {
    const auto w = random_weights(env->spec().agents.size(), weights);
    env->step(slots, {w.data(), 1, w.size()}, out);
    for (const double x : out.observation[0]) REQUIRE(std::isfinite(x));
    REQUIRE(std::isfinite(out.reward[0][0]));
    REQUIRE(out.reward_se[0][0] >= 0);
    REQUIRE(out.end[0] == (t < env->spec().horizon ? End::no : End::terminated));
    for (std::size_t f = 0; f < 3; ++f) REQUIRE(std::isnan(out.finals[0][f]) == (t < env->spec().horizon));
  }
}

TEST_CASE("equal seeds and weights give equal bits in any slot, other seeds others", "[contract]") {
  const auto name = GENERATE(from_range(known_answer()));
  CAPTURE(name);
  const auto a = make(name, 1), b = make(name, 3);
  const auto first = episode(*a, 0, 21);
  REQUIRE(first.end == End::terminated);
  REQUIRE(episode(*b, 2, 21).rows == first.rows);
  REQUIRE(episode(*a, 0, 21).rows == first.rows);  // nothing is left over from the episode before
  REQUIRE(episode(*a, 0, 22).rows != first.rows);
}

TEST_CASE("slots of one call do not disturb each other", "[contract]") {
  const auto name = GENERATE(from_range(known_answer()));
  CAPTURE(name);
  const auto alone = make(name, 1), together = make(name, 3);
  const auto expected = episode(*alone, 0, 31);
  const std::array<int, 2> slots = {2, 0};  // any order, any subset
  Outcome out;
  out.fit(together->spec(), 2);
  together->reset(slots, std::array<std::uint64_t, 2>{31, 77}, out);
  Rng weights(1, "weights"), other(5, "weights");
  for (const auto& row : expected.rows) {
    auto w = random_weights(together->spec().agents.size(), weights);
    const auto v = random_weights(w.size(), other);
    w.insert(w.end(), v.begin(), v.end());
    together->step(slots, {w.data(), 2, v.size()}, out);
    REQUIRE(bits(out, 0) == row);
    REQUIRE(bits(out, 1) != row);
  }
}

TEST_CASE("an episode saved in the middle goes on to the same bits", "[contract]") {
  const auto name = GENERATE(from_range(known_answer()));
  const bool one_slot = GENERATE(false, true);
  CAPTURE(name, one_slot);
  const auto env = make(name, 2);
  reset(*env, 0, 41);
  reset(*env, 1, 42);
  Rng weights(1, "weights");
  play(*env, 0, weights, env->spec().horizon / 2);
  Archive archive;
  if (one_slot) env->slot_state(archive, 0);
  else env->state(archive);
  Rng same = weights;
  const auto expected = play(*env, 0, weights, env->spec().horizon);
  REQUIRE(expected.end == End::terminated);

  const auto fresh = make(name, 2);
  Archive loading(archive.bytes());
  const int slot = one_slot ? 1 : 0;  // a slot's state may be moved
  if (one_slot) fresh->slot_state(loading, slot);
  else fresh->state(loading);
  loading.finish();
  REQUIRE(play(*fresh, slot, same, env->spec().horizon).rows == expected.rows);
}

TEST_CASE("a snapshot in mid-episode gives two branches, and the way back", "[contract]") {
  const auto name = GENERATE(from_range(known_answer()));
  CAPTURE(name);
  const auto env = make(name, 2), straight = make(name, 2);
  for (Env* e : {env.get(), straight.get()}) {
    reset(*e, 1, 45);
    Rng weights(1, "weights");
    play(*e, 1, weights, 3);
  }
  Archive saved;
  env->slot_state(saved, 1);
  const auto back = [&] {
    Archive archive(saved.bytes());
    env->slot_state(archive, 1);
    archive.finish();
  };
  Rng one(2, "weights"), other(3, "weights"), again(2, "weights");
  const auto branch = play(*env, 1, one, 5);
  back();
  REQUIRE(play(*env, 1, other, 5).rows != branch.rows);  // other weights, another future
  back();
  REQUIRE(play(*env, 1, again, 5).rows == branch.rows);
  back();
  Rng on(4, "weights"), same = on;
  REQUIRE(play(*env, 1, on, env->spec().horizon).rows == play(*straight, 1, same, env->spec().horizon).rows);
}

TEST_CASE("weights off the simplex are refused and change nothing", "[contract]") {
  const auto name = GENERATE(from_range(known_answer()));
  const int fault = GENERATE(0, 1, 2, 3);
  CAPTURE(name, fault);
  const auto env = make(name, 1), untouched = make(name, 1);
  reset(*env, 0, 51);
  reset(*untouched, 0, 51);
  const std::size_t k = env->spec().agents.size();
  std::vector<double> w(k, 1.0 / static_cast<double>(k));
  if (fault == 0) w[0] += 1e-6;
  if (fault == 1) w[0] -= 1.5, w[1] += 1.5;
  if (fault == 2) w[0] = std::nan("");
  if (fault == 3) w.assign(k, 0.0);
  Outcome out;
  out.fit(env->spec(), 1);
  REQUIRE_THROWS_AS(env->step(std::array<int, 1>{0}, {w.data(), 1, k}, out), RunError);
  Rng a(1, "weights"), b(1, "weights");
  REQUIRE(play(*env, 0, a, 5).rows == play(*untouched, 0, b, 5).rows);
}

TEST_CASE("the ledger counts what was played", "[contract]") {
  const auto name = GENERATE(from_range(known_answer()));
  CAPTURE(name);
  const auto env = make(name, 2);
  reset(*env, 1, 61);
  Rng weights(1, "weights");
  play(*env, 1, weights, 7);
  const auto train = static_cast<std::size_t>(Phase::train);
  REQUIRE(env->ledger().row(1).tokens[train] == 7);
  REQUIRE(env->ledger().row(1).flops[train] > 0);
  REQUIRE(env->ledger().row(0).tokens[train] == 0);
}
