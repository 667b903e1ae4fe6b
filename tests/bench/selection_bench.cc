// Selection beside reading: 1e7 candidates, 10 agents, columns of float32 (400 MB) and lengths. Prints, for mixture_of_picks and
// gumbel_top_k and two sizes of an interval, the time of a selection, that of reading the columns once with as many threads, their
// ratio by the clock and by processor time (each the least of all rounds; the two take turns), and the memory that a method takes at most beyond the columns and what it allocates
// after its first call. The last two need the program's own malloc, so not a sanitised build.
//   bench_selection [threads [candidates [rounds [columns]]]]   columns: normal (default), coarse (100 values), constant
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "env/selection.h"
#include "tests/counted_malloc.h"
#include "trainer/team.h"

using namespace fader;

namespace {

constexpr std::size_t kAgents = 10;

/// By the clock, and of the processors.
struct Seconds {
  double clock = 1e9, processor = 1e9;
  template <class Work>
  void least(const Work& work) {
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t before = std::clock();
    work();
    processor = std::min(processor, static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC);
    clock = std::min(clock, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
};

struct Columns {
  std::vector<std::vector<float>> values;
  std::vector<std::uint32_t> tokens;
  Columns(std::size_t n, const std::string& kind, Team& team) : values(kAgents, std::vector<float>(n)), tokens(n) {
    team.run([&](int t) {
      for (std::size_t a = static_cast<std::size_t>(t); a < kAgents; a += static_cast<std::size_t>(team.size()))
        for (std::size_t c = 0; c < n; ++c) {
          double x = 0;  // about normal, and quick
          for (int shift = 0; shift < 64; shift += 16) x += static_cast<double>(lot_bits(a, c) >> shift & 0xffff) / 65536 - 0.5;
          values[a][c] = static_cast<float>(kind == "constant" ? 1 : kind == "coarse" ? std::floor(25 * x) : x);
        }
    });
    for (std::size_t c = 0; c < n; ++c) tokens[c] = static_cast<std::uint32_t>(32 + lot_bits(99, c) % 97);
  }
};

void read(const Columns& columns, Team& team, std::vector<std::uint64_t>& sums) {
  for (const auto& column : columns.values)
    team.share_out(static_cast<std::int64_t>(column.size() / 2), [&](Share mine) {
      const auto* words = reinterpret_cast<const char*>(column.data());
      std::uint64_t lane[16] = {};
      for (std::int64_t i = mine.first; i + 16 <= mine.last; i += 16) {
        std::uint64_t w[16];
        std::memcpy(w, words + 8 * i, sizeof w);
        for (int l = 0; l < 16; ++l) lane[l] += w[l];
      }
      for (const std::uint64_t l : lane) sums[static_cast<std::size_t>(mine.first != 0)] += l;
    });
}

}  // namespace

int main(int argc, char** argv) {
  const auto given = [&](int i, long long usual) { return argc > i ? std::atoll(argv[i]) : usual; };
  const int threads = static_cast<int>(given(1, 2));
  const auto n = static_cast<std::size_t>(given(2, 10'000'000));
  const int rounds = static_cast<int>(given(3, 9));
  Team team(threads);
  const Columns columns(n, argc > 4 ? argv[4] : "normal", team);
  const std::vector<std::span<const float>> scores(columns.values.begin(), columns.values.end());
  std::vector<double> weights(kAgents);
  std::vector<std::uint64_t> keys(kAgents);
  double total = 0;
  for (std::size_t a = 0; a < kAgents; ++a) total += weights[a] = static_cast<double>(a + 1);
  for (std::size_t a = 0; a < kAgents; ++a) weights[a] /= total, keys[a] = lot_bits(7, a);
  const double megabytes = 4e-6 * static_cast<double>(n * kAgents);
  std::vector<std::uint64_t> sums(2);

  std::printf("%zu candidates, %zu agents, %.0f MB of columns, %d thread%s\n", n, kAgents, megabytes, threads, threads == 1 ? "" : "s");
  for (const std::string method : {"mixture_of_picks", "gumbel_top_k", "top_k"})
    for (const std::int64_t picks : {10'000, 100'000}) {
      SelectionOptions options;
      options.selection = method;
      options.scores = method == "mixture_of_picks" ? "ranks" : "raw";
      const auto selection = make_selection({options, threads});
      Offer offer{.weights = weights, .scores = scores, .keys = keys, .tokens = columns.tokens, .candidates = n, .demand = picks * 80};
      Selected chosen;
      const std::int64_t before = counted::bytes;
      counted::most = before;
      const auto select = [&] {
        Rng rng(1, "bench");
        selection->select(offer, rng, chosen);
      };
      select();
      const std::int64_t calls = counted::calls;
      Seconds ours, reading;
      for (int r = 0; r < rounds; ++r) {
        reading.least([&] { read(columns, team, sums); });
        ours.least(select);
      }
      const double own = static_cast<double>(counted::most - before) / 1e6;
      std::printf("%-17s %7zu picks: %6.1f ms, reading %5.1f ms (%.1f GB/s), ratio %.2f by the clock, %.2f by processor time; memory %.1f MB "
                  "(%.1f%%), allocations later %lld\n", method.c_str(), chosen.picks.size(), 1e3 * ours.clock, 1e3 * reading.clock,
                  megabytes / 1e3 / reading.clock, ours.clock / reading.clock, ours.processor / reading.processor, own, 100 * own / megabytes,
                  static_cast<long long>(counted::calls - calls));
      std::fflush(stdout);
    }
  return sums[0] == 42 ? 1 : 0;
}
