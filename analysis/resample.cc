#include "analysis/resample.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace fader::stats {
namespace {

void draw(std::span<const double> from, std::span<double> to, Rng& stream) {
  for (double& x : to) x = from[stream.below(from.size())];
}

void draw(const Scores& from, Scores& to, Rng& stream) {
  for (std::size_t task = 0; task < from.size(); ++task) draw(from[task], to[task], stream);
}

/// The middle of what `once` returns, called for every draw.
template <class Once>
Interval middle_of_draws(const Bootstrap& options, const Once& once) {
  FADER_CHECK(options.draws > 0, "a bootstrap of no draws");
  std::vector<double> values(options.draws);
  for (double& value : values) value = once();
  return middle(values, options.confidence);
}

bool any_run(const Scores& scores) {
  return std::any_of(scores.begin(), scores.end(), [](const auto& task) { return !task.empty(); });
}

}  // namespace

Interval middle(std::vector<double>& values, double confidence) {
  FADER_CHECK(confidence > 0 && confidence < 1, "confidence {}", confidence);
  if (values.empty() || std::any_of(values.begin(), values.end(), [](double v) { return std::isnan(v); })) return {};
  std::sort(values.begin(), values.end());
  const auto quantile = [&](double share) {
    const double place = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const double low = values[below], high = values[std::min(below + 1, values.size() - 1)];
    return low + (place - static_cast<double>(below)) * (high - low);  // inf - inf is NaN
  };
  const Interval found{quantile(0.5 * (1 - confidence)), quantile(0.5 * (1 + confidence))};
  return std::isfinite(found.low) && std::isfinite(found.high) ? found : Interval{};
}

Interval percentile_bootstrap(std::span<const double> x, const Statistic& statistic, const Bootstrap& options, Rng stream) {
  if (x.empty()) return {};
  std::vector<double> drawn(x.size());
  return middle_of_draws(options, [&] {
    draw(x, drawn, stream);
    return statistic(drawn);
  });
}

Interval studentised_bootstrap(std::span<const double> x, const Bootstrap& options, Rng stream) {
  if (x.size() < 2) return {};
  const double m = mean(x), root = std::sqrt(static_cast<double>(x.size())), error = sd(x) / root;
  if (error == 0) return {m, m};
  std::vector<double> drawn(x.size());
  const Interval t = middle_of_draws(options, [&] {
    draw(x, drawn, stream);
    const double off = mean(drawn) - m;
    if (std::abs(off) < 1e-12 * error) return 0.0;  // rounding
    return off / (sd(drawn) / root);                // no spread: infinite
  });
  return {m - t.high * error, m - t.low * error};
}

Interval stratified_bootstrap(const Scores& scores, const std::function<double(const Scores&)>& statistic,
                              const Bootstrap& options, Rng stream) {
  if (!any_run(scores)) return {};
  Scores drawn = scores;
  return middle_of_draws(options, [&] {
    draw(scores, drawn, stream);
    return statistic(drawn);
  });
}

Interval stratified_bootstrap(const Scores& x, const Scores& y,
                              const std::function<double(const Scores&, const Scores&)>& statistic, const Bootstrap& options,
                              Rng stream) {
  if (!any_run(x) || !any_run(y)) return {};
  Scores drawn_x = x, drawn_y = y;
  return middle_of_draws(options, [&] {
    draw(x, drawn_x, stream);
    draw(y, drawn_y, stream);
    return statistic(drawn_x, drawn_y);
  });
}

}  // namespace fader::stats
