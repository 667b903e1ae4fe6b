// target_prior against shares worked out by hand.
#include <catch2/catch.hpp>

#include <cmath>

#include "tests/agents/text_corpus.h"

using namespace fader;
using Catch::Contains;

namespace {

/// Tokens of the pool: domain 0 has 100, domain 1 has 300, domain 2 none, domain 3 has 600. Of the anchor set: 30, 0, 50, 20.
struct Domains {
  Domains() : corpus(std::make_shared<TextCorpus>(folder.path(), 64)) {
    const auto add = [&](std::size_t tokens, Set set, std::uint16_t domain) { corpus->add(std::string(tokens - 1, 'x'), set, domain); };
    add(100, Set::pool, 0);
    add(299, Set::pool, 1);
    add(1, Set::pool, 1);
    add(600, Set::pool, 3);
    add(30, Set::anchor, 0);
    add(50, Set::anchor, 2);
    add(20, Set::anchor, 3);
    add(500, Set::test, 2);
  }
  /// Of domains 0, 1 and 3.
  template <class Change>
  std::vector<float> scores(const Change& set) const {
    const auto agent = make_agent("target_prior", corpus, 1, set);
    std::vector<PassageId> one;
    for (const std::uint16_t domain : {0, 1, 3})
      for (const PassageId id : corpus->set(Set::pool))
        if (corpus->document(id).domain == domain) {
          one.push_back(id);
          break;
        }
    return fader::scores(*agent, one);
  }
  std::vector<float> target(const std::string& name) const {
    return scores([&](Options& o) { set_option(o, "target", name); });
  }
  std::vector<float> given(std::vector<std::string> domains, std::vector<double> shares) const {
    return scores([&](Options& o) {
      set_option<std::string>(o, "target", "given");
      set_option(o, "domains", domains);
      set_option(o, "shares", shares);
    });
  }
  ScratchFolder folder;
  std::shared_ptr<TextCorpus> corpus;
};

float ratio(double target, double pool) { return static_cast<float>(std::log(target / pool)); }

}  // namespace

TEST_CASE("a prior is the logarithm of target share over pool share") {
  const Domains d;
  const auto close = [](const std::vector<float>& found, const std::vector<float>& expected) {
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == Approx(expected[i]).margin(1e-6));
  };
  close(d.target("uniform"), {ratio(1.0 / 3, 0.1), ratio(1.0 / 3, 0.3), ratio(1.0 / 3, 0.6)});
  close(d.target("natural"), {0, 0, 0});
  // nothing of domain 1: below the lowest
  close(d.target("anchor"), {ratio(0.3, 0.1), ratio(0.2, 0.6) - 1, ratio(0.2, 0.6)});
  close(d.given({"domain3", "domain1"}, {1, 3}), {ratio(0.25, 0.6) - 1, ratio(0.75, 0.3), ratio(0.25, 0.6)});
  close(d.given({"domain0", "domain1", "domain3"}, {0, 5, 5}), {ratio(0.5, 0.6) - 1, ratio(0.5, 0.3), ratio(0.5, 0.6)});
}

TEST_CASE("target_prior says what is wrong with a target") {
  const Domains d;
  CHECK_THROWS_WITH(d.given({"domain5"}, {1}), Contains("no domain 'domain5'") && Contains("did you mean"));
  CHECK_THROWS_WITH(d.given({"domain0"}, {1, 2}), Contains("shares has 2 numbers for 1 domains"));
  CHECK_THROWS_WITH(d.given({"domain0", "domain0"}, {1, 2}), Contains("'domain0' twice"));
  CHECK_THROWS_WITH(d.given({"domain0", "domain1"}, {0, 0}), Contains("shares are all 0"));
  CHECK_THROWS_WITH(d.given({}, {}), Contains("domains is empty"));
  CHECK_THROWS_WITH(d.given({"domain2"}, {1}), Contains("the pool has no text of the domains given"));
  CHECK_THROWS_WITH(d.scores([](Options& o) { set_option<std::vector<std::string>>(o, "domains", {"domain0"}); }), Contains("target = \"given\""));
  const ScratchFolder folder;
  const auto plain = std::make_shared<TextCorpus>(folder.path());
  plain->add("a");
  CHECK_THROWS_WITH(make_agent("target_prior", plain, 1, [](Options& o) { set_option<std::string>(o, "target", "anchor"); }),
                    Contains("corpus.anchor_share"));
}
