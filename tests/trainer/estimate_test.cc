#include "trainer/estimate.h"

#include <catch2/catch.hpp>

#include "trainer/flops.h"

using namespace fader;

TEST_CASE("estimate: FLOPs are those that full rows are charged, and time is FLOPs over the threads' rate") {
  ModelOptions model;
  TrainOptions train;
  train.precision = "float32";
  Batch batch;
  const std::vector<std::uint32_t> row(static_cast<std::size_t>(model.context), 1);
  for (std::int64_t r = 0; r < train.batch; ++r) batch.add(row, 0, 0);
  const TrainingEstimate one = estimate(model, train, 1, 1e9), two = estimate(model, train, 2, 1e9);
  CHECK(one.flops == Approx(training_flops(model, Layout(model), batch) * static_cast<double>(train.steps())));
  CHECK(one.parameters == static_cast<double>(model.parameters()));
  CHECK(one.seconds > one.flops / 1e9);
  CHECK(two.seconds == Approx(one.seconds / 2));
  CHECK(two.state_bytes > one.state_bytes);  // a gradient for each thread
  train.recompute = true;
  const TrainingEstimate again = estimate(model, train, 1, 1e9);
  CHECK(again.seconds == Approx(one.seconds * 4 / 3));
  CHECK(again.flops == one.flops);
  CHECK(again.activation_bytes < one.activation_bytes);
  CHECK(product_rate(Precision::float32) > 1e8);
}
