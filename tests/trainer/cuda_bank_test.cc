// The bank of the GPU against the CPU's model: emulated by this processor, where everything but launches, cuBLASLt and recorded
// steps is the code that a GPU runs; and on a GPU where there is one.
#include <catch2/catch.hpp>
#include <limits>

#include "tests/trainer/cuda_oracle.h"

using namespace fader;
using namespace fader::oracle;

namespace {

Place any_place() { return GENERATE(from_range(places())); }

double cosine(std::span<const float> a, std::span<const float> b) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    aa += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    bb += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return ab / std::sqrt(aa * bb);
}

TrainOptions training(double clip = 1.0) {
  TrainOptions t;
  t.clip = clip;
  t.weight_decay = 0.2;
  return t;
}

}  // namespace

TEST_CASE("cuda bank: on a GPU, or a clear word that there is none") {
  if (no_gpu().empty()) SUCCEED();
  else WARN("no GPU: only the emulated bank is tested here. " << no_gpu());
}

TEST_CASE("cuda bank: losses and gradients are the CPU's, whatever the shape") {
  const Place place = any_place();
  const auto [o, positions] = GENERATE(table<ModelOptions, std::int64_t>({
      {odd(), 75},
      {shape(40, 16, 1, 1, 16, 0), 200},
      {shape(70, 36, 6, 3, 33, 50), 300},
      {shape(50, 12, 2, 1, 150, 0), 400},  // several tiles of attention a segment
      {shape(30, 128, 1, 1, 40, 8), 100},  // a head too wide for the largest tile
      {shape(2100, 8, 2, 1, 16, 0), 64},   // a vocabulary that takes a whole block
  }));
  CAPTURE(place.lanes, o.width, o.heads, positions);
  const auto bank = bank_at(place, o, 2, Precision::float32);
  PassageId next = 0;
  Looks looks(1, batches_of(*corpus_of(o), next, {positions, positions / 3, positions}));
  bank->reference({&looks.job, 1});
  Oracle oracle(o, {}, 11, Precision::float32);
  const auto nats = oracle.differentiate(looks.batches, looks.weight);
  CHECK(relative_error(looks.nats, nats) < 2e-6);
  CHECK(worst_tensor(o, kept(*bank, 1, true).reference, oracle.gradient) < 1e-5);
  CHECK(bank->reference_norm(1) == Approx(oracle.norm()).epsilon(1e-5));
  Looks forward(1, looks.batches);
  bank->losses({&forward.job, 1});
  CHECK(forward.nats == looks.nats);  // bit for bit
}

TEST_CASE("cuda bank: layers that are computed anew give the same bits") {
  const Place place = any_place();
  const Precision precision = GENERATE(Precision::float32, Precision::bfloat16);
  const ModelOptions o = shape(37, 24, 3, 4, 19, 13);
  const auto run = [&](bool recompute) {
    TrainOptions t;
    t.recompute = recompute;
    const auto bank = bank_at(place, o, 2, precision, t);
    PassageId next = 0;
    Looks looks(1, batches_of(*corpus_of(o), next, {70, 30}));
    bank->reference({&looks.job, 1});
    return saved(*bank, 1, true);
  };
  CHECK(run(true) == run(false));
}

TEST_CASE("cuda bank: several lanes find what one does") {
  const ModelOptions o = shape(19, 12, 2, 1, 40, 7);  // two tiles of attention a segment
  const int lanes = 3;
  const auto run = [&](int n) {
    const auto bank = bank_at({.lanes = n}, o, 2, Precision::float32);
    PassageId next = 0;
    const auto batches = batches_of(*corpus_of(o), next, {70, 70});
    Steps steps;
    for (int s = 0; s < 2; ++s) steps.add(s, batches[static_cast<std::size_t>(s)], 1e-3, 1, 1);
    steps.take(*bank);
    return kept(*bank, 1, false, true);
  };
  const Kept one = run(1), several = run(lanes);
  CHECK(worst_tensor(o, several.moment1, one.moment1) < 1e-5);
  CHECK(worst_tensor(o, several.moment2, one.moment2) < 1e-5);
  CHECK(relative_error(several.mean, one.mean) < 1e-5);
  CHECK(run(lanes).parameters == several.parameters);
}

TEST_CASE("cuda bank: in bfloat16 as close to float32 as the CPU is") {
  const Place place = any_place();
  const auto [o, positions] = GENERATE(table<ModelOptions, std::int64_t>({
      {shape(37, 24, 3, 2, 19, 13, 0.02), 300},
      {shape(130, 40, 2, 2, 60, 0, 0.02), 600},
  }));
  const auto bank = bank_at(place, o, 1, Precision::bfloat16);
  PassageId next = 0;
  Looks looks(0, batches_of(*corpus_of(o), next, {positions}));
  bank->reference({&looks.job, 1});
  Oracle exact(o, {}, 10, Precision::float32), rounded(o, {}, 10, Precision::bfloat16);
  const auto nats = exact.differentiate(looks.batches, looks.weight),
             rounded_nats = rounded.differentiate(looks.batches, looks.weight);
  CHECK(relative_error(looks.nats, nats) < 2e-3);
  CHECK(relative_error(looks.nats, rounded_nats) < 2e-3);
  CHECK(looks.nats != nats);
  const auto gradient = kept(*bank, 0, true).reference;
  for (const Tensor& t : Layout(o).tensors) {
    const auto at = static_cast<std::size_t>(t.offset), n = static_cast<std::size_t>(t.size());
    CAPTURE(place.lanes, t.name);
    CHECK(cosine(std::span(gradient).subspan(at, n), std::span(exact.gradient).subspan(at, n)) > 0.9999);
    CHECK(cosine(std::span(gradient).subspan(at, n), std::span(rounded.gradient).subspan(at, n)) > 0.9999);
  }
}

TEST_CASE("cuda bank: steps of three members, each with its own data, rate and step number, some resting") {
  const Place place = any_place();
  const auto [precision, tolerance] = GENERATE(table<Precision, double>({{Precision::float32, 2e-5}, {Precision::bfloat16, 2e-2}}));
  CAPTURE(place.lanes, tolerance);
  const ModelOptions o = odd();
  const TrainOptions t = training();
  const auto bank = bank_at(place, o, 3, precision, t);
  std::vector<Oracle> oracles;
  for (std::uint64_t s = 0; s < 3; ++s) oracles.emplace_back(o, t, 10 + s, precision);
  PassageId next = 0;
  std::vector<std::int64_t> taken(3), averaged(3);
  for (int round = 0; round < 6; ++round) {
    Steps steps;
    const auto batches = batches_of(*corpus_of(o), next, {57, 57, 57});
    for (int s : {2, 0, 1}) {
      if ((round + s) % 3 == 0 && round != 1) continue;  // round 1: all three
      const auto i = static_cast<std::size_t>(s);
      if (s == 1 && round >= 2) ++averaged[i];
      steps.add(s, batches[i], 1e-3 * (1 + s), ++taken[i], averaged[i]);
    }
    steps.take(*bank);
    for (const StepJob& job : steps.jobs) {
      const double loss = oracles[static_cast<std::size_t>(job.slot)].step(*job.batch, job.rate, job.step, job.averaged);
      CAPTURE(round, job.slot);
      CHECK(job.taken);
      CHECK(job.loss == Approx(loss).epsilon(tolerance));
      CHECK(job.gradient_norm == Approx(oracles[static_cast<std::size_t>(job.slot)].norm()).epsilon(10 * tolerance));
      CHECK(job.gradient_norm > t.clip);
    }
  }
  for (int s = 0; s < 3; ++s) {
    const Oracle& want = oracles[static_cast<std::size_t>(s)];
    const Kept k = kept(*bank, s, false, s == 1);
    CAPTURE(s);
    CHECK(relative_error(k.parameters, want.parameters) < tolerance);
    CHECK(worst_tensor(o, k.moment1, want.first) < 5 * tolerance);
    CHECK(worst_tensor(o, k.moment2, want.second) < 10 * tolerance);
    if (s == 1) CHECK(relative_error(k.mean, want.mean) < tolerance);
    if (s == 1) CHECK(k.mean != k.parameters);
  }
}

TEST_CASE("cuda bank: a member's bits do not depend on who else takes part, nor on how much memory there is") {
  const Place place = any_place();
  const Precision precision = GENERATE(Precision::float32, Precision::bfloat16);
  const ModelOptions o = odd();
  const auto train = [&](Place at, std::vector<int> with) {
    const auto bank = bank_at(at, o, 4, precision);
    PassageId next = 0;
    for (std::int64_t step = 1; step <= 4; ++step) {
      const auto batches = batches_of(*corpus_of(o), next, {57, 57, 57, 38});
      Steps steps;
      for (const int s : with) steps.add(s, batches[static_cast<std::size_t>(s)], 1e-2, step);
      steps.take(*bank);
    }
    PassageId look = 0;
    auto looks = batches_of(*corpus_of(o), look, {90, 40, 90});
    std::vector<Looks> jobs;
    for (const int s : with) jobs.emplace_back(s, std::vector<Batch>(looks.begin(), looks.begin() + (s == 2 ? 2 : 1 + s % 3)));
    std::vector<LookJob> raw;
    for (const Looks& j : jobs) raw.push_back(j.job);
    bank->reference(raw);
    return saved(*bank, 2, true);
  };
  const std::string want = train(place, {0, 1, 2, 3});
  CHECK((train(place, {0, 1, 2, 3}) == want));
  CHECK((train(place, {2}) == want));
  CHECK((train(place, {2, 0}) == want));
  if (place.lanes > 0) CHECK((train({.lanes = place.lanes, .memory = 1}, {3, 0, 1, 2}) == want));
}

TEST_CASE("cuda bank: a member that diverges is left as it was, and the others do not notice") {
  const Place place = any_place();
  const ModelOptions o = odd();
  const auto after = [&](float poison, bool& taken) {
    const auto bank = bank_at(place, o, 3, Precision::float32);
    Kept k = kept(*bank, 1);
    k.parameters[7] = poison;
    Archive archive;
    archive.field("parameters", k.parameters);
    archive.field("moment1", k.moment1);
    archive.field("moment2", k.moment2);
    Archive loading(archive.bytes());
    bank->state(loading, 1, false, false);
    const std::string before = saved(*bank, 1);
    PassageId next = 0;
    const auto batches = batches_of(*corpus_of(o), next, {57, 57, 57});
    Steps steps;
    for (int s = 0; s < 3; ++s) steps.add(s, batches[static_cast<std::size_t>(s)], 1e-2, 1, 1);
    steps.take(*bank);
    taken = steps.jobs[1].taken;
    CHECK(steps.jobs[0].taken);
    CHECK(steps.jobs[2].taken);
    CHECK((saved(*bank, 1) == before) == !taken);
    return saved(*bank, 0) + saved(*bank, 2);
  };
  bool taken = false;
  const std::string healthy = after(0.1f, taken);
  CHECK(taken);
  for (const float poison : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e30f}) {
    CHECK((after(poison, taken) == healthy));
    CHECK_FALSE(taken);
  }
}

TEST_CASE("cuda bank: influence is the inner product with the reference, for many jobs of a slot") {
  const Place place = any_place();
  const ModelOptions o = odd();
  const auto bank = bank_at(place, o, 2, Precision::float32);
  PassageId next = 0;
  std::vector<Looks> references, probes;
  for (int s = 0; s < 2; ++s) references.emplace_back(s, batches_of(*corpus_of(o), next, {80, 20}));
  for (int i = 0; i < 7; ++i) probes.emplace_back(i % 2, batches_of(*corpus_of(o), next, {10 + 20 * (i % 3)}));
  probes.emplace_back(0, std::vector<Batch>());
  std::vector<LookJob> jobs;
  for (const Looks& r : references) jobs.push_back(r.job);
  bank->reference(jobs);
  jobs.clear();
  for (const Looks& p : probes) jobs.push_back(p.job);
  std::vector<Looks> same;
  for (int s = 0; s < 2; ++s) same.emplace_back(s, references[static_cast<std::size_t>(s)].batches);
  for (Looks& r : same) bank->reference({&r.job, 1});  // with the one before, which is itself
  for (int s = 0; s < 2; ++s)
    CHECK(same[static_cast<std::size_t>(s)].job.dot == Approx(bank->reference_norm(s) * bank->reference_norm(s)).epsilon(1e-6));
  const std::string before = saved(*bank, 0, true);
  bank->influence(jobs);
  CHECK((saved(*bank, 0, true) == before));
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    CAPTURE(place.lanes, i);
    const auto slot = static_cast<std::size_t>(jobs[i].slot);
    Oracle oracle(o, {}, 10 + slot, Precision::float32);
    oracle.differentiate(references[slot].batches, references[slot].weight);
    const auto reference = oracle.gradient;
    const auto nats = oracle.differentiate(probes[i].batches, probes[i].weight);
    double dot = 0;
    for (std::size_t k = 0; k < reference.size(); ++k)
      dot += static_cast<double>(reference[k]) * static_cast<double>(oracle.gradient[k]);
    CHECK(jobs[i].norm == Approx(oracle.norm()).epsilon(1e-5));
    CHECK(jobs[i].dot == Approx(dot).epsilon(1e-4).margin(1e-6));
    if (!nats.empty()) CHECK(relative_error(probes[i].nats, nats) < 2e-6);
  }
}

TEST_CASE("cuda bank: what segments tell by themselves is what the CPU says") {
  const Place place = any_place();
  const auto [precision, tolerance] = GENERATE(table<Precision, double>({{Precision::float32, 1e-5}, {Precision::bfloat16, 2e-2}}));
  const ModelOptions o = GENERATE(odd(), shape(70, 36, 6, 3, 33, 50), shape(12, 16, 2, 2, 20, 5), shape(2100, 8, 2, 1, 16, 0));
  CAPTURE(place.lanes, o.width, tolerance);
  const auto bank = bank_at(place, o, 3, precision);
  TrainOptions train;
  train.precision = precision == Precision::float32 ? "float32" : "bfloat16";
  const auto cpu = make_cpu_bank(o, train, 3, {1});
  PassageId next = 0;
  for (int s = 0; s < 3; ++s) {
    cpu->reset(s, 10 + static_cast<std::uint64_t>(s));
    Looks reference(s, batches_of(*corpus_of(o), next, {80, 20}));
    for (Bank* b : {bank.get(), cpu.get()}) b->reference({&reference.job, 1});
  }
  const bool squares = GENERATE(false, true);
  std::vector<Looks> looks;
  for (int i = 0; i < 4; ++i) looks.emplace_back(i % 3, batches_of(*corpus_of(o), next, {90, 30 + 40 * (i % 2)}));
  looks.emplace_back(1, std::vector<Batch>());
  const auto ask = [&](Bank& b, std::vector<std::vector<float>>& dots, std::vector<std::vector<float>>& square, std::vector<float>& nats) {
    std::vector<LookJob> jobs;
    for (Looks& l : looks) {
      jobs.push_back(l.job);
      jobs.back().dots = dots.emplace_back(l.weight.size());
    }
    for (std::size_t i = 0; squares && i < looks.size(); ++i) jobs[i].squares = square.emplace_back(looks[i].weight.size());
    b.influence_of_each(jobs);
    for (const Looks& l : looks) nats.insert(nats.end(), l.nats.begin(), l.nats.end());
  };
  std::vector<std::vector<float>> dots, squared, want, want_squared;
  dots.reserve(5), squared.reserve(5), want.reserve(5), want_squared.reserve(5);
  std::vector<float> nats, want_nats;
  const std::string before = saved(*bank, 1, true);
  ask(*bank, dots, squared, nats);
  ask(*cpu, want, want_squared, want_nats);
  CHECK((saved(*bank, 1, true) == before));
  CHECK(relative_error(nats, want_nats) < tolerance);
  for (std::size_t i = 0; i < looks.size(); ++i) {
    if (looks[i].weight.empty()) continue;
    CHECK(relative_error(dots[i], want[i]) < 10 * tolerance);
    if (squares) CHECK(relative_error(squared[i], want_squared[i]) < 10 * tolerance);
  }
}

TEST_CASE("cuda bank: a step that measures is bit for bit one that does not, and what it tells is what the CPU says") {
  const Place place = any_place();
  const auto [precision, tolerance] = GENERATE(table<Precision, double>({{Precision::float32, 1e-4}, {Precision::bfloat16, 5e-2}}));
  const bool recompute = GENERATE(false, true);
  CAPTURE(place.lanes, tolerance, recompute);
  const ModelOptions o = odd();
  TrainOptions t = training();
  t.recompute = recompute;
  t.precision = precision == Precision::float32 ? "float32" : "bfloat16";
  const auto bank = bank_at(place, o, 3, precision, t), silent = bank_at(place, o, 3, precision, t);
  const auto cpu = make_cpu_bank(o, t, 3, {1});
  PassageId next = 0;
  for (int s = 0; s < 3; ++s) {
    cpu->reset(s, 10 + static_cast<std::uint64_t>(s));
    Looks reference(s, batches_of(*corpus_of(o), next, {60}));
    for (Bank* b : {bank.get(), silent.get(), cpu.get()}) b->reference({&reference.job, 1});
  }
  for (std::int64_t step = 1; step <= 4; ++step) {  // some slots measure, and not always the same
    const auto batches = batches_of(*corpus_of(o), next, {57, 57, 57});
    std::vector<std::vector<float>> dots, want;
    dots.reserve(3), want.reserve(3);
    Steps measuring, plain, exact;
    for (int s = 0; s < 3; ++s) {
      for (Steps* steps : {&measuring, &plain, &exact}) steps->add(s, batches[static_cast<std::size_t>(s)], 1e-3, step);
      const auto i = static_cast<std::size_t>(s);
      const std::size_t n = (s + step) % 3 == 0 ? 0 : batches[i].segments();
      measuring.jobs[i].dots = dots.emplace_back(n);
      exact.jobs[i].dots = want.emplace_back(n);
    }
    measuring.take(*bank);
    plain.take(*silent);
    exact.take(*cpu);
    for (std::size_t i = 0; i < 3; ++i) {
      CAPTURE(step, i);
      CHECK(measuring.nats[i] == plain.nats[i]);
      if (!dots[i].empty()) CHECK(relative_error(dots[i], want[i]) < tolerance);
    }
  }
  for (int s = 0; s < 3; ++s) CHECK((saved(*bank, s, true) == saved(*silent, s, true)));
}

TEST_CASE("cuda bank: saved, loaded and continued is continued, bit for bit") {
  const Place place = any_place();
  const Precision precision = GENERATE(Precision::float32, Precision::bfloat16);
  const ModelOptions o = odd();
  const auto go_on = [&](Bank& bank, std::int64_t from, std::int64_t to) {
    for (std::int64_t step = from; step <= to; ++step) {
      auto next = static_cast<PassageId>(20 * step);
      const auto batches = batches_of(*corpus_of(o), next, {57, 57});
      Steps steps;
      for (int s = 0; s < 2; ++s) steps.add(s, batches[static_cast<std::size_t>(s)], 1e-2, step, step);
      steps.take(bank);
    }
  };
  const auto first = bank_at(place, o, 2, precision), second = bank_at(place, o, 2, precision);
  go_on(*first, 1, 2);
  PassageId next = 0;
  Looks looks(0, batches_of(*corpus_of(o), next, {60}));
  first->reference({&looks.job, 1});
  for (int s = 0; s < 2; ++s) {
    Archive loading(saved(*first, s, true, true));
    second->state(loading, s, true, true);
  }
  CHECK(second->reference_norm(0) == first->reference_norm(0));
  go_on(*first, 3, 5);
  go_on(*second, 3, 5);
  for (int s = 0; s < 2; ++s) CHECK((saved(*second, s, true, true) == saved(*first, s, true, true)));

  Looks mean(0, looks.batches, true), last(0, looks.batches);
  first->losses({&mean.job, 1});
  first->losses({&last.job, 1});
  CHECK(mean.nats != last.nats);
  const Kept k = kept(*first, 0, true, true);
  Oracle oracle(o, {}, 0, precision);
  std::copy(k.mean.begin(), k.mean.end(), oracle.parameters.begin());
  CHECK(relative_error(mean.nats, oracle.differentiate(mean.batches, mean.weight)) <
        (precision == Precision::float32 ? 2e-6 : 2e-2));
  const Kept other = kept(*first, 1, true, true);
  CHECK(std::all_of(other.reference.begin(), other.reference.end(), [](float x) { return x == 0; }));
}

TEST_CASE("cuda bank: fresh weights are those of the seed, and a slot that starts again forgets") {
  const ModelOptions o = odd();
  const Place place = any_place();
  const auto bank = bank_at(place, o, 2, Precision::bfloat16);
  const std::string fresh = saved(*bank, 1, true, true);
  Oracle oracle(o, {}, 11, Precision::float32);
  const Kept k = kept(*bank, 1);
  CHECK(std::equal(k.parameters.begin(), k.parameters.end(), oracle.parameters.begin(), oracle.parameters.end()));
  PassageId next = 0;
  Looks looks(1, batches_of(*corpus_of(o), next, {40}));
  bank->reference({&looks.job, 1});
  Steps steps;
  steps.add(1, looks.batches[0], 1e-2, 1, 1);
  steps.take(*bank);
  CHECK((saved(*bank, 1, true, true) != fresh));
  bank->reset(1, 11);
  CHECK((saved(*bank, 1, true, true) == fresh));
  CHECK(bank->reference_norm(1) == 0);
}

TEST_CASE("cuda bank: what cannot be is refused") {
  ModelOptions wide = shape(40, 1024, 1, 1, 16, 8);
  CHECK_THROWS_WITH(make_emulated_cuda_bank(wide, {}, 1, corpus_of(wide)), Catch::Contains("heads = 2"));
  const auto bank = bank_at({}, odd(), 2, Precision::bfloat16);
  PassageId next = 0;
  Looks looks(0, batches_of(*corpus_of(odd()), next, {40}), true);
  CHECK_THROWS_AS(bank->losses({&looks.job, 1}), Defect);
  Steps steps;
  for (int i = 0; i < 2; ++i) steps.add(0, looks.batches[0], 1e-2, 1);
  CHECK_THROWS_AS(steps.take(*bank), Defect);
  CHECK_THROWS_AS(bank->reset(2, 1), Defect);
}
