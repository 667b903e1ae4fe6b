// cluster_ucb against its equations, worked out from the whole history at every step.
#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "tests/agents/themed_text.h"

using namespace fader;

namespace {

constexpr double kAlpha = 0.3;

std::unique_ptr<Agent> bandit(std::shared_ptr<const Corpus> corpus, double discount, const std::string& influence = "cosine", std::int64_t clusters = 3) {
  return make_reader("cluster_ucb", std::move(corpus), [&](Options& o) {
    set_option<std::int64_t>(o, "clusters", clusters);
    set_option<std::int64_t>(o, "dimension", 6);
    set_option<std::int64_t>(o, "probe_clusters", 2);
    set_option<std::int64_t>(o, "probe_passages", 3);
    set_option<double>(o, "alpha", kAlpha);
    set_option<double>(o, "discount", discount);
    set_option<std::string>(o, "influence", influence);
  });
}

const int kSlot[] = {0};
const std::uint64_t kSeed[] = {1};

std::vector<ProbeGroup> asked(Agent& agent, Rng& stream) {
  std::vector<ProbeGroup> out[1];
  agent.probes(kSlot, Streams(&stream, 1), out);
  return out[0];
}

double feed(Agent& agent, const std::vector<ProbeGroup>& groups, const std::vector<double>& cosines) {
  std::vector<Probe> probes(groups.size());
  for (std::size_t i = 0; i < groups.size(); ++i) {
    probes[i].passages = groups[i];
    probes[i].cosine = static_cast<float>(cosines[i]);
    probes[i].dot = static_cast<float>(10 * cosines[i]);
  }
  const std::span<const Probe> measured[] = {probes};
  double own = 0;
  agent.feedback(kSlot, measured, {&own, 1});
  return own;
}

void train_on(Agent& agent, const std::vector<PassageId>& ids) {
  const std::vector<float> losses(ids.size(), 1.0f);
  const TrainedOn row{0, ids, losses};
  agent.trained({&row, 1});
}

/// What was measured and drawn of each theme, interval by interval: the themes are the clusters.
struct History {
  std::vector<std::map<int, double>> measured;
  std::map<int, double> drawn;

  double influence(int c, double discount) const {
    double sum = 0, n = 0, age = static_cast<double>(measured.size());
    for (const auto& interval : measured) {
      --age;
      if (const auto it = interval.find(c); it != interval.end()) {
        sum += std::pow(discount, age) * it->second;
        n += std::pow(discount, age);
      }
    }
    return n > 0 ? sum / n : std::nan("");
  }
  double score(int c, double discount) const {
    double value = influence(c, discount), known = 0, mean = 0, all = 0, own = 0;
    for (int other = 0; other < 3; ++other)
      if (const double v = influence(other, discount); !std::isnan(v)) {
        mean += v;
        ++known;
      }
    if (std::isnan(value)) value = known > 0 ? mean / known : 0;
    for (const auto& [other, n] : drawn) {
      all += n;
      if (other == c) own = n;
    }
    return value + kAlpha * std::sqrt(2 * std::log(1 + all) / (1 + own));
  }
};

}  // namespace

TEST_CASE("cluster_ucb scores and probes by its equations, from the history") {
  const ScratchFolder folder;
  const auto corpus = themed_corpus(folder.path());
  corpus->add("", Set::pool);  // in no cluster
  const auto pool = corpus->set(Set::pool);
  const auto theme = [&](PassageId id) { return static_cast<int>(corpus->document(id).domain); };
  for (const double discount : {1.0, 0.5}) {
    const auto agent = bandit(corpus, discount);
    agent->begin(kSlot, kSeed);
    for (const float s : scores(*agent, pool)) CHECK(s == 0);
    History history;
    Rng stream(2, "test/probes"), chance(3, "test/chance");
    for (int t = 0; t < 12; ++t) {
      std::vector<PassageId> ids;
      for (std::uint64_t i = 0; i < 5; ++i) ids.push_back(pool[chance.below(pool.size() - 1) / (t < 6 ? 1 : 3) * (t < 6 ? 1 : 3)]);  // later on theme 0 alone
      train_on(*agent, ids);
      for (const PassageId id : ids) ++history.drawn[theme(id)];

      const auto groups = asked(*agent, stream);
      REQUIRE(groups.size() == 2);  // those of highest score
      std::vector<std::pair<double, int>> order;
      for (int c = 0; c < 3; ++c) order.emplace_back(-history.score(c, discount), c);
      std::sort(order.begin(), order.end());
      std::vector<double> cosines;
      history.measured.emplace_back();
      for (std::size_t i = 0; i < 2; ++i) {
        CHECK(history.measured.back().count(theme(groups[i][0])) == 0);
        CHECK(-history.score(theme(groups[i][0]), discount) == Approx(order[i].first).margin(1e-9));
        CHECK(std::set<PassageId>(groups[i].begin(), groups[i].end()).size() == 3);
        for (const PassageId id : groups[i]) CHECK(theme(id) == theme(groups[i][0]));
        cosines.push_back(static_cast<double>(static_cast<float>(chance.uniform() - 0.3)));
      }
      for (std::size_t i = 0; i < 2; ++i) history.measured.back()[theme(groups[i][0])] = cosines[i];
      const double own = feed(*agent, groups, cosines);
      double expected = 0;
      for (std::size_t i = 0; i < 2; ++i) expected += history.influence(theme(groups[i][0]), discount) * cosines[i] / 2;
      CHECK(own == Approx(expected));

      const auto found = scores(*agent, pool);
      double mean = 0;
      for (int c = 0; c < 3; ++c) mean += history.score(c, discount) / 3;
      for (std::size_t i = 0; i + 1 < pool.size(); ++i) CHECK(static_cast<double>(found[i]) == Approx(history.score(theme(pool[i]), discount)));
      CHECK(static_cast<double>(found.back()) == Approx(mean));
    }
    agent->begin(kSlot, kSeed);
    for (const float s : scores(*agent, pool)) CHECK(s == 0);
  }
}

TEST_CASE("cluster_ucb finds the best of many clusters, and goes on looking at the others") {
  const ScratchFolder folder;
  const auto corpus = themed_corpus(folder.path(), 1, 0, 300);
  const auto pool = corpus->set(Set::pool);
  int best = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto agent = bandit(corpus, 1.0, "cosine", 12);
    agent->begin(kSlot, kSeed);
    Rng stream(seed, "test/probes"), chance(seed, "test/chance");
    std::map<std::uint16_t, int> picks;
    for (int t = 0; t < 60; ++t) {
      const auto s = scores(*agent, pool);
      std::vector<PassageId> ids(pool.begin(), pool.end());
      chance.shuffle(std::span(ids));
      std::stable_sort(ids.begin(), ids.end(), [&](PassageId a, PassageId b) {
        return s[static_cast<std::size_t>(std::lower_bound(pool.begin(), pool.end(), a) - pool.begin())] >
               s[static_cast<std::size_t>(std::lower_bound(pool.begin(), pool.end(), b) - pool.begin())];
      });
      ids.resize(10);
      for (const PassageId id : ids) ++picks[corpus->document(id).domain];
      train_on(*agent, ids);
      const auto groups = asked(*agent, stream);
      std::vector<double> cosines;
      for (const auto& group : groups)  // theme 1 is worth more; noise as large as the difference
        cosines.push_back((corpus->document(group[0]).domain == 1 ? 0.6 : 0.2) + 0.4 * (chance.uniform() - 0.5));
      feed(*agent, groups, cosines);
    }
    CHECK(picks[0] > 0);
    CHECK(picks[2] > 0);
    best += picks[1] > 2 * 200;  // of 600; by chance 200
  }
  CHECK(best >= 9);
}

TEST_CASE("cluster_ucb takes inner products when told, and nothing from a measurement that is no number") {
  const ScratchFolder folder;
  const auto corpus = themed_corpus(folder.path());
  const auto agent = bandit(corpus, 1.0, "dot");
  agent->begin(kSlot, kSeed);
  Rng stream(2, "test/probes");
  auto groups = asked(*agent, stream);
  groups.resize(1);
  feed(*agent, groups, {0.25});
  CHECK(scores(*agent, groups[0])[0] == 2.5f);
  feed(*agent, groups, {std::nan("")});
  CHECK(scores(*agent, groups[0])[0] == 2.5f);
  CHECK(std::isnan(feed(*agent, {}, {})));
}

TEST_CASE("cluster_ucb's memory survives save and load, slot by slot, and odd numbers are refused") {
  const ScratchFolder folder;
  const auto corpus = themed_corpus(folder.path());
  const auto pool = corpus->set(Set::pool);
  const auto agent = bandit(corpus, 0.9), other = bandit(corpus, 0.9);
  agent->begin(kSlot, kSeed);
  Rng stream(2, "test/probes");
  train_on(*agent, {pool[0], pool[1], pool[3]});
  feed(*agent, asked(*agent, stream), {0.5, -0.25});
  Archive saved;
  agent->slot_state(saved, 0);
  Archive loading(saved.bytes());
  other->slot_state(loading, 0);
  loading.finish();
  CHECK(scores(*other, pool) == scores(*agent, pool));
  Rng same = stream;
  CHECK(asked(*other, same) == asked(*agent, stream));

  std::string bytes = saved.bytes();
  const double odd = std::nan("");
  for (const std::size_t field : {bytes.find("value"), bytes.find("measured"), bytes.find("drawn")}) {
    std::string changed = bytes;
    const std::size_t name = field == bytes.find("measured") ? 8 : 5;
    std::memcpy(changed.data() + field + name + 8, &odd, sizeof odd);
    Archive bad(changed);
    CHECK_THROWS_AS(other->slot_state(bad, 0), DataError);
  }
}
