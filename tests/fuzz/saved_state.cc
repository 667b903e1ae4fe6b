// Saved state: the archive, and everything small that is saved in one.
//
//   byte 0      which object
//   byte 1      bit 0: the rest is the archive itself; else a right one is made and the rest are edits of it (tests/fuzz/fuzz.h)
//
// What is accepted saves to the same bytes again, and can be worked with.
#include <array>
#include <functional>

#include "core/archive.h"
#include "core/ledger.h"
#include "core/rng.h"
#include "env/observation.h"
#include "env/registry.h"
#include "policies/policy.h"
#include "policies/scaler.h"
#include "tests/fuzz/fuzz.h"
#include "tests/policies/console.h"

using namespace fader;

namespace {

enum class Colour : std::uint8_t { red, green };

struct Inner {
  std::int32_t x = 3;
  std::string name = "inner";
  std::vector<std::string> words = {"a", "", "bc"};
  void state(Archive& a) {
    a.field("x", x);
    a.field("name", name);
    a.field("words", words);
  }
};
/// One of every kind of field.
struct AllKinds {
  std::int8_t i8 = -1;
  std::uint16_t u16 = 2;
  std::uint64_t u64 = 3;
  double f64 = 0.5;
  bool yes = true;
  Colour colour = Colour::green;
  std::vector<float> f32 = {1, 2, 3};
  std::vector<std::int64_t> none;
  std::array<std::uint32_t, 4> four = {1, 2, 3, 4};
  std::vector<Inner> inner = {{}, {}};
  Inner one;
  Grid<double> grid;
  AllKinds() { grid.resize(2, 3); }
  void state(Archive& a) {
    a.field("i8", i8);
    a.field("u16", u16);
    a.field("u64", u64);
    a.field("f64", f64);
    a.field("yes", yes);
    a.field("colour", colour);
    a.field("f32", f32);
    a.field("none", none);
    a.field("four", std::span<std::uint32_t>(four));
    a.field("inner", inner);
    a.field("one", one);
    a.field("grid", grid);
  }
};

/// Something that is saved, made anew for every input.
struct Subject {
  std::function<void(Archive&)> state;
  std::function<void()> use = [] {};
  bool clock = false;  ///< has the seconds up to now in it
};

template <class T>
Subject plain(std::shared_ptr<T> object, std::function<void(T&)> use = [](T&) {}) {
  return {[object](Archive& a) { object->state(a); }, [object, use] { use(*object); }};
}

Subject policy(const std::string& name) {
  const PolicyContext context = testing::context_of(3, 2);
  const auto console = std::make_shared<testing::Console>(testing::make_policy(name, context), context, 5);
  const auto play = [console] {
    for (int i = 0; i < 3; ++i) {
      const Decisions& d = console->decide();
      for (std::size_t row = 0; row < d.weights.rows(); ++row) FADER_CHECK(on_simplex(d.weights[row]));
      console->learn({0.25, 0.5});
    }
  };
  play();
  return {[console](Archive& a) { console->policy().state(a); }, play};
}

Subject scaler(const std::string& name) {
  return plain<Scaler>(make_scaler(name), [](Scaler& s) {
    for (const double reward : {0.5, -1.0, 0.25}) s.scale(reward, 0.1);
  });
}

struct Played {
  std::unique_ptr<Env> env;
  Outcome out;
  std::vector<int> slots = {0, 1};
};

Subject known_answer() {
  const auto& entry = environments().at("bandit-v0");
  const auto played = std::make_shared<Played>();
  EnvContext context;
  context.slots = 2;
  played->env = entry.make(*entry.options(), context);
  played->out.fit(played->env->spec(), 2);
  const std::vector<std::uint64_t> seeds = {1, 2};
  const auto play = [played, seeds] {  // anew: what was loaded may have ended
    played->env->reset(played->slots, seeds, played->out);
    Grid<double> weights;
    weights.resize(2, played->env->spec().agents.size());
    for (double& w : weights.view().flat()) w = 0.25;
    played->env->step(played->slots, std::as_const(weights).view(), played->out);
  };
  play();
  return {[played](Archive& a) { played->env->state(a); }, play, true};
}

Subject ledger() {
  const auto kept = std::make_shared<Ledger>(2);
  kept->add(0, Phase::train, 5, 1e9);
  const auto state = [kept](Archive& a) {
    kept->slot_state(a, 0);
    kept->slot_state(a, 1);
  };
  return {state, [] {}, true};
}

using Make = std::function<Subject()>;
const std::vector<Make>& makers() {
  static const std::vector<Make> all = [] {
    std::vector<Make> out = {[] { return plain(std::make_shared<AllKinds>()); },
                             [] { return plain<Rng>(std::make_shared<Rng>(1, "fuzz"), [](Rng& r) { r.normal(); }); }, known_answer, ledger};
    for (const auto& name : policies().names()) out.push_back([name] { return policy(name); });
    for (const auto& name : scaler_names()) out.push_back([name] { return scaler(name); });
    return out;
  }();
  return all;
}

std::string saved(const Subject& subject) {
  Archive archive;
  subject.state(archive);
  return archive.bytes();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes input(data, size);
  const Make& make = makers()[input.below(makers().size())];
  const Subject subject = make();
  std::string bytes;
  if (input.take<std::uint8_t>() & 1) {
    bytes = input.rest();
  } else {
    bytes = saved(subject);
    fuzz::edit(bytes, input);
  }
  const bool accepted = fuzz::accepts([&] {
    Archive archive(bytes);
    subject.state(archive);
    archive.finish();
  });
  if (!accepted) return 0;
  FADER_CHECK(subject.clock || saved(subject) == bytes, "what was loaded is saved otherwise");
  fuzz::accepts(subject.use);
  return 0;
}
