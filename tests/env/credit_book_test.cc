// When credit is measured, of which model, and that nobody notices.
#include "env/credit_book.h"

#include <cstring>
#include <map>

#include "core/error.h"
#include "tests/env/credit_bench.h"
#include "tests/env/small_pretrain.h"

using namespace fader;
using namespace fader::pretraining;

namespace {

/// A book with a bench, asked as the environment asks it.
struct Kept {
  CreditBench& bench;
  CreditBook book;
  std::vector<double> credit, error;
  Kept(CreditBench& b, const EstimatorOptions& o, std::int64_t horizon = 50)
      : bench(b), book(b.context(o), b.reference, horizon, *b.trainer, b.ledger), credit(o.names.size() * CreditBench::kAgents), error(credit.size()) {
    const int slots[] = {0, 1};
    const std::uint64_t seeds[] = {5, 6};
    book.begin(slots, seeds);
  }
  void before(std::int64_t interval, bool fresh = false, int slot = 0) {
    bench.choose(static_cast<std::uint64_t>(interval), slot);
    book.before(scene(slot), interval, fresh, [&](std::size_t a) { return bench.rankings[a]; });
  }
  void after(std::int64_t interval, double reward = 0, int slot = 0) { book.after(scene(slot), interval, {reward, 0.1}, credit, error); }
  CreditScene scene(int slot) {
    CreditScene s = bench.scene(slot);
    return {.slot = slot, .steps = s.steps, .candidates = s.candidates, .picks = s.picks, .weights = s.weights};
  }
};

double flops(CreditBench& b) { return b.ledger.row(0).flops[static_cast<std::size_t>(Phase::probe)]; }

Small measured(std::vector<std::string> names, const Small& from = Small()) {
  Small small = from;
  small.env.credit_options.names = std::move(names);
  small.env.credit_options.measurements = 2;
  small.env.credit_options.passages = 3;
  small.env.credit_options.reference = 10;
  small.env.credit_options.rollout_steps = 2;
  small.env.credit_options.rollout_repeats = 2;
  return small;
}

/// All that training and its rewards are, of a whole episode; credit of its estimators is left out.
std::string trained(const Small& small, std::uint64_t seed) {
  const auto env = small.make();
  const EnvSpec& spec = env->spec();
  Outcome out;
  reset(*env, 0, seed, out);
  std::string all;
  const auto add = [&](std::span<const double> v) { all.append(reinterpret_cast<const char*>(v.data()), v.size_bytes()); };
  for (std::int64_t t = 0; t < spec.horizon; ++t) {
    step(*env, 0, t, out);
    for (const TrainRow& row : out.train[0]) add({&row.loss, 1}), add({&row.gradient_norm, 1});
    add(out.reward[0]);
    add(out.reward_se[0]);
    add(out.executed[0]);
    add(out.credit[0].first(3 * spec.agents.size()));
    add(out.finals[0]);
    for (const Series& s : spec.series)
      if (!s.volatile_value) add(out.series[0].subspan(s.offset, s.size));
    for (const Field& f : spec.observation)
      if (!f.asked_for) add(out.observation[0].subspan(f.offset, f.size));
  }
  const double fingerprint = env->fingerprint(0);
  add({&fingerprint, 1});
  return all;
}

}  // namespace

TEST_CASE("looking is free: credit that nobody plays by changes nothing else, by any estimator") {
  const Small from = GENERATE(Small(), [] {
    Small s;
    s.agents = {"quality", "random"};  // nobody probes: no other reference gradient is taken
    return s;
  }());
  const std::string plain = trained(from, 3);
  for (const std::string& name : credit_estimators().names()) {
    INFO(name);
    CHECK((trained(measured({name}, from), 3) == plain));
  }
  CHECK((trained(measured(credit_estimators().names(), from), 3) == plain));
}

TEST_CASE("what an estimator finds does not depend on which others there are, nor on the slot") {
  Small from;
  from.agents = {"quality", "random", "random"};
  const auto all = credit_estimators().names();
  const auto together = measured(all, from).make(2);
  const auto rows = [](Env& env, int slot) {
    std::vector<std::vector<double>> out;
    Outcome o;
    reset(env, slot, 8, o);
    for (std::int64_t t = 0; t < env.spec().horizon; ++t) {
      step(env, slot, t, o);
      out.emplace_back(o.credit[0].begin() + 9, o.credit[0].end());
    }
    return out;
  };
  const auto both = rows(*together, 1);
  REQUIRE(both[0].size() == 3 * all.size());
  for (std::size_t e = 0; e < all.size(); ++e) {
    INFO(all[e]);
    const auto alone = rows(*measured({all[e]}, from).make(), 0);
    for (std::size_t t = 0; t < alone.size(); ++t)
      for (std::size_t a = 0; a < 3; ++a) {
        const double x = alone[t][a], y = both[t][3 * e + a];
        CHECK((x == y || (std::isnan(x) && std::isnan(y))));
      }
    CHECK(std::isfinite(alone[2][0]));
  }
}

TEST_CASE("credit is measured in as many intervals as are asked for, evenly spread, the first among them") {
  for (const auto& [horizon, wanted, measurements] : std::vector<std::array<std::int64_t, 3>>{{10, 4, 4}, {10, 10, 10}, {10, 99, 10}, {7, 1, 1}, {20, 19, 19}}) {
    CreditBench b;
    EstimatorOptions o = b.options({"probe"});
    o.measurements = wanted;
    o.passages = 2;
    Kept kept(b, o, horizon);
    std::vector<std::int64_t> when;
    for (std::int64_t t = 0; t < horizon; ++t) {
      const double spent = flops(b);
      kept.before(t);
      CHECK((flops(b) > spent) == kept.book.measures(t));
      kept.after(t);
      if (!std::isnan(kept.credit[0])) when.push_back(t);
      CHECK(std::isnan(kept.credit[0]) == !kept.book.measures(t));
    }
    REQUIRE(static_cast<std::int64_t>(when.size()) == measurements);
    CHECK(when.front() == 0);
    for (std::size_t i = 1; i < when.size(); ++i) {
      const auto gap = static_cast<double>(when[i] - when[i - 1]), even = static_cast<double>(horizon) / static_cast<double>(measurements);
      CHECK(std::abs(gap - even) < 1);
    }
  }
}

TEST_CASE("credit is of the model as it is: an older reference gradient is not used, a fresh one is not taken again") {
  for (const char* name : {"probe", "probe_cosine", "byproduct_regression", "byproduct_ipw"}) {
    INFO(name);
    CreditBench stale, clean, fresh, replaced;
    const std::vector<PassageId> useless = {stale.candidates[stale.rankings[3][0]]};
    stale.set_reference(useless);
    for (CreditBench* b : {&stale, &clean, &fresh, &replaced}) b->warm_up(3);
    for (CreditBench* b : {&fresh, &replaced}) b->set_reference(b->reference, b->reference_weight());
    std::vector<std::vector<double>> said;
    std::vector<double> spent;
    for (CreditBench* b : {&stale, &clean, &fresh, &replaced}) {
      Kept kept(*b, b->options(b == &replaced ? std::vector<std::string>{name, "alignment"} : std::vector<std::string>{name}));
      kept.before(0, b == &fresh || b == &replaced);
      b->train(0, kept.book.influence(0, 0), kept.book.influence_steps());
      kept.after(0);
      said.push_back(kept.credit);
      spent.push_back(flops(*b));
    }
    for (std::size_t a = 0; a < 4; ++a) {
      CHECK(said[0][a] == said[1][a]);
      CHECK(said[3][a] == said[1][a]);  // alignment has left another gradient, so that it was taken after all
      CHECK(said[2][a] == Approx(said[1][a]).epsilon(1e-3));  // all reference passages either way, in another order
    }
    CHECK(spent[2] < spent[1]);
    CHECK(spent[0] == spent[1]);
  }
}

TEST_CASE("measurements take other reference passages each time, and episodes begin at other ones") {
  CreditBench b;
  EstimatorOptions o = b.options({"probe"});
  o.reference = 12;
  o.passages = 1000;  // all of an agent's own, whatever is drawn
  std::map<std::uint64_t, std::vector<double>> first;
  for (const std::uint64_t seed : {1, 2, 3}) {
    CreditBook book(b.context(o), b.reference, 50, *b.trainer, b.ledger);
    const int slots[] = {0};
    book.begin(slots, {&seed, 1});
    std::vector<double> credit(4), error(4);
    for (std::int64_t t = 0; t < 3; ++t) {
      b.choose(1);
      CreditScene s = b.scene();
      book.before({.slot = 0, .steps = s.steps, .candidates = s.candidates, .picks = s.picks, .weights = s.weights}, t, false,
                  [&](std::size_t a) { return b.rankings[a]; });
      book.after({.slot = 0, .steps = s.steps, .candidates = s.candidates, .picks = s.picks, .weights = s.weights}, t, {}, credit, error);
      first[seed].push_back(credit[1]);
    }
  }
  const auto apart = [](double x, double y) { return std::abs(x - y) > 1e-5 * std::abs(x); };  // nothing was trained on in between
  std::vector<double> starts;
  for (const auto& [seed, values] : first) {
    CHECK((apart(values[0], values[1]) && apart(values[1], values[2]) && apart(values[0], values[2])));
    starts.push_back(values[0]);
  }
  CHECK((apart(starts[0], starts[1]) || apart(starts[0], starts[2])));
}

TEST_CASE("a snapshot in mid-episode and a step saved in its middle go on with their credit") {
  const Small small = measured(credit_estimators().names());
  const auto env = small.make();
  Outcome out;
  reset(*env, 0, 5, out);
  step(*env, 0, 0, out);
  step(*env, 0, 1, out);
  Archive saved;
  env->slot_state(saved, 0);
  std::vector<std::string> moments;
  env->when_resting([&] {
    Archive archive;
    env->state(archive);
    moments.push_back(archive.bytes());
  });
  const auto row = [&](Env& e, std::int64_t t) {
    const std::string all = step(e, 0, t, out);
    const auto error = out.credit_se[0];
    return all + std::string(reinterpret_cast<const char*>(error.data()), error.size_bytes());
  };
  const std::string third = row(*env, 2);  // measured
  env->when_resting({});
  const std::string fourth = row(*env, 3);
  const auto spent = env->ledger().row(0).flops;
  REQUIRE(moments.size() == 3);
  const auto other = small.make();
  Archive away(saved.bytes());
  other->slot_state(away, 0);
  away.finish();
  CHECK((row(*other, 2) == third));
  CHECK((row(*other, 3) == fourth));
  for (const std::string& moment : moments) {
    const auto later = small.make();
    Archive archive(moment);
    later->state(archive);
    archive.finish();
    CHECK((row(*later, 2) == third));
    CHECK((row(*later, 3) == fourth));
    CHECK(later->ledger().row(0).flops == spent);
  }
}

TEST_CASE("a state of credit with any byte changed is refused or harmless") {
  CreditBench b;
  EstimatorOptions o = b.options({"regression", "byproduct_regression", "byproduct_ipw"});
  o.passages = 2;
  Kept kept(b, o);
  for (std::int64_t t = 0; t < 3; ++t) {
    kept.before(t);
    kept.after(t, 0.1 * static_cast<double>(t));
  }
  kept.before(3);
  Archive saved;
  kept.book.slot_state(saved, 0);
  const std::size_t size = saved.bytes().size();
  for (std::size_t at = 0; at < size; at += size > 3000 ? 3 : 1)
    for (const unsigned char with : {0x00, 0x7f, 0xff}) {
      std::string bytes = saved.bytes();
      bytes[at] = static_cast<char>(with);
      try {
        Archive loaded(bytes);
        kept.book.slot_state(loaded, 1);
        loaded.finish();
        kept.before(3, false, 1);
      } catch (const DataError&) {
        continue;
      }
      kept.after(3, 0.3, 1);
      for (const double x : kept.credit) CHECK_FALSE(std::isinf(x));
    }
}

TEST_CASE("credit costs what is in the ledger, and the observation shows what the first estimator found, in the unit of all agents") {
  Small small = measured({"probe", "one_step"});
  const auto env = small.make(), without = Small().make();
  CHECK(episode(*env, 0, 1).size() > 0);
  episode(*without, 0, 1);
  const auto probe = static_cast<std::size_t>(Phase::probe), train = static_cast<std::size_t>(Phase::train);
  CHECK(env->ledger().row(0).flops[probe] > without->ledger().row(0).flops[probe]);
  CHECK(env->ledger().row(0).flops[train] == without->ledger().row(0).flops[train]);
  const EnvSpec& spec = env->spec();
  Outcome out;
  reset(*env, 0, 2, out);
  const auto shown = [&](const char* name) {
    for (const Field& f : spec.observation)
      if (f.name == name) return std::vector<double>(out.observation[0].begin() + static_cast<std::ptrdiff_t>(f.offset),
                                                     out.observation[0].begin() + static_cast<std::ptrdiff_t>(f.offset + f.size));
    return std::vector<double>();
  };
  CHECK(shown("credit") == std::vector<double>(4, 0.0));
  step(*env, 0, 0, out);
  const std::size_t k = spec.agents.size();
  double squares = 0;
  for (std::size_t a = 0; a < k; ++a) squares += std::pow(out.credit[0][3 * k + a], 2) / static_cast<double>(k);
  for (std::size_t a = 0; a < k; ++a) {
    CHECK(shown("credit")[a] == Approx(out.credit[0][3 * k + a] / std::sqrt(squares)));
    CHECK(shown("credit_se")[a] == Approx(std::min(3.0, out.credit_se[0][3 * k + a] / std::sqrt(squares))));
  }
  const auto before = shown("credit");
  step(*env, 0, 1, out);  // not measured: what was found last stays
  CHECK(std::isnan(out.credit[0][3 * k]));
  CHECK(shown("credit") == before);
}

TEST_CASE("an estimator listed twice, or that cannot serve, is refused") {
  EstimatorOptions o;
  o.names = {"probe", "probe"};
  CHECK_THROWS_WITH(o.validate(), Catch::Contains("'probe' is listed twice"));
  Small small = Small::seed();
  small.env.credit_options.names = {"byproduct_ipw"};
  CHECK_THROWS_WITH(small.make(), Catch::Contains("mixture_of_picks"));
}
