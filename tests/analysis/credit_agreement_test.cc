// Agreement of credit with its truths, on tables whose correlations are known.
#include "analysis/credit_agreement.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace fader;
using Catch::Contains;

namespace {

const std::vector<std::string> kAgents = {"a", "b", "c", "d"};

void add(CreditTable& table, const std::string& kind, std::int64_t interval, std::int64_t seed, const std::vector<double>& values) {
  for (std::size_t a = 0; a < values.size(); ++a) table.rows.push_back({"base", interval, kind, kAgents[a], seed, values[a], NAN});
}

const CreditAgreement& of(const std::vector<CreditAgreement>& all, const std::string& kind) {
  for (const CreditAgreement& a : all)
    if (a.kind == kind) return a;
  throw std::runtime_error("no " + kind);
}

}  // namespace

TEST_CASE("credit is held against the truth of other seeds, and so is the truth") {
  CreditTable table{"x", {}};
  add(table, "interval", 3, 0, {1, 2, 3, 4});
  add(table, "interval", 3, 1, {4, 3, 2, 1});
  add(table, "own", 3, 0, {1, 2, 3, 4});   // what its own seed did
  add(table, "own", 3, 1, {4, 3, 2, 1});
  add(table, "other", 3, 0, {40, 30, 20, 10});  // what the other will do
  add(table, "other", 3, 1, {10, 20, 30, 40});
  const auto all = credit_agreement(table);
  REQUIRE(all.size() == 3);
  CHECK(all[0].kind == "interval");
  CHECK(all[0].one == Approx(-1));
  CHECK(of(all, "own").one == Approx(-1));
  CHECK(of(all, "other").one == Approx(1));
  CHECK(of(all, "own").half == Approx(-1));
  CHECK(of(all, "other").half == Approx(1));
  CHECK(std::isnan(of(all, "other").late));
  CHECK(all[1].kind == "other");  // the best first
}

TEST_CASE("agreement is the mean over places, and one place more moves it by its share") {
  CreditTable table{"x", {}};
  for (std::int64_t seed = 0; seed < 4; ++seed) {
    add(table, "interval", 2, seed, {1, 2, 3, 4});
    add(table, "interval", 8, seed, {1, 2, 3, 4});
    add(table, "episode", 2, seed, {4, 3, 2, 1});
    add(table, "credit", 2, seed, {1, 2, 3, 4});
    add(table, "credit", 8, seed, {1, 2, 4, 3});  // Spearman's 0.8
  }
  const auto all = credit_agreement(table);
  const CreditAgreement& credit = of(all, "credit");
  REQUIRE(credit.places.size() == 2);
  CHECK(credit.places[0] == Approx(1));
  CHECK(credit.places[1] == Approx(0.8));
  CHECK(credit.one == Approx(0.9));
  CHECK(credit.half == Approx(0.9));
  CHECK(credit.late == Approx(-1));  // of the place where it is known
  CHECK(credit.one_interval.low == Approx(0.8));   // seeds are alike, places are drawn: two of one, one of each, two of the other
  CHECK(credit.one_interval.high == Approx(1));
  CHECK(of(all, "interval").one == Approx(1));
  CHECK_THAT(credit_agreement_tsv(table), Contains("3\tcredit\t0.9000\t0.8000\t1.0000\t0.9000\t-1.0000\n"));
  CHECK_THAT(credit_agreement_text(table), Contains("4 agents") && Contains("4 seeds") && Contains("(interval itself)"));
}

TEST_CASE("agents without credit are left out, and too few of them give none") {
  CreditTable table{"x", {}};
  for (std::int64_t seed = 0; seed < 2; ++seed) {
    add(table, "interval", 1, seed, {1, 2, 3, 4});
    add(table, "three", 1, seed, {1, NAN, 3, 4});
    add(table, "two", 1, seed, {1, NAN, 3, NAN});
  }
  const auto all = credit_agreement(table);
  CHECK(of(all, "three").one == Approx(1));
  CHECK(std::isnan(of(all, "two").one));
  CHECK_FALSE(of(all, "two").one_interval.known());
  CHECK(all.back().kind == "two");  // what is not known comes last
  CHECK_THAT(credit_agreement_tsv(table), Contains("3\ttwo\tNaN\tNaN\tNaN\tNaN\tNaN\n"));
}
