// Clusters of texts, and topics made of them.
#include "agents/clusters.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "tests/agents/themed_text.h"

using namespace fader;

namespace {

struct Notes final : Progress {
  void update(std::string_view, double, double, std::string_view) override {}
  void note(std::string_view line) override { all += line; }
  std::string all;
};

Clusters clusters_of(std::shared_ptr<const Corpus> corpus, std::int64_t k, std::int64_t seed = 0, int threads = 1, Progress* progress = nullptr) {
  static NoProgress quiet;
  ClusterOptions options;
  options.clusters = k;
  options.cluster_seed = seed;
  options.dimension = 6;
  options.hash_buckets = kBuckets;
  AgentContext context{std::move(corpus), 1, progress != nullptr ? *progress : quiet};
  context.machine.threads = threads;
  return cluster(options, context, "any");
}

}  // namespace

TEST_CASE("clusters find the themes of a pool, whatever the seed") {
  const ScratchFolder folder;
  const auto corpus = themed_corpus(folder.path());
  for (const std::int64_t seed : {0, 1, 2, 3, 4}) {
    const Clusters found = clusters_of(corpus, 3, seed);
    REQUIRE(found.count == 3);
    std::map<int, std::set<std::uint16_t>> themes;
    for (PassageId id = 0; id < corpus->passages().size(); ++id) {
      if (corpus->document(id).set == Set::pool) themes[found.label[id]].insert(corpus->document(id).domain);
      else CHECK(found.label[id] == -1);
    }
    CHECK(themes.size() == 3);
    for (const auto& [label, domains] : themes) CHECK(domains.size() == 1);
    CHECK(found.label[corpus->set(Set::pool)[0]] == 0);  // numbered as they come
    CHECK(found.cost.flops > 0);
  }
}

TEST_CASE("first centroids are far apart: themes are found that come one after another") {
  const ScratchFolder folder;
  const auto corpus = std::make_shared<TextCorpus>(folder.path(), 128);
  Rng rng(6, "test/clusters");
  for (int theme = 0; theme < 6; ++theme)
    for (int i = 0; i < 30; ++i) corpus->add(themed_text(rng, theme, 20), Set::pool, static_cast<std::uint16_t>(theme));
  double right = 0;  // texts whose cluster is mostly of their theme, over all seeds
  for (std::int64_t seed = 0; seed < 10; ++seed) {
    const Clusters found = clusters_of(corpus, 6, seed);
    std::map<int, std::map<std::uint16_t, int>> themes;
    for (const PassageId id : corpus->set(Set::pool)) ++themes[found.label[id]][corpus->document(id).domain];
    for (const auto& [label, counts] : themes)
      right += std::max_element(counts.begin(), counts.end(), [](auto& a, auto& b) { return a.second < b.second; })->second;
  }
  CHECK(right / (10 * 6 * 30) > 0.9);
}

TEST_CASE("every text is in the cluster whose mean is nearest") {
  const ScratchFolder folder;
  const auto corpus = themed_corpus(folder.path(), 1, 0, 200);
  const Clusters found = clusters_of(corpus, 8);
  REQUIRE(found.count == 8);
  EmbeddingOptions options;
  options.dimension = 6;
  options.hash_buckets = kBuckets;
  NoProgress quiet;
  const Embedding e = embed(options, AgentContext{corpus, 1, quiet});
  std::vector<std::vector<double>> mean(8, std::vector<double>(6));
  for (const PassageId id : corpus->set(Set::pool))
    for (std::size_t j = 0; j < 6; ++j) mean[static_cast<std::size_t>(found.label[id])][j] += static_cast<double>(e[id][j]);
  for (const PassageId id : corpus->set(Set::pool)) {
    std::vector<double> cosines;
    for (const auto& m : mean) {
      double along = 0, squares = 0;
      for (std::size_t j = 0; j < 6; ++j) {
        along += m[j] * static_cast<double>(e[id][j]);
        squares += m[j] * m[j];
      }
      cosines.push_back(along / std::sqrt(squares));
    }
    CHECK(cosines[static_cast<std::size_t>(found.label[id])] >= *std::max_element(cosines.begin(), cosines.end()) - 1e-6);
  }
}

TEST_CASE("clusters do not depend on threads, on cached labels, or on text that nobody may learn from") {
  const ScratchFolder first, second, third;
  const auto corpus = themed_corpus(first.path());
  const Clusters one = clusters_of(corpus, 5);
  CHECK(clusters_of(corpus, 5).label == one.label);
  CHECK(clusters_of(themed_corpus(second.path()), 5, 0, 3).label == one.label);
  const auto other = themed_corpus(third.path(), 2);
  const Clusters again = clusters_of(other, 5);
  for (std::size_t i = 0; i < corpus->set(Set::pool).size(); ++i)
    CHECK(one.label[corpus->set(Set::pool)[i]] == again.label[other->set(Set::pool)[i]]);
}

TEST_CASE("a pool with fewer different texts than clusters has fewer clusters, and says so") {
  const ScratchFolder folder;
  const auto corpus = std::make_shared<TextCorpus>(folder.path());
  for (int i = 0; i < 12; ++i) corpus->add(i % 2 ? "apples and pears" : "bolts or nuts", Set::pool);
  corpus->add("", Set::pool);
  Notes notes;
  const Clusters found = clusters_of(corpus, 24, 0, 1, &notes);
  CHECK(found.count == 2);
  CHECK_THAT(notes.all, Catch::Contains("any: 2 clusters") && Catch::Contains("24"));
  CHECK(found.label[0] == 0);
  CHECK(found.label[1] == 1);
  CHECK(found.label.back() == -1);

  const ScratchFolder bare;
  const auto silent = std::make_shared<TextCorpus>(bare.path());
  silent->add("  ", Set::pool);
  CHECK_THROWS_WITH(clusters_of(silent, 3), Catch::Contains("agent 'any'") && Catch::Contains("leave the agent out"));
}

TEST_CASE("topic is made of clusters where the corpus has no topics, or when told") {
  const ScratchFolder folder;
  const auto corpus = themed_corpus(folder.path());
  const auto options = [](const std::string& source) {
    return [source](Options& o) {
      set_option<std::string>(o, "source", source);
      set_option<std::int64_t>(o, "clusters", 3);
      set_option<std::int64_t>(o, "dimension", 6);
      set_option<double>(o, "eta", 1.0);
    };
  };
  const auto agent = make_reader("topic", corpus, options("auto"));
  const int slot[] = {0};
  const std::uint64_t seed[] = {1};
  agent->begin(slot, seed);
  Rng stream(1, "probes");
  std::vector<ProbeGroup> groups[1];
  agent->probes(slot, Streams(&stream, 1), groups);
  REQUIRE(groups[0].size() == 3);
  std::vector<Probe> probes(3);
  for (std::size_t i = 0; i < 3; ++i) {
    for (const PassageId id : groups[0][i]) CHECK(corpus->document(id).domain == corpus->document(groups[0][i][0]).domain);
    probes[i].dot = static_cast<float>(corpus->document(groups[0][i][0]).domain);  // what is measured of a theme is its number
  }
  const std::span<const Probe> measured[] = {probes};
  double own = 0;
  agent->feedback(slot, measured, {&own, 1});
  for (const PassageId id : corpus->set(Set::pool)) CHECK(scores(*agent, {id})[0] == static_cast<float>(corpus->document(id).domain));
  CHECK(agent->static_cost().flops > 0);

  CHECK_THROWS_WITH(make_reader("topic", corpus, options("field")), Catch::Contains("corpus.topic_field") && Catch::Contains("clusters"));
  const ScratchFolder labelled;
  const auto with_topics = std::make_shared<TextCorpus>(labelled.path());
  for (int i = 0; i < 6; ++i) with_topics->add(i % 2 ? "apples and pears" : "bolts or nuts", Set::pool, 0, static_cast<std::int16_t>(i / 3));
  CHECK(make_reader("topic", with_topics, options("auto"))->static_cost().flops == 0);  // the field
  CHECK(make_reader("topic", with_topics, options("clusters"))->static_cost().flops > 0);
}
