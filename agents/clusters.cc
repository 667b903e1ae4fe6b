#include "agents/clusters.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/rng.h"
#include "trainer/product.h"
#include "trainer/team.h"

namespace fader {
namespace {

constexpr std::size_t kSamplePerCluster = 256, kRows = 256;  // of a product

/// Vectors, a row each.
using Rows = Grid<float>;

Rows gather(const Embedding& embedding, std::span<const PassageId> ids) {
  Rows out(ids.size(), embedding.dimension);
  for (std::size_t i = 0; i < ids.size(); ++i) std::copy_n(embedding[ids[i]].data(), embedding.dimension, out[i].data());
  return out;
}

/// The nearest centroid of each row, by blocks of rows that do not depend on the number of threads.
std::vector<int> nearest_of(const Rows& rows, const Rows& centroids, int threads) {
  std::vector<int> out(rows.rows());
  const std::size_t k = centroids.rows(), blocks = (rows.rows() + kRows - 1) / kRows;
  Team(threads).run([&](int t) {
    keep_to_one_thread();
    std::vector<float> cosines(kRows * k);
    for (auto block = static_cast<std::size_t>(t); block < blocks; block += static_cast<std::size_t>(threads)) {
      const std::size_t first = block * kRows, n = std::min(kRows, rows.rows() - first);
      const auto inner = static_cast<std::int64_t>(rows.cols());
      product(Matrix<float>{rows[first].data(), static_cast<std::int64_t>(n), inner},
              Matrix<float>{centroids[0].data(), static_cast<std::int64_t>(k), inner, true}, cosines.data());
      for (std::size_t i = 0; i < n; ++i) {
        const float* c = cosines.data() + i * k;
        out[first + i] = static_cast<int>(std::max_element(c, c + k) - c);
      }
    }
  });
  return out;
}

double cosine(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

/// k-means++: each further centroid is a row drawn by its distance to the nearest so far; at most k, fewer when none is left.
Rows seed_centroids(const Rows& rows, std::size_t k, Rng rng) {
  constexpr double kSame = 1e-6;  // rounding
  std::vector<std::size_t> chosen = {static_cast<std::size_t>(rng.below(rows.rows()))};
  std::vector<double> distance(rows.rows(), 2.0);
  while (true) {
    double all = 0;
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      const double d = 1 - cosine(rows[i], rows[chosen.back()]);
      distance[i] = std::min(distance[i], d < kSame ? 0 : d);
      all += distance[i];
    }
    if (chosen.size() == k || all == 0) break;
    chosen.push_back(rng.choice(distance));
  }
  Rows out(chosen.size(), rows.cols());
  for (std::size_t c = 0; c < chosen.size(); ++c) std::copy_n(rows[chosen[c]].data(), rows.cols(), out[c].data());
  return out;
}

/// Means of the rows of each label, of length one; a cluster that lost its rows keeps its centroid.
void move(Rows& centroids, const Rows& rows, const std::vector<int>& label) {
  Grid<double> sums(centroids.rows(), centroids.cols());
  for (std::size_t i = 0; i < rows.rows(); ++i)
    for (std::size_t j = 0; j < rows.cols(); ++j) sums[static_cast<std::size_t>(label[i])][j] += static_cast<double>(rows[i][j]);
  for (std::size_t c = 0; c < centroids.rows(); ++c) {
    const double length = std::sqrt(std::inner_product(sums[c].begin(), sums[c].end(), sums[c].begin(), 0.0));
    for (std::size_t j = 0; length > 0 && j < centroids.cols(); ++j) centroids[c][j] = static_cast<float>(sums[c][j] / length);
  }
}

/// Writes the labels of the pool's passages that have a vector, numbered in the order in which they come first, and -1 to all others.
Cost label(const ClusterOptions& options, const AgentContext& context, const std::string& agent, std::span<float> out) {
  std::fill(out.begin(), out.end(), -1.0f);
  const Embedding embedding = embed(options, context);
  std::vector<PassageId> known;
  for (const PassageId id : context.corpus->set(Set::pool))
    if (cosine(embedding[id], embedding[id]) > 0) known.push_back(id);
  if (known.empty()) throw ConfigError(fmt::format("agent '{}': no text of the pool has a word to cluster it by; leave the agent out", agent));
  const Rows all = gather(embedding, known);

  const auto k = static_cast<std::size_t>(options.clusters);
  const std::size_t n = std::min(known.size(), k * kSamplePerCluster);
  Rows sample(n, all.cols());
  for (std::size_t i = 0; i < n; ++i) std::copy_n(all[i * known.size() / n].data(), all.cols(), sample[i].data());
  Rows centroids = seed_centroids(sample, k, Rng(static_cast<std::uint64_t>(options.cluster_seed), "agents/clusters"));
  const int threads = std::max(1, context.machine.threads);
  std::vector<int> before, now;
  std::int64_t round = 0;
  for (; round < options.cluster_rounds && (round == 0 || now != before); ++round) {
    context.progress.update("clusters", static_cast<double>(round), static_cast<double>(options.cluster_rounds), "rounds");
    before = std::move(now);
    now = nearest_of(sample, centroids, threads);
    move(centroids, sample, now);
  }
  const std::vector<int> labels = nearest_of(all, centroids, threads);
  std::vector<int> number(centroids.rows(), -1);
  int next = 0;
  for (std::size_t i = 0; i < known.size(); ++i) {
    int& of = number[static_cast<std::size_t>(labels[i])];
    if (of < 0) of = next++;
    out[known[i]] = static_cast<float>(of);
  }
  if (next < static_cast<int>(k))
    context.progress.note(fmt::format("{}: {} clusters, and not the {} asked for: so few of the pool's texts differ", agent, next, k));
  const double products = static_cast<double>(n) * static_cast<double>(round + 1) + static_cast<double>(known.size());
  Cost cost = embedding.column.cost;
  return cost += {0, 2.0 * products * static_cast<double>(k * all.cols())};
}

}  // namespace

void ClusterOptions::fields(Fields& f) {
  f("clusters", clusters, "of the pool's texts, at most", 1, 100000);
  EmbeddingOptions::fields(f);
  f("cluster_rounds", cluster_rounds, "of k-means, at most", 1, 1000);
  f("cluster_seed", cluster_seed, "of its first centroids", 0, 1e15);
}

Clusters cluster(const ClusterOptions& options, const AgentContext& context, const std::string& agent) {
  ClusterOptions own = options;
  const StaticColumn column = static_column(*context.corpus, "clusters", column_key("clusters 1", own.list()), context.progress,
                                            [&](std::span<float> out) { return label(own, context, agent, out); });
  Clusters out;
  out.label.assign(column.values.begin(), column.values.end());
  for (const int label : out.label) {
    FADER_CHECK(label >= -1, "label {}", label);
    out.count = std::max(out.count, static_cast<std::size_t>(label + 1));
  }
  out.cost = column.cost;
  return out;
}

}  // namespace fader
