// The archive: what is saved comes back, and what is foreign, cut or hostile is refused with the place named.
#include "core/archive.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/error.h"

using namespace fader;

namespace {

enum class Colour : std::uint8_t { red, green };
enum class Wide : std::int64_t { far = std::numeric_limits<std::int64_t>::min() };

struct Inner {
  double mean = 0;
  std::vector<float> weights;
  void state(Archive& a) {
    a.field("mean", mean);
    a.field("weights", weights);
  }
};

struct Everything {
  bool yes = false, no = true;
  std::int8_t tiny = 0;
  std::int16_t small = 0;
  std::int32_t whole = 0;
  std::int64_t large = 0;
  std::uint8_t byte = 0;
  std::uint16_t pair = 0;
  std::uint32_t word = 0;
  std::uint64_t key = 0;
  float ratio = 0;
  double loss = 0;
  Colour colour = Colour::red;
  Wide wide{};
  std::string text;
  std::vector<double> doubles, none = {1};
  std::vector<std::int64_t> ids;
  std::vector<Colour> colours;
  std::vector<std::string> names;
  std::array<double, 3> fixed{};
  Inner inner;
  std::vector<Inner> several;

  void state(Archive& a) {
    a.field("yes", yes);
    a.field("no", no);
    a.field("tiny", tiny);
    a.field("small", small);
    a.field("whole", whole);
    a.field("large", large);
    a.field("byte", byte);
    a.field("pair", pair);
    a.field("word", word);
    a.field("key", key);
    a.field("ratio", ratio);
    a.field("loss", loss);
    a.field("colour", colour);
    a.field("wide", wide);
    a.field("text", text);
    a.field("doubles", doubles);
    a.field("none", none);
    a.field("ids", ids);
    a.field("colours", colours);
    a.field("names", names);
    a.field("fixed", std::span<double>(fixed));
    a.field("inner", inner);
    a.field("several", several);
  }
};

Everything filled() {
  Everything e;
  e.yes = true;
  e.no = false;
  e.tiny = -128;
  e.small = -32768;
  e.whole = std::numeric_limits<std::int32_t>::min();
  e.large = std::numeric_limits<std::int64_t>::max();
  e.byte = 255;
  e.pair = 65535;
  e.word = 4294967295u;
  e.key = ~std::uint64_t{0};
  e.ratio = -0.0f;
  e.loss = std::nan("");
  e.colour = Colour::green;
  e.wide = Wide::far;
  e.text = std::string("a\0\n\xff", 4);
  e.doubles = {1.5, -INFINITY, std::numeric_limits<double>::denorm_min()};
  e.none = {};
  e.ids = {-1, 0, 1};
  e.colours = {Colour::green, Colour::red};
  e.names = {"", "agent", "an agent with a longer name than the others"};
  e.fixed = {0.1, 0.2, 0.3};
  e.inner = {2.5, {1, 2}};
  e.several = {{1, {}}, {2, {7}}};
  return e;
}

template <class T>
std::string saved(T value) {
  Archive a;
  value.state(a);
  return a.bytes();
}
template <class T>
void load(T& value, std::string bytes) {
  Archive a(std::move(bytes));
  value.state(a);
  a.finish();
}

// One field of a type, to be loaded as another.
template <class T>
struct One {
  std::string name = "x";
  T value{};
  void state(Archive& a) { a.field(name, value); }
};

// A number inside the bytes, overwritten.
template <class T>
std::string with(std::string bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
  return bytes;
}
// Where the count of a field called "x" stands.
constexpr std::size_t kCountAt = 1 + 4 + 1;

}  // namespace

TEST_CASE("every kind of field comes back bit for bit") {
  Everything back;
  load(back, saved(filled()));
  const Everything e = filled();
  CHECK(back.yes);
  CHECK_FALSE(back.no);
  CHECK(back.tiny == e.tiny);
  CHECK(back.small == e.small);
  CHECK(back.whole == e.whole);
  CHECK(back.large == e.large);
  CHECK(back.byte == e.byte);
  CHECK(back.pair == e.pair);
  CHECK(back.word == e.word);
  CHECK(back.key == e.key);
  CHECK(std::signbit(back.ratio));
  CHECK(std::isnan(back.loss));
  CHECK(back.colour == e.colour);
  CHECK(back.wide == e.wide);
  CHECK(back.text == e.text);
  CHECK(back.doubles == e.doubles);
  CHECK(back.none.empty());
  CHECK(back.ids == e.ids);
  CHECK(back.colours == e.colours);
  CHECK(back.names == e.names);
  CHECK(back.fixed == e.fixed);
  CHECK(back.inner.mean == e.inner.mean);
  CHECK(back.inner.weights == e.inner.weights);
  REQUIRE(back.several.size() == 2);
  CHECK(back.several[1].weights == e.several[1].weights);
  CHECK(saved(back) == saved(e));
}

TEST_CASE("saving leaves the object as it was and repeats") {
  Everything e = filled();
  Archive a, b;
  e.state(a);
  e.state(b);
  CHECK(a.bytes() == b.bytes());
  CHECK_FALSE(a.loading());
  CHECK_NOTHROW(a.finish());
}

TEST_CASE("a state that is cut anywhere is refused") {
  const std::string bytes = saved(filled());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    CAPTURE(n);
    Everything back;
    REQUIRE_THROWS_AS(load(back, bytes.substr(0, n)), DataError);
  }
}

TEST_CASE("no overwritten byte crashes a load") {
  const std::string bytes = saved(filled());
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (const char c : {'\0', '\1', '\x7f', '\xff'}) {
      std::string broken = bytes;
      broken[i] = c;
      Everything back;
      try {
        load(back, broken);
      } catch (const DataError&) {
      }
    }
}

TEST_CASE("a field of another name or kind is refused, both named") {
  One<std::int32_t> other;
  CHECK_THROWS_WITH(load(other, saved(One<double>{"x", 1})),
                    "saved state, field 'x' at byte 0: found 'x' (float64), expected 'x' (int32)");
  CHECK_THROWS_WITH(load(other, saved(One<std::int32_t>{"y", 1})), Catch::Contains("found 'y' (int32), expected 'x' (int32)"));
  One<float> narrow;
  CHECK_THROWS_AS(load(narrow, saved(One<double>{})), DataError);
  One<std::uint32_t> sign;
  CHECK_THROWS_AS(load(sign, saved(One<std::int32_t>{})), DataError);
  One<Wide> wide;
  CHECK_THROWS_AS(load(wide, saved(One<Colour>{})), DataError);
  One<std::vector<std::string>> texts;
  CHECK_THROWS_AS(load(texts, saved(One<std::string>{})), DataError);
  One<bool> truth;
  CHECK_THROWS_AS(load(truth, saved(One<std::uint8_t>{})), DataError);
}

TEST_CASE("the size of a list is not taken for a whole number called size") {
  struct Size {
    std::int32_t size = 1;
    void state(Archive& a) {
      const Archive::Scope scope(a, "x");
      a.field("size", size);
    }
  };
  One<std::vector<std::string>> texts;
  CHECK_THROWS_AS(load(texts, saved(Size{})), DataError);
}

TEST_CASE("a number is one element, a fixed length stays as it is") {
  One<double> number;
  CHECK_THROWS_WITH(load(number, saved(One<std::vector<double>>{"x", {1, 2}})), Catch::Contains("found 2 elements, expected 1"));
  struct Fixed {
    std::vector<double> values;
    void state(Archive& a) { a.field("x", std::span<double>(values)); }
  };
  Fixed three{{0, 0, 0}};
  CHECK_THROWS_WITH(load(three, saved(Fixed{{1, 2}})), Catch::Contains("found 2 elements, expected 3"));
}

TEST_CASE("a hostile length is refused before anything is allocated") {
  const std::uint64_t huge = std::uint64_t{1} << 60;
  One<std::vector<double>> numbers;
  CHECK_THROWS_WITH(load(numbers, with(saved(One<std::vector<double>>{"x", {1, 2}}), kCountAt, huge)),
                    Catch::Contains("1152921504606846976 elements do not fit in the 16 bytes left"));
  // a count whose product with the element size wraps round to the bytes that are there
  CHECK_THROWS_AS(load(numbers, with(saved(One<std::vector<double>>{"x", {1, 2}}), kCountAt, (std::uint64_t{1} << 61) + 2)), DataError);
  One<std::string> text;
  CHECK_THROWS_AS(load(text, with(saved(One<std::string>{"x", "abc"}), kCountAt, huge)), DataError);
  One<std::vector<std::string>> texts;
  const std::string list = saved(One<std::vector<std::string>>{"x", {"abc"}});
  const std::size_t size_at = 1 + 4 + 4 + 8;  // of the field "size"
  CHECK_THROWS_WITH(load(texts, with(list, size_at, huge)), Catch::Contains("field 'x/size'"));
  CHECK_THROWS_AS(load(texts, with(list, size_at, std::uint64_t{2})), DataError);
  One<std::vector<Inner>> inners;
  const std::string objects = saved(One<std::vector<Inner>>{"x", {{1, {2}}}});
  CHECK_THROWS_AS(load(inners, with(objects, size_at, huge)), DataError);
  CHECK_THROWS_AS(load(numbers, with(saved(One<std::vector<double>>{}), 1, std::uint32_t{0xffffffff})), DataError);  // of the name
}

TEST_CASE("a truth value is 0 or 1") {
  std::string bytes = saved(One<bool>{"x", true});
  bytes.back() = 2;
  One<bool> truth;
  CHECK_THROWS_WITH(load(truth, bytes), Catch::Contains("field 'x'") && Catch::Contains("found 2, expected 0 or 1"));
}

TEST_CASE("bytes left over are refused") {
  One<double> number;
  CHECK_THROWS_WITH(load(number, saved(One<double>{}) + "z"), Catch::Contains("1 bytes are left over"));
}

TEST_CASE("a message names the whole path, and nothing unprintable") {
  struct Outer {
    One<std::vector<One<double>>> inner;
    void state(Archive& a) { a.field("policy", inner); }
  };
  Outer outer;
  outer.inner.value = {{"mean", 1}, {"mean", 2}, {"mean\x1b[2J", 3}};
  Outer expected;
  expected.inner.value = {};
  CHECK_THROWS_WITH(load(expected, saved(outer)), Catch::Contains("field 'policy/x/0/x'") && Catch::Contains("found 'mean'"));
  CHECK_THROWS_WITH(([&] {
                      One<double> number;
                      load(number, saved(One<double>{"mean\x1b[2J", 1}));
                    }()),
                    Catch::Contains("found 'mean?[2J'"));
}

TEST_CASE("an object without a field cannot be an element of a list") {
  struct Empty {
    void state(Archive&) {}
  };
  CHECK_THROWS_AS(saved(One<std::vector<Empty>>{"x", {{}, {}}}), Defect);
}
