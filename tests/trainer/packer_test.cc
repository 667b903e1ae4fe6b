#include "trainer/packer.h"

#include <catch2/catch.hpp>
#include <numeric>

#include "core/error.h"
#include "core/rng.h"
#include "trainer/flops.h"

using namespace fader;

namespace {

using Tokens = std::vector<std::uint32_t>;

Tokens counting(std::uint32_t first, std::size_t n) {
  Tokens tokens(n);
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

}  // namespace

Tokens rest(const Packer& packer) {
  Tokens out;
  for (const Packer::Sequence& s : packer.rest()) out.insert(out.end(), s.tokens.begin(), s.tokens.end());
  return out;
}

TEST_CASE("packer: a passage that crosses a row goes on in the next one as a segment of its own") {
  Packer packer(4, 0);
  const Tokens a = counting(10, 3), b = counting(20, 6), c = counting(30, 1);
  packer.add(a, 0);
  packer.add(b, 1);
  packer.add(c, 2);
  REQUIRE(packer.waiting() == 10);
  Batch batch;
  packer.fill(2, batch);
  CHECK(batch.input == Tokens{0, 10, 11, 0, 0, 21, 22, 23});
  CHECK(batch.target == Tokens{10, 11, 12, 20, 21, 22, 23, 24});
  CHECK(batch.begin == std::vector<std::int32_t>{0, 3, 4, 8});
  CHECK(batch.owner == std::vector<std::int32_t>{0, 1, 1});
  CHECK(packer.waiting() == 2);
  CHECK(batch.source == std::vector<const std::uint32_t*>{a.data(), b.data(), b.data() + 1});
  CHECK(rest(packer) == Tokens{25, 30});
}

TEST_CASE("packer: what is carried over comes first in the next call") {
  Packer first(4, 0);
  const Tokens a = counting(10, 7);
  first.add(a, 0);
  Batch batch;
  first.fill(1, batch);
  const Tokens carried = rest(first);
  CHECK(carried == Tokens{14, 15, 16});

  Packer second(4, 0);
  const Tokens b = counting(20, 2);
  second.add(carried, -1);
  second.add(b, 0);
  second.fill(1, batch);
  CHECK(batch.input == Tokens{0, 14, 15, 0});
  CHECK(batch.target == Tokens{14, 15, 16, 20});
  CHECK(batch.owner == std::vector<std::int32_t>{-1, 0});
}

TEST_CASE("packer: rows are full, every token is scored once and in order, no segment crosses a row") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Rng rng(seed, "test/packer");
    const auto context = static_cast<std::int64_t>(2 + rng.below(20));
    const auto rows = static_cast<std::int64_t>(1 + rng.below(4));
    std::vector<Tokens> passages;
    Packer packer(context, 7);
    Tokens all;
    while (packer.waiting() < 3 * rows * context) {
      const std::size_t length = 1 + rng.below(2 * static_cast<std::uint64_t>(context));
      passages.push_back(counting(static_cast<std::uint32_t>(100 * passages.size()), length));
      all.insert(all.end(), passages.back().begin(), passages.back().end());
      // the vector may move its elements, whose own memory stays
      packer.add(passages.back(), static_cast<std::int32_t>(passages.size()) - 1);
    }
    Tokens seen;
    Batch batch;
    for (int call = 0; call < 3; ++call) {
      packer.fill(rows, batch);
      REQUIRE(batch.positions() == rows * context);
      REQUIRE(batch.begin.front() == 0);
      REQUIRE(batch.begin.back() == rows * context);
      for (std::size_t s = 0; s < batch.segments(); ++s) {
        const auto from = static_cast<std::size_t>(batch.begin[s]), to = static_cast<std::size_t>(batch.begin[s + 1]);
        REQUIRE(from < to);
        REQUIRE(from / static_cast<std::size_t>(context) == (to - 1) / static_cast<std::size_t>(context));
        REQUIRE(batch.input[from] == 7);
        for (std::size_t i = from; i + 1 < to; ++i) REQUIRE(batch.input[i + 1] == batch.target[i]);
        for (std::size_t i = from; i < to; ++i) REQUIRE(batch.target[i] / 100 == static_cast<std::uint32_t>(batch.owner[s]));
      }
      seen.insert(seen.end(), batch.target.begin(), batch.target.end());
    }
    const Tokens left = rest(packer);
    seen.insert(seen.end(), left.begin(), left.end());
    REQUIRE(seen == all);
  }
}

TEST_CASE("packer: too few tokens are a defect") {
  Packer packer(4, 0);
  const Tokens a = counting(10, 3);
  packer.add(a, 0);
  Batch batch;
  CHECK_THROWS_AS(packer.fill(1, batch), Defect);
}

TEST_CASE("flops: a hand-computed example") {
  ModelOptions o;
  o.vocabulary = 10;
  o.width = 4;
  o.layers = 2;
  o.heads = 2;
  o.context = 8;
  o.hidden = 6;
  const Layout layout(o);
  // embedding 40; a layer: qkv 48, output 16, gate and up 48, down 24 = 136
  CHECK(layout.products == 40 + 2 * 136);
  CHECK(o.parameters() == 40 + 2 * (136 + 8) + 4);
  Batch batch;
  batch.add(counting(1, 3), 0, 0);
  batch.add(counting(1, 2), 0, 1);
  CHECK(batch.attended() == 6 + 3);
  CHECK(forward_flops(o, layout, batch) == 2 * 312 * 5 + 4 * 4 * 2 * 9);
  CHECK(training_flops(o, layout, batch) == 3 * forward_flops(o, layout, batch));
}
