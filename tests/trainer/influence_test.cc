// Influence of passages one by one: probes that share backward passes, and what training tells of the passages it trains on.
#include <catch2/catch.hpp>
#include <array>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "tests/trainer/small_trainer.h"
#include "trainer/bank.h"
#include "trainer/flops.h"
#include "trainer/layout.h"

using namespace fader;
using namespace fader::small;

namespace {

std::vector<Probe> each_of(const std::vector<PassageId>& ids, int slot = 0, bool norm_wanted = true) {
  std::vector<Probe> probes;
  for (const PassageId& id : ids) probes.push_back({.slot = slot, .passages = {&id, 1}, .norm_wanted = norm_wanted});
  return probes;
}

std::vector<Probe> influence_of(Trainer& trainer, const std::vector<PassageId>& ids, int slot = 0, bool norm_wanted = true) {
  std::vector<Probe> probes = each_of(ids, slot, norm_wanted);
  trainer.influence(probes);
  return probes;
}

bool same(const Probe& a, const Probe& b) {
  return a.loss == b.loss && a.dot == b.dot && a.norm == b.norm && a.cosine == b.cosine && a.cost.tokens == b.cost.tokens && a.cost.flops == b.cost.flops;
}

TrainOptions training(const std::string& precision) {
  TrainOptions o = small_training();
  o.precision = precision;
  return o;
}

// A trainer some steps on its way, with a reference gradient.
std::unique_ptr<Trainer> on_its_way(const TrainOptions& options, int threads = 1, int slots = 1) {
  auto trainer = fresh(slots, options, threads);
  PassageId at = 0;
  train(*trainer, 4, at);
  set_reference(*trainer, first(Set::reward, 30));
  return trainer;
}

struct Measured {
  TrainJob job;
  std::vector<PassageId> passages;
  std::vector<float> loss, influence;
};
// Trains on the next passages; of `measuring` steps the influence is wanted, -1: of none.
Measured train_measuring(Trainer& trainer, std::int64_t steps, PassageId& at, std::int64_t measuring, const std::function<void()>& between = {}) {
  Measured m;
  m.passages = take(trainer, 0, steps, at);
  m.loss.resize(m.passages.size());
  m.influence.resize(measuring < 0 ? 0 : m.passages.size());
  m.job = {.passages = m.passages, .loss = m.loss, .influence = m.influence, .influence_steps = std::max<std::int64_t>(0, measuring)};
  trainer.train({&m.job, 1}, steps, between);
  return m;
}

// Where passages lie among the positions of a call.
struct Place {
  std::int64_t first, last;
  bool whole;  // within one row
};
std::vector<Place> places_of(const std::vector<PassageId>& ids, std::int64_t carried) {
  std::vector<Place> out;
  std::int64_t at = carried;
  for (const PassageId id : ids) {
    const std::int64_t end = at + corpus()->passages()[id].tokens;
    out.push_back({at, end, at / 16 == (end - 1) / 16});
    at = end;
  }
  return out;
}

}  // namespace

TEST_CASE("influence: probes of one passage each, together, find what one pooled backward pass each does") {
  const auto [precision, tolerance] = GENERATE(table<std::string, double>({{"float32", 1e-4}, {"bfloat16", 0.03}}));
  const int threads = GENERATE(1, 2);
  CAPTURE(precision, threads);
  auto trainer = on_its_way(training(precision), threads);
  auto ids = first(Set::pool, 40);
  ids.push_back(ids[3]);  // one passage twice
  const auto together = influence_of(*trainer, ids), dots = influence_of(*trainer, ids, 0, false);
  const double reference = trainer->reference_norm(0);
  const auto loss = losses(*trainer, ids);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    CAPTURE(i, corpus()->passages()[ids[i]].tokens);
    const std::array<PassageId, 2> twice{ids[i], ids[i]};  // the same mean, by the pooled way
    const Probe pooled = probe(*trainer, twice);
    const Probe& p = together[i];
    const double margin = tolerance * static_cast<double>(pooled.norm) * reference;
    CHECK(p.loss == Approx(pooled.loss).epsilon(1e-5));
    CHECK(p.loss == Approx(loss[i]).epsilon(1e-5));
    CHECK(p.dot == Approx(pooled.dot).margin(margin));
    CHECK(p.norm == Approx(pooled.norm).epsilon(tolerance));
    CHECK(p.cosine == Approx(pooled.cosine).margin(tolerance));
    CHECK(p.cost.tokens == corpus()->passages()[ids[i]].tokens);
    CHECK(dots[i].dot == Approx(p.dot).margin(margin));
    CHECK(dots[i].loss == p.loss);
    CHECK(std::isnan(dots[i].norm));
    CHECK(std::isnan(dots[i].cosine));
    CHECK(dots[i].cost.flops < p.cost.flops);
    CHECK(2 * dots[i].cost.flops == Approx(pooled.cost.flops));
  }
  CHECK(same(together[3], together.back()));
}

TEST_CASE("influence: what a probe finds does not depend on the other probes, nor on threads, bit for bit") {
  const std::string precision = GENERATE("float32", "bfloat16");
  auto trainer = on_its_way(training(precision));
  auto threaded = fresh(1, training(precision), 3);
  Archive archive(saved(*trainer));
  threaded->slot_state(archive, 0);
  const auto ids = first(Set::pool, 40);
  const std::string before = saved(*trainer);
  std::vector<Probe> probes = each_of(ids), few(probes.begin() + 7, probes.begin() + 12);
  const std::vector<Probe> dots = each_of(ids, 0, false);
  probes.push_back({.passages = ids});  // a group among them
  std::vector<Probe> mixed(probes.rbegin(), probes.rend());
  mixed.insert(mixed.end(), dots.begin(), dots.end());
  std::vector<Probe> elsewhere = each_of(ids), only_dots = dots;
  trainer->influence(probes);
  trainer->influence(few);
  trainer->influence(mixed);
  trainer->influence(only_dots);
  threaded->influence(elsewhere);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    CHECK(same(mixed[ids.size() - i], probes[i]));
    CHECK(same(elsewhere[i], probes[i]));
    CHECK(mixed[ids.size() + 1 + i].dot == only_dots[i].dot);
    if (i % 10 == 0) CHECK(same(influence_of(*trainer, {ids[i]})[0], probes[i]));
  }
  for (std::size_t i = 0; i < few.size(); ++i) CHECK(same(few[i], probes[7 + i]));
  CHECK(same(mixed[0], probes.back()));
  CHECK((saved(*trainer) == before));
}

TEST_CASE("influence: a step along a passage's gradient lowers the reference loss by what its probe says") {
  auto trainer = on_its_way(small_training());
  const auto reward = first(Set::reward, 30);
  const auto ids = first(Set::pool, 12);
  const auto probes = influence_of(*trainer, ids);
  const auto n = static_cast<std::size_t>(Layout(small_model()).size);
  const std::string state = saved(*trainer);
  const auto place_of = [](const std::string& bytes, const char* name) { return bytes.rfind(name) + std::string(name).size() + sizeof(std::uint64_t); };
  const auto reference_loss = [&](Trainer& t) {
    const auto loss = losses(t, reward);
    double nats = 0, tokens = 0;
    for (std::size_t i = 0; i < reward.size(); ++i) {
      nats += static_cast<double>(loss[i]) * corpus()->passages()[reward[i]].tokens;
      tokens += corpus()->passages()[reward[i]].tokens;
    }
    return nats / tokens;
  };
  auto other = fresh();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    Archive load(state);
    other->slot_state(load, 0);
    set_reference(*other, std::span(ids).subspan(i, 1));
    CAPTURE(i);
    CHECK(probes[i].norm == Approx(other->reference_norm(0)).epsilon(1e-4));
    const std::string with_gradient = saved(*other);
    std::vector<float> g(n), p(n);
    std::memcpy(g.data(), with_gradient.data() + with_gradient.size() - n * sizeof(float), n * sizeof(float));  // the reference is last
    const auto moved_loss = [&](float h) {
      std::string bytes = state;
      const std::size_t from = place_of(bytes, "parameters");
      std::memcpy(p.data(), bytes.data() + from, n * sizeof(float));
      for (std::size_t k = 0; k < n; ++k) p[k] -= h * g[k];
      std::memcpy(bytes.data() + from, p.data(), n * sizeof(float));
      Archive archive(bytes);
      other->slot_state(archive, 0);
      return reference_loss(*other);
    };
    constexpr float h = 0.004f;
    const double drop = (moved_loss(-h) - moved_loss(h)) / (2.0 * static_cast<double>(h));
    CHECK(probes[i].dot == Approx(drop).epsilon(0.03).margin(2e-3));
  }
}

TEST_CASE("influence: a passage's in training is that of its probe just before the step, and asking changes no bit") {
  const auto [precision, tolerance] = GENERATE(table<std::string, double>({{"float32", 1e-4}, {"bfloat16", 0.03}}));
  const bool recompute = GENERATE(false, true);
  const int threads = GENERATE(1, 2);
  CAPTURE(precision, recompute, threads);
  TrainOptions options = training(precision);
  options.recompute = recompute;
  auto trainer = on_its_way(options, threads), silent = on_its_way(options, threads);
  PassageId at = 50, silent_at = 50;
  int compared = 0;
  for (int call = 0; call < 5; ++call) {
    const std::int64_t carried = 2 * 48 - trainer->demand(0, 2);
    PassageId look = at;
    const std::vector<PassageId> ids = take(*trainer, 0, 2, look);
    const std::vector<Place> places = places_of(ids, carried);
    std::vector<Probe> expected = influence_of(*trainer, ids);  // of the first step
    int steps = 0;
    const Measured m = train_measuring(*trainer, 2, at, 0, [&] {
      if (++steps != 1) return;
      const auto later = influence_of(*trainer, ids);
      for (std::size_t i = 0; i < ids.size(); ++i)
        if (places[i].first >= 48) expected[i] = later[i];
    });
    REQUIRE(m.passages == ids);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      CAPTURE(call, i);
      if (places[i].last > 2 * 48 || !places[i].whole) {
        CHECK(std::isfinite(m.influence[i]));
        continue;
      }
      ++compared;
      const double margin = tolerance * static_cast<double>(expected[i].norm) * trainer->reference_norm(0);
      CHECK(m.influence[i] == Approx(expected[i].dot).margin(margin));
    }
    const Measured unasked = train_measuring(*silent, 2, silent_at, -1);
    CHECK(unasked.loss == m.loss);
    CHECK((saved(*silent) == saved(*trainer)));
    CHECK(m.job.cost.tokens == unasked.job.cost.tokens);
    CHECK(m.job.cost.flops == unasked.job.cost.flops);
    CHECK(unasked.job.influence_flops == 0);
    CHECK(m.job.influence_flops == Approx(2 * Layout(small_model()).products * 2 * 48));
  }
  CHECK(compared > 8);
}

TEST_CASE("influence: of passages that cross rows and steps over the tokens that were measured, NaN of the rest") {
  constexpr std::int64_t kSteps = 4;
  const auto run = [&](std::int64_t measuring) {
    auto trainer = on_its_way(small_training());
    PassageId at = 60;
    train(*trainer, 3, at);  // so that something is carried over
    REQUIRE(trainer->demand(0, kSteps) < kSteps * 48);
    return std::pair(kSteps * 48 - trainer->demand(0, kSteps), train_measuring(*trainer, kSteps, at, measuring));
  };
  const auto [carried, all] = run(0);
  const auto same_again = run(kSteps).second;
  CHECK(same_again.influence == all.influence);
  const std::vector<Place> places = places_of(all.passages, carried);
  std::int64_t crossing = 0;
  for (std::int64_t measuring = 1; measuring < kSteps; ++measuring) {
    const auto some = run(measuring).second;
    const std::int64_t border = measuring * 48;
    CHECK(some.loss == all.loss);
    CHECK(some.job.influence_flops < all.job.influence_flops);
    for (std::size_t i = 0; i < places.size(); ++i) {
      CAPTURE(measuring, i);
      if (places[i].first >= border) CHECK(std::isnan(some.influence[i]));
      else if (places[i].last <= border) CHECK(some.influence[i] == all.influence[i]);
      else CHECK((std::isfinite(some.influence[i]) && some.influence[i] != all.influence[i]));
      crossing += places[i].first < border && places[i].last > border ? 1 : 0;
    }
  }
  CHECK(crossing > 0);
}

TEST_CASE("influence: of a passage that is cut, the mean over its segments' tokens") {
  constexpr std::int64_t kRows = 12;
  TrainOptions options = small_training();
  options.batch = kRows;
  auto trainer = fresh(1, options);
  const auto reward = first(Set::reward, 30);
  set_reference(*trainer, reward);
  PassageId at = 0;
  const Measured m = train_measuring(*trainer, 1, at, 1);
  // The same rows by hand, and each segment by itself at a bank that starts alike.
  auto bank = make_cpu_bank(small_model(), small_training(), 1, {1});
  bank->reset(0, 11);
  Packer packer(16, corpus()->begin_mark());
  for (std::size_t i = 0; i < m.passages.size(); ++i) packer.add(corpus()->tokens(m.passages[i]), static_cast<std::int32_t>(i));
  Batch rows, wanted;
  packer.fill(kRows, rows);
  std::int64_t tokens = 0;
  for (const PassageId id : reward) {
    wanted.add(corpus()->tokens(id), corpus()->begin_mark(), 0);
    tokens += corpus()->passages()[id].tokens;
  }
  std::vector<float> nats(static_cast<std::size_t>(wanted.positions())), even(wanted.segments(), 1.0f / static_cast<float>(tokens));
  LookJob reference{.batches = {&wanted, 1}, .weight = even, .nats = nats};
  bank->reference({&reference, 1});
  std::vector<float> row_nats(16 * kRows), ones(rows.segments(), 1.0f), dots(rows.segments());
  LookJob look{.batches = {&rows, 1}, .weight = ones, .nats = row_nats, .dots = dots};
  bank->influence_of_each({&look, 1});
  bool cut = false;
  for (std::size_t i = 0; i < m.passages.size(); ++i) {
    double dot = 0, n = 0;
    for (std::size_t s = 0; s < rows.segments(); ++s) {
      if (rows.owner[s] != static_cast<std::int32_t>(i)) continue;
      cut = cut || (n > 0);
      dot += static_cast<double>(dots[s]);
      n += static_cast<double>(rows.length(s));
    }
    CAPTURE(i);
    CHECK(m.influence[i] == Approx(dot / n).epsilon(1e-4).margin(1e-6));
  }
  CHECK(cut);
}

TEST_CASE("influence: several slots at once, on one thread or several, as each alone") {
  const int threads = GENERATE(1, 3);
  const auto start = [&](int slots, int workers) {
    auto trainer = fresh(slots, small_training(), workers);
    for (int s = 0; s < slots; ++s) {
      PassageId at = static_cast<PassageId>(20 * s);
      train(*trainer, 4, at, s);
      set_reference(*trainer, first(Set::reward, 20 + static_cast<std::size_t>(s)), {}, s);
    }
    return trainer;
  };
  auto both = start(2, threads);
  std::array<std::vector<PassageId>, 2> ids;
  std::array<std::vector<float>, 2> influence;
  std::vector<TrainJob> jobs(2);
  const std::vector<PassageId> some = first(Set::pool, 20);
  std::vector<Probe> probes = each_of(some, 1), more = each_of(some, 0);
  probes.insert(probes.end(), more.begin(), more.end());
  both->influence(probes);
  for (std::size_t s = 0; s < 2; ++s) {
    PassageId at = static_cast<PassageId>(100 + 20 * s);
    ids[s] = take(*both, static_cast<int>(s), 3, at);
    influence[s].resize(ids[s].size());
    jobs[s] = {.slot = static_cast<int>(s), .passages = ids[s], .influence = influence[s], .influence_steps = s == 0 ? 0 : 2};
  }
  both->train(jobs, 3);
  for (int s = 0; s < 2; ++s) {
    auto alone = start(2, 1);
    const auto i = static_cast<std::size_t>(s);
    const auto own = influence_of(*alone, some, s);
    for (std::size_t k = 0; k < some.size(); ++k) CHECK(same(own[k], probes[k + (s == 1 ? 0 : some.size())]));
    std::vector<float> again(ids[i].size());
    TrainJob job{.slot = s, .passages = ids[i], .influence = again, .influence_steps = s == 0 ? 0 : 2};
    alone->train({&job, 1}, 3);
    REQUIRE(again.size() == influence[i].size());
    for (std::size_t k = 0; k < again.size(); ++k)
      CHECK(((std::isnan(again[k]) && std::isnan(influence[i][k])) || again[k] == influence[i][k]));
    CHECK((saved(*alone, s) == saved(*both, s)));
  }
}

TEST_CASE("influence: how steady the reference gradient is") {
  auto trainer = fresh(2);
  const auto one = first(Set::reward, 20), other = first(Set::validation, 15);
  CHECK(std::isnan(trainer->reference_cosine(0)));
  set_reference(*trainer, one);
  CHECK(std::isnan(trainer->reference_cosine(0)));
  const Probe expected = probe(*trainer, other);
  set_reference(*trainer, other);
  CHECK(trainer->reference_cosine(0) == Approx(expected.cosine).epsilon(1e-5));
  CHECK(std::abs(trainer->reference_cosine(0)) < 0.999);
  CHECK(trainer->reference_norm(0) == Approx(expected.norm).epsilon(1e-5));
  CHECK(std::isnan(trainer->reference_cosine(1)));

  auto loaded = fresh(2);
  Archive archive(saved(*trainer));
  loaded->slot_state(archive, 0);
  archive.finish();
  CHECK(loaded->reference_cosine(0) == trainer->reference_cosine(0));
  CHECK(loaded->reference_norm(0) == trainer->reference_norm(0));
  set_reference(*trainer, one);
  set_reference(*loaded, one);
  CHECK(loaded->reference_cosine(0) == trainer->reference_cosine(0));
  set_reference(*trainer, one);
  CHECK(trainer->reference_cosine(0) == Approx(1).epsilon(1e-6));

  const int slot = 0;
  const std::uint64_t seed = 1;
  trainer->reset({&slot, 1}, {&seed, 1});
  CHECK(std::isnan(trainer->reference_cosine(0)));
  set_reference(*trainer, one);
  CHECK(std::isnan(trainer->reference_cosine(0)));
}

TEST_CASE("influence: broken promises of the caller are defects, a slot that stands still has none") {
  auto trainer = fresh();
  PassageId at = 0;
  CHECK_THROWS_AS(train_measuring(*trainer, 2, at, 0), Defect);  // no reference yet
  CHECK(trainer->step(0) == 0);
  set_reference(*trainer, first(Set::reward, 5));
  at = 0;
  const std::vector<PassageId> ids = take(*trainer, 0, 2, at);
  std::vector<float> few(ids.size() - 1);
  TrainJob job{.passages = ids, .influence = few};
  CHECK_THROWS_AS(trainer->train({&job, 1}, 2), Defect);

  TrainOptions wild = small_training();
  wild.learning_rate = 1e30;
  wild.warmup = 0;
  auto lost = fresh(1, wild);
  set_reference(*lost, first(Set::reward, 5));
  at = 0;
  const Measured m = train_measuring(*lost, 4, at, 0);
  CHECK(m.job.diverged);
  CHECK(std::isfinite(m.influence[0]));
  const Measured later = train_measuring(*lost, 4, at, 0);
  for (const float x : later.influence) CHECK(std::isnan(x));
}
