#include "store/credit_table.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/error.h"
#include "core/files.h"
#include "tests/integration/program.h"

using namespace fader;
using Catch::Contains;
using fader::testing::Scratch;

TEST_CASE("a credit table is read as it was written") {
  const Scratch scratch;
  const auto file = scratch.path() / "credit.tsv";
  const CreditTable table{"abc", {{"policy=a", 3, "probe", "quality", 7, 0.125, NAN}, {"policy=a", 3, "interval", "random", 8, -1e-9, 0.5}}};
  write_credit_table(table, file);
  const CreditTable back = read_credit_table(file);
  CHECK(back.study == "abc");
  REQUIRE(back.rows.size() == 2);
  CHECK(back.rows[0].point == "policy=a");
  CHECK(back.rows[0].interval == 3);
  CHECK(back.rows[0].kind == "probe");
  CHECK(back.rows[0].agent == "quality");
  CHECK(back.rows[0].seed == 7);
  CHECK(back.rows[0].value == 0.125);
  CHECK(std::isnan(back.rows[0].standard_error));
  CHECK(back.rows[1].value == Approx(-1e-9));
}

TEST_CASE("what is no credit table is refused, with its place") {
  const Scratch scratch;
  const std::string good = read_file([&] {
    write_credit_table({"abc", {{"p", 3, "probe", "quality", 7, 0.125, 0.5}}}, scratch.path() / "good.tsv");
    return scratch.path() / "good.tsv";
  }());
  const auto refused = [&](const std::string& text, const std::string& message) {
    CHECK_THROWS_WITH(read_credit_table(scratch.write("bad.tsv", text)), Contains(message));
  };
  refused("", "not the table of a credit study");
  refused("# study x\nagent\tvalue\n", "not the table of a credit study");
  refused(good + "p\t3\tprobe\n", "bad.tsv:4: 'p\t3\tprobe' is not a line");
  refused(good + "p\tx\tprobe\tquality\t7\t1\t1\n", "bad.tsv:4");
  refused(good + "p\t3\tprobe\tquality\t7\tone\t1\n", "bad.tsv:4");
  CHECK_THROWS_AS(read_credit_table(scratch.path() / "none.tsv"), Error);
}
