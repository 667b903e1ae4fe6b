// The loop over episodes: wherever it rests it can be saved, and another one goes on from there to the same bits.
#include "experiments/play.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/ranges.h>

#include <cstring>

#include "core/error.h"
#include "env/registry.h"

using namespace fader;

namespace {

// An environment that rests in the middle of every step, as pretraining does; what it measures is that of curves-v0,
// in which every policy can be played.
class Resting final : public Env {
 public:
  Resting() : inner_(environments().make_default("curves-v0", EnvContext{.slots = 3})) {}
  const EnvSpec& spec() const override { return inner_->spec(); }
  void reset(Slots slots, std::span<const std::uint64_t> seeds, Outcome& out) override { inner_->reset(slots, seeds, out); }
  void step(Slots slots, Table<const double> weights, Outcome& out) override {
    if (resting_) resting_();
    inner_->step(slots, weights, out);
  }
  void when_resting(std::function<void()> moment) override { resting_ = std::move(moment); }
  Ledger& ledger() override { return inner_->ledger(); }
  void state(Archive& archive) override { inner_->state(archive); }
  void slot_state(Archive& archive, int slot) override { inner_->slot_state(archive, slot); }

 private:
  std::unique_ptr<Env> inner_;
  std::function<void()> resting_;
};

constexpr std::int64_t kLearning = 1, kRounds = kLearning + 1;  // and one of evaluation

// Three slots: one seat with two of them, one with the third.
Cohort cohort(const std::string& policy) {
  Cohort c;
  c.env = std::make_unique<Resting>();
  const EnvSpec& spec = c.env->spec();
  for (const std::vector<int>& slots : {std::vector<int>{2, 0}, {1}}) {
    const PolicyContext seen{spec.agents, spec.observation, spec.horizon, spec.picks, 3};
    Seat seat{policies().make_default(policy, seen), make_scaler("minmax_window"), Rng(7, "learn"), slots};
    if (const std::string& credit = seat.policy->spec().credit; credit != "none") {
      const auto found = std::ranges::find(spec.credits, credit);  // any will do where there is none of that name
      seat.credit = found == spec.credits.end() ? 0 : found - spec.credits.begin();
      seat.credit_scaler = make_credit_scaler(seat.policy->spec().credit_scaler);
    }
    seat.learning = kLearning * static_cast<std::int64_t>(slots.size());
    seat.evaluation = static_cast<std::int64_t>(slots.size());
    c.seats.push_back(std::move(seat));
  }
  c.seeds = {11, 12, 13};
  return c;
}

// All that hooks are shown, as text.
class Trace final : public Hook {
 public:
  void reset(const Glimpse& g) override { add("reset", g, {}); }
  void interval(const Glimpse& g) override {
    std::vector<double> more(g.fed.begin(), g.fed.end());
    for (std::size_t i = 0; i < g.slots.size(); ++i) {
      more.push_back(static_cast<double>(g.decisions->arm[i]));
      more.push_back(g.outcome.reward[g.first + i][0]);
      for (const double w : g.decisions->weights[i]) more.push_back(w);
    }
    add("interval", g, more);
  }
  std::vector<std::string> lines;

 private:
  void add(const char* what, const Glimpse& g, const std::vector<double>& more) {
    std::string line = fmt::format("{} {} {} {}", what, g.seat, fmt::join(g.episodes, "+"), g.interval);
    for (std::size_t i = 0; i < g.slots.size(); ++i) {
      for (const double x : g.outcome.observation[g.first + i]) line += fmt::format(" {}", x);
      for (const double x : g.outcome.infos[g.first + i]) line += fmt::format(" {}", x);
    }
    for (const double x : more) line += fmt::format(" {}", x);
    lines.push_back(line);
  }
};

struct Snapshot {
  std::string bytes;
  std::size_t seen = 0;      // lines of the trace by then
  bool first = false;        // no interval of its episode was finished
};

}  // namespace

TEST_CASE("a player loaded at any rest goes on to the same bits") {
  const auto name = GENERATE(from_range(policies().names()));
  CAPTURE(name);
  Cohort whole = cohort(name);
  Trace trace;
  std::array<Hook*, 1> hooks = {&trace};
  Player player(whole, hooks);
  std::vector<Snapshot> rests;
  std::int64_t count = 0;
  REQUIRE(player.run([&] {
    const bool wanted = player.interval() < 2 || ++count % 23 == 0;
    if (!wanted) return false;
    Archive archive;
    player.state(archive);
    rests.push_back({archive.bytes(), trace.lines.size(), player.interval() == 0 && player.round() < kRounds});
    return false;
  }));
  CHECK(player.finished() == kRounds * whole.env->spec().horizon);
  REQUIRE(rests.size() > 12);

  for (const Snapshot& rest : rests) {
    Cohort other = cohort(name);
    Trace later;
    std::array<Hook*, 1> others = {&later};
    Player again(other, others);
    Archive archive(rest.bytes);
    archive.field("player", again);
    archive.finish();
    REQUIRE(again.run([] { return false; }));
    std::vector<std::string> expected(trace.lines.begin() + static_cast<std::ptrdiff_t>(rest.seen), trace.lines.end());
    const bool shown_again = rest.first && rest.seen > 0 && trace.lines[rest.seen - 1].rfind("reset", 0) == 0;
    if (shown_again) expected.insert(expected.begin(), trace.lines.begin() + static_cast<std::ptrdiff_t>(rest.seen) - 2, trace.lines.begin() + static_cast<std::ptrdiff_t>(rest.seen));
    REQUIRE(later.lines == expected);
  }
}

TEST_CASE("a player that is told to stop stops at once, in the middle of an interval as well") {
  Cohort c = cohort("ucb");
  Trace trace;
  std::array<Hook*, 1> hooks = {&trace};
  Player player(c, hooks);
  std::int64_t calls = 0;
  CHECK_FALSE(player.run([&] { return ++calls == 4; }));  // after the reset, within 1, after 1, within 2
  CHECK(player.interval() == 1);
  CHECK(player.moments() == 1);
  CHECK(player.finished() == 1);
}

TEST_CASE("no overwritten byte of a saved player crashes a load or what follows") {
  Cohort whole = cohort("discounted_ucb");
  Player player(whole, {});
  std::int64_t calls = 0;
  player.run([&] { return ++calls == 10; });
  Archive saved;
  player.state(saved);
  Rng rng(3, "bytes");
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = saved.bytes();
    for (std::uint64_t n = 1 + rng.below(3); n > 0; --n) bytes[rng.below(bytes.size())] = static_cast<char>(rng.below(256));
    Cohort other = cohort("discounted_ucb");
    Player again(other, {});
    try {
      Archive archive(bytes);
      again.state(archive);
      archive.finish();
      std::int64_t few = 0;
      again.run([&] { return ++few == 5; });
    } catch (const Error&) {  // refused, or a run that cannot go on
    }
  }
}
