// times_seen against counts made by hand.
#include <catch2/catch.hpp>

#include <map>

#include "tests/agents/model_agents.h"

using namespace fader;

namespace {

/// Documents of two passages each (0 1 | 2 3 | 4 5 | 6 7); the first two documents are of one group.
std::shared_ptr<ToyCorpus> four_documents() {
  auto corpus = std::make_shared<ToyCorpus>(10, 4);
  for (std::uint32_t d = 0; d < 4; ++d) corpus->add({2, 3, 4, 5, 6, 7}, Set::pool, 0, d < 2 ? 77 : 100 + d);
  return corpus;
}

std::unique_ptr<Agent> make(const std::string& by, double decay = 0.1) {
  return make_agent("times_seen", four_documents(), 2, [&](Options& o) {
    set_option(o, "by", by);
    set_option(o, "decay", decay);
  });
}

std::vector<float> of_counts(std::vector<int> counts, double decay = 0.1) {
  std::vector<float> out;
  for (const int c : counts) out.push_back(static_cast<float>(1 / (1 + decay * c)));
  return out;
}

const std::vector<PassageId> kAll = {0, 1, 2, 3, 4, 5, 6, 7};

}  // namespace

TEST_CASE("times_seen counts what was trained on, of the passage, its document or its group, slot by slot") {
  const std::vector<PassageId> first = {0, 2, 4}, then = {0, 5};
  const std::map<std::string, std::vector<int>> expected = {
      {"passage", {2, 0, 1, 0, 1, 1, 0, 0}}, {"document", {2, 2, 1, 1, 2, 2, 0, 0}}, {"group", {3, 3, 3, 3, 2, 2, 0, 0}}};
  for (const auto& [by, counts] : expected)
    for (const double decay : {0.1, 2.0}) {
      INFO(by);
      const auto agent = make(by, decay);
      begin(*agent, 0);
      begin(*agent, 1);
      CHECK(scores(*agent, kAll) == of_counts({0, 0, 0, 0, 0, 0, 0, 0}));
      trained_on(*agent, first);
      trained_on(*agent, then);
      CHECK(scores(*agent, kAll) == of_counts(counts, decay));
      CHECK(scores(*agent, kAll, 1) == of_counts({0, 0, 0, 0, 0, 0, 0, 0}));
      begin(*agent, 0);
      CHECK(scores(*agent, kAll) == of_counts({0, 0, 0, 0, 0, 0, 0, 0}));
    }
}

TEST_CASE("what times_seen has counted survives save and load, and odd states are refused") {
  const std::vector<PassageId> first = {0, 2, 4}, then = {0, 5};
  for (const char* by : {"passage", "document", "group"}) {
    const auto a = make(by), b = make(by);
    begin(*a);
    trained_on(*a, first);
    trained_on(*b, then);  // what was there is gone after a load
    load_slot(*b, slot_bytes(*a));
    trained_on(*a, then);
    trained_on(*b, then);
    CHECK(scores(*a, kAll) == scores(*b, kAll));
  }
  const auto agent = make("document");
  const auto load = [&](std::vector<std::uint32_t> keys, std::vector<std::uint32_t> times) {
    Archive out;
    out.field("seen", keys);
    out.field("times", times);
    load_slot(*agent, out.bytes());
  };
  load({0, 3}, {1, 2});
  CHECK_THROWS_AS(load({0, 4}, {1, 2}), DataError);
  CHECK_THROWS_AS(load({1, 1}, {1, 2}), DataError);
  CHECK_THROWS_AS(load({1}, {1, 2}), DataError);
  CHECK_THROWS_AS(load({1}, {0}), DataError);
}
