// What a trainer saves is all that its future depends on, also in the middle of a call.
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "tests/trainer/small_trainer.h"

using namespace fader;
using namespace fader::small;

TEST_CASE("trainer: saved, loaded and continued equals continued, bit for bit") {
  auto one = fresh(2);
  PassageId at = 0, other_at = 100;
  train(*one, 4, at);
  train(*one, 3, other_at, 1);
  std::int64_t steps = 4;
  for (; one->demand(0, 1) == 3 * 16; ++steps) train(*one, 1, at);  // until something is carried over
  set_reference(*one, first(Set::reward, 20));
  Archive archive;
  one->state(archive);

  auto two = make_trainer(small_model(), small_training(), corpus(), 2, {1});
  Archive load(archive.bytes());
  two->state(load);
  load.finish();
  CHECK(two->step(0) == steps);
  CHECK(two->step(1) == 3);
  CHECK(two->demand(0, 1) == one->demand(0, 1));
  CHECK(two->learning_rate(0) == one->learning_rate(0));
  const auto some = first(Set::pool, 5);
  CHECK(probe(*one, some).dot == probe(*two, some).dot);
  CHECK(std::isnan(two->reference_norm(1)));
  PassageId again = at;
  const Trained a = train(*one, 4, at), b = train(*two, 4, again);
  CHECK(a.loss == b.loss);
  CHECK(saved(*one) == saved(*two));
}

TEST_CASE("trainer: the mean of the last weights is what is looked at, and part of the state") {
  TrainOptions training = small_training();  // 40 steps, the last 12 of which count
  training.schedule = "constant";
  training.decay = 0.3;
  auto one = fresh(1, training);
  auto plain = fresh(1, [&] {
    TrainOptions o = training;
    o.decay = 0;  // no mean
    return o;
  }());
  PassageId at = 0, plain_at = 0;
  const auto some = first(Set::validation, 10);
  for (int call = 0; call < 8; ++call) {
    CHECK(train(*one, 4, at).loss == train(*plain, 4, plain_at).loss);  // training is the same
    CHECK((losses(*one, some) == losses(*plain, some)) == (call < 7));
  }
  auto two = make_trainer(small_model(), training, corpus(), 1, {1});
  Archive load(saved(*one));
  two->slot_state(load, 0);
  load.finish();
  CHECK(losses(*two, some) == losses(*one, some));
  PassageId again = at;
  train(*one, 4, at);
  train(*two, 4, again);
  CHECK(saved(*one) == saved(*two));
}

TEST_CASE("trainer: a call saved in its middle, made again elsewhere, does the rest and tells the whole") {
  constexpr std::int64_t kSteps = 4;
  auto whole = fresh(2);
  PassageId at = 0, other = 100;
  for (int warm = 0; warm < 3; ++warm) {  // so that something is carried over
    train(*whole, 3, at, 0);
    train(*whole, 3, other, 1);
  }
  for (int slot = 0; slot < 2; ++slot) set_reference(*whole, first(Set::reward, 10 + static_cast<std::size_t>(slot)), {}, slot);
  const std::array<std::vector<PassageId>, 2> ids = {take(*whole, 0, kSteps, at), take(*whole, 1, kSteps, other)};
  struct Call {
    std::array<std::vector<float>, 2> loss, influence;
    std::vector<TrainJob> jobs{2};
  };
  const auto call = [&](Trainer& trainer, const std::function<void()>& between) {
    Call c;
    for (std::size_t i = 0; i < 2; ++i) {
      c.loss[i].resize(ids[i].size());
      c.jobs[i].slot = static_cast<int>(i);
      c.jobs[i].passages = ids[i];
      c.jobs[i].loss = c.loss[i];
      c.influence[i].resize(ids[i].size());
      c.jobs[i].influence = c.influence[i];
      c.jobs[i].influence_steps = i == 0 ? 0 : 3;
    }
    trainer.train(c.jobs, kSteps, between);
    return c;
  };
  std::vector<std::string> moments;
  std::vector<std::int64_t> demands;
  const Call expected = call(*whole, [&] {
    Archive archive;
    whole->state(archive);
    moments.push_back(archive.bytes());
    demands.push_back(whole->demand(0, kSteps));
    losses(*whole, first(Set::validation, 5));  // looking is free here too
  });
  REQUIRE(moments.size() == kSteps);
  for (const std::string& moment : moments) {
    auto later = make_trainer(small_model(), small_training(), corpus(), 2, {1});
    Archive archive(moment);
    later->state(archive);
    archive.finish();
    CHECK(later->demand(0, kSteps) == demands[0]);  // as before the call, so that the same passages are chosen
    std::int64_t left = 0;
    const Call again = call(*later, [&] { ++left; });
    CHECK(left == static_cast<std::int64_t>(kSteps - 1 - (&moment - moments.data())));
    for (std::size_t i = 0; i < 2; ++i) {
      REQUIRE(again.jobs[i].steps.size() == kSteps);
      for (std::size_t u = 0; u < kSteps; ++u) {
        CHECK(again.jobs[i].steps[u].step == expected.jobs[i].steps[u].step);
        CHECK(again.jobs[i].steps[u].loss == expected.jobs[i].steps[u].loss);
        CHECK(again.jobs[i].steps[u].learning_rate == expected.jobs[i].steps[u].learning_rate);
        CHECK(again.jobs[i].steps[u].gradient_norm == expected.jobs[i].steps[u].gradient_norm);
      }
      CHECK(again.loss[i] == expected.loss[i]);
      CHECK(std::equal(again.influence[i].begin(), again.influence[i].end(), expected.influence[i].begin(),
                       [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }));
      CHECK(std::isfinite(again.influence[i][0]));
      CHECK(again.jobs[i].cost.tokens == expected.jobs[i].cost.tokens);
      CHECK(again.jobs[i].cost.flops == expected.jobs[i].cost.flops);
      CHECK(saved(*later, static_cast<int>(i)) == saved(*whole, static_cast<int>(i)));
    }
  }
  auto later = make_trainer(small_model(), small_training(), corpus(), 2, {1});
  Archive archive(moments[1]);
  later->state(archive);
  PassageId elsewhere = 200;
  CHECK_THROWS_AS(train(*later, kSteps + 5, elsewhere), DataError);  // another call than the one that was begun
  TrainJob silent{.passages = ids[0]};
  CHECK_THROWS_AS(later->train({&silent, 1}, kSteps), DataError);  // which asked for influence
}

TEST_CASE("trainer: a state of another shape, or one cut short, is refused") {
  auto one = fresh();
  const std::string bytes = saved(*one);
  ModelOptions wider = small_model();
  wider.width = 20;
  auto other = make_trainer(wider, small_training(), corpus(), 1, {1});
  Archive foreign(bytes);
  CHECK_THROWS_AS(other->slot_state(foreign, 0), DataError);
  Archive cut(bytes.substr(0, bytes.size() / 2));
  CHECK_THROWS_AS(one->slot_state(cut, 0), DataError);
}
