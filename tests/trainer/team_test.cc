#include "trainer/team.h"

#include <sched.h>

#include <catch2/catch.hpp>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>

using namespace fader;

namespace {

int allowed_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  return CPU_COUNT(&set);
}

}  // namespace

TEST_CASE("team: every thread does its share, again and again") {
  Team team(3);
  std::vector<std::int64_t> sums(3);
  for (int round = 0; round < 2000; ++round)
    team.run([&](int t) { sums[static_cast<std::size_t>(t)] += t + round; });
  for (std::size_t t = 0; t < 3; ++t) CHECK(sums[t] == 1999 * 1000 + 2000 * static_cast<std::int64_t>(t));
  std::mutex mutex;
  std::set<std::thread::id> ids;
  for (int round = 0; round < 10; ++round)
    team.run([&](int) {
      const std::lock_guard lock(mutex);
      ids.insert(std::this_thread::get_id());
    });
  CHECK(ids.size() == 3);  // none is started anew
  CHECK(ids.count(std::this_thread::get_id()) == 1);
}

TEST_CASE("team: what a thread throws reaches the caller, and the team goes on") {
  Team team(2);
  for (int thrower = 0; thrower < 2; ++thrower)
    CHECK_THROWS_AS(team.run([&](int t) { if (t == thrower) throw std::runtime_error("no"); }), std::runtime_error);
  int done = 0;
  std::mutex mutex;
  team.run([&](int) {
    const std::lock_guard lock(mutex);
    ++done;
  });
  CHECK(done == 2);
}

TEST_CASE("team: pinned threads have cores of their own, and give them back") {
  const int before = allowed_cores();
  {
    Team team(2, true);
    CHECK(team.cores() <= std::min(2, before));
    std::vector<int> cores(2);
    team.run([&](int t) { cores[static_cast<std::size_t>(t)] = allowed_cores(); });
    for (int t = 0; t < 2; ++t) CHECK(cores[static_cast<std::size_t>(t)] == (t < team.cores() ? 1 : before));
    Team other(before, true);  // what the first holds is not to be had
    CHECK(other.cores() <= before - team.cores());
  }
  CHECK(allowed_cores() == before);
}

TEST_CASE("team: shares cover everything once, in whole grains") {
  for (const std::int64_t n : {0, 1, 63, 64, 65, 1000}) {
    for (int parts = 1; parts < 5; ++parts) {
      std::int64_t next = 0;
      for (int part = 0; part < parts; ++part) {
        const Share s = share(n, 64, part, parts);
        REQUIRE(s.first == next);
        REQUIRE((s.first % 64 == 0 || s.first == n));
        next = s.last;
      }
      REQUIRE(next == n);
    }
  }
}
