#include "policies/optimiser.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace fader {

Optimiser::Optimiser(OptimiserOptions options, std::size_t parameters) : options_(std::move(options)), proposed_(parameters) {
  if (options_.kind == "adam") first_.resize(parameters);
  if (options_.kind != "sgd") second_.resize(parameters);
}

double Optimiser::step(std::span<float> theta, std::span<float> gradient) {
  FADER_CHECK(theta.size() == proposed_.size() && gradient.size() == proposed_.size());
  double squares = 0;
  for (const float g : gradient) squares += static_cast<double>(g) * static_cast<double>(g);
  const double norm = std::sqrt(squares);
  if (!std::isfinite(norm))
    throw RunError(fmt::format("the gradient of a console's network is {}; its rewards or observations are too large; try a scaler, or a "
                               "smaller learning_rate",
                               norm));
  if (options_.clip > 0 && norm > options_.clip)
    for (float& g : gradient) g *= static_cast<float>(options_.clip / norm);
  ++steps_;
  const auto t = static_cast<double>(steps_);
  const bool adam = options_.kind == "adam", sgd = options_.kind == "sgd";
  const auto keep = static_cast<float>(adam ? 0.999 : 0.99), epsilon = static_cast<float>(options_.epsilon);
  const auto rate = static_cast<float>(adam ? options_.rate / (1 - std::pow(0.9, t)) : options_.rate);
  const auto unbiased = static_cast<float>(adam ? 1 / std::sqrt(1 - std::pow(0.999, t)) : 1);
  for (std::size_t i = 0; i < second_.size(); ++i) second_[i] = keep * second_[i] + (1 - keep) * gradient[i] * gradient[i];
  for (std::size_t i = 0; i < first_.size(); ++i) first_[i] = 0.9f * first_[i] + 0.1f * gradient[i];
  const std::span<const float> direction = adam ? std::span<const float>(first_) : std::span<const float>(gradient);
  bool sane = true;
  for (std::size_t i = 0; i < proposed_.size(); ++i) {
    proposed_[i] = theta[i] - rate * direction[i] / (sgd ? 1 : std::sqrt(second_[i]) * unbiased + epsilon);
    sane &= std::abs(proposed_[i]) <= kGreatestParameter;
  }
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
