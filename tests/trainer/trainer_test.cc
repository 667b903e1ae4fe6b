#include "trainer/trainer.h"

#include <catch2/catch.hpp>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "core/error.h"
#include "tests/trainer/small_trainer.h"
#include "trainer/layout.h"

using namespace fader;
using namespace fader::small;

namespace {

// All of a slot's state but how the last two reference gradients lie to each other.
std::string saved_but_cosine(Trainer& trainer) {
  std::string bytes = saved(trainer);
  const std::string name = "reference_cosine";
  return bytes.replace(bytes.find(name) + name.size() + sizeof(std::uint64_t), sizeof(double), sizeof(double), ' ');
}

}  // namespace

TEST_CASE("trainer: losses of passages trained on, demand, carry-over, cost") {
  auto trainer = fresh();
  CHECK(trainer->demand(0, 4) == 4 * 3 * 16);
  PassageId at = 0;
  std::vector<std::int64_t> carried;
  for (int interval = 0; interval < 5; ++interval) {
    const std::int64_t wanted = trainer->demand(0, 4);
    const Trained t = train(*trainer, 4, at);
    std::int64_t given = 0;
    for (const PassageId id : t.passages) given += corpus()->passages()[id].tokens;
    CHECK(trainer->demand(0, 4) == 4 * 3 * 16 - (given - wanted));
    carried.push_back(given - wanted);
    CHECK(t.job.steps.size() == 4);
    CHECK(t.job.steps.back().step == 4 * (interval + 1));
    CHECK(trainer->step(0) == 4 * (interval + 1));
    CHECK(t.job.cost.tokens == 4 * 3 * 16);
    CHECK(t.job.cost.flops > 3 * 2 * Layout(small_model()).products * 4 * 3 * 16);
    CHECK_FALSE(t.job.diverged);
    for (const float x : t.loss) CHECK((x > 0 && x < 8));
  }
  CHECK(*std::max_element(carried.begin(), carried.end()) > 0);  // else the test shows little
}

TEST_CASE("trainer: a passage's training loss is the loss before the step that took it") {
  TrainOptions o = small_training();
  o.batch = 1;
  auto trainer = fresh(1, o);
  std::vector<PassageId> whole;  // one that fills a row
  for (PassageId id = 0; whole.empty(); ++id)
    if (corpus()->passages()[id].tokens == 16) whole.push_back(id);
  const float before = losses(*trainer, whole)[0];
  float loss = 0;
  TrainJob job{.slot = 0, .passages = whole, .loss = std::span(&loss, 1)};
  trainer->train(std::span(&job, 1), 1);
  CHECK(loss == Approx(before).epsilon(1e-6));
  CHECK(job.steps[0].loss == Approx(before).epsilon(1e-6));
  CHECK(losses(*trainer, whole)[0] < before);
}

TEST_CASE("trainer: losses of passages add up to the losses of the steps, and asking for them changes no bit") {
  auto trainer = fresh(), unasked = fresh();
  PassageId at = 0, at_unasked = 0;
  double carried = 0;  // nats of the rest of the last passage, trained on in the next call and reported nowhere
  for (int interval = 0; interval < 4; ++interval) {
    const std::int64_t demand = trainer->demand(0, 4);
    const Trained t = train(*trainer, 4, at);
    std::vector<PassageId> ids = take(*unasked, 0, 4, at_unasked);
    TrainJob silent{.slot = 0, .passages = ids};
    unasked->train(std::span(&silent, 1), 4);
    CHECK(saved(*trainer) == saved(*unasked));

    double of_steps = 0, of_passages = 0;
    std::int64_t left = demand;
    for (const StepRow& row : t.job.steps) of_steps += row.loss * 3 * 16;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::int64_t n = std::min<std::int64_t>(left, corpus()->passages()[ids[i]].tokens);
      of_passages += static_cast<double>(t.loss[i]) * static_cast<double>(n);
      left -= n;
    }
    CHECK(left == 0);
    const auto rest = static_cast<double>(4 * 3 * 16 - demand);  // what the last call carried over
    carried = of_steps - of_passages;
    if (rest == 0) CHECK(carried == Approx(0).margin(1e-3));
    else CHECK((carried > 0.5 * rest && carried < 8 * rest));
  }
}

TEST_CASE("trainer: starts near ln(vocabulary) and learns a tiny text by heart") {
  auto toy = std::make_shared<ToyCorpus>(40, 16);
  toy->add({5, 9, 30, 7, 22, 5, 17, 8, 11, 39, 4, 6, 28, 33, 2}, Set::pool);
  TrainOptions o;
  o.intervals = 150;
  o.steps_per_interval = 1;
  o.batch = 1;
  o.learning_rate = 1e-2;
  ModelOptions model = small_model();
  model.init_std = 0.02;
  auto trainer = make_trainer(model, o, toy, 1, {1});
  const int slot = 0;
  const std::uint64_t seed = 3;
  trainer->reset(std::span(&slot, 1), std::span(&seed, 1));
  const PassageId id = 0;
  CHECK(losses(*trainer, std::span(&id, 1))[0] == Approx(std::log(40.0)).epsilon(0.02));
  for (int i = 0; i < 150; ++i) {
    TrainJob job{.passages = std::span(&id, 1)};
    trainer->train(std::span(&job, 1), 1);
  }
  CHECK(losses(*trainer, std::span(&id, 1))[0] < 0.05);
}

TEST_CASE("trainer: equal seeds equal bits, other seeds other bits") {
  const auto run = [](std::uint64_t seed) {
    auto trainer = fresh();
    const int slot = 0;
    trainer->reset(std::span(&slot, 1), std::span(&seed, 1));
    PassageId at = 0;
    train(*trainer, 4, at);
    train(*trainer, 4, at);
    return saved(*trainer);
  };
  CHECK(run(1) == run(1));
  CHECK(run(1) != run(2));
}

TEST_CASE("trainer: looking is free") {
  auto watched = fresh(), left = fresh();
  PassageId a = 0, b = 0;
  const auto reward = first(Set::reward, 40), pool = first(Set::pool, 10);
  train(*watched, 3, a);
  train(*left, 3, b);
  set_reference(*watched, reward);
  set_reference(*left, reward);
  const std::string before = saved(*watched), before_but_cosine = saved_but_cosine(*watched);
  losses(*watched, pool);
  probe(*watched, pool);
  CHECK((saved(*watched) == before));
  set_reference(*watched, pool);  // replaces the reference and nothing else
  CHECK((saved_but_cosine(*watched) != before_but_cosine));
  set_reference(*watched, reward);
  CHECK((saved_but_cosine(*watched) == before_but_cosine));
  train(*watched, 3, a);
  train(*left, 3, b);
  CHECK((saved_but_cosine(*watched) == saved_but_cosine(*left)));
}

TEST_CASE("trainer: a set gives the same bits in any order, and the weighted sum is what it says") {
  auto trainer = fresh();
  PassageId at = 0;
  train(*trainer, 4, at);
  auto ids = first(Set::reward, 60);
  std::vector<float> weight(ids.size());
  Rng rng(1, "test/order");
  for (float& w : weight) w = static_cast<float>(rng.uniform());
  std::vector<float> loss(ids.size());
  LossJob job{.passages = ids, .loss = loss, .weight = weight};
  trainer->set_reference(std::span(&job, 1));
  const std::string forward_order = saved_but_cosine(*trainer);
  CHECK(loss == losses(*trainer, ids));
  CHECK(job.cost.flops == Approx(3 * [&] {
    LossJob forward{.passages = ids, .loss = loss};
    trainer->losses(std::span(&forward, 1));
    return forward.cost.flops;
  }()));

  std::vector<std::size_t> order(ids.size());
  std::iota(order.begin(), order.end(), 0u);
  rng.shuffle(std::span(order));
  std::vector<PassageId> shuffled;
  std::vector<float> shuffled_weight;
  for (const std::size_t i : order) {
    shuffled.push_back(ids[i]);
    shuffled_weight.push_back(weight[i]);
  }
  set_reference(*trainer, shuffled, shuffled_weight);
  CHECK((saved_but_cosine(*trainer) == forward_order));
  const auto shuffled_loss = losses(*trainer, shuffled);
  for (std::size_t i = 0; i < order.size(); ++i) CHECK(shuffled_loss[i] == loss[order[i]]);
}

TEST_CASE("trainer: the reference gradient is weighted as asked, and evenly over tokens when nothing is said") {
  auto trainer = fresh();
  const auto ids = first(Set::reward, 3);
  const auto tokens = [&](std::size_t i) { return static_cast<float>(corpus()->passages()[ids[i]].tokens); };
  REQUIRE(tokens(0) + tokens(1) != 2 * tokens(0));
  std::vector<float> weight{0, 1 / tokens(1), 0};
  set_reference(*trainer, ids, weight);
  const double weighted = trainer->reference_norm(0);
  set_reference(*trainer, std::span(ids).subspan(1, 1));
  CHECK(weighted == Approx(trainer->reference_norm(0)).epsilon(1e-5));
  set_reference(*trainer, ids);
  const double even = trainer->reference_norm(0);
  CHECK(even != Approx(weighted).epsilon(1e-2));
  weight.assign(3, 1 / (tokens(0) + tokens(1) + tokens(2)));
  set_reference(*trainer, ids, weight);
  CHECK(even == Approx(trainer->reference_norm(0)).epsilon(1e-6));
}

TEST_CASE("trainer: a passage's loss does not depend on the others that are asked about, but for rounding") {
  auto trainer = fresh();
  const auto ids = first(Set::reward, 50);
  const auto together = losses(*trainer, ids);
  for (std::size_t i = 0; i < ids.size(); i += 7)
    CHECK(losses(*trainer, std::span(&ids[i], 1))[0] == Approx(together[i]).epsilon(1e-5));
}

TEST_CASE("trainer: influence is the derivative of the reference loss along the probe's gradient") {
  auto trainer = fresh();
  PassageId at = 0;
  train(*trainer, 4, at);
  const auto reward = first(Set::reward, 30), pool = first(Set::pool, 40);
  set_reference(*trainer, reward);
  const auto reference_loss = [&](Trainer& t) {
    const auto loss = losses(t, reward);
    double nats = 0, tokens = 0;
    for (std::size_t i = 0; i < reward.size(); ++i) {
      nats += loss[i] * corpus()->passages()[reward[i]].tokens;
      tokens += corpus()->passages()[reward[i]].tokens;
    }
    return nats / tokens;
  };
  CHECK(trainer->reference_norm(0) > 0);
  {  // a set's inner product with itself is its square; its loss is the weighted mean
    const Probe self = probe(*trainer, reward);
    CHECK(self.dot == Approx(self.norm * self.norm).epsilon(1e-4));
    CHECK(self.norm == Approx(trainer->reference_norm(0)).epsilon(1e-4));
    CHECK(self.cosine == Approx(1).epsilon(1e-4));
    CHECK(self.loss == Approx(reference_loss(*trainer)).epsilon(1e-5));
  }
  // A step along a probe's gradient: plain descent is AdamW's first step seen from its state, so the parameters are moved
  // by hand through the archive: p -= h g, with g taken as another slot's reference gradient.
  const std::size_t n = static_cast<std::size_t>(Layout(small_model()).size);
  const std::string state = saved(*trainer);
  const auto floats_of = [n](const std::string& bytes, const char* name) {
    const std::size_t from = bytes.find(name) + std::string(name).size() + sizeof(std::uint64_t);
    std::vector<float> out(n);
    std::memcpy(out.data(), bytes.data() + from, n * sizeof(float));
    return std::pair(from, out);
  };
  double agreeing = 0, probes = 0, sum_xy = 0, sum_xx = 0, sum_yy = 0;
  for (std::size_t i = 0; i + 4 <= pool.size(); i += 4) {
    const auto some = std::span(pool).subspan(i, 4);
    const Probe p = probe(*trainer, some);
    auto other = fresh();
    Archive load(state);
    other->slot_state(load, 0);
    set_reference(*other, some);
    const std::string with_gradient = saved(*other);
    const std::size_t reference_at = with_gradient.rfind("reference") + 9 + sizeof(std::uint64_t);
    std::vector<float> g(n);
    std::memcpy(g.data(), with_gradient.data() + reference_at, n * sizeof(float));
    const auto moved_loss = [&](float h) {
      std::string bytes = state;
      auto [from, values] = floats_of(bytes, "parameters");
      for (std::size_t k = 0; k < n; ++k) values[k] -= h * g[k];
      std::memcpy(bytes.data() + from, values.data(), n * sizeof(float));
      Archive archive(bytes);
      other->slot_state(archive, 0);
      return reference_loss(*other);
    };
    const float h = 0.02f;
    const double drop = (moved_loss(-h) - moved_loss(h)) / (2.0 * static_cast<double>(h));
    CHECK(p.dot == Approx(drop).epsilon(0.03).margin(1e-3));
    probes += 1;
    agreeing += (p.dot > 0) == (drop > 0) ? 1 : 0;
    sum_xy += p.dot * drop;
    sum_xx += p.dot * p.dot;
    sum_yy += drop * drop;
  }
  CHECK(agreeing >= 0.9 * probes);
  CHECK(sum_xy > 0.99 * std::sqrt(sum_xx * sum_yy));
}

TEST_CASE("trainer: slots are as separate as two trainers") {
  auto both = make_trainer(small_model(), small_training(), corpus(), 2, {1});
  const std::vector<int> slots{0, 1};
  const std::vector<std::uint64_t> seeds{5, 6};
  both->reset(slots, seeds);
  std::vector<std::string> alone;
  for (const std::uint64_t seed : seeds) {
    auto one = fresh();
    const int slot = 0;
    one->reset(std::span(&slot, 1), std::span(&seed, 1));
    PassageId at = static_cast<PassageId>(10 * seed);
    train(*one, 4, at);
    train(*one, 4, at);
    alone.push_back(saved(*one));
  }
  PassageId a = 50, b = 60;
  for (int round = 0; round < 2; ++round) {
    const auto pa = take(*both, 0, 4, a), pb = take(*both, 1, 4, b);
    std::vector<TrainJob> jobs(2);
    jobs[0].slot = 1;  // any order
    jobs[0].passages = pb;
    jobs[1].slot = 0;
    jobs[1].passages = pa;
    both->train(jobs, 4);
  }
  CHECK(saved(*both, 0) == alone[0]);
  CHECK(saved(*both, 1) == alone[1]);

  const std::vector<std::uint64_t> equal{7, 7};
  both->reset(slots, equal);
  CHECK(saved(*both, 0) == saved(*both, 1));
  PassageId c = 0, d = 0;
  train(*both, 4, c, 0);
  train(*both, 4, d, 1);
  CHECK(saved(*both, 0) == saved(*both, 1));
}

TEST_CASE("trainer: threads change results by rounding only, and repeat") {
  const auto run = [](int threads) {
    auto trainer = fresh(1, small_training(), threads);
    PassageId at = 0;
    train(*trainer, 4, at);
    return std::pair(saved(*trainer), losses(*trainer, first(Set::reward, 20)));
  };
  const auto one = run(1), two = run(2), again = run(2);
  CHECK(two.first == again.first);
  for (std::size_t i = 0; i < one.second.size(); ++i) CHECK(two.second[i] == Approx(one.second[i]).epsilon(1e-3));
}

TEST_CASE("trainer: divergence is recorded, nothing is updated, and the slot stands still") {
  TrainOptions o = small_training();
  o.learning_rate = 1e30;
  o.warmup = 0;
  auto trainer = fresh(2, o);
  PassageId at = 0;
  const std::string untouched = saved(*trainer, 1);
  const Trained t = train(*trainer, 4, at);
  CHECK(t.job.diverged);
  CHECK(t.job.steps.size() < 5);
  const StepRow& last = t.job.steps.back();
  CHECK((!std::isfinite(last.loss) || !std::isfinite(last.gradient_norm)));
  CHECK(trainer->step(0) == static_cast<std::int64_t>(t.job.steps.size()) - 1);
  CHECK(saved(*trainer, 1) == untouched);
  const std::string state = saved(*trainer);
  const Trained later = train(*trainer, 4, at);
  CHECK(later.job.diverged);
  CHECK(later.job.steps.empty());
  CHECK(later.job.cost.tokens == 0);
  for (const float x : later.loss) CHECK(std::isnan(x));
  CHECK(saved(*trainer) == state);
  const int slot = 0;
  const std::uint64_t seed = 1;
  trainer->reset(std::span(&slot, 1), std::span(&seed, 1));
  CHECK(std::isfinite(losses(*trainer, first(Set::reward, 1))[0]));
}

TEST_CASE("trainer: broken promises of the caller are defects") {
  auto trainer = fresh();
  PassageId at = 0;
  auto ids = take(*trainer, 0, 2, at);
  ids.pop_back();
  TrainJob few{.passages = ids};
  CHECK_THROWS_AS(trainer->train(std::span(&few, 1), 2), Defect);
  at = 0;
  ids = take(*trainer, 0, 2, at);
  ids.push_back(at);
  TrainJob many{.passages = ids};
  CHECK_THROWS_AS(trainer->train(std::span(&many, 1), 2), Defect);
  CHECK(trainer->step(0) == 0);
  ids.pop_back();
  std::vector<TrainJob> twice(2);
  for (TrainJob& job : twice) job.passages = ids;
  CHECK_THROWS_AS(trainer->train(twice, 2), Defect);
  CHECK_THROWS_AS(probe(*trainer, ids), Defect);  // no reference yet
  const PassageId beyond = 1'000'000;
  CHECK_THROWS_AS(losses(*trainer, std::span(&beyond, 1)), Defect);
  auto unborn = make_trainer(small_model(), small_training(), corpus(), 1, {1});
  CHECK_THROWS_AS(losses(*unborn, ids), Defect);
  ModelOptions other = small_model();
  other.context = 32;
  CHECK_THROWS_AS(make_trainer(other, small_training(), corpus(), 1, {1}), Defect);
}
