#include "experiments/explain.h"

#include <catch2/catch.hpp>

#include "agents/agent.h"
#include "core/error.h"
#include "env/credit.h"
#include "env/registry.h"
#include "env/reward.h"
#include "policies/policy.h"

using namespace fader;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string message(const std::string& name) {
  try {
    explain_text(name);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "no error";
}

template <class Shelf>
void check_shelf(const Shelf& shelf, const std::string& name, const std::string& prefix) {
  const std::string list = list_text(name);
  REQUIRE_FALSE(shelf.names().empty());
  for (const std::string& kind : shelf.names()) {
    CAPTURE(kind);
    const auto& entry = shelf.at(kind);
    CHECK(has(list, kind + " "));
    CHECK(has(list, entry.summary));
    CHECK(has(list, entry.status));
    const std::string text = explain_text(prefix + "." + kind);
    CHECK(has(text, entry.summary));
    CHECK(has(text, entry.status));
    const auto options = entry.options();
    for (const Option& o : options->list()) CHECK(has(text, o.name + " = " + o.value()));
  }
}

}  // namespace

TEST_CASE("everything on a shelf is listed and explained from its registration") {
  check_shelf(policies(), "policies", "policy");
  check_shelf(agents(), "agents", "agent");
  check_shelf(environments(), "envs", "env");
  check_shelf(rewards(), "rewards", "reward");
  check_shelf(credit_estimators(), "credits", "credit");
}

TEST_CASE("sections, single options and bare names") {
  CHECK(has(explain_text("train"), "[train]\n"));
  CHECK(has(explain_text("run"), "seeds = [0]"));
  CHECK(has(explain_text("compare"), "baseline = \"\""));
  CHECK(explain_text("ucb") == explain_text("policy.ucb"));
  const std::string one = explain_text("run.threads");
  CHECK(one == "run.threads = 1\nof one run\na whole number, 1 to 1024\n");
}

TEST_CASE("all sections, with every option in them") {
  REQUIRE(sections().size() == 6);
  for (const Section& section : sections()) {
    CAPTURE(section.name);
    const std::string text = explain_text(section.name);
    CHECK(has(text, section.summary));
    CHECK(explain_text("[" + section.name + "]") == text);
    const auto options = section.options();
    for (const Option& o : options->list()) {
      CHECK(has(text, o.name + " = " + o.value()));
      CHECK(has(explain_text(section.name + "." + o.name), o.help));
    }
  }
}

template <class Shelf>
void check_topic(const Shelf& shelf, const std::vector<std::string>& names, const std::string& prefix) {
  const std::string text = explain_text(names.at(0));
  for (const std::string& name : names) CHECK(explain_text(name) == text);
  for (const std::string& kind : shelf.names()) {
    CHECK(has(text, "\n" + kind + " "));
    CHECK(has(text, shelf.at(kind).summary));
  }
  CHECK(has(text, "--explain " + prefix + ".<kind>"));
}

TEST_CASE("what is chosen by kind is explained by what there is to choose from") {
  check_topic(environments(), {"env", "[env]", "envs"}, "env");
  check_topic(policies(), {"policy", "policies", "[policy]", "[[policies]]"}, "policy");
  check_topic(agents(), {"agent", "agents", "[[agents]]"}, "agent");
  check_topic(rewards(), {"reward", "rewards"}, "reward");
  check_topic(credit_estimators(), {"credit", "credits"}, "credit");
  CHECK(has(explain_text("policy"), "set = { "));
  CHECK(has(explain_text("name"), "name = "));
  CHECK(has(explain_text("base"), "relative to this one"));
}

TEST_CASE("an option of something chosen by kind, as a file writes it") {
  CHECK(explain_text("policy.zeta") == explain_text("policy.ucb.zeta"));
  const std::string both = explain_text("policy.presets");
  CHECK(has(both, explain_text("policy.ucb.presets")));
  CHECK(has(both, explain_text("policy.discounted_ucb.presets")));
}

TEST_CASE("what is not there is refused with the nearest name") {
  CHECK(message("policy.ucbb") == "nothing is called 'policy.ucbb'; did you mean 'policy.ucb'?");
  CHECK(message("trian") == "nothing is called 'trian'; did you mean 'train'?");
  CHECK(message("train.bach") == "'train' has no option 'bach'; did you mean 'train.batch'?");
  CHECK(message("bandit") == "nothing is called 'bandit'; did you mean 'bandit-v0'?");
  CHECK(message("polices") == "nothing is called 'polices'; did you mean 'policies'?");
  for (const char* odd : {"", "[", "]", "[]", ".", "policy.", "train.", "[[]]"}) CHECK(message(odd) != "no error");
  CHECK(has(message("xyzzy"), "nothing is called 'xyzzy'; known: run, corpus"));
}
