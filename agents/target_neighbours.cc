// target_neighbours: how near a text comes to the anchor set's texts.
//
//   S(x) = mean of the `neighbours` greatest cos(e(x), e(y)), y in the anchor set
// e: agents/embedding.h. With neighbours = 1 the nearest alone. The vectors of the anchor set are its passages', or, with unit =
// "document", its documents'; `examples` of them at most, evenly spread. The selectors of TSDS (arXiv 2410.11303) and of nearest
// neighbours in DataFlex go by such similarities. A text without a word that is known ranks in the middle.
// Status: checked against an oracle (tests/agents/target_neighbours_test.cc).
#include <algorithm>
#include <functional>
#include <limits>

#include "agents/embedding.h"
#include "agents/examples.h"
#include "agents/static_agent.h"
#include "trainer/product.h"
#include "trainer/team.h"

namespace fader {
namespace {

struct NeighbourOptions final : EmbeddingOptions {
  std::int64_t neighbours = 5, examples = 4000;
  void fields(Fields& f) override {
    f("neighbours", neighbours, "of the anchor set whose cosines count", 1, 100000);
    f("examples", examples, "texts of the anchor set to compare with, at most", 1, 10000000);
    EmbeddingOptions::fields(f);
  }
};

bool known(std::span<const float> vector) {
  return std::any_of(vector.begin(), vector.end(), [](float x) { return x != 0; });
}

/// Vectors of the anchor set's texts, a row each.
Grid<float> anchor_vectors(const NeighbourOptions& options, const Corpus& corpus, std::span<const PassageId> anchor, const Embedding& embedding) {
  std::vector<PassageId> ids;
  for (const PassageId id : anchor) {
    const bool again = options.unit == "document" && !ids.empty() && corpus.passages()[ids.back()].document == corpus.passages()[id].document;
    if (!again && known(embedding[id])) ids.push_back(id);
  }
  const std::size_t n = std::min(ids.size(), static_cast<std::size_t>(options.examples));
  if (n == 0)
    throw ConfigError("agent 'target_neighbours': no text of the anchor set has a word that is known; raise sample, or leave the agent out");
  Grid<float> out(n, embedding.dimension);
  for (std::size_t i = 0; i < n; ++i) std::copy_n(embedding[ids[i * ids.size() / n]].data(), embedding.dimension, out[i].data());
  return out;
}

/// Mean of the `most` greatest; changes their order.
float mean_of_greatest(std::span<float> cosines, std::size_t most) {
  const std::size_t n = std::min(most, cosines.size());
  std::partial_sort(cosines.begin(), cosines.begin() + static_cast<std::ptrdiff_t>(n), cosines.end(), std::greater<>());
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(cosines[i]);
  return static_cast<float>(sum / static_cast<double>(n));
}

Cost nearness(const NeighbourOptions& options, const AgentContext& context, std::span<float> out) {
  constexpr std::size_t kBlock = 256;  // passages, whatever the number of threads
  const Corpus& corpus = *context.corpus;
  const auto anchor = anchor_examples(corpus, "target_neighbours", std::numeric_limits<std::size_t>::max(), 1);
  const Embedding embedding = embed(options, context);
  const Grid<float> anchors = anchor_vectors(options, corpus, anchor, embedding);
  std::vector<PassageId> ids;
  for (const PassageId id : corpus.set(Set::pool)) {
    if (known(embedding[id])) ids.push_back(id);
    else out[id] = std::nanf("");
  }
  const std::size_t n = anchors.rows(), blocks = (ids.size() + kBlock - 1) / kBlock;
  const auto inner = static_cast<std::int64_t>(embedding.dimension);
  const int threads = std::max(1, context.machine.threads);
  Team(threads).run([&](int t) {
    keep_to_one_thread();
    std::vector<float> rows(kBlock * embedding.dimension), cosines(kBlock * n);
    for (auto block = static_cast<std::size_t>(t); block < blocks; block += static_cast<std::size_t>(threads)) {
      const auto some = std::span(ids).subspan(block * kBlock, std::min(kBlock, ids.size() - block * kBlock));
      for (std::size_t i = 0; i < some.size(); ++i)
        std::copy_n(embedding[some[i]].data(), embedding.dimension, rows.data() + i * embedding.dimension);
      product(Matrix<float>{rows.data(), static_cast<std::int64_t>(some.size()), inner},
              Matrix<float>{anchors[0].data(), static_cast<std::int64_t>(n), inner, true}, cosines.data());
      for (std::size_t i = 0; i < some.size(); ++i)
        out[some[i]] = mean_of_greatest(std::span(cosines).subspan(i * n, n), static_cast<std::size_t>(options.neighbours));
    }
  });
  if (!fill_with_mean(corpus.set(Set::pool), out))
    throw ConfigError("agent 'target_neighbours': no text of the pool has a word that is known; raise sample, or leave the agent out");
  Cost cost = embedding.column.cost;
  return cost += {0, 2.0 * static_cast<double>(ids.size()) * static_cast<double>(n) * static_cast<double>(inner)};
}

class TargetNeighbours final : public StaticAgent {
 public:
  TargetNeighbours(NeighbourOptions options, const AgentContext& context)
      : StaticAgent(*context.corpus, static_column(*context.corpus, "target_neighbours", column_key("target_neighbours 1", options.list()), context.progress,
                                  [&](std::span<float> out) { return nearness(options, context, out); })) {}
};

REGISTER_AGENT("target_neighbours", TargetNeighbours, NeighbourOptions, "nearness to anchor-set texts, by their vectors",
               "checked against an oracle");

}  // namespace
}  // namespace fader
