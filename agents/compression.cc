// compression: how little a text repeats itself.
//
//   S(x) = bytes(deflate(x)) / bytes(x)                             1 and above: nothing repeats; near 0: boilerplate, tables of zeros
//   S(x) = min(0, S - from, to - S)                                 band = [from, to]: 0 within, below outside
//
// A ratio falls with the length of what is compressed, so a text is cut into as few pieces of equal length as are no longer than
// `piece` bytes, each compressed for itself: otherwise this would be another agent for length. Without band the highest scores go
// to what does not compress at all (encoded data); a band keeps them out. That text compresses is used as a measure of
// redundancy in data selection by Yin et al. 2024, "Entropy law", arXiv 2407.06645. An empty text: nothing can be said of it.
// Status: checked against an oracle (tests/agents/compression_test.cc).
#include <zlib.h>

#include <cmath>
#include <limits>

#include "agents/static_agent.h"
#include "agents/text_scores.h"

namespace fader {
namespace {

struct CompressionOptions final : TextOptions {
  std::int64_t piece = 4096, level = 6;
  std::vector<double> band;
  void fields(Fields& f) override {
    TextOptions::fields(f);
    f("piece", piece, "bytes that are compressed together, at most", 64, 1 << 30);
    f("level", level, "of deflate: 1 fast, 9 thorough", 1, 9);
    f("band", band, "[from, to] of the ratio: texts within it score 0, others less the further outside they are; empty: the higher, "
      "the better", 0.0, 100.0);
  }
  void validate() const override { check_band("band", band); }
};

/// Deflate without header, one text after another.
class Deflate {
 public:
  explicit Deflate(int level) {
    constexpr int kPlain = -15, kMemory = 8;  // a window of 32 KiB, no header or checksum
    FADER_CHECK(deflateInit2(&stream_, level, Z_DEFLATED, kPlain, kMemory, Z_DEFAULT_STRATEGY) == Z_OK);
  }
  ~Deflate() { deflateEnd(&stream_); }
  Deflate(const Deflate&) = delete;
  Deflate& operator=(const Deflate&) = delete;

  std::size_t bytes_of(std::string_view text) {
    FADER_CHECK(deflateReset(&stream_) == Z_OK);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream_.avail_in = static_cast<uInt>(text.size());
    int ended = Z_OK;
    while (ended == Z_OK) {
      stream_.next_out = out_;
      stream_.avail_out = sizeof out_;
      ended = deflate(&stream_, Z_FINISH);
    }
    FADER_CHECK_EQ(ended, Z_STREAM_END);
    return stream_.total_out;
  }

 private:
  z_stream stream_{};
  Bytef out_[16384];
};

TextScorer ratio_scorer(const CompressionOptions& options) {
  const auto deflate = std::make_shared<Deflate>(static_cast<int>(options.level));
  const auto most = static_cast<std::size_t>(options.piece);
  return [deflate, most, band = options.band](std::string_view text) {
    if (text.empty()) return std::numeric_limits<float>::quiet_NaN();
    const std::size_t pieces = (text.size() + most - 1) / most;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < pieces; ++i) {
      const std::size_t from = text.size() * i / pieces, to = text.size() * (i + 1) / pieces;
      bytes += deflate->bytes_of(text.substr(from, to - from));
    }
    const double ratio = static_cast<double>(bytes) / static_cast<double>(text.size());
    return static_cast<float>(band.empty() ? ratio : band_score(band, ratio));
  };
}

class Compression final : public StaticAgent {
 public:
  Compression(CompressionOptions options, const AgentContext& context)
      : StaticAgent(static_column(*context.corpus, "compression", column_key(fmt::format("deflate 1 {}", zlibVersion()), options.list()),
                                  context.progress, [&](std::span<float> out) {
                                    return score_texts(context, "compression", options.unit, [&] { return ratio_scorer(options); },
                                                       "give the pool some text", out);
                                  })) {}
};

REGISTER_AGENT("compression", Compression, CompressionOptions, "texts that compress little, or as much as a band says",
               "checked against an oracle");

}  // namespace
}  // namespace fader
