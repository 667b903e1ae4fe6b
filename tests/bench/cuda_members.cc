// Many small language models on one GPU: for 1 to 512 members of about a million parameters, tokens a second, episodes of 1.2
// million tokens an hour, and memory. Batches are packed anew for every step, as a trainer does; the share of time that takes is
// printed too.
//
//   cuda_members [most members = 512] [rows a step = 16] [precision = bfloat16] [seconds each = 5]
//
// Needs a GPU, and says so where there is none.
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/error.h"
#include "tests/trainer/toy_corpus.h"
#include "trainer/cuda/cuda_bank.h"
#include "trainer/flops.h"
#include "trainer/packer.h"

using namespace fader;

namespace {

constexpr double kEpisode = 1.2e6;  // tokens
using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

ModelOptions million() {
  ModelOptions o;
  o.vocabulary = 512;
  o.width = 128;
  o.layers = 5;
  o.heads = 4;
  o.context = 64;
  return o;
}

// Members that each read the corpus from a place of their own.
class Members {
 public:
  Members(const Corpus& corpus, int count, std::int64_t rows)
      : corpus_(corpus),
        rows_(rows),
        batches_(static_cast<std::size_t>(count)),
        nats_(batches_.size()),
        jobs_(batches_.size()),
        next_(batches_.size()) {
    for (std::size_t i = 0; i < next_.size(); ++i) {
      next_[i] = static_cast<PassageId>(i * 7919 % corpus_.passages().size());
      nats_[i].resize(static_cast<std::size_t>(rows_ * corpus_.context()));
    }
  }
  void pack() {
    ++step_;
    for (std::size_t i = 0; i < batches_.size(); ++i) {
      Packer packer(corpus_.context(), corpus_.begin_mark());
      while (packer.waiting() < rows_ * corpus_.context()) {
        packer.add(corpus_.tokens(next_[i]), 0);
        next_[i] = (next_[i] + 1) % static_cast<PassageId>(corpus_.passages().size());
      }
      packer.fill(rows_, batches_[i]);
      jobs_[i] = {.slot = static_cast<int>(i), .batch = &batches_[i], .rate = 1e-3, .step = step_, .nats = nats_[i]};
    }
  }
  std::span<StepJob> jobs() { return jobs_; }
  std::int64_t tokens() const { return rows_ * corpus_.context() * static_cast<std::int64_t>(batches_.size()); }

 private:
  const Corpus& corpus_;
  const std::int64_t rows_;
  std::int64_t step_ = 0;
  std::vector<Batch> batches_;
  std::vector<std::vector<float>> nats_;
  std::vector<StepJob> jobs_;
  std::vector<PassageId> next_;
};

void measure(const ModelOptions& model, const TrainOptions& train, std::shared_ptr<const Corpus> corpus, int count,
             double seconds) {
  const auto before = first_gpu().free;
  const auto bank = make_cuda_bank(model, train, count, corpus);
  for (int s = 0; s < count; ++s) bank->reset(s, static_cast<std::uint64_t>(s));
  Members members(*corpus, count, train.batch);
  for (int warm = 0; warm < 3; ++warm) {  // run, recorded, replayed
    members.pack();
    bank->step(members.jobs());
  }
  int steps = 0;
  double packing = 0;
  const auto start = Clock::now();
  while (seconds_since(start) < seconds) {
    const auto from = Clock::now();
    members.pack();
    packing += seconds_since(from);
    bank->step(members.jobs());
    ++steps;
  }
  const double each = seconds_since(start) / steps, rate = static_cast<double>(members.tokens()) / each;
  const double flops = training_flops(model, Layout(model), *members.jobs()[0].batch) * count / each;
  fmt::print("{:7} {:10.2f} {:12.0f} {:14.0f} {:9.1f}% {:10.1f} {:9.2f}\n", count, each * 1e3, rate, rate * 3600 / kEpisode,
             100 * packing / (each * steps), flops / 1e12, static_cast<double>(before - first_gpu().free) / (1 << 30));
}

}  // namespace

int main(int argc, char** argv) try {
  const int most = argc > 1 ? std::atoi(argv[1]) : 512;
  TrainOptions train;
  train.batch = argc > 2 ? std::atoi(argv[2]) : 16;
  train.precision = argc > 3 ? argv[3] : "bfloat16";
  const double seconds = argc > 4 ? std::atof(argv[4]) : 5;
  if (most < 1 || train.batch < 1 || !(seconds > 0) || (train.precision != "bfloat16" && train.precision != "float32"))
    throw ConfigError("usage: cuda_members [most members] [rows a step] [bfloat16 or float32] [seconds each]");
  const ModelOptions model = million();
  const Gpu gpu = first_gpu();
  fmt::print("{}, {:.1f} GiB free; {} parameters, vocabulary {}, context {}, {} rows a step, {}\n", gpu.name,
             static_cast<double>(gpu.free) / (1 << 30), model.parameters(), model.vocabulary, model.context, train.batch,
             train.precision);
  fmt::print("members    step ms     tokens/s  episodes/hour   packing   TFLOP/s       GiB\n");
  const auto corpus = ToyCorpus::random(1, 20000, static_cast<int>(model.vocabulary), static_cast<int>(model.context));
  for (int count = 1; count <= most; count *= 2) measure(model, train, corpus, count, seconds);
  return 0;
} catch (const Error& e) {
  fmt::print(stderr, "{}\n", e.what());
  return static_cast<int>(e.code());
}
