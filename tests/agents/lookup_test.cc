// domain and topic against the equations of arXiv 2410.08102 worked by hand.
#include <catch2/catch.hpp>

#include <set>

#include "agents/agent.h"
#include "tests/agents/no_trainer.h"
#include "tests/trainer/toy_corpus.h"

using namespace fader;

namespace {

std::shared_ptr<ToyCorpus> three_domains() {
  auto corpus = std::make_shared<ToyCorpus>(10, 8);
  for (int i = 0; i < 30; ++i) corpus->add({2, 3, 4}, Set::pool, static_cast<std::uint16_t>(i % 3), 0, true, 0, static_cast<std::int16_t>(i % 2));
  corpus->add({2, 3}, Set::reward, 3);  // a domain that the pool does not have
  corpus->add({2, 3}, Set::pool, 0);    // no topic
  return corpus;
}

std::unique_ptr<Agent> make(const std::string& kind, std::shared_ptr<const Corpus> corpus, double eta, std::int64_t probes) {
  static NoProgress progress;
  const auto& entry = agents().at(kind);
  auto options = entry.options();
  for (Option& o : options->list()) {
    if (o.name == "eta") *std::get<double*>(o.target) = eta;
    if (o.name == "probe_passages") *std::get<std::int64_t*>(o.target) = probes;
  }
  return entry.make(*options, AgentContext{corpus, 1, progress});
}

const int kSlot[] = {0};

std::vector<ProbeGroup> probes(Agent& agent, Rng& stream) {
  std::vector<ProbeGroup> out[1];
  agent.probes(kSlot, Streams(&stream, 1), out);
  return out[0];
}

double feed(Agent& agent, std::vector<float> dots) {
  std::vector<Probe> measured(dots.size());
  for (std::size_t i = 0; i < dots.size(); ++i) measured[i].dot = dots[i];
  const std::span<const Probe> rows[] = {measured};
  double reward = 0;
  agent.feedback(kSlot, rows, {&reward, 1});
  return reward;
}

}  // namespace

TEST_CASE("a lookup agent remembers by equation 5 and scores by its memory") {
  const auto agent = make("domain", three_domains(), 0.25, 2);
  const std::uint64_t seed[] = {1};
  agent->begin(kSlot, seed);
  CHECK(scores(*agent, {0, 1, 2}) == std::vector<float>{0, 0, 0});

  // w = 0.25 R after the first measurement; own reward (7): mean of w R
  CHECK(feed(*agent, {4, -8, 0}) == Approx((1.0 * 4 + -2.0 * -8 + 0) / 3));
  CHECK(scores(*agent, {0, 1, 2}) == std::vector<float>{1, -2, 0});
  // w = 0.75 w + 0.25 R
  CHECK(feed(*agent, {4, 4, 4}) == Approx((1.75 * 4 + -0.5 * 4 + 1.0 * 4) / 3));
  CHECK(scores(*agent, {0, 1, 2}) == std::vector<float>{1.75f, -0.5f, 1.0f});

  agent->begin(kSlot, seed);  // a new episode has forgotten
  CHECK(scores(*agent, {0, 1, 2}) == std::vector<float>{0, 0, 0});
}

TEST_CASE("a lookup agent probes distinct passages of every sub-category that the pool has") {
  const auto corpus = three_domains();
  const auto agent = make("domain", corpus, 0.5, 4);
  Rng stream(3, "probes");
  const auto groups = probes(*agent, stream);
  REQUIRE(groups.size() == 3);
  for (std::size_t j = 0; j < groups.size(); ++j) {
    CHECK(std::set<PassageId>(groups[j].begin(), groups[j].end()).size() == 4);
    for (const PassageId id : groups[j]) {
      CHECK(corpus->document(id).domain == j);
      CHECK(corpus->document(id).set == Set::pool);
    }
  }
  CHECK(probes(*agent, stream) != groups);                 // other passages next time
  CHECK(probes(*make("domain", corpus, 0.5, 100), stream)[1].size() == 10);  // no more than there are
}

TEST_CASE("a passage without a label scores like the mean of the labels") {
  const auto corpus = three_domains();
  const auto agent = make("topic", corpus, 1.0, 1);
  const std::uint64_t seed[] = {1};
  agent->begin(kSlot, seed);
  feed(*agent, {3, 5});
  const auto unlabelled = static_cast<PassageId>(corpus->passages().size() - 1);
  CHECK(scores(*agent, {0, 1, unlabelled}) == std::vector<float>{3, 5, 4});
}

TEST_CASE("a lookup agent's memory survives save and load") {
  const auto corpus = three_domains();
  const auto a = make("domain", corpus, 0.5, 2), b = make("domain", corpus, 0.5, 2);
  const std::uint64_t seed[] = {1};
  a->begin(kSlot, seed);
  b->begin(kSlot, seed);
  feed(*a, {1, 2, 3});
  Archive out;
  a->state(out);
  Archive in(out.bytes());
  b->state(in);
  in.finish();
  CHECK(scores(*a, {0, 1, 2}) == scores(*b, {0, 1, 2}));
}
