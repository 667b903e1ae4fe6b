// MinHash against the Jaccard similarity counted out, and the memory against comparing with everything.
#include <catch2/catch.hpp>

#include <cmath>
#include <set>

#include "agents/minhash.h"
#include "core/rng.h"

using namespace fader;

namespace {

using Text = std::vector<std::uint32_t>;

Text random_text(Rng& rng, std::size_t n, std::uint64_t vocabulary = 1000) {
  Text out(n);
  for (auto& t : out) t = static_cast<std::uint32_t>(rng.below(vocabulary));
  return out;
}

double jaccard(const Text& a, const Text& b, std::size_t n) {
  const auto shingles = [&](const Text& text) {
    std::set<Text> out;
    for (std::size_t i = 0; i + n <= text.size(); ++i) out.insert(Text(text.begin() + static_cast<std::ptrdiff_t>(i), text.begin() + static_cast<std::ptrdiff_t>(i + n)));
    return out;
  };
  const auto p = shingles(a), q = shingles(b);
  double both = 0;
  for (const Text& s : p) both += static_cast<double>(q.count(s));
  return both / (static_cast<double>(p.size() + q.size()) - both);
}

}  // namespace

TEST_CASE("signatures estimate the Jaccard similarity without bias and with the binomial's error") {
  Rng rng(1, "test/minhash");
  double bias = 0, squares = 0, expected = 0;
  int n = 0;
  for (int pair = 0; pair < 300; ++pair) {
    const Text a = random_text(rng, 60);
    Text b = a;
    for (int changes = pair % 10; changes > 0; --changes) b[rng.below(b.size())] = static_cast<std::uint32_t>(rng.below(1000));
    const double j = jaccard(a, b, 3), error = similarity(minhash(a, 3), minhash(b, 3)) - j;
    bias += error;
    squares += error * error;
    expected += j * (1 - j) / 128;
    ++n;
  }
  CHECK(std::abs(bias / n) < 3 * std::sqrt(expected) / n);  // the mean's standard error
  CHECK(squares == Approx(expected).epsilon(0.3));
}

TEST_CASE("a text shorter than a shingle is one shingle, and word order matters but repetition does not") {
  CHECK(similarity(minhash(Text{1, 2}, 5), minhash(Text{1, 2}, 5)) == 1);
  CHECK(similarity(minhash(Text{1, 2}, 5), minhash(Text{2, 1}, 5)) < 0.1);
  CHECK(similarity(minhash(Text{1, 2, 1, 2, 1}, 2), minhash(Text{1, 2, 1}, 2)) == 1);
  CHECK(similarity(minhash(Text{1, 2, 3}, 1), minhash(Text{3, 2, 1}, 1)) == 1);
}

TEST_CASE("the memory finds what shares a band, nothing else, among the last ones alone") {
  Rng rng(2, "test/seen");
  for (const std::size_t bands : {std::size_t{4}, std::size_t{32}, std::size_t{128}}) {
    const std::size_t capacity = 100, rows = kHashes / bands;
    SeenSignatures seen(bands, capacity);
    std::vector<Text> pool;
    for (int i = 0; i < 40; ++i) pool.push_back(random_text(rng, 40));
    std::vector<std::pair<Signature, PassageId>> all;   // what the memory must hold, the oldest first
    for (PassageId i = 0; i < 600; ++i) {
      Text text = pool[rng.below(pool.size())];
      for (std::uint64_t changes = rng.below(6); changes > 0; --changes) text[rng.below(text.size())] = static_cast<std::uint32_t>(rng.below(1000));
      const Signature s = minhash(text, 3);
      double best = 0;
      for (const auto& [other, name] : all)
        for (std::size_t band = 0; band < bands; ++band)
          if (std::equal(s.begin() + static_cast<std::ptrdiff_t>(band * rows), s.begin() + static_cast<std::ptrdiff_t>((band + 1) * rows),
                         other.begin() + static_cast<std::ptrdiff_t>(band * rows)))
            best = std::max(best, similarity(s, other));
      REQUIRE(seen.nearest(s) == best);
      seen.add(s, i);
      if (best < 1) all.emplace_back(s, i);
      if (all.size() > capacity) all.erase(all.begin());
      if (i % 97 == 0) {
        std::vector<PassageId> names;
        for (const auto& [other, name] : all) names.push_back(name);
        REQUIRE(seen.names() == names);
      }
    }
    seen.clear();
    CHECK(seen.names().empty());
    CHECK(seen.nearest(all.back().first) == 0);
  }
}

TEST_CASE("a pair is found with the probability that the bands promise") {
  Rng rng(3, "test/bands");
  int found = 0, n = 0;
  double expected = 0;
  for (int pair = 0; pair < 400; ++pair) {
    const Text a = random_text(rng, 60);
    Text b = a;
    for (int changes = 0; changes < 11; ++changes) b[rng.below(b.size())] = static_cast<std::uint32_t>(rng.below(1000));
    const double j = jaccard(a, b, 3);
    SeenSignatures seen(32, 10);
    seen.add(minhash(a, 3), 0);
    found += seen.nearest(minhash(b, 3)) > 0;
    expected += 1 - std::pow(1 - std::pow(j, 4), 32);
    ++n;
  }
  INFO(found << " of " << n << ", expected " << expected);
  CHECK(std::abs(found - expected) < 3.5 * std::sqrt(n * 0.25));
  CHECK(expected > 0.2 * n);
  CHECK(expected < 0.8 * n);
}
