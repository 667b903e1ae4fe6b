// The memories of lookup agents as the seed paper's released code keeps them, and quality in bins: against the code's arithmetic,
// written here once more in its own order (files of samples, dictionaries by name).
#include <catch2/catch.hpp>

#include <cmath>
#include <map>

#include "tests/agents/agent_options.h"
#include "tests/agents/no_trainer.h"
#include "tests/trainer/toy_corpus.h"

using namespace fader;

namespace {

const int kSlot[] = {0};
const std::uint64_t kSeed[] = {1};

std::shared_ptr<ToyCorpus> labelled(std::size_t passages) {
  auto corpus = std::make_shared<ToyCorpus>(10, 8);
  for (std::size_t i = 0; i < passages; ++i)  // quality 0, 0.1, ..., 5.9: bins of unit width, and beyond them
    corpus->add({2, 3}, Set::pool, static_cast<std::uint16_t>(i % 3), 0, true, static_cast<float>(static_cast<double>(i % 60) / 10),
                i % 7 == 0 ? std::int16_t{-1} : static_cast<std::int16_t>(i % 2));
  return corpus;
}

std::unique_ptr<Agent> make(const std::string& kind, const std::string& memory, std::int64_t probes,
                            std::shared_ptr<const Corpus> corpus = labelled(600)) {
  auto agent = make_agent(kind, corpus, 1, [&](Options& o) {
    set_option(o, "memory", memory);
    set_option(o, "probe_passages", probes);
    if (kind == "quality") set_option(o, "bins", std::vector<double>{0, 1, 2, 3, 4, 5});
  });
  agent->begin(kSlot, kSeed);
  return agent;
}

std::vector<ProbeGroup> probes(Agent& agent, std::uint64_t seed = 3) {
  Rng stream(seed, "probes");
  std::vector<ProbeGroup> out[1];
  agent.probes(kSlot, Streams(&stream, 1), out);
  return out[0];
}

double feed(Agent& agent, const std::vector<double>& cosine) {
  std::vector<Probe> measured(cosine.size());
  for (std::size_t i = 0; i < cosine.size(); ++i) {
    measured[i].cosine = static_cast<float>(cosine[i]);
    measured[i].dot = 1000;  // the code looks at cosines alone
  }
  const std::span<const Probe> rows[] = {measured};
  double reward = 0;
  agent.feedback(kSlot, rows, {&reward, 1});
  return reward;
}

// update_agent.py: WeightUpdater.update_weights_per_loss, compute_normalized_S.
struct Updater {
  std::map<int, double> weights;
  std::map<int, double> update(const std::map<int, std::vector<double>>& influences) {
    for (auto& [key, weight] : weights)
      for (const double influence : influences.at(key)) weight = (1 - 0.1) * weight + 0.1 * std::exp(influence * 0.5);
    double total = 0;
    for (const auto& [key, weight] : weights) total += weight;
    for (auto& [key, weight] : weights) weight /= total;
    std::map<int, double> values;
    for (const auto& [key, weight] : weights)
      values[key] = weight * (std::exp(0.6 * influences.at(key).back()) / 100 - 1) / static_cast<double>(influences.at(key).size());
    return values;
  }
};

}  // namespace

TEST_CASE("memory = code probes passage by passage, in the order of the corpus") {
  const auto corpus = labelled(600);
  const auto groups = probes(*make("domain", "code", 4, corpus));
  REQUIRE(groups.size() == 3 * 4);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    REQUIRE(groups[i].size() == 1);
    CHECK(corpus->document(groups[i][0]).domain == i / 4);
    if (i % 4 > 0) CHECK(groups[i - 1][0] < groups[i][0]);
  }
  CHECK(probes(*make("domain", "paper", 4, corpus)).size() == 3);
  CHECK(probes(*make("domain", "code", 10000, corpus)).size() == 600);  // no more than there are
}

TEST_CASE("memory = code keeps weights and values as the released code does") {
  for (const std::string kind : {"quality", "domain", "topic"}) {
    const int categories = kind == "quality" ? 5 : kind == "domain" ? 3 : 2, n = 6;
    const auto agent = make(kind, "code", n);
    // passages 1 to 59 have all labels; of 1, 12, 23, 34, 45 the bins are 0 to 4
    const std::vector<PassageId> shown = kind == "quality" ? std::vector<PassageId>{1, 12, 23, 34, 45}
                                         : kind == "domain" ? std::vector<PassageId>{3, 1, 2} : std::vector<PassageId>{2, 1};
    CHECK(scores(*agent, shown) == std::vector<float>(static_cast<std::size_t>(categories), 10.0f));
    Updater updater;
    for (int j = 0; j < categories; ++j) updater.weights[j] = 10;
    Rng rng(4, "test/seed_code");
    for (int stage = 0; stage < 4; ++stage) {
      std::map<int, std::vector<double>> influences;
      std::vector<double> all;
      for (int j = 0; j < categories; ++j)
        for (int i = 0; i < n; ++i) {
          influences[j].push_back(static_cast<float>(2 * rng.uniform() - 1));
          all.push_back(influences[j].back());
        }
      INFO(kind << ", stage " << stage);
      CHECK(std::isnan(feed(*agent, all)));  // no reward of an agent
      const auto expected = updater.update(influences);
      const CategoryValues got = agent->category_values(0);
      CHECK(got.place == (kind == "quality" ? 0 : kind == "domain" ? 1 : 2));
      REQUIRE(got.values.size() == expected.size());
      for (int j = 0; j < categories; ++j) {
        CHECK(got.values[static_cast<std::size_t>(j)] == Approx(expected.at(j)).epsilon(1e-12));
        CHECK(scores(*agent, shown)[static_cast<std::size_t>(j)] == Approx(updater.weights.at(j)).epsilon(1e-6));
      }
    }
    agent->begin(kSlot, kSeed);
    CHECK(scores(*agent, shown)[0] == 10.0f);
  }
}

TEST_CASE("memory = code gives 0 to a passage without a label, memory = paper the mean") {
  const auto code = make("quality", "code", 1), paper = make("quality", "paper", 1);
  const PassageId at_five = 50, above = 59;  // 5.0 matches no bin: the last one ends below it
  CHECK(scores(*code, {at_five, above}) == std::vector<float>{0, 0});
  std::vector<Probe> measured(5);
  for (std::size_t j = 0; j < 5; ++j) measured[j].dot = static_cast<float>(j);
  const std::span<const Probe> rows[] = {measured};
  double reward = 0;
  paper->feedback(kSlot, rows, {&reward, 1});
  CHECK(scores(*paper, {at_five}) == std::vector<float>{1.0f});  // 0.5 (0 + 1 + 2 + 3 + 4) / 5
  CHECK(reward == Approx(0.5 * (0 + 1 + 4 + 9 + 16) / 5));
  CHECK(paper->category_values(0).values.empty());
}

TEST_CASE("what a seed_code memory holds survives save and load") {
  const auto a = make("quality", "code", 2), b = make("quality", "code", 2);
  feed(*a, {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0});
  Archive out;
  a->slot_state(out, 0);
  Archive in(out.bytes());
  b->slot_state(in, 0);
  in.finish();
  feed(*a, std::vector<double>(10, 0.5));
  feed(*b, std::vector<double>(10, 0.5));
  CHECK(a->category_values(0).values == b->category_values(0).values);
}

TEST_CASE("quality's own bins hold equally many passages, and bins make sense or are refused") {
  const auto corpus = labelled(600);
  auto agent = make_agent("quality", corpus, 1, [](Options& o) { set_option(o, "memory", std::string("paper")); });
  agent->begin(kSlot, kSeed);
  std::vector<Probe> measured(5);
  for (std::size_t j = 0; j < 5; ++j) measured[j].dot = static_cast<float>(2 * j + 2);
  const std::span<const Probe> rows[] = {measured};
  double reward = 0;
  agent->feedback(kSlot, rows, {&reward, 1});
  std::map<float, int> count;
  float before = 0;
  std::vector<PassageId> ids;
  for (PassageId id = 0; id < 60; ++id) ids.push_back(id);
  for (const float s : scores(*agent, ids)) {
    ++count[s];
    CHECK(s >= before);  // better bins were worth more
    before = s;
  }
  CHECK(count == std::map<float, int>{{1, 12}, {2, 12}, {3, 12}, {4, 12}, {5, 12}});

  const auto with = [&](const std::string& memory, std::vector<double> bins) {
    make_agent("quality", corpus, 1, [&](Options& o) {
      set_option(o, "memory", memory);
      set_option(o, "bins", std::move(bins));
    });
  };
  CHECK_THROWS_WITH(with("paper", {1, 1}), Catch::Contains("ascending"));
  CHECK_THROWS_WITH(with("paper", {1}), Catch::Contains("one border"));
  CHECK_THROWS_WITH(with("none", {1, 2}), Catch::Contains("memory"));
}
