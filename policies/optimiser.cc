#include "policies/optimiser.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "policies/multiply.h"

namespace fader {

Optimiser::Optimiser(OptimiserOptions options, std::size_t parameters) : options_(std::move(options)), proposed_(parameters) {
  if (options_.kind == "sgd") return;
  first_.resize(parameters);
  second_.resize(parameters);
}

double Optimiser::step(std::span<float> theta, std::span<float> gradient) {
  FADER_CHECK(theta.size() == proposed_.size() && gradient.size() == proposed_.size());
  const double norm = std::sqrt(sum_of_squares(gradient));
  if (!std::isfinite(norm))
    throw RunError(fmt::format("the gradient of a console's network is {}; its rewards or observations are too large; try a scaler, or a "
                               "smaller learning_rate",
                               norm));
  if (options_.clip > 0 && norm > options_.clip)
    for (float& g : gradient) g *= static_cast<float>(options_.clip / norm);
  ++steps_;
  const auto t = static_cast<double>(steps_);
  const auto rate = static_cast<float>(options_.rate), epsilon = static_cast<float>(options_.epsilon);
  if (options_.kind == "sgd") {
    for (std::size_t i = 0; i < theta.size(); ++i) proposed_[i] = theta[i] - rate * gradient[i];
  } else if (options_.kind == "rmsprop") {
    moving_step({0, 0.99f, rate, 1, epsilon}, gradient, first_, second_, theta, proposed_);
  } else {
    const double unbias_first = 1 / (1 - std::pow(0.9, t)), unbias_second = 1 / (1 - std::pow(options_.keep, t));
    const Adam how = {0.9f, static_cast<float>(options_.keep), static_cast<float>(options_.rate * unbias_first),
                      static_cast<float>(std::sqrt(unbias_second)), epsilon};
    moving_step(how, gradient, first_, second_, theta, proposed_);
  }
  bool sane = true;
  for (const float x : proposed_) sane &= std::abs(x) <= kGreatestParameter;
  if (!sane)
    throw RunError(fmt::format("a parameter of a console's network would leave -{0} to {0}: it diverges; try a smaller learning_rate, or a "
                               "scaler of the rewards",
                               kGreatestParameter));
  std::ranges::copy(proposed_, theta.begin());
  return norm;
}

void Optimiser::state(Archive& archive) {
  archive.field("steps", steps_);
  archive.expect(steps_ >= 0, "a number of steps");
  const auto sane = [](float x) { return std::abs(x) <= 1e18f; };  // false for NaN
  archive.field("first", std::span(first_));
  archive.expect(std::ranges::all_of(first_, sane), "a mean of gradients");
  archive.field("second", std::span(second_));
  archive.expect(std::ranges::all_of(second_, [&](float x) { return x >= 0 && x <= 1e36f; }), "a mean of squared gradients");
}

void parameters_state(Archive& archive, std::string_view name, std::span<float> theta) {
  archive.field(name, theta);
  archive.expect(std::ranges::all_of(theta, [](float x) { return std::abs(x) <= kGreatestParameter; }), "what a network has learned");
}

}  // namespace fader
