// The ledger: seconds of the phases add up, slots share them, tokens and FLOPs go where they belong, a slot moves whole.
#include "core/ledger.h"

#include <catch2/catch.hpp>
#include <numeric>
#include <thread>

#include "core/error.h"

using namespace fader;

namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }
void work(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }
double seconds(Ledger& ledger, int slot, Phase phase) { return ledger.row(slot).seconds[static_cast<std::size_t>(phase)]; }
double total(Ledger& ledger, int slot) {
  const auto& s = ledger.row(slot).seconds;
  return std::accumulate(s.begin(), s.end(), 0.0);
}

}  // namespace

TEST_CASE("phases have names, in order") {
  CHECK(kPhaseNames.size() == kPhases);
  CHECK(kPhaseNames[static_cast<std::size_t>(Phase::setup)] == "setup");
  CHECK(kPhaseNames[static_cast<std::size_t>(Phase::observe)] == "observe");
  CHECK(kPhaseNames[static_cast<std::size_t>(Phase::store)] == "store");
}

TEST_CASE("the seconds of the phases add up to the time by the clock") {
  const auto begin = Clock::now();
  Ledger ledger;
  work(10);
  {
    const auto training = ledger.scope(Phase::train);
    work(30);
    {
      const auto probing = ledger.scope(Phase::probe);
      work(20);
    }
    work(10);
  }
  {
    const auto storing = ledger.scope(Phase::store);
    work(5);
  }
  const double sum = total(ledger, 0);
  CHECK(sum == Approx(since(begin)).epsilon(0.01));
  CHECK(seconds(ledger, 0, Phase::setup) >= 0.010);
  CHECK(seconds(ledger, 0, Phase::train) >= 0.040);  // what is inside a nested scope is not its own
  CHECK(seconds(ledger, 0, Phase::probe) >= 0.020);
  CHECK(seconds(ledger, 0, Phase::train) < sum - 0.035);
  CHECK(seconds(ledger, 0, Phase::store) >= 0.005);
  CHECK(seconds(ledger, 0, Phase::score) == 0);
}

TEST_CASE("a scope that an exception ends gives the phase back") {
  Ledger ledger;
  try {
    const auto training = ledger.scope(Phase::train);
    throw RunError("x");
  } catch (const RunError&) {
  }
  const double before = seconds(ledger, 0, Phase::train);
  work(5);
  CHECK(seconds(ledger, 0, Phase::train) == before);
  CHECK(seconds(ledger, 0, Phase::setup) >= 0.005);
}

TEST_CASE("active slots share the seconds, others pay nothing") {
  const auto begin = Clock::now();
  Ledger ledger(3);
  work(6);  // all three
  const std::vector<int> two = {0, 2};
  {
    const auto training = ledger.scope(Phase::train);
    ledger.activate(two);
    work(20);
  }
  CHECK(seconds(ledger, 0, Phase::setup) >= 0.002);
  CHECK(seconds(ledger, 1, Phase::setup) >= 0.002);
  CHECK(seconds(ledger, 0, Phase::train) >= 0.010);
  CHECK(seconds(ledger, 0, Phase::train) == Approx(seconds(ledger, 2, Phase::train)));
  CHECK(seconds(ledger, 1, Phase::train) < 0.005);
  ledger.activate({});  // nobody: as it was
  const double idle = seconds(ledger, 1, Phase::setup);
  work(2);
  CHECK(seconds(ledger, 1, Phase::setup) == idle);
  const double elapsed = since(begin);
  CHECK(total(ledger, 0) + total(ledger, 1) + total(ledger, 2) == Approx(elapsed).epsilon(0.01));
}

TEST_CASE("tokens, FLOPs and seconds from before go to their slot and phase") {
  Ledger ledger(2);
  ledger.add(1, Phase::train, 100, 1e6);
  ledger.add(1, Phase::train, 20, 5e5);
  ledger.add(0, Phase::reward, 7, 1);
  const auto at = [](Phase p) { return static_cast<std::size_t>(p); };
  CHECK(ledger.row(1).tokens[at(Phase::train)] == 120);
  CHECK(ledger.row(1).flops[at(Phase::train)] == 1.5e6);
  CHECK(ledger.row(1).tokens[at(Phase::reward)] == 0);
  CHECK(ledger.row(0).tokens[at(Phase::reward)] == 7);
  ledger.add_seconds(Phase::score, 3);
  CHECK(seconds(ledger, 0, Phase::score) == Approx(1.5));
  CHECK(seconds(ledger, 1, Phase::score) == Approx(1.5));
}

TEST_CASE("a slot that does not exist is a defect") {
  CHECK_THROWS_AS(Ledger(0), Defect);
  CHECK_THROWS_AS(Ledger(-1), Defect);
  Ledger ledger(2);
  const std::vector<int> bad = {0, 2}, negative = {-1};
  CHECK_THROWS_AS(ledger.activate(bad), Defect);
  CHECK_THROWS_AS(ledger.activate(negative), Defect);
  CHECK_THROWS_AS(ledger.add(2, Phase::train, 1, 1), std::out_of_range);
}

TEST_CASE("a saved slot carries its costs up to the moment, and goes on from there") {
  Ledger ledger(2);
  ledger.add(1, Phase::train, 11, 3.5);
  Archive save;
  {
    const auto training = ledger.scope(Phase::train);
    work(10);
    ledger.slot_state(save, 1);  // within the phase: its seconds are not lost
  }
  Ledger other(1);
  work(20);
  Archive load(save.bytes());
  other.slot_state(load, 0);
  load.finish();
  CHECK(other.row(0).tokens[static_cast<std::size_t>(Phase::train)] == 11);
  CHECK(other.row(0).flops[static_cast<std::size_t>(Phase::train)] == 3.5);
  CHECK(seconds(other, 0, Phase::train) >= 0.005);
  CHECK(seconds(other, 0, Phase::setup) < 0.015);  // what passed before the load was another run's
}
