// What the loop over episodes feeds a policy: every number of a scripted environment says which slot, episode and interval it is of.
#include <catch2/catch.hpp>

#include <map>
#include <set>

#include "experiments/play.h"

using namespace fader;

namespace {

constexpr std::size_t kAgents = 2;
constexpr std::int64_t kLength[] = {3, 4, 2};  // of the episodes of each slot: they end at different times

double mark(int slot, std::int64_t episode, std::int64_t t) { return static_cast<double>(1000 * episode + 100 * slot + t); }
int slot_of(double mark) { return static_cast<int>(mark) / 100 % 10; }
std::int64_t interval_of(double mark) { return static_cast<std::int64_t>(mark) % 100; }

// After interval t of its e-th episode a slot shows m = mark(slot, e, t); rewards -m and m + 1/2, credit 10 m + 0, 1 and 10 m + 2, 3.
class Scripted final : public Env {
 public:
  Scripted() {
    spec_.name = "scripted-v0";
    spec_.horizon = 4;
    spec_.agents = {"a", "b"};
    spec_.rewards = {"down", "up"};
    spec_.credits = {"first", "second"};
    spec_.observation = {{"mark", 0, 1}};
  }
  const EnvSpec& spec() const override { return spec_; }
  void reset(Slots slots, std::span<const std::uint64_t> seeds, Outcome& out) override {
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const auto s = static_cast<std::size_t>(slots[i]);
      ++episode_[s], t_[s] = 0;
      seeds_.push_back(seeds[i]);
      out.observation[i][0] = mark(slots[i], episode_[s], 0);
    }
  }
  void step(Slots slots, Table<const double> weights, Outcome& out) override {
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const auto s = static_cast<std::size_t>(slots[i]);
      const double m = mark(slots[i], episode_[s], ++t_[s]);
      out.observation[i][0] = m;
      out.reward[i][0] = -m, out.reward[i][1] = m + 0.5;
      out.reward_se[i][0] = m, out.reward_se[i][1] = m + 0.25;
      for (std::size_t c = 0; c < 2 * kAgents; ++c) out.credit[i][c] = 10 * m + static_cast<double>(c), out.credit_se[i][c] = 20 * m + static_cast<double>(c);
      std::ranges::copy(weights[i], out.executed[i].begin());
      out.end[i] = t_[s] == kLength[s] ? End::terminated : End::no;
    }
  }
  void state(Archive&) override {}
  void slot_state(Archive&, int) override {}
  Ledger& ledger() override { return ledger_; }
  std::vector<std::uint64_t> seeds_;

 private:
  EnvSpec spec_;
  Ledger ledger_{3};
  std::int64_t episode_[3] = {-1, -1, -1}, t_[3] = {0, 0, 0};
};

// Checks all that it is told, and keeps what it drew.
class Suspicious final : public Policy {
 public:
  Suspicious() { spec_.learns = true; }
  const PolicySpec& spec() const override { return spec_; }
  void state(Archive&) override {}
  void explore(bool on) override { exploring = on; }
  void begin(Slots slots, Streams) override {
    for (const int slot : slots) seen_[slot] = -1;
  }
  void decide(const Observations& o, Streams streams, Decisions& out) override {
    for (std::size_t i = 0; i < o.slots.size(); ++i) {
      const double m = o.x[i][0];
      CHECK(slot_of(m) == o.slots[i]);
      CHECK((seen_[o.slots[i]] < 0 ? interval_of(m) == 0 : m == seen_[o.slots[i]] + 1));
      seen_[o.slots[i]] = m;
      out.weights[i][0] = weight(m), out.weights[i][1] = 1 - weight(m);
      out.log_density[i] = 0;
      draws.push_back(streams[i].bits());
      explored.push_back(exploring);
    }
  }
  void learn(const Transitions& t, Rng&) override {
    for (std::size_t i = 0; i < t.before.slots.size(); ++i, ++learned) {
      const int slot = t.before.slots[i];
      const double before = seen_[slot], after = before + 1;
      CHECK(t.before.x[i][0] == before);
      CHECK(t.after[i][0] == after);
      CHECK(t.decided.weights[i][0] == weight(before));
      CHECK(t.reward[i] == after + 0.5);
      CHECK(t.reward_se[i] == after + 0.25);
      CHECK((t.end[i] == End::terminated) == (interval_of(after) == kLength[slot]));
      for (std::size_t k = 0; k < kAgents; ++k) {
        const double c = static_cast<double>(kAgents + k);
        CHECK(t.credit[i][k] == (scaled ? (k == 0 ? 0 : 1) : 10 * after + c));
        if (!scaled) CHECK(t.credit_se[i][k] == 20 * after + c);
      }
    }
  }
  std::vector<std::uint64_t> draws;
  std::vector<bool> explored;
  std::size_t learned = 0;
  bool exploring = true, scaled = false;

 private:
  static double weight(double m) { return 1 / (2 + m); }
  PolicySpec spec_;
  std::map<int, double> seen_;
};

// Slots 2 and 0 at one seat, slot 1 at another, whose credit is scaled.
Cohort cohort_of(std::int64_t rounds, std::int64_t evaluations) {
  Cohort out;
  out.env = std::make_unique<Scripted>();
  for (const std::vector<int>& slots : {std::vector<int>{2, 0}, {1}}) {
    Seat seat{std::make_unique<Suspicious>(), make_scaler("none"), Rng(7, "learn"), slots, 1, 1};
    const auto members = static_cast<std::int64_t>(slots.size());
    seat.learning = rounds * members, seat.evaluation = evaluations * members;
    if (slots.size() == 1) seat.credit_scaler = make_credit_scaler("agents_minmax"), static_cast<Suspicious&>(*seat.policy).scaled = true;
    out.seats.push_back(std::move(seat));
  }
  out.seeds = {11, 12, 13};
  return out;
}

Suspicious& policy_of(Cohort& cohort, std::size_t seat) { return static_cast<Suspicious&>(*cohort.seats[seat].policy); }

}  // namespace

TEST_CASE("a policy is fed what its own slots saw, earned and were credited with, wherever others end") {
  Cohort cohort = cohort_of(3, 2);
  struct Witness final : Hook {
    std::vector<bool> evaluation[2];
    void interval(const Glimpse& g) override {
      const std::vector<int>& slots = g.cohort.seats[g.seat].slots;
      for (std::size_t i = 0; i < g.slots.size(); ++i) {
        evaluation[g.seat].push_back(g.evaluation);
        const auto members = static_cast<std::int64_t>(slots.size());
        CHECK(slots[static_cast<std::size_t>(g.episodes[i] % members)] == g.slots[i]);
        CHECK(g.outcome.observation[g.first + i][0] == mark(g.slots[i], g.episodes[i] / members, g.interval));
        CHECK(g.fed[i] == g.outcome.observation[g.first + i][0] + 0.5);
      }
    }
  } witness;
  std::array<Hook*, 1> hooks = {&witness};
  REQUIRE(Player(cohort, hooks).run([] { return false; }));
  const std::size_t decisions[] = {5 * (3 + 2), 5 * 4};
  for (std::size_t s = 0; s < 2; ++s) {
    Suspicious& policy = policy_of(cohort, s);
    REQUIRE(policy.draws.size() == decisions[s]);
    CHECK(std::set(policy.draws.begin(), policy.draws.end()).size() == decisions[s]);  // streams go on
    CHECK(policy.learned == decisions[s] * 3 / 5);  // not from evaluation
    for (std::size_t i = 0; i < decisions[s]; ++i) CHECK(policy.explored[i] != witness.evaluation[s][i]);
  }
  const auto& seeds = static_cast<Scripted&>(*cohort.env).seeds_;
  CHECK(std::set(seeds.begin(), seeds.end()).size() == 3 * 5);
}

TEST_CASE("evaluation draws the same, however long was learned before") {
  Cohort longer = cohort_of(3, 2), shorter = cohort_of(1, 2);
  for (Cohort* cohort : {&longer, &shorter}) Player(*cohort, {}).run([] { return false; });
  for (std::size_t s = 0; s < 2; ++s) {
    const auto &a = policy_of(longer, s).draws, &b = policy_of(shorter, s).draws;
    const std::size_t evaluation = b.size() / 3 * 2;  // two of three rounds
    CHECK(std::equal(b.end() - static_cast<std::ptrdiff_t>(evaluation), b.end(), a.end() - static_cast<std::ptrdiff_t>(evaluation)));
  }
}

TEST_CASE("a frozen policy neither explores nor learns") {
  Cohort cohort = cohort_of(2, 0);
  for (Seat& seat : cohort.seats) seat.frozen = true;
  Player(cohort, {}).run([] { return false; });
  for (std::size_t s = 0; s < 2; ++s) {
    CHECK(policy_of(cohort, s).learned == 0);
    CHECK(std::ranges::count(policy_of(cohort, s).explored, true) == 0);
  }
}
