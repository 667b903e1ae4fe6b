// Vectors against tf-idf worked out in full; nearness to the anchor set against all pairs.
#include "agents/embedding.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <map>
#include <sstream>

#include "tests/agents/themed_text.h"

using namespace fader;

namespace {

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

Embedding embed_with(std::shared_ptr<const Corpus> corpus, std::int64_t dimension, int threads = 1, const std::string& unit = "passage",
                     std::int64_t sample = 1000, std::int64_t sweeps = 12, std::int64_t buckets = 65536) {
  static NoProgress quiet;
  EmbeddingOptions options;
  options.dimension = dimension;
  options.sample = sample;
  options.sweeps = sweeps;
  options.unit = unit;
  options.hash_buckets = buckets;
  AgentContext context{std::move(corpus), 1, quiet};
  context.machine.threads = threads;
  return embed(options, context);
}

/// Cosines of all pairs of texts, by words and without hashing.
std::vector<std::vector<double>> tf_idf_cosines(const std::vector<std::string>& texts) {
  std::map<std::string, double> having;
  std::vector<std::map<std::string, double>> rows;
  for (const std::string& text : texts) {
    std::istringstream in(text);
    auto& row = rows.emplace_back();
    for (std::string word; in >> word;) ++row[word];
    for (const auto& [word, n] : row) ++having[word];
  }
  const double n = static_cast<double>(texts.size());
  for (auto& row : rows)
    for (auto& [word, x] : row) x = std::sqrt(x) * std::log((1 + n) / (1 + having[word]));
  const auto product = [](const auto& a, const auto& b) {
    double sum = 0;
    for (const auto& [word, x] : a)
      if (const auto it = b.find(word); it != b.end()) sum += x * it->second;
    return sum;
  };
  std::vector<std::vector<double>> out;
  for (const auto& a : rows) {
    auto& row = out.emplace_back();
    for (const auto& b : rows) row.push_back(product(a, b) / std::sqrt(product(a, a) * product(b, b)));
  }
  return out;
}

}  // namespace

TEST_CASE("with as many dimensions as texts, cosines are those of tf-idf") {
  const ScratchFolder folder;
  const auto corpus = std::make_shared<TextCorpus>(folder.path(), 200);
  std::vector<std::string> texts;
  Rng rng(5, "test/embedding");
  for (int i = 0; i < 12; ++i) {
    texts.push_back(themed_text(rng, i % 3, 8 + i));
    corpus->add(texts.back(), i % 4 == 0 ? Set::anchor : Set::pool);
  }
  const Embedding e = embed_with(corpus, 16);
  const auto truth = tf_idf_cosines(texts);
  for (PassageId i = 0; i < 12; ++i)
    for (PassageId j = 0; j < 12; ++j) CHECK(dot(e[i], e[j]) == Approx(truth[i][j]).margin(2e-3));
}

TEST_CASE("few dimensions keep what tells themes apart") {
  const ScratchFolder folder;
  const auto corpus = themed_corpus(folder.path());
  const Embedding e = embed_with(corpus, 3);
  const auto pool = corpus->set(Set::pool);
  double same = 0, other = 0, n_same = 0, n_other = 0;
  for (const PassageId a : pool)
    for (const PassageId b : pool) {
      if (a == b) continue;
      const bool alike = corpus->document(a).domain == corpus->document(b).domain;
      (alike ? same : other) += dot(e[a], e[b]);
      ++(alike ? n_same : n_other);
    }
  CHECK(same / n_same > 0.9);
  CHECK(std::abs(other / n_other) < 0.3);
}

TEST_CASE("vectors have length one, are the same for any number of threads, and zero where nothing is known or may be seen") {
  const ScratchFolder folder, other;
  const auto corpus = themed_corpus(folder.path()), again = themed_corpus(other.path());
  const auto empty = corpus->add(" ", Set::pool);
  again->add(" ", Set::pool);
  const Embedding one = embed_with(corpus, 8), three = embed_with(again, 8, 3);
  CHECK(std::equal(one.column.values.begin(), one.column.values.end(), three.column.values.begin(), three.column.values.end()));
  for (PassageId id = 0; id < corpus->passages().size(); ++id) {
    const Set set = corpus->document(id).set;
    const bool zero = (set != Set::pool && set != Set::anchor) || corpus->passages()[id].document == empty;
    CHECK(dot(one[id], one[id]) == Approx(zero ? 0.0 : 1.0).margin(1e-5));
  }
  CHECK(one.column.cost.flops > 0);
}

TEST_CASE("passages inherit the vector of their document") {
  const ScratchFolder folder;
  const auto corpus = std::make_shared<TextCorpus>(folder.path(), 8);
  corpus->add("red green blue red violet", Set::pool);
  corpus->add("one two three red", Set::pool);
  const Embedding whole = embed_with(corpus, 4, 2, "document");
  for (PassageId id = 0; id < corpus->passages().size(); ++id) {
    const PassageId first = corpus->passages()[id].document == 0 ? 0 : 4;
    REQUIRE(corpus->passages()[first].document == corpus->passages()[id].document);
    CHECK(std::equal(whole[id].begin(), whole[id].end(), whole[first].begin()));
  }
  CHECK(dot(whole[0], whole[4]) < 0.9);
}

TEST_CASE("target_neighbours is the mean of the greatest cosines with the anchor set") {
  const ScratchFolder folder;
  const auto corpus = themed_corpus(folder.path());
  const Embedding e = embed_with(corpus, 64, 1, "passage", 16000, 4, kBuckets);  // as the agent has them
  const auto pool = corpus->set(Set::pool), anchor = corpus->set(Set::anchor);
  for (const std::int64_t neighbours : {1, 5, 1000}) {
    const auto agent = make_reader("target_neighbours", corpus, [&](Options& o) { set_option<std::int64_t>(o, "neighbours", neighbours); }, 2);
    const auto found = scores(*agent, pool);
    for (std::size_t i = 0; i < pool.size(); ++i) {
      std::vector<double> cosines;
      for (const PassageId a : anchor) cosines.push_back(dot(e[pool[i]], e[a]));
      std::sort(cosines.rbegin(), cosines.rend());
      cosines.resize(std::min(cosines.size(), static_cast<std::size_t>(neighbours)));
      double mean = 0;
      for (const double c : cosines) mean += c / static_cast<double>(cosines.size());
      CHECK(static_cast<double>(found[i]) == Approx(mean).margin(1e-5));
    }
  }
}

TEST_CASE("target_neighbours lets a text without words rank in the middle, and compares with some examples only when told") {
  const ScratchFolder folder;
  const auto corpus = themed_corpus(folder.path());
  corpus->add(" ", Set::pool);
  const auto pool = corpus->set(Set::pool);
  const auto with = [&](std::int64_t examples) {
    return scores(*make_reader("target_neighbours", corpus, [&](Options& o) { set_option<std::int64_t>(o, "examples", examples); }), pool);
  };
  const auto all = with(4000), some = with(7);
  double sum = 0;
  for (std::size_t i = 0; i + 1 < pool.size(); ++i) {
    sum += static_cast<double>(all[i]);
    CHECK(some[i] <= all[i] + 1e-6f);
  }
  CHECK(all != some);
  CHECK(static_cast<double>(all.back()) == Approx(sum / static_cast<double>(pool.size() - 1)));
}
