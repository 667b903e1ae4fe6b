// The registry: order, duplicates, unknown names, options of the wrong class.
#include "core/registry.h"

#include <catch2/catch.hpp>

using namespace fader;

namespace {

struct Animal {
  virtual ~Animal() = default;
  virtual std::string says() const = 0;
};
struct DogOptions : Options {
  std::string word = "woof";
  void fields(Fields& f) override { f("word", word, "what it says"); }
};
struct Dog : Animal {
  Dog(const DogOptions& o, int times) {
    for (int i = 0; i < times; ++i) text += o.word;
  }
  std::string says() const override { return text; }
  std::string text;
};
struct Cat : Animal {
  Cat(const NoOptions&, int) {}
  std::string says() const override { return "meow"; }
};
using Animals = Registry<Animal, int>;

Animals animals() {
  Animals r("animal");
  r.add<Dog, DogOptions>("dog", "it barks", "runs");
  r.add<Cat, NoOptions>("cat", "it does not", "runs");
  return r;
}

}  // namespace

TEST_CASE("what is registered is listed in order and made with its options") {
  const Animals r = animals();
  CHECK(r.names() == std::vector<std::string>{"cat", "dog"});
  CHECK(r.has("dog"));
  CHECK_FALSE(r.has("cow"));
  CHECK(r.noun() == "animal");
  CHECK(r.at("dog").summary == "it barks");
  CHECK(r.at("dog").status == "runs");
  CHECK(r.make_default("dog", 2)->says() == "woofwoof");
  DogOptions options;
  options.word = "wau";
  CHECK(r.at("dog").make(options, 1)->says() == "wau");
  CHECK(r.at("dog").options()->list().at(0).name == "word");
}

TEST_CASE("a name taken twice is refused and the first stays") {
  Animals r = animals();
  CHECK_THROWS_WITH((r.add<Cat, NoOptions>("dog", "an impostor", "runs")), Catch::Contains("animal 'dog' is registered twice"));
  CHECK(r.make_default("dog", 1)->says() == "woof");
}

TEST_CASE("an unknown name is a mistake of the configuration, with a suggestion") {
  const Animals r = animals();
  CHECK_THROWS_AS(r.at("elephant"), ConfigError);
  CHECK_THROWS_WITH(r.at("dogs"), "no animal 'dogs'; did you mean 'dog'?");
  CHECK_THROWS_WITH(r.at("elephant"), "no animal 'elephant'; known: cat, dog");
  CHECK_THROWS_WITH(Animals("animal").at("dog"), "no animal 'dog'");
}

TEST_CASE("options of another class are not taken for one's own") {
  const Animals r = animals();
  CHECK_THROWS_AS(r.at("dog").make(NoOptions{}, 1), std::bad_cast);
}
