// How long it will still take: known speeds give known answers.
#include "experiments/time_left.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace fader;

namespace {

/// A run of ten intervals, `seconds` each, from `first` to `last`; returns the time after.
double play(TimeLeft& left, std::size_t worker, int first, int last, double seconds, double now) {
  for (int i = first; i <= last; ++i) left.beat(worker, i / 10.0, 10, now += i == first ? 0 : seconds);
  return now;
}

}  // namespace

TEST_CASE("nothing is promised before two intervals are done") {
  TimeLeft left;
  CHECK_FALSE(left.seconds(0));
  left.runs(0, 4);
  left.started(0, 0);
  left.beat(0, 0, 10, 5);
  CHECK_FALSE(left.seconds(5));
  left.beat(0, 0.1, 10, 7);
  CHECK_FALSE(left.seconds(7));
  left.beat(0, 0.2, 10, 9);
  CHECK(left.seconds(9));
}

TEST_CASE("one run after another: what is left of this one, and the others whole") {
  TimeLeft left;
  left.runs(0, 3);
  left.started(0, 0);
  const double now = play(left, 0, 0, 4, 2, 5);  // five seconds of set-up
  CHECK(*left.seconds(now) == Approx(12 + 2 * (5 + 20)));
  CHECK(*left.seconds(now + 1) == Approx(11 + 2 * (5 + 20)));   // time goes on within an interval
  CHECK(*left.seconds(now + 50) == Approx(10 + 2 * (5 + 20)));  // but an interval that lingers promises nothing
}

TEST_CASE("what surrounds the intervals of a run is counted for those to come") {
  TimeLeft left;
  left.runs(0, 3);
  left.started(0, 0);
  const double now = play(left, 0, 0, 10, 2, 5);
  left.ended(0, now + 3);
  left.runs(1, 3);
  CHECK(*left.seconds(now + 3) == Approx(2 * (5 + 20 + 3)));
  left.started(1, now + 3);
  CHECK(*left.seconds(now + 3) == Approx(2 * (5 + 20 + 3)));
  CHECK(*left.seconds(now + 5) == Approx(2 * (5 + 20 + 3) - 2));
}

TEST_CASE("runs that were kept took no time and tell none") {
  TimeLeft left;
  left.runs(90, 92);
  left.started(0, 0);
  const double now = play(left, 0, 0, 5, 2, 1);
  CHECK(*left.seconds(now) == Approx(10 + 1 + 20));
}

TEST_CASE("a run taken up again tells its speed from there on") {
  TimeLeft left;
  left.runs(0, 1);
  left.started(0, 0);
  left.beat(0, 0.8, 10, 3);  // eight intervals, done long ago
  CHECK_FALSE(left.seconds(3));
  left.beat(0, 0.85, 20, 5);
  CHECK_FALSE(left.seconds(5));
  left.beat(0, 0.9, 20, 7);
  CHECK(*left.seconds(7) == Approx(4));
}

TEST_CASE("runs side by side take their places in turn") {
  TimeLeft left;
  left.runs(0, 5);
  left.started(0, 0);
  left.started(1, 0);
  play(left, 0, 0, 5, 2, 0);
  const double now = play(left, 1, 0, 5, 2, 0);
  CHECK(*left.seconds(now) == Approx(10 + 20 + 20));  // three more, two at a time
  left.runs(3, 5);
  CHECK(*left.seconds(now) == Approx(10));            // none more
  left.ended(1, now);                                 // it failed: a place is free
  left.runs(3, 5);
  CHECK(*left.seconds(now) == Approx(20));
}

TEST_CASE("the speed is that of late") {
  TimeLeft left;
  left.runs(0, 1);
  left.started(0, 0);
  double now = 0;
  for (int i = 0; i <= 50; ++i) left.beat(0, i / 100.0, 100, now += i ? 10 : 0);
  for (int i = 51; i <= 80; ++i) left.beat(0, i / 100.0, 100, now += 1);
  CHECK(*left.seconds(now) == Approx(20 * (1 + 9 * std::exp(-3))).epsilon(1e-9));  // three tenths ago is nearly forgotten
  TimeLeft first;  // the first beats are averaged evenly, or the very first would count for long
  first.runs(0, 1);
  first.started(0, 0);
  first.beat(0, 0, 1000, 0);
  first.beat(0, 0.001, 1000, 9);
  for (int i = 2; i <= 9; ++i) first.beat(0, i / 1000.0, 1000, 9 + i - 1);
  CHECK(*first.seconds(17) == Approx(991 * 17 / 9.0));
}

TEST_CASE("several episodes, intervals without a beat, a beat that comes twice") {
  TimeLeft left;
  left.runs(0, 1);
  left.started(0, 0);
  left.beat(0, 0, 1e6, 0);
  left.beat(0, 0.25, 1e6, 10);
  left.beat(0, 0.25, 1e6, 12);  // the reset of the next episode
  left.beat(0, 0.5, 1e6, 20);
  CHECK(*left.seconds(20) == Approx(20));
}
