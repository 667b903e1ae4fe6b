// Errors: exit codes, suggestions, broken promises.
#include "core/error.h"

#include <catch2/catch.hpp>

using namespace fader;

TEST_CASE("every kind of error has its exit code") {
  CHECK(ConfigError("x").code() == Exit::usage);
  CHECK(DataError("x").code() == Exit::data);
  CHECK(RunError("x").code() == Exit::run);
  CHECK(Stopped(2, "x").code() == Exit::interrupted);
  CHECK(Stopped(15, "x").code() == Exit::terminated);
  CHECK(static_cast<int>(Exit::usage) == 2);
  CHECK(static_cast<int>(Exit::data) == 3);
  CHECK(static_cast<int>(Exit::run) == 4);
  CHECK(static_cast<int>(Exit::difference) == 5);
}

TEST_CASE("the nearest name is one that was probably meant") {
  const std::vector<std::string> known = {"discounted_ucb", "fixed", "one_hot", "ucb", "uniform"};
  CHECK(nearest("discountd_ucb", known) == "discounted_ucb");  // one letter left out
  CHECK(nearest("unifrom", known) == "uniform");               // two exchanged: distance one
  CHECK(nearest("cub", known) == "ucb");                       // so it is enough for a short name
  CHECK(nearest("unfiomr", known) == "uniform");               // twice
  CHECK(nearest("ucb", known) == "ucb");
  CHECK(nearest("ucbs", known) == "ucb");
  CHECK(nearest("uc", known) == "ucb");
  CHECK(nearest("uxx", known) == "");      // two of three letters: rather another word
  CHECK(nearest("unixxxm", known) == "");  // three
  CHECK(nearest("", known) == "");
  CHECK(nearest("ucb", {}) == "");
}

TEST_CASE("the beginning of one name, and of no other, will do") {
  const std::vector<std::string> known = {"bandit-v0", "learning_curve-v0", "learning_rate", "pretrain-v0"};
  CHECK(nearest("bandit", known) == "bandit-v0");
  CHECK(nearest("Pre", known) == "pretrain-v0");
  CHECK(nearest("learning_r", known) == "learning_rate");
  CHECK(nearest("learning", known) == "");  // of two
  CHECK(nearest("ba", known) == "");
  CHECK(nearest("andit", known) == "");
}

TEST_CASE("of two near names the nearer is suggested, of equals the first") {
  const std::vector<std::string> known = {"intervals", "interval", "internal"};
  CHECK(nearest("intervas", known) == "intervals");
  CHECK(nearest("intervl", known) == "interval");
}

TEST_CASE("case is no distance, but decides between names that are otherwise as near") {
  const std::vector<std::string> known = {"Batch", "batch", "context"};
  CHECK(nearest("contxet", known) == "context");
  CHECK(nearest("Context", known) == "context");
  CHECK(nearest("CONTEXT", known) == "context");
  CHECK(nearest("batch", known) == "batch");
  CHECK(nearest("Batch", known) == "Batch");
  CHECK(nearest("batches", known) == "batch");
  CHECK(nearest("BATHC", known) == "Batch");
}

TEST_CASE("a suggestion reads as the end of a sentence") {
  const std::vector<std::string> known = {"fixed", "ucb"};
  CHECK(suggestion("fixd", known) == "; did you mean 'fixed'?");
  CHECK(suggestion("thompson", known) == "; known: fixed, ucb");
  CHECK(suggestion("thompson", {}) == "");
}

TEST_CASE("a broken promise names place, expression and what was found") {
  const int slots = 3;
  try {
    FADER_CHECK(slots > 4, "{} slots", slots);
    FAIL("not thrown");
  } catch (const Defect& e) {
    const std::string what = e.what();
    CHECK(what.find("error_test.cc:") != std::string::npos);
    CHECK(what.find("slots > 4: 3 slots") != std::string::npos);
  }
  CHECK_THROWS_WITH(([&] { FADER_CHECK_EQ(slots, 4); }()), Catch::Contains("slots == 4") && Catch::Contains("3 against 4"));
  CHECK_NOTHROW([&] { FADER_CHECK(slots == 3); }());
}

TEST_CASE("the operands of a check are evaluated once") {
  int calls = 0;
  const auto next = [&] { return ++calls; };
  FADER_CHECK(next() == 1);
  FADER_CHECK_EQ(next(), 2);
  CHECK(calls == 2);
}
