#include "agents/embedding.h"

#include <algorithm>
#include <cmath>
#include <atomic>

#include "agents/pieces.h"
#include "core/rng.h"
#include "trainer/team.h"

namespace fader {
namespace {

/// (bucket, number), by bucket.
using Sparse = std::vector<std::pair<std::uint32_t, float>>;

/// sqrt(count) of each bucket that a text has.
Sparse bag(std::string_view text, std::int64_t buckets) {
  std::vector<std::uint32_t> all;
  for_each_piece(text, [&](std::string_view piece) { all.push_back(bucket_of(text_hash(piece, true), buckets)); });
  std::sort(all.begin(), all.end());
  Sparse out;
  for (std::size_t first = 0, last = 0; first < all.size(); first = last) {
    while (last < all.size() && all[last] == all[first]) ++last;
    out.emplace_back(all[first], std::sqrt(static_cast<float>(last - first)));
  }
  return out;
}

/// Scales to length one; zeros stay.
template <class Range, class Get>
void normalise(Range& range, const Get& get) {
  double squares = 0;
  for (auto& x : range) squares += static_cast<double>(get(x)) * static_cast<double>(get(x));
  const auto scale = static_cast<float>(squares > 0 ? 1 / std::sqrt(squares) : 0);
  for (auto& x : range) get(x) *= scale;
}

/// Bags of `most` texts, evenly spread over the pool and the anchor set together, in the order of the corpus.
std::vector<Sparse> sample(const EmbeddingOptions& options, const AgentContext& context) {
  const Corpus& corpus = *context.corpus;
  std::vector<PassageId> firsts;  // of each text
  for (const Set set : {Set::pool, Set::anchor})
    for (const PassageId id : corpus.set(set)) {
      const bool inside = options.unit == "document" && !firsts.empty() &&
                          corpus.passages()[firsts.back()].document == corpus.passages()[id].document;
      if (!inside) firsts.push_back(id);
    }
  const std::size_t n = std::min(firsts.size(), static_cast<std::size_t>(options.sample));
  std::vector<Sparse> out(n);
  Team(std::max(1, context.machine.threads)).run([&](int t) {
    const Share part = share(static_cast<std::int64_t>(n), 1, t, std::max(1, context.machine.threads));
    for (auto i = static_cast<std::size_t>(part.first); i < static_cast<std::size_t>(part.last); ++i) {
      PassageId id = firsts[i * firsts.size() / n];
      const std::uint32_t document = corpus.passages()[id].document;
      std::string text;
      do text += corpus.text(id++);
      while (options.unit == "document" && id < corpus.passages().size() && corpus.passages()[id].document == document);
      out[i] = bag(text, options.hash_buckets);
    }
  });
  return out;
}

/// What turns a bag into a vector.
class Projection {
 public:
  Projection(const EmbeddingOptions& options, const AgentContext& context)
      : dimension_(static_cast<std::size_t>(options.dimension)), buckets_(static_cast<std::size_t>(options.hash_buckets)), idf_(buckets_) {
    std::vector<Sparse> rows = sample(options, context);
    std::vector<double> having(buckets_);
    for (const Sparse& row : rows)
      for (const auto& [b, x] : row) ++having[b];
    for (std::size_t b = 0; b < buckets_; ++b)
      idf_[b] = static_cast<float>(having[b] == 0 ? 0 : std::log((1 + static_cast<double>(rows.size())) / (1 + having[b])));
    for (Sparse& row : rows) {
      for (auto& [b, x] : row) x *= idf_[b];
      normalise(row, [](auto& bx) -> float& { return bx.second; });
      numbers_ += static_cast<double>(row.size());
    }
    learn(rows, options, context);
    flops_ = 4.0 * numbers_ * static_cast<double>(options.dimension * options.sweeps);
  }

  /// Adds up the vectors of what a text holds; `out`: as many as the dimension. Returns how many numbers went into it. Thread-safe.
  std::size_t vector(std::string_view text, std::span<float> out) const {
    const Sparse row = bag(text, static_cast<std::int64_t>(buckets_));
    std::fill(out.begin(), out.end(), 0.0f);
    for (const auto& [b, x] : row) {
      const float weight = x * idf_[b];
      const float* q = by_bucket_.data() + b * dimension_;
      for (std::size_t j = 0; j < dimension_; ++j) out[j] += weight * q[j];
    }
    normalise(out, [](float& x) -> float& { return x; });
    return row.size();
  }
  double flops() const { return flops_; }  ///< of learning

 private:
  void learn(const std::vector<Sparse>& rows, const EmbeddingOptions& options, const AgentContext& context) {
    std::vector<std::vector<float>> q(dimension_, std::vector<float>(buckets_));
    Rng rng(0, "agents/embedding");
    for (auto& column : q)
      for (float& x : column) x = static_cast<float>(rng.normal());
    const int threads = std::max(1, context.machine.threads);
    Team team(threads);
    for (std::int64_t sweep = 0; sweep < options.sweeps; ++sweep) {
      context.progress.update("embedding: learning", static_cast<double>(sweep), static_cast<double>(options.sweeps), "sweeps");
      team.run([&](int t) {  // every column is for itself
        for (std::size_t j = static_cast<std::size_t>(t); j < dimension_; j += static_cast<std::size_t>(threads)) multiply(rows, q[j]);
      });
      orthonormalise(q);
    }
    by_bucket_.resize(buckets_ * dimension_);
    for (std::size_t b = 0; b < buckets_; ++b)
      for (std::size_t j = 0; j < dimension_; ++j) by_bucket_[b * dimension_ + j] = q[j][b];
  }

  /// q <- A^T A q
  static void multiply(const std::vector<Sparse>& rows, std::vector<float>& q) {
    std::vector<float> out(q.size());
    for (const Sparse& row : rows) {
      float y = 0;
      for (const auto& [b, x] : row) y += x * q[b];
      for (const auto& [b, x] : row) out[b] += x * y;
    }
    q = std::move(out);
  }

  /// Gram and Schmidt, twice; a column in which nothing of its own is left becomes zeros: the sample has fewer dimensions.
  static void orthonormalise(std::vector<std::vector<float>>& q) {
    const auto dot = [](const std::vector<float>& a, const std::vector<float>& b) {
      double sum = 0;
      for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
      return sum;
    };
    for (std::size_t j = 0; j < q.size(); ++j) {
      const double before = dot(q[j], q[j]);
      for (int pass = 0; pass < 2; ++pass)
        for (std::size_t k = 0; k < j; ++k) {
          const auto by = static_cast<float>(dot(q[j], q[k]));
          for (std::size_t i = 0; i < q[j].size(); ++i) q[j][i] -= by * q[k][i];
        }
      const double left = dot(q[j], q[j]);
      const auto scale = static_cast<float>(left > 1e-10 * before ? 1 / std::sqrt(left) : 0);
      for (float& x : q[j]) x *= scale;
    }
  }

  std::size_t dimension_, buckets_;
  std::vector<float> idf_, by_bucket_;  // by_bucket_: row b of Q
  double numbers_ = 0, flops_ = 0;
};

Cost vectors(const EmbeddingOptions& options, const AgentContext& context, std::span<float> out) {
  const Projection projection(options, context);
  const auto dimension = static_cast<std::size_t>(options.dimension);
  const Set sets[] = {Set::pool, Set::anchor};
  std::atomic<std::uint64_t> numbers{0};
  read_texts(context, "embedding", options.unit, sets, [&]() -> TextReader {
    return [&](std::string_view text, PassageId first, PassageId last) {
      const auto vector = out.subspan(first * dimension, dimension);
      numbers += projection.vector(text, vector);
      for (PassageId id = first + 1; id < last; ++id)
        std::copy(vector.begin(), vector.end(), out.begin() + id * static_cast<std::ptrdiff_t>(dimension));
    };
  });
  Cost cost{0, projection.flops() + 2.0 * static_cast<double>(numbers) * static_cast<double>(options.dimension)};
  for (const Set set : sets)
    for (const PassageId id : context.corpus->set(set)) cost.tokens += context.corpus->passages()[id].tokens;
  return cost;
}

}  // namespace

void EmbeddingOptions::fields(Fields& f) {
  TextOptions::fields(f);
  f("dimension", dimension, "of the vector of a text", 1, 1024);
  f("hash_buckets", hash_buckets, "that words are hashed into, for vectors", 16, 10000000);
  f("sample", sample, "texts that the vectors are learned from", 1, 10000000);
  f("sweeps", sweeps, "iterations of learning them", 1, 100);
}

Embedding embed(const EmbeddingOptions& options, const AgentContext& context) {
  EmbeddingOptions own = options;  // of what derives from it, only these options make another block
  return {static_column(*context.corpus, "embedding", column_key("embedding 1", own.list()), context.progress,
                        [&](std::span<float> out) { return vectors(own, context, out); }, static_cast<std::size_t>(own.dimension)),
          static_cast<std::size_t>(own.dimension)};
}

}  // namespace fader
