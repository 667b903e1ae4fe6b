// The bank on this machine: what a slot computes is its own, whoever else takes part and on whatever thread.
#include "trainer/bank.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/error.h"
#include "tests/trainer/small_trainer.h"
#include "trainer/buffer.h"
#include "trainer/layout.h"
#include "trainer/optimizer.h"

using namespace fader;
using small::small_model;
using small::small_training;

namespace {

Batch batch_of(std::uint64_t seed) {
  const ModelOptions o = small_model();
  Rng rng(seed, "test/bank");
  Batch batch;
  while (batch.positions() < 60) {
    std::vector<std::uint32_t> tokens(1 + rng.below(static_cast<std::uint64_t>(o.context)));
    for (auto& t : tokens) t = static_cast<std::uint32_t>(rng.below(static_cast<std::uint64_t>(o.vocabulary)));
    batch.add(tokens, 0, 0);
  }
  return batch;
}

struct Stored {
  Buffer<float> parameters, first, second, reference, mean;
};

Stored stored(Bank& bank, int slot, bool reference = false, bool mean = false) {
  Archive out;
  bank.state(out, slot, reference, mean);
  Archive in(out.bytes());
  Stored s;
  const auto read = [&](const char* name, Buffer<float>& b) {
    b.resize(static_cast<std::size_t>(Layout(small_model()).size));
    in.field(name, std::span<float>(b));
  };
  read("parameters", s.parameters);
  read("moment1", s.first);
  read("moment2", s.second);
  if (reference) read("reference", s.reference);
  if (mean) read("mean", s.mean);
  in.finish();
  return s;
}

// `steps` steps of the slots in `taking`, each slot on batches of its own.
void train(Bank& bank, const std::vector<int>& taking, std::int64_t from, std::int64_t steps, bool averaged = false) {
  for (std::int64_t t = from; t < from + steps; ++t) {
    std::vector<Batch> batches;
    std::vector<std::vector<float>> nats;
    std::vector<StepJob> jobs;
    for (const int slot : taking) {
      batches.push_back(batch_of(static_cast<std::uint64_t>(100 * slot + t)));
      nats.emplace_back(static_cast<std::size_t>(batches.back().positions()));
    }
    for (std::size_t i = 0; i < taking.size(); ++i)
      jobs.push_back({.slot = taking[i], .batch = &batches[i], .rate = 1e-3 * (1 + taking[i]), .step = t,
                      .averaged = averaged ? t - from + 1 : 0, .nats = nats[i]});
    bank.step(jobs);
    for (const StepJob& job : jobs) REQUIRE(job.taken);
  }
}

}  // namespace

TEST_CASE("bank: members trained together, on one thread or several, are those trained alone") {
  const std::string precision = GENERATE("float32", "bfloat16");
  TrainOptions options = small_training();
  options.precision = precision;
  const auto fresh = [&](int threads) {
    auto bank = make_cpu_bank(small_model(), options, 3, {threads});
    for (int slot = 0; slot < 3; ++slot) bank->reset(slot, 7 + static_cast<std::uint64_t>(slot));
    return bank;
  };
  auto together = fresh(1), shared = fresh(2), alone = fresh(1);
  for (Bank* bank : {together.get(), shared.get()}) {
    train(*bank, {0, 1, 2}, 1, 3);
    train(*bank, {2, 0}, 4, 2);  // slot 1 has finished
  }
  train(*alone, {0}, 1, 5);
  train(*alone, {1}, 1, 3);
  train(*alone, {2}, 1, 5);
  for (int slot = 0; slot < 3; ++slot) {
    const Stored want = stored(*alone, slot);
    for (Bank* bank : {together.get(), shared.get()}) {
      const Stored got = stored(*bank, slot);
      CHECK(got.parameters == want.parameters);
      CHECK(got.first == want.first);
      CHECK(got.second == want.second);
    }
  }
  CHECK(stored(*alone, 0).parameters != stored(*alone, 2).parameters);
}

TEST_CASE("bank: looks go to the mean of the weights where that is asked") {
  auto bank = make_cpu_bank(small_model(), small_training(), 1, {1});
  bank->reset(0, 3);
  Buffer<float> sum(static_cast<std::size_t>(Layout(small_model()).size), 0.0f);
  constexpr int kSteps = 4;
  for (int t = 1; t <= kSteps; ++t) {
    const Batch batch = batch_of(static_cast<std::uint64_t>(t));
    std::vector<float> nats(static_cast<std::size_t>(batch.positions()));
    StepJob job{.batch = &batch, .rate = 1e-2, .step = t, .averaged = t, .nats = nats};
    bank->step({&job, 1});
    const Stored now = stored(*bank, 0);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += now.parameters[i];
  }
  const Stored end = stored(*bank, 0, false, true);
  for (std::size_t i = 0; i < sum.size(); ++i) REQUIRE(end.mean[i] == Approx(sum[i] / kSteps).margin(1e-6));
  CHECK(end.mean != end.parameters);

  const Batch batch = batch_of(50);
  const std::vector<float> weight(batch.segments(), 0.1f);
  const auto look = [&](Bank& from, bool averaged) {
    std::vector<float> nats(static_cast<std::size_t>(batch.positions()));
    LookJob job{.averaged = averaged, .batches = {&batch, 1}, .weight = weight, .nats = nats};
    from.losses({&job, 1});
    return nats;
  };
  auto other = make_cpu_bank(small_model(), small_training(), 1, {1});
  other->reset(0, 3);
  Archive archive;
  auto mean = end.mean, zero = end.mean;
  std::fill(zero.begin(), zero.end(), 0.0f);
  archive.field("parameters", std::span<float>(mean));
  archive.field("moment1", std::span<float>(zero));
  archive.field("moment2", std::span<float>(zero));
  Archive in(archive.bytes());
  other->state(in, 0, false, false);
  CHECK(look(*bank, true) == look(*other, false));
  CHECK(look(*bank, true) != look(*bank, false));
  CHECK_THROWS_AS(look(*other, true), Defect);  // it keeps none
}

TEST_CASE("bank: a step that is not finite changes nothing of its slot, and nothing of the others") {
  auto bank = make_cpu_bank(small_model(), small_training(), 2, {2});
  for (int slot = 0; slot < 2; ++slot) bank->reset(slot, 5);
  const Stored before = stored(*bank, 0);
  {
    Archive archive;
    Stored broken = before;
    broken.parameters[3] = std::numeric_limits<float>::infinity();
    archive.field("parameters", std::span<float>(broken.parameters));
    archive.field("moment1", std::span<float>(broken.first));
    archive.field("moment2", std::span<float>(broken.second));
    Archive in(archive.bytes());
    bank->state(in, 0, false, false);
  }
  const Batch batch = batch_of(1);
  std::vector<std::vector<float>> nats(2, std::vector<float>(static_cast<std::size_t>(batch.positions())));
  std::vector<StepJob> jobs;
  for (int slot = 0; slot < 2; ++slot) jobs.push_back({.slot = slot, .batch = &batch, .rate = 1e-3, .step = 1, .nats = nats[static_cast<std::size_t>(slot)]});
  bank->step(jobs);
  CHECK_FALSE(jobs[0].taken);
  CHECK(jobs[1].taken);
  CHECK(stored(*bank, 0).first == before.first);
  CHECK(stored(*bank, 0).second == before.second);
  CHECK(stored(*bank, 1).parameters != before.parameters);
}
