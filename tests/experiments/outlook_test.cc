// What a sweep costs, said before it starts.
#include <catch2/catch.hpp>
#include <fstream>

#include "experiments/outlook.h"
#include "tests/scratch_folder.h"

using namespace fader;
using Catch::Contains;

namespace {

const std::map<Precision, double> kRates = {{Precision::float32, 1e9}, {Precision::bfloat16, 1e9}};

Price price_of(const ScratchFolder& at, const std::string& text) {
  const auto file = at / "price.toml";
  std::ofstream(file) << text;
  const Experiment experiment = load_experiment(file, {});
  return fader::price_of(Plan(experiment, {}, {}), kRates);
}

const std::string kSmall =
    "# What?\n[run]\nseeds = [0, 1]\n[train]\nintervals = 20\nsteps_per_interval = 10\n[env]\nkind = \"pretrain-v0\"\n"
    "[[agents]]\nkind = \"quality\"\n[[agents]]\nkind = \"domain\"\n[[policies]]\nkind = \"ucb\"\n";

}  // namespace

TEST_CASE("a sweep costs what its runs cost, each as long as it is") {
  const ScratchFolder at;
  const Price one = price_of(at, kSmall), two = price_of(at, kSmall + "[sweep.over]\ntrain.intervals = [20, 60]\n");
  CHECK(one.runs == 2);
  CHECK(two.runs == 4);
  CHECK(two.flops == Approx(4 * one.flops));
  CHECK(two.seconds == Approx(4 * one.seconds));
  CHECK(two.bytes > 2 * one.bytes);
}

TEST_CASE("of a search as many candidates are counted as go on") {
  const ScratchFolder at;
  const Price price = price_of(at, kSmall + "[sweep]\nmethod = \"halving\"\nsamples = 16\nrungs = 2\neta = 4\nseeds = [7]\n"
                                            "[sweep.over]\npolicies.ucb.c = { low = 0.1, high = 10 }\n");
  CHECK(price.runs == Approx(16 + 4 + 2));
  const Price one = price_of(at, kSmall);
  CHECK(price.flops == Approx(one.flops / 2 * (16 / 4. + 4 + 2)));  // the first rung has a quarter of the intervals
}

TEST_CASE("checkpoints that stay are part of the price, and a disk that has no room for them is named") {
  const ScratchFolder at;
  const std::string kept = kSmall + "[model]\nwidth = 8192\nlayers = 64\nheads = 64\n";
  const Price price = price_of(at, kept), all = price_of(at, kept + "[sweep.over]\nrun.checkpoint_intervals = [1]\n");
  CHECK(all.bytes - price.bytes == Approx(2 * 20 * all.checkpoint_bytes / 2));  // two seeds; two are kept otherwise
  const auto file = at / "price.toml";
  const Experiment experiment = load_experiment(file, {"run.checkpoint_intervals=1"});
  CHECK_THAT(outlook(Plan(experiment, {}, {}), 2, at / "runs/new"), Contains("in all 2 runs: ") && Contains(" are free at ") && Contains("; choose another --out"));
}

TEST_CASE("runs without a model cost disk alone") {
  const ScratchFolder at;
  const Price price = price_of(at, "# What?\n[run]\nseeds = [0, 1, 2]\n[env]\nkind = \"bandit-v0\"\nhorizon = 1000\n[[policies]]\nkind = \"ucb\"\n");
  CHECK(price.flops == 0);
  CHECK(price.bytes / 3 == Approx(615'096).epsilon(0.15));  // of such a run
}
