// Clusters of the pool's texts by their vectors (agents/embedding.h): topics where a corpus has none.
//
// Spherical k-means (Dhillon and Modha 2001): every text belongs to the centroid of greatest cosine, every centroid is the
// mean of its texts, scaled to length one; seeded by k-means++ (Arthur and Vassilvitskii 2007) with weights 1 - cos, on a sample
// of the pool that is evenly spread. All texts of the pool then belong to the nearest centroid. Equal bits for any number of threads.
#pragma once
#include <vector>

#include "agents/embedding.h"

namespace fader {

struct ClusterOptions : EmbeddingOptions {
  std::int64_t clusters = 24, cluster_rounds = 20, cluster_seed = 0;
  void fields(Fields& f) override;
};

struct Clusters {
  std::vector<int> label;     ///< of each passage; -1: not of the pool, or a text of which nothing is known
  std::size_t count = 0;      ///< none is empty; fewer than asked for where the pool has fewer different texts, which a note says
  Cost cost;                  ///< of labels and vectors, when they were computed
};

/// Reads the labels beside the corpus, computing them first when they are not there. ConfigError naming the agent when the pool has
/// no text.
Clusters cluster(const ClusterOptions& options, const AgentContext& context, const std::string& agent);

}  // namespace fader
