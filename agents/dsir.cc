// dsir: importance weights of hashed word n-grams (Xie et al. 2023, "Data Selection for Language Models via Importance
// Resampling", arXiv 2302.03169).
//
// Pieces of a text (agents/pieces.h, in lower case) and pairs of neighbouring ones fall into buckets b by a hash; a text is the
// bag of its counts c_b(x). Two multinomials are counted, of the anchor set and of the pool, and the score is the log of
// the importance weight
//   S(x) = log w(x) = sum_b c_b(x) (log p_anchor(b) - log p_pool(b)),   p(b) = (count(b) + smoothing) / (all counts + smoothing buckets)
// as in section 3 there; with per_token divided by sum_b c_b(x), for texts of unequal length. Their resampling without
// replacement is this score's Gumbel top-k (env.selection). Differences: smoothing in place of 1e-8 inside the logarithm; the
// pool's counts are of the whole pool.
// Status: checked against an oracle (tests/agents/dsir_test.cc).
#include <cmath>
#include <limits>
#include <mutex>

#include "agents/examples.h"
#include "agents/pieces.h"
#include "agents/static_agent.h"
#include "agents/text_scores.h"

namespace fader {
namespace {

struct DsirOptions final : TextOptions {
  std::int64_t buckets = 10000;
  double smoothing = 1.0;
  bool per_token = false;
  DsirOptions() { unit = "passage"; }
  void fields(Fields& f) override {
    TextOptions::fields(f);
    f("buckets", buckets, "that words and pairs of words are hashed into", 2, 100000000);
    f("smoothing", smoothing, "added to the count of each bucket, of the anchor set and of the pool", 1e-8, 1e6);
    f("per_token", per_token, "divides by the number of words and pairs, so that length does not count");
  }
};

/// Calls each(bucket) for every word and every pair of neighbours.
template <class Each>
void for_each_gram(std::string_view text, std::int64_t buckets, const Each& each) {
  std::uint64_t before = 0;
  bool first = true;
  for_each_piece(text, [&](std::string_view piece) {
    const std::uint64_t hash = text_hash(piece, true);
    each(bucket_of(hash, buckets));
    if (!first) each(bucket_of(random_bits(before, hash), buckets));
    before = hash;
    first = false;
  });
}

/// What is counted in the texts of a set.
std::vector<std::uint64_t> count(const AgentContext& context, const DsirOptions& options, Set set) {
  std::vector<std::uint64_t> all(static_cast<std::size_t>(options.buckets));
  std::mutex adding;
  struct Part {
    std::vector<std::uint64_t> counts, &all;
    std::mutex& adding;
    ~Part() {
      const std::lock_guard lock(adding);
      for (std::size_t b = 0; b < all.size(); ++b) all[b] += counts[b];
    }
  };
  read_texts(context, "dsir counts", options.unit, {&set, 1}, [&]() -> TextReader {
    auto part = std::make_shared<Part>(std::vector<std::uint64_t>(all.size()), all, adding);
    return [part, &options](std::string_view text, PassageId, PassageId) {
      for_each_gram(text, options.buckets, [&](std::uint32_t b) { ++part->counts[b]; });
    };
  });
  return all;
}

/// log p_anchor(b) - log p_pool(b).
std::vector<double> log_ratios(const AgentContext& context, const DsirOptions& options) {
  const auto anchor = count(context, options, Set::anchor), pool = count(context, options, Set::pool);
  const double extra = options.smoothing * static_cast<double>(options.buckets);
  double anchor_sum = extra, pool_sum = extra;
  for (std::size_t b = 0; b < anchor.size(); ++b) {
    anchor_sum += static_cast<double>(anchor[b]);
    pool_sum += static_cast<double>(pool[b]);
  }
  std::vector<double> out(anchor.size());
  for (std::size_t b = 0; b < out.size(); ++b)
    out[b] = std::log((static_cast<double>(anchor[b]) + options.smoothing) / anchor_sum) -
             std::log((static_cast<double>(pool[b]) + options.smoothing) / pool_sum);
  return out;
}

Cost importance(const DsirOptions& options, const AgentContext& context, std::span<float> out) {
  anchor_examples(*context.corpus, "dsir", std::numeric_limits<std::size_t>::max(), 1);
  const std::vector<double> ratio = log_ratios(context, options);
  const auto scorer = [&]() -> TextScorer {
    return [&](std::string_view text) {
      double sum = 0, grams = 0;
      for_each_gram(text, options.buckets, [&](std::uint32_t b) {
        sum += ratio[b];
        ++grams;
      });
      return grams == 0 ? std::nanf("") : static_cast<float>(options.per_token ? sum / grams : sum);
    };
  };
  Cost cost = score_texts(context, "dsir", options.unit, scorer, "give the pool some text", out);
  cost.tokens *= 2;  // the pool is read twice
  for (const PassageId id : context.corpus->set(Set::anchor)) cost.tokens += context.corpus->passages()[id].tokens;
  return cost;
}

class Dsir final : public StaticAgent {
 public:
  Dsir(DsirOptions options, const AgentContext& context)
      : StaticAgent(*context.corpus, static_column(*context.corpus, "dsir", column_key("dsir 1", options.list()), context.progress,
                                  [&](std::span<float> out) { return importance(options, context, out); })) {}
};

REGISTER_AGENT("dsir", Dsir, DsirOptions, "importance weights of word n-grams: anchor-set text against the pool (DSIR)",
               "checked against an oracle");

}  // namespace
}  // namespace fader
