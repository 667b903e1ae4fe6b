// Selecting takes nothing of the heap after a method's first call, and little in it. This program's malloc counts.
#include <catch2/catch.hpp>

#define FADER_COUNTS_ELSEWHERE  // known_answer_test.cc
#include "tests/counted_malloc.h"
#include "tests/env/selection_setting.h"

using namespace fader;

TEST_CASE("selection allocates nothing after its first call, and less than a tenth of the columns in it") {
  const std::string selection = GENERATE("mixture_of_picks", "gumbel_top_k", "top_k", "batch_filter");
  const int threads = GENERATE(1, 2);
  CAPTURE(selection, threads);
  if (!counted::kCounts) {
    WARN("skipped: this build has an allocator of its own");
    return;
  }
  auto s = Setting::random(400'000, 4, 3);
  s.demand = 20'000;
  const Offer offer = s.offer();
  const auto m = method(options_of(selection, selection == "mixture_of_picks" ? "ranks" : "raw"), threads);
  Selected chosen;
  Rng rng(1, "memory");
  const std::int64_t before = counted::bytes;
  counted::most = before;
  m->select(offer, rng, chosen);
  const std::int64_t most = counted::most - before, calls = counted::calls;
  for (int i = 0; i < 5; ++i) m->select(offer, rng, chosen);
  const std::int64_t later = counted::calls - calls;  // a check may allocate itself
  CHECK(calls > 0);
  CHECK(later == 0);
  if (selection != "batch_filter") CHECK(static_cast<double>(most) < 0.1 * 4 * 4 * 400'000);  // a batch is most of all there is
}
