#include "env/pool.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "core/error.h"

using namespace fader;

namespace {

std::vector<PassageId> ids(std::size_t n) {
  std::vector<PassageId> out(n);
  std::iota(out.begin(), out.end(), 100u);
  return out;
}

std::vector<Pick> picks(std::initializer_list<std::uint32_t> candidates) {
  std::vector<Pick> out;
  for (const auto c : candidates) out.push_back({c, 0, 1.0});
  return out;
}

std::vector<PassageId> now(const Pool& pool) { return {pool.candidates().begin(), pool.candidates().end()}; }

}  // namespace

TEST_CASE("a stream shows every passage once, whatever is picked") {
  Pool a({.slice = 3}, ids(10), 7), b({.slice = 3}, ids(10), 7), other({.slice = 3}, ids(10), 8);
  std::set<PassageId> seen;
  CHECK(now(a) != now(other));
  for (int t = 0; t < 3; ++t) {
    REQUIRE(now(a) == now(b));
    for (const PassageId id : now(a)) CHECK(seen.insert(id).second);
    a.advance(picks({0, 1, 2}));
    b.advance(picks({}));
    CHECK(a.left() == Approx(1 - 0.3 * (t + 1)));
  }
}

TEST_CASE("a reservoir keeps what was not chosen, in the order of the seed's permutation") {
  Pool stream({.slice = 10}, ids(10), 7), pool({.size = 10}, ids(10), 7);
  auto expected = now(stream);
  CHECK(now(pool) == expected);
  pool.advance(picks({9, 0, 4}));
  expected.erase(expected.begin() + 9);
  expected.erase(expected.begin() + 4);
  expected.erase(expected.begin());
  CHECK(now(pool) == expected);
  CHECK(pool.left() == Approx(0.7));
  pool.advance(picks({0}));  // of the candidates at hand, not of all
  expected.erase(expected.begin());
  CHECK(now(pool) == expected);

  const Pool few({.size = 4}, ids(10), 7);
  CHECK(now(few) == std::vector<PassageId>(stream.candidates().begin(), stream.candidates().begin() + 4));
}

TEST_CASE("a passage returns until it was used as often as allowed") {
  Pool pool({.size = 3, .epochs = 2}, ids(3), 1);
  const auto all = now(pool);
  pool.advance(picks({1}));
  CHECK(now(pool) == all);
  CHECK(std::vector<int>(pool.used().begin(), pool.used().end()) == std::vector<int>{0, 1, 0});
  CHECK(pool.left() == Approx(5.0 / 6));
  pool.advance(picks({1, 2}));
  CHECK(now(pool) == std::vector<PassageId>{all[0], all[2]});
  CHECK(std::vector<int>(pool.used().begin(), pool.used().end()) == std::vector<int>{0, 1});
}

TEST_CASE("a reservoir saved goes on as if it had not been, odd states are refused") {
  Pool a({.size = 6, .epochs = 2}, ids(8), 3), b({.size = 6, .epochs = 2}, ids(8), 3);
  a.advance(picks({0, 1, 2}));
  a.advance(picks({0, 3}));
  Archive out;
  a.state(out);
  Archive in(out.bytes());
  b.state(in);
  in.finish();
  CHECK(now(a) == now(b));
  CHECK(b.turn() == 2);
  a.advance(picks({4, 1}));
  b.advance(picks({4, 1}));
  CHECK(now(a) == now(b));
  CHECK(std::equal(a.used().begin(), a.used().end(), b.used().begin()));
  std::string bytes = out.bytes();
  bytes[bytes.size() - 1] = 1;  // 256 uses
  Archive odd(bytes);
  Pool c({.size = 6, .epochs = 2}, ids(8), 3);
  CHECK_THROWS_AS(c.state(odd), DataError);
}

TEST_CASE("a reservoir as large as least_reservoir says cannot be run dry, a smaller one can") {
  // Passages of one token. The worst console uses the same ones as often as it may: the most used first.
  const auto survives = [](std::size_t size, int intervals, std::size_t demand, std::uint16_t epochs, auto&& order) {
    Pool pool({.size = size, .epochs = epochs}, ids(size), 5);
    for (int t = 0; t < intervals; ++t) {
      std::vector<std::uint32_t> at(pool.candidates().size());
      if (at.size() < demand) return false;
      std::iota(at.begin(), at.end(), 0u);
      order(at, pool);
      std::vector<Pick> chosen;
      for (std::size_t i = 0; i < demand; ++i) chosen.push_back({at[i], 0, 1.0});
      pool.advance(chosen);
    }
    return true;
  };
  const auto most_used = [](std::vector<std::uint32_t>& at, const Pool& pool) {
    std::stable_sort(at.begin(), at.end(), [&](auto a, auto b) { return pool.used()[a] > pool.used()[b]; });
  };
  Rng rng(2, "test/pool");
  const auto any = [&](std::vector<std::uint32_t>& at, const Pool&) { rng.shuffle(std::span(at)); };
  for (const int intervals : {1, 3, 4, 7})
    for (const std::uint16_t epochs : {std::uint16_t{1}, std::uint16_t{2}, std::uint16_t{3}}) {
      const std::size_t demand = 6;
      const double least = least_reservoir(intervals, demand, epochs);
      const auto enough = static_cast<std::size_t>(std::ceil(least - 1e-9));
      INFO(intervals << " intervals, " << epochs << " epochs, " << enough);
      CHECK(survives(enough, intervals, demand, epochs, most_used));
      for (int i = 0; i < 20; ++i) CHECK(survives(enough, intervals, demand, epochs, any));
      if ((intervals - 1) % epochs == 0) CHECK_FALSE(survives(enough - 1, intervals, demand, epochs, most_used));  // tight
    }
}
