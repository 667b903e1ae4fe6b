// Options: what is described once is checked, printed and explained alike.
#include "core/options.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/error.h"

using namespace fader;

namespace {

struct Sample : Options {
  bool on = true;
  std::int64_t steps = 10;
  double c = 1.0;
  double free = 0.5;
  std::string mode = "fast";
  std::string file = "a.jsonl";
  std::vector<double> grid = {0.5, 1};
  std::vector<std::int64_t> seeds = {0, 1};
  std::vector<std::string> names = {"a"};
  Vectors presets = {{1, 0}, {0.5, 0.5}};
  Filters where;

  void fields(Fields& f) override {
    f("on", on, "whether it is on");
    f("steps", steps, "how many", 1, 1000);
    f("c", c, "width of the bonus", 0.0, 100.0);
    f("free", free, "anything finite");
    f("mode", mode, "how").one_of({"fast", "slow"});
    f("file", file, "where from").path().not_in_hash();
    f("grid", grid, "points", 0.0, 1.0);
    f("seeds", seeds, "seeds", 0);
    f("names", names, "names").one_of({"a", "b"});
    f("presets", presets, "rows", 0.0, 1.0);
    f("reference.where", where, "filter");
  }
};

Option option(Sample& sample, const std::string& name) {
  for (auto& o : sample.list())
    if (o.name == name) return o;
  throw std::runtime_error("no option " + name);
}

}  // namespace

TEST_CASE("the description carries names, types, ranges and marks") {
  Sample s;
  const auto list = s.list();
  REQUIRE(list.size() == 11);
  CHECK(list[0].name == "on");
  CHECK(option(s, "on").type() == "true or false");
  CHECK(option(s, "steps").type() == "a whole number");
  CHECK(option(s, "c").type() == "a number");
  CHECK(option(s, "mode").type() == "a text");
  CHECK(option(s, "grid").type() == "a list of numbers");
  CHECK(option(s, "seeds").type() == "a list of whole numbers");
  CHECK(option(s, "names").type() == "a list of texts");
  CHECK(option(s, "presets").type() == "a list of lists of numbers");
  CHECK(option(s, "reference.where").type() == "a table of field = list of values");
  CHECK(option(s, "c").range() == "0 to 100");
  CHECK(option(s, "seeds").range() == "at least 0");
  CHECK(option(s, "mode").range() == "'fast' or 'slow'");
  CHECK(option(s, "free").range() == "");
  CHECK(option(s, "file").is_path);
  CHECK_FALSE(option(s, "file").in_hash);
  CHECK_FALSE(option(s, "mode").is_path);
  CHECK(option(s, "mode").in_hash);
}

TEST_CASE("defaults are without problems") {
  Sample s;
  for (const auto& o : s.list()) {
    CAPTURE(o.name);
    CHECK(o.problem() == "");
  }
}

TEST_CASE("a value outside its range is named with what was expected") {
  Sample s;
  s.steps = 0;
  CHECK(option(s, "steps").problem() == "is 0; expected 1 to 1000");
  s.steps = 1;
  CHECK(option(s, "steps").problem() == "");
  s.steps = 1000;
  CHECK(option(s, "steps").problem() == "");
  s.c = 100.5;
  CHECK(option(s, "c").problem() == "is 100.5; expected 0 to 100");
  s.grid = {0, 1, 2};
  CHECK(option(s, "grid").problem() == "element 3 is 2; expected 0 to 1");
  s.seeds = {0, -4};
  CHECK(option(s, "seeds").problem() == "element 2 is -4; expected at least 0");
  s.presets = {{1, 0}, {0.5, -0.5}};
  CHECK(option(s, "presets").problem() == "element 2 of row 2 is -0.5; expected 0 to 1");
}

TEST_CASE("what is not finite is refused, bounded or not") {
  Sample s;
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
    s.c = s.free = bad;
    s.seeds = {};
    CHECK(option(s, "c").problem() != "");
    CHECK(option(s, "free").problem().find("expected a finite number") != std::string::npos);
  }
}

TEST_CASE("a text that is not allowed gets a suggestion") {
  Sample s;
  s.mode = "slw";
  CHECK(option(s, "mode").problem() == "is 'slw'; expected 'fast' or 'slow'; did you mean 'slow'?");
  s.mode = "other";
  CHECK(option(s, "mode").problem() == "is 'other'; expected 'fast' or 'slow'");
  s.names = {"a", "c"};
  CHECK(option(s, "names").problem() == "element 2 is 'c'; expected 'a' or 'b'");
}

TEST_CASE("values print as TOML") {
  Sample s;
  s.c = 3;
  s.where = {{"meta.kind", {"book", "a \"play\""}}};
  CHECK(option(s, "on").value() == "true");
  CHECK(option(s, "steps").value() == "10");
  CHECK(option(s, "c").value() == "3.0");
  CHECK(option(s, "mode").value() == "\"fast\"");
  CHECK(option(s, "grid").value() == "[0.5, 1.0]");
  CHECK(option(s, "seeds").value() == "[0, 1]");
  CHECK(option(s, "names").value() == "[\"a\"]");
  CHECK(option(s, "presets").value() == "[[1.0, 0.0], [0.5, 0.5]]");
  CHECK(option(s, "reference.where").value() == R"({ "meta.kind" = ["book", "a \"play\""] })");
  s.where.clear();
  CHECK(option(s, "reference.where").value() == "{}");
}

TEST_CASE("a printed number reads back to the same bits, and as a number with a point or an exponent") {
  Sample s;
  for (const double x : {0.1, 1.0 / 3, 1e-300, 5e-324, 1e16, 1e22, 123456789.0, -0.0, 1.7976931348623157e308}) {
    s.free = x;
    const std::string text = option(s, "free").value();
    CAPTURE(text);
    CHECK(std::strtod(text.c_str(), nullptr) == x);
    CHECK(std::signbit(std::strtod(text.c_str(), nullptr)) == std::signbit(x));
    CHECK(text.find_first_of(".e") != std::string::npos);
  }
}

TEST_CASE("texts are quoted so that TOML reads them back") {
  CHECK(toml_quote("plain") == "\"plain\"");
  CHECK(toml_quote("a\"b\\c") == R"("a\"b\\c")");
  CHECK(toml_quote("a\nb\tc\rd") == R"("a\nb\tc\u000Dd")");
  CHECK(toml_quote(std::string("\0\x7f", 2)) == R"("\u0000\u007F")");
  CHECK(toml_quote("gr\xc3\xbc\xc3\x9f") == "\"gr\xc3\xbc\xc3\x9f\"");
}

TEST_CASE("the explanation has one line an option, with value, help, type and range") {
  Sample s;
  const std::string text = explain(s);
  CHECK(std::count(text.begin(), text.end(), '\n') == 11);
  CHECK(text.find("c = 1.0 ") != std::string::npos);
  CHECK(text.find("# width of the bonus (a number, 0 to 100)\n") != std::string::npos);
  CHECK(text.find("# whether it is on (true or false)\n") != std::string::npos);
}

TEST_CASE("an option described twice is a defect") {
  struct Twice : Options {
    double c = 1;
    void fields(Fields& f) override {
      f("c", c, "once");
      f("c", c, "again");
    }
  };
  Twice twice;
  CHECK_THROWS_AS(twice.list(), Defect);
}

TEST_CASE("what is set through the description arrives in the member") {
  Sample s;
  *std::get<double*>(option(s, "c").target) = 7;
  CHECK(s.c == 7);
  NoOptions none;
  CHECK(none.list().empty());
}
