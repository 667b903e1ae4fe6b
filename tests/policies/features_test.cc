// Which numbers of an observation a policy reads, and of how many decisions.
#include "policies/features.h"

#include <catch2/catch.hpp>

#include <array>
#include <cstring>
#include <limits>

#include "core/error.h"

using namespace fader;

namespace {

using Row = std::vector<double>;

PolicyContext context_of_fields(int slots = 1) {
  PolicyContext c;
  c.agents = {"quality", "domain"};
  c.slots = slots;
  c.observation = {{"progress", 0, 1}, {"weights", 1, 2, c.agents, "agent"}, {"loss_domain", 3, 3, {"a", "b", "c"}, "domain"},
                   {"agreement", 6, 1, {}, "pair"}};
  return c;
}

Features features_of(std::vector<std::string> observe, std::int64_t stack = 1, int slots = 1) {
  FeatureOptions options;
  options.observe = std::move(observe);
  options.stack = stack;
  return Features(options, context_of_fields(slots));
}

// Numbers that tell where they are from: decision t, place in the observation.
Row seen(int t) {
  Row x(7);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 10 * t + static_cast<double>(i);
  return x;
}

Row see(Features& f, int slot, const Row& x) {
  Row out(f.size(), -1);
  f.see(slot, x, out);
  return out;
}
Row last(const Features& f, int slot) {
  Row out(f.size(), -1);
  f.last(slot, out);
  return out;
}

}  // namespace

TEST_CASE("all fields are read but those of domains, unless they are named") {
  auto all = features_of({});
  REQUIRE(all.size() == 4);
  REQUIRE(see(all, 0, seen(1)) == Row{10, 11, 12, 16});
  auto domains = features_of({"loss_domain"});
  REQUIRE(see(domains, 0, seen(1)) == Row{13, 14, 15});
  auto some = features_of({"agreement", "progress"});  // in the order of the observation
  REQUIRE(see(some, 0, seen(2)) == Row{20, 26});
}

TEST_CASE("a field that is not observed is named with the nearest") {
  REQUIRE_THROWS_AS(features_of({"progres"}), ConfigError);
  REQUIRE_THROWS_WITH(features_of({"progres"}),
                      Catch::Contains("observe: the environment shows no 'progres'; did you mean 'progress'?"));
}

TEST_CASE("a stack holds the newest first, and zeros before the first") {
  auto f = features_of({"progress", "agreement"}, 3);
  REQUIRE(f.size() == 6);
  REQUIRE(last(f, 0) == Row(6, 0));
  REQUIRE(see(f, 0, seen(1)) == Row{10, 16, 0, 0, 0, 0});
  REQUIRE(see(f, 0, seen(2)) == Row{20, 26, 10, 16, 0, 0});
  REQUIRE(see(f, 0, seen(3)) == Row{30, 36, 20, 26, 10, 16});
  REQUIRE(last(f, 0) == Row{30, 36, 20, 26, 10, 16});
  Row next(6);
  f.next(0, seen(4), next);
  REQUIRE(next == Row{40, 46, 30, 36, 20, 26});
  REQUIRE(last(f, 0) == Row{30, 36, 20, 26, 10, 16});  // next only asks
  REQUIRE(see(f, 0, seen(4)) == next);
}

TEST_CASE("histories belong to slots, and a new episode forgets its own") {
  auto f = features_of({"progress"}, 2, 3);
  for (int slot = 0; slot < 3; ++slot) see(f, slot, seen(slot + 1));
  REQUIRE(see(f, 1, seen(7)) == Row{70, 20});
  REQUIRE(last(f, 0) == Row{10, 0});
  REQUIRE(last(f, 2) == Row{30, 0});
  const std::array<int, 2> over = {1, 2};
  f.begin(over);
  REQUIRE(last(f, 0) == Row{10, 0});
  REQUIRE(last(f, 1) == Row{0, 0});
  REQUIRE(see(f, 2, seen(8)) == Row{80, 0});
}

TEST_CASE("features go on from a saved state, and refuse numbers that are not finite and other sizes") {
  auto f = features_of({"progress"}, 2, 2), copy = features_of({"progress"}, 2, 2);
  see(f, 0, seen(1));
  see(f, 1, seen(2));
  Archive saved;
  f.state(saved);
  Archive loading(saved.bytes());
  copy.state(loading);
  loading.finish();
  for (int slot = 0; slot < 2; ++slot) REQUIRE(see(copy, slot, seen(3)) == see(f, slot, seen(3)));

  auto longer = features_of({"progress"}, 3, 2);
  Archive other(saved.bytes());
  REQUIRE_THROWS_AS(longer.state(other), DataError);

  std::string bytes = saved.bytes();
  const double odd = std::numeric_limits<double>::infinity();
  std::memcpy(bytes.data() + bytes.size() - sizeof odd, &odd, sizeof odd);  // the last number
  Archive refused(bytes);
  REQUIRE_THROWS_AS(copy.state(refused), DataError);
}

TEST_CASE("a stack has at least one decision") {
  FeatureOptions options;
  Fields fields;
  options.fields(fields);
  for (const Option& o : fields.options)
    if (o.name == "stack") {
      REQUIRE(o.problem().empty());
      options.stack = 0;
      REQUIRE(o.problem() == "is 0; expected 1 to 1000");
    }
}
