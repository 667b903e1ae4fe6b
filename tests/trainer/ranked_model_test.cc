// One model over several processes against one process with the same batches.
#include "trainer/ranked_model.h"

#include <catch2/catch.hpp>
#include <signal.h>
#include <sys/wait.h>

#include <cmath>
#include <cstring>
#include <mutex>
#include <numeric>

#include "core/files.h"
#include "tests/scratch_folder.h"
#include "tests/trainer/group.h"
#include "tests/trainer/small_trainer.h"
#include "trainer/buffer.h"
#include "trainer/model.h"
#include "trainer/optimizer.h"
#include "trainer/schedule.h"

using namespace fader;
using Catch::Contains;

namespace {

Batch batch_of(std::uint64_t seed, int segments, const ModelOptions& model) {
  Rng rng(seed, "batch");
  Batch out;
  out.clear();
  for (int s = 0; s < segments; ++s) {
    std::vector<std::uint32_t> tokens(1 + rng.below(static_cast<std::uint64_t>(model.context)));
    for (auto& t : tokens) t = static_cast<std::uint32_t>(rng.below(static_cast<std::uint64_t>(model.vocabulary)));
    out.add(tokens, 1, s);
  }
  return out;
}

struct Answer {
  std::vector<float> nats, gradient, losses;
  std::vector<float> dots, apart_nats, apart_dots, apart_squares;
  bool operator==(const Answer&) const = default;
};

Answer answer(Model<float>& model, const ModelOptions& options, const Batch& batch) {
  const Layout layout(options);
  Buffer<float> parameters(static_cast<std::size_t>(layout.size));
  initialise(layout, 3, parameters);
  Answer out;
  out.nats.resize(static_cast<std::size_t>(batch.positions()));
  out.losses = out.nats;
  out.gradient.assign(parameters.size(), 0.5f);  // it is added to
  std::vector<float> weight;
  for (std::size_t s = 0; s < batch.segments(); ++s) weight.push_back(0.01f * static_cast<float>(1 + s % 3));
  Buffer<float> direction(parameters.size());
  initialise(layout, 4, direction);
  out.apart_nats = out.nats;
  for (auto* of_each : {&out.dots, &out.apart_dots, &out.apart_squares}) of_each->resize(batch.segments());
  model.differentiate(parameters, batch, weight, out.nats, out.gradient, {.direction = direction, .dot = out.dots});
  model.differentiate(parameters, batch, weight, out.apart_nats, {},
                      {.direction = direction, .dot = out.apart_dots, .square = out.apart_squares, .apart = true});
  model.losses(parameters, batch, out.losses);
  return out;
}

double farthest(const std::vector<float>& a, const std::vector<float>& b) {
  double out = a.size() == b.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) out = std::max(out, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return out;
}

/// Losses of `steps` optimiser steps, and a number that hangs on all parameters at the end. The process is killed before step `dies_at`.
std::vector<double> train(Model<float>& model, int steps, int dies_at = -1) {
  ModelOptions options = small::small_model();
  TrainOptions training = small::small_training();
  training.intervals = steps;
  training.steps_per_interval = 1;
  const Layout layout(options);
  const auto n = static_cast<std::size_t>(layout.size);
  Buffer<float> parameters(n), first(n), second(n), gradient(n);
  initialise(layout, 5, parameters);
  std::vector<double> out;
  for (int step = 0; step < steps; ++step) {
    if (step == dies_at) ::raise(SIGKILL);
    const Batch batch = batch_of(static_cast<std::uint64_t>(step), 9, options);
    const auto positions = static_cast<std::size_t>(batch.positions());
    std::vector<float> nats(positions), weight(batch.segments(), 1.0f / static_cast<float>(positions));
    std::fill(gradient.begin(), gradient.end(), 0.0f);
    model.gradient(parameters, batch, weight, nats, gradient);
    AdamW(training, scheduled_rate(training, step), step + 1, norm(gradient)).step(layout, 0, layout.size, gradient, parameters, first, second);
    out.push_back(std::accumulate(nats.begin(), nats.end(), 0.0) / static_cast<double>(positions));
  }
  out.push_back(norm(parameters));
  return out;
}

/// The same in a process of its own; its losses come as bytes of a file.
pid_t train_apart(const MeetingPlace& place, int rank, int size, int steps, const std::filesystem::path& file, int dies_at = -1) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::setenv("RES_OPTIONS", "timeout:1 attempts:1", 1);
  int code = 0;
  try {
    std::unique_ptr<Rendezvous> kept;
    if (rank == 0) kept = std::make_unique<Rendezvous>(Rendezvous::keep(place));
    Rendezvous at = Rendezvous::reach(place, std::chrono::seconds(30));
    auto ranks = Ranks::meet(at, "group", {.rank = rank, .size = size, .check = "train", .patience = std::chrono::seconds(30)});
    auto model = share_batches(make_model(small::small_model(), 1), ranks);
    const std::vector<double> out = train(*model, steps, dies_at);
    write_atomically(file, {reinterpret_cast<const char*>(out.data()), out.size() * sizeof(double)});
  } catch (const LostRank& e) {
    write_atomically(file, e.what());
    code = 4;
  } catch (const std::exception& e) {
    write_atomically(file, e.what());
    code = 1;
  }
  ::_exit(code);
}

int code_of(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

std::vector<double> doubles(const std::filesystem::path& file) {
  const std::string bytes = read_file(file);
  std::vector<double> out(bytes.size() / sizeof(double));
  std::memcpy(out.data(), bytes.data(), out.size() * sizeof(double));
  return out;
}

}  // namespace

TEST_CASE("losses and gradient of a batch that ranks share are those of one process, with the same bits in all of them") {
  const ModelOptions options = small::small_model();
  const int size = GENERATE(2, 3, 4), segments = GENERATE(1, 2, 7, 40);
  CAPTURE(size, segments);
  const Batch batch = batch_of(static_cast<std::uint64_t>(segments), segments, options);
  const Answer expected = answer(*make_model(options, 1), options, batch);
  std::vector<Answer> got(static_cast<std::size_t>(size));
  const auto ended = group::threads(size, [&](std::shared_ptr<Ranks> ranks) {
    got[static_cast<std::size_t>(ranks->rank())] = answer(*share_batches(make_model(options, 1), ranks), options, batch);
  });
  for (const std::string& what : ended) CHECK(what.empty());
  for (const Answer& a : got) {
    CHECK((a == got[0]));
    CHECK(farthest(a.nats, expected.nats) < 2e-6);
    CHECK(farthest(a.losses, expected.losses) < 2e-6);
    CHECK(farthest(a.gradient, expected.gradient) < 2e-6);
    CHECK(farthest(a.dots, expected.dots) < 2e-6);
    CHECK(a.apart_nats == expected.apart_nats);  // bit for bit, as nobody else bears on a segment that is apart
    CHECK(a.apart_dots == expected.apart_dots);
    CHECK(a.apart_squares == expected.apart_squares);
  }
}

TEST_CASE("two processes train as one does, to 1e-6 in loss over 100 steps") {
  const ScratchFolder folder;
  const MeetingPlace place{"127.0.0.1", group::free_port()};
  const std::vector<double> expected = train(*make_model(small::small_model(), 1), 100);
  CHECK(expected[99] < expected[0]);
  const pid_t zero = train_apart(place, 0, 2, 100, folder / "0"), one = train_apart(place, 1, 2, 100, folder / "1");
  CHECK(code_of(zero) == 0);
  CHECK(code_of(one) == 0);
  const std::vector<double> a = doubles(folder / "0"), b = doubles(folder / "1");
  CHECK(a == b);
  REQUIRE(a.size() == expected.size());
  double worst = 0;
  for (std::size_t i = 0; i + 1 < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - expected[i]));
  INFO("the losses are " << worst << " apart at most");
  CHECK(worst < 1e-6);
  CHECK(worst > 0);  // else it was not two that did it
}

TEST_CASE("rank 0 goes on with the same bits when another is killed, the others end") {
  const ScratchFolder folder;
  const MeetingPlace whole{"127.0.0.1", group::free_port()};
  std::vector<pid_t> pids;
  for (int r = 0; r < 3; ++r) pids.push_back(train_apart(whole, r, 3, 30, folder / std::to_string(r)));
  for (const pid_t pid : pids) REQUIRE(code_of(pid) == 0);
  const MeetingPlace broken{"127.0.0.1", group::free_port()};
  const pid_t zero = train_apart(broken, 0, 3, 30, folder / "alone"), one = train_apart(broken, 1, 3, 30, folder / "lost", 10),
              two = train_apart(broken, 2, 3, 30, folder / "other");
  CHECK(code_of(one) == 256 + SIGKILL);
  CHECK(code_of(zero) == 0);
  CHECK(code_of(two) == 4);
  CHECK(doubles(folder / "alone") == doubles(folder / "0"));
  CHECK_THAT(read_file(folder / "other"), Contains("is lost"));
}

TEST_CASE("ranks that train on different text or with other parameters notice it") {
  const ModelOptions options = small::small_model();
  const auto ended = group::threads(2, [&](std::shared_ptr<Ranks> ranks) {
    const auto model = share_batches(make_model(options, 1), ranks);
    answer(*model, options, batch_of(static_cast<std::uint64_t>(ranks->rank()), 5, options));
  });
  for (const std::string& what : ended) CHECK_THAT(what, Contains("differ in the model or the text"));
  const auto compared = group::threads(2, [&](std::shared_ptr<Ranks> ranks) {  // one with a direction, one with another
    const auto model = share_batches(make_model(options, 1), ranks);
    const Batch batch = batch_of(1, 5, options);
    Buffer<float> parameters(static_cast<std::size_t>(Layout(options).size));
    initialise(Layout(options), 3, parameters);
    const std::vector<float> weight(batch.segments(), 1.0f), direction(parameters.size(), static_cast<float>(ranks->rank()));
    std::vector<float> nats(static_cast<std::size_t>(batch.positions())), dots(batch.segments());
    model->differentiate(parameters, batch, weight, nats, {}, {.direction = direction, .dot = dots});
  });
  for (const std::string& what : compared) CHECK_THAT(what, Contains("differ in the model or the text"));
}
