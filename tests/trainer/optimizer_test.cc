#include "trainer/optimizer.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/error.h"
#include "trainer/buffer.h"
#include "trainer/schedule.h"

using namespace fader;

TEST_CASE("adamw: two steps against the formula, decay on matrices alone, gaps stay zero") {
  ModelOptions m;
  m.vocabulary = 9;
  m.width = 6;
  m.layers = 1;
  m.heads = 1;
  m.hidden = 5;
  const Layout layout(m);
  TrainOptions o;
  o.weight_decay = 0.2;
  o.clip = 0.5;
  o.epsilon = 1e-3;
  const auto n = static_cast<std::size_t>(layout.size);
  Buffer<float> g(n), p(n), first(n), second(n);
  for (const Tensor& t : layout.tensors)
    for (std::int64_t i = t.offset; i < t.offset + t.size(); ++i) {
      p[static_cast<std::size_t>(i)] = 0.3f * static_cast<float>(std::sin(i));
      g[static_cast<std::size_t>(i)] = 0.1f * static_cast<float>(std::cos(i));
    }
  std::vector<double> wp(p.begin(), p.end()), wm(n), wv(n);
  double square = 0;
  for (const float x : g) square += static_cast<double>(x) * x;
  const double length = std::sqrt(square);
  REQUIRE(length > o.clip);
  CHECK(norm(g) == Approx(length).epsilon(1e-12));
  for (int t = 1; t <= 2; ++t) {
    const double rate = 0.01 * t;
    AdamW(o, rate, t, norm(g)).step(layout, 0, layout.size, g, p, first, second);
    for (const Tensor& tensor : layout.tensors)
      for (auto i = static_cast<std::size_t>(tensor.offset); i < static_cast<std::size_t>(tensor.offset + tensor.size()); ++i) {
        const double x = g[i] * o.clip / length;
        wm[i] = o.beta1 * wm[i] + (1 - o.beta1) * x;
        wv[i] = o.beta2 * wv[i] + (1 - o.beta2) * x * x;
        const double m1 = wm[i] / (1 - std::pow(o.beta1, t)), v1 = wv[i] / (1 - std::pow(o.beta2, t));
        wp[i] -= rate * m1 / (std::sqrt(v1) + o.epsilon) + (tensor.rows > 1 ? rate * o.weight_decay * wp[i] : 0.0);
      }
    for (std::size_t i = 0; i < n; ++i) REQUIRE(p[i] == Approx(wp[i]).epsilon(1e-5).margin(1e-7));
  }
}

TEST_CASE("adamw: no clipping below the limit, nor when it is off") {
  ModelOptions m;
  m.layers = 1;
  const Layout layout(m);
  const auto n = static_cast<std::size_t>(layout.size);
  const auto moment_after = [&](double clip) {
    TrainOptions o;
    o.clip = clip;
    Buffer<float> g(n), p(n), first(n), second(n);
    g[0] = 2.0f;
    AdamW(o, 1e-3, 1, norm(g)).step(layout, 0, layout.size, g, p, first, second);
    return first[0];
  };
  CHECK(moment_after(0) == Approx(0.2));
  CHECK(moment_after(3) == Approx(0.2));
  CHECK(moment_after(1) == Approx(0.1));
}

TEST_CASE("schedule: constant, with the weights of the last steps averaged") {
  TrainOptions o;
  o.intervals = 10;
  o.steps_per_interval = 10;
  o.schedule = "constant";
  o.learning_rate = 2.0;
  o.warmup = 0.2;
  o.decay = 0.3;
  CHECK(scheduled_rate(o, 0) == Approx(0.1));
  CHECK(scheduled_rate(o, 19) == Approx(2.0));
  CHECK(scheduled_rate(o, 99) == 2.0);
  CHECK(averaged_weights(o, 70) == 0);
  CHECK(averaged_weights(o, 71) == 1);
  CHECK(averaged_weights(o, 100) == 30);
  o.decay = 0;
  CHECK(averaged_weights(o, 100) == 0);
  o.decay = 0.3;
  o.schedule = "wsd";
  CHECK(averaged_weights(o, 100) == 0);
}

TEST_CASE("schedule: half a cosine") {
  TrainOptions o;
  o.intervals = 10;
  o.steps_per_interval = 10;
  o.schedule = "cosine";
  o.learning_rate = 2.0;
  o.warmup = 0.2;
  o.final_share = 0.1;
  CHECK(scheduled_rate(o, 0) == Approx(0.1));
  CHECK(scheduled_rate(o, 19) == Approx(2.0));
  CHECK(scheduled_rate(o, 59) == Approx(2.0 * 0.55));             // half-way: the mean of peak and end
  CHECK(scheduled_rate(o, 39) == Approx(2.0 * (0.1 + 0.9 * (1 + std::sqrt(0.5)) / 2)));
  CHECK(scheduled_rate(o, 99) == Approx(0.2));
  CHECK(scheduled_rate(o, 1000) == Approx(0.2));
  for (int s = 21; s < 110; ++s) CHECK(scheduled_rate(o, s) <= scheduled_rate(o, s - 1));
  o.warmup = 1.0;
  CHECK(scheduled_rate(o, 99) == 2.0);
}

TEST_CASE("schedule: warm-up, stable, decay") {
  TrainOptions o;
  o.intervals = 10;
  o.steps_per_interval = 10;
  o.learning_rate = 2.0;
  o.warmup = 0.05;
  o.decay = 0.3;
  o.final_share = 0.1;
  CHECK(scheduled_rate(o, 0) == Approx(0.4));
  CHECK(scheduled_rate(o, 3) == Approx(1.6));
  CHECK(scheduled_rate(o, 4) == Approx(2.0));
  CHECK(scheduled_rate(o, 69) == 2.0);
  CHECK(scheduled_rate(o, 70) == Approx(2.0 * (1 - 0.9 / 30)));
  CHECK(scheduled_rate(o, 84) == Approx(2.0 * (1 - 0.9 / 2)));
  CHECK(scheduled_rate(o, 99) == Approx(0.2));
  CHECK(scheduled_rate(o, 1000) == Approx(0.2));
  for (int s = 5; s < 110; ++s) CHECK(scheduled_rate(o, s) <= scheduled_rate(o, s - 1));
  o.warmup = o.decay = 0;
  CHECK(scheduled_rate(o, 0) == 2.0);
  CHECK(scheduled_rate(o, 99) == 2.0);
  o.schedule = "wds";
  CHECK_THROWS_WITH(scheduled_rate(o, 0), Catch::Contains("wsd"));
}

TEST_CASE("options of model and training: defaults pass, what cannot be is refused") {
  ModelOptions m;
  TrainOptions t;
  for (const Option& option : m.list()) CHECK(option.problem() == "");
  for (const Option& option : t.list()) CHECK(option.problem() == "");
  CHECK_NOTHROW(m.validate());
  CHECK_NOTHROW(t.validate());
  CHECK(m.hidden_width() == 176);
  m.width = 48;
  CHECK(m.hidden_width() == 128);
  m.heads = 7;
  CHECK_THROWS_AS(m.validate(), ConfigError);
  m.heads = 16;  // heads of width 3
  CHECK_THROWS_WITH(m.validate(), Catch::Contains("even"));
  t.warmup = 0.8;
  CHECK_THROWS_AS(t.validate(), ConfigError);
}
