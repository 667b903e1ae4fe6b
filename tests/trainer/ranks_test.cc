// Ranks: sums, agreement, and what happens when one is lost. Here they are threads of one process, on loopback.
#include "trainer/ranks.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <cmath>
#include <mutex>

#include "core/rng.h"
#include "tests/trainer/group.h"

using namespace fader;
using Catch::Contains;

namespace {

const std::vector<std::string> kWell(8);
std::vector<std::string> well(int size) { return {kWell.begin(), kWell.begin() + size}; }

std::vector<float> numbers(int rank, std::size_t n) {
  Rng rng(static_cast<std::uint64_t>(rank), "numbers");
  std::vector<float> out(n);
  for (float& x : out) x = static_cast<float>(rng.normal());
  return out;
}

}  // namespace

TEST_CASE("a sum over ranks is what adding up in their order gives, the same bits in all of them") {
  const int size = GENERATE(1, 2, 3, 4);
  std::mutex mutex;
  CAPTURE(size);
  const auto ended = group::threads(size, [&](std::shared_ptr<Ranks> ranks) {
    for (const std::size_t n : {0ul, 1ul, 2ul, 5ul, 1000ul, (1ul << 17) - 1, (1ul << 18) + 3}) {
      std::vector<float> expected = numbers(0, n), mine = numbers(ranks->rank(), n);
      for (int r = 1; r < size; ++r) {
        const std::vector<float> other = numbers(r, n);
        for (std::size_t i = 0; i < n; ++i) expected[i] += other[i];
      }
      ranks->sum(mine);
      const std::lock_guard lock(mutex);
      CHECK((mine == expected));
    }
  });
  CHECK(ended == well(size));
}

TEST_CASE("a sum that is not a number is none in all ranks") {
  std::mutex mutex;
  const auto ended = group::threads(3, [&](std::shared_ptr<Ranks> ranks) {
    std::vector<float> x(7, 1.0f);
    if (ranks->rank() == 1) x[3] = std::nanf("");
    ranks->sum(x);
    const std::lock_guard lock(mutex);
    CHECK(std::isnan(x[3]));
    CHECK(x[2] == 3.0f);
  });
  CHECK(ended == well(3));
}

TEST_CASE("ranks find the largest of each number, hear the first, and notice that they differ") {
  std::mutex mutex;
  const auto ended = group::threads(3, [&](std::shared_ptr<Ranks> ranks) {
    std::vector<std::int64_t> x = {ranks->rank(), -ranks->rank(), 5};
    ranks->max(x);
    const std::string text = ranks->from_first(ranks->rank() == 0 ? "12.3 of rank 0" : "something else, and longer than that");
    const std::string none = ranks->from_first(ranks->rank() == 0 ? "" : "x");
    ranks->same(77, "nothing");
    {
      const std::lock_guard lock(mutex);
      CHECK(x == std::vector<std::int64_t>{2, 0, 5});
      CHECK(text == "12.3 of rank 0");
      CHECK(none.empty());
    }
    ranks->same(ranks->rank() == 1 ? 8 : 7, "their numbers");
  });
  for (const std::string& what : ended) CHECK_THAT(what, Contains("differ in their numbers") && Contains("rank 1"));
}

TEST_CASE("a rank that goes is noticed at once by all that wait for it, and by whatever they do later") {
  const auto begin = std::chrono::steady_clock::now();
  std::atomic<int> lost = 0;
  const auto ended = group::threads(3, [&](std::shared_ptr<Ranks> ranks) {
    std::vector<float> x(3 << 20, 1.0f);
    ranks->sum(x);
    if (ranks->rank() == 2) return;
    for (int i = 0; i < 2; ++i) {
      try {
        ranks->sum(x);
      } catch (const LostRank&) {
        ++lost;
      }
    }
    ranks->max({});
  });
  CHECK(lost == 4);
  CHECK_THAT(ended[0], Contains("of 3 is lost: its connection"));
  CHECK_THAT(ended[1], Contains("of 3 is lost"));
  CHECK(ended[2].empty());
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
}

TEST_CASE("a rank that is silent for too long is lost") {
  std::atomic<bool> over = false;
  const auto ended = group::threads(
      2,
      [&](std::shared_ptr<Ranks> ranks) {
        std::vector<float> x(10, 1.0f);
        if (ranks->rank() == 0) {
          try {
            ranks->sum(x);
          } catch (...) {
            over = true;
            throw;
          }
        }
        while (!over) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      },
      [](Membership& m) { m.patience = std::chrono::seconds(1); });
  CHECK_THAT(ended[0], Contains("rank 1 of 2 is lost") && Contains("silent for 1 s"));
  CHECK(ended[1].empty());
}

TEST_CASE("ranks that were started with different experiments refuse each other, all of them") {
  const auto ended = group::threads(3, [](std::shared_ptr<Ranks>) {}, [](Membership& m) { m.check = m.rank == 2 ? "seed 4" : "seed 3"; });
  for (const std::string& what : ended) CHECK_THAT(what, Contains("what is to be run (here seed") && Contains("same command"));
}

TEST_CASE("who does not come, and who comes as somebody else, ends the launch with a message") {
  const auto late = group::threads(2, [](std::shared_ptr<Ranks>) {}, [](Membership& m) {
    m.delay = std::chrono::seconds(1);
    if (m.rank == 1) throw std::runtime_error("stays away");
  });
  CHECK_THAT(late[0], Contains("1 of 2 processes did not come within 1 s"));
  const auto twins = group::threads(3, [](std::shared_ptr<Ranks>) {}, [](Membership& m) {
    m.delay = std::chrono::seconds(2);
    m.rank = std::min(m.rank, 1);
  });
  CHECK_THAT(twins[0], Contains("two processes of the launch are rank 1"));
  Membership impatient{.rank = 0, .size = 2, .patience = std::chrono::seconds(60), .waiting = [] { throw RunError("asked to stop"); }};
  CHECK_THROWS_WITH(Ranks::meet(group::Place::here().way(0), group::Place::here().fresh_group(), impatient), "asked to stop");
}

TEST_CASE("strangers at the door are sent away") {
  group::Place& place = group::Place::here();
  const std::string name = place.fresh_group();
  for (int r = 0; r < 3; ++r) place.way(r);
  std::vector<std::string> ended(2, "not there");
  const auto come = [&](int rank) {
    try {
      Ranks::meet(place.way(rank), name, {.rank = rank, .size = 2, .check = "a", .patience = std::chrono::seconds(20)});
      ended[static_cast<std::size_t>(rank)] = "";
    } catch (const std::exception& e) {
      ended[static_cast<std::size_t>(rank)] = e.what();
    }
  };
  std::jthread zero(come, 0);
  const std::string where = place.way(2).wait(name + "/address/0", std::chrono::seconds(10));
  for (const std::string words : {"GET / HTTP/1.1\r\nHost: me\r\n\r\n", ""}) {
    const int s = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(where.substr(where.find(' ') + 1))));
    REQUIRE(::connect(s, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    CHECK(::send(s, words.data(), words.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(words.size()));
    ::close(s);
  }
  come(1);
  zero.join();
  CHECK(ended == well(2));
}

TEST_CASE("a meeting place that is not there, or that is somebody else's, is named") {
  const int port = group::free_port();
  CHECK_THROWS_WITH(Rendezvous::reach({"127.0.0.1", port}, std::chrono::milliseconds(50)), Contains("nobody listens at 127.0.0.1:" + std::to_string(port)));
  Rendezvous kept = Rendezvous::keep({"127.0.0.1", port});
  CHECK_THROWS_WITH(Rendezvous::keep({"127.0.0.1", port}), Contains("MASTER_PORT"));
  CHECK_THROWS_WITH(kept.wait("never", std::chrono::milliseconds(50)), Contains("never"));
  CHECK(kept.add("count", 2) == 2);
  CHECK(kept.add("count", 1) == 3);
}
