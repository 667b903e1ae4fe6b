// compression against zlib's one call for everything, and against what must be so.
#include <catch2/catch.hpp>
#include <zlib.h>

#include <cmath>

#include "tests/agents/text_corpus.h"

using namespace fader;

namespace {

std::string noise(std::uint64_t seed, std::size_t bytes) {
  Rng rng(seed, "test/noise");
  std::string out(bytes, '\0');
  for (char& c : out) c = static_cast<char>(rng.below(256));
  return out;
}

/// compress2 adds a header of two bytes and a checksum of four.
double deflated(std::string_view text, int level) {
  std::vector<Bytef> out(compressBound(text.size()));
  uLongf bytes = out.size();
  FADER_CHECK(compress2(out.data(), &bytes, reinterpret_cast<const Bytef*>(text.data()), text.size(), level) == Z_OK);
  return static_cast<double>(bytes - 6);
}

auto with_piece(std::int64_t piece, std::int64_t level = 6) {
  return [=](Options& o) {
    set_option(o, "piece", piece);
    set_option(o, "level", level);
  };
}

}  // namespace

TEST_CASE("compression is the bytes that deflate makes of a text's pieces, per byte") {
  const std::vector<std::string> texts = {babble(1, 900), babble(2, 30), noise(3, 40000), std::string(20000, ' '), "x", babble(4, 3000, 20)};
  for (const std::int64_t level : {1, 6, 9}) {
    const auto s = Scored("compression", texts, with_piece(1 << 20, level)).scores();
    for (std::size_t i = 0; i < texts.size(); ++i)
      CHECK(s[i] == static_cast<float>(deflated(texts[i], static_cast<int>(level)) / static_cast<double>(texts[i].size())));
  }
  const auto s = Scored("compression", texts, with_piece(1000)).scores();
  for (std::size_t i = 0; i < texts.size(); ++i) {  // pieces of equal length, none longer than 1000
    const std::size_t n = texts[i].size(), pieces = (n + 999) / 1000;
    double bytes = 0;
    for (std::size_t k = 0; k < pieces; ++k) bytes += deflated(std::string_view(texts[i]).substr(n * k / pieces, n * (k + 1) / pieces - n * k / pieces), 6);
    CHECK(s[i] == static_cast<float>(bytes / static_cast<double>(n)));
  }
  CHECK(s[2] > 1.0f);                 // noise does not compress
  CHECK(s[3] < 0.02f);
  CHECK(s[5] < s[0]);                 // few words against many
}

TEST_CASE("compression is no measure of length: pieces make it nearly the same for a text and its half") {
  const std::string text = babble(7, 6000);
  const auto whole = Scored("compression", {text, text.substr(0, text.size() / 2)}, with_piece(1 << 20)).scores();
  const auto pieces = Scored("compression", {text, text.substr(0, text.size() / 2)}, with_piece(2048)).scores();
  CHECK(std::abs(pieces[0] - pieces[1]) < 0.25f * std::abs(whole[0] - whole[1]));
}

TEST_CASE("a band of compression keeps out boilerplate and noise alike, an empty text ranks in the middle") {
  const Scored agent("compression", {babble(1, 900), noise(2, 5000), std::string(5000, '-'), ""},
                     [](Options& o) { set_option<std::vector<double>>(o, "band", {0.3, 0.7}); });
  const auto s = agent.scores();
  CHECK(s[0] == 0);
  CHECK(s[1] == Approx(0.7 - 1.0).margin(0.01));
  CHECK(s[2] == Approx(0.0 - 0.3).margin(0.02));
  // the mean over the passages of the others
  double sum = 0, n = 0;
  const auto all = agent.of_passages();
  for (std::size_t i = 0; i + 1 < all.size(); ++i, ++n) sum += static_cast<double>(all[i]);
  CHECK(s[3] == Approx(sum / n));
  CHECK_THROWS_WITH(Scored("compression", {"", ""}), Catch::Contains("agent 'compression'") && Catch::Contains("no document"));
}
