#include "analysis/series.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace fader {
namespace {

std::vector<double> in_order(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  x.erase(std::unique(x.begin(), x.end()), x.end());
  return x;
}

}  // namespace

double Trace::at(double position) const {
  const auto above = std::lower_bound(x.begin(), x.end(), position);
  if (above == x.end()) return stats::kNaN;
  const auto i = static_cast<std::size_t>(above - x.begin());
  if (*above == position) return y[i];
  if (i == 0) return stats::kNaN;
  return y[i - 1] + (y[i] - y[i - 1]) * (position - x[i - 1]) / (x[i] - x[i - 1]);
}

Trace known_points(const std::vector<double>& x, const std::vector<double>& y) {
  Trace out;
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i)
    if (std::isfinite(x[i]) && std::isfinite(y[i]) && (out.x.empty() || x[i] > out.x.back())) {
      out.x.push_back(x[i]);
      out.y.push_back(y[i]);
    }
  return out;
}

Trace difference(const Trace& one, const Trace& other) {
  std::vector<double> x;
  std::set_union(one.x.begin(), one.x.end(), other.x.begin(), other.x.end(), std::back_inserter(x));
  std::vector<double> y;
  for (const double position : x) y.push_back(one.at(position) - other.at(position));
  return known_points(x, y);
}

Curve mean_curve(const std::vector<Trace>& series, double confidence) {
  std::vector<double> all;
  for (const Trace& s : series)
    if (all != s.x) all.insert(all.end(), s.x.begin(), s.x.end());
  all = in_order(std::move(all));
  Curve out;
  out.n = series.size();
  for (const double x : all) {
    std::vector<double> values;
    for (const Trace& s : series) values.push_back(s.at(x));
    if (std::ranges::any_of(values, [](double v) { return std::isnan(v); })) continue;
    out.x.push_back(x);
    out.mean.push_back(stats::mean(values));
    out.band.push_back(stats::t_interval(values, confidence));
  }
  return out;
}

Stretches mean_stretches(const std::vector<std::vector<double>>& bounds, const std::vector<const Grid<double>*>& rows) {
  Stretches out;
  if (rows.empty()) return out;
  std::vector<double> all;
  double last = INFINITY;
  for (const std::vector<double>& b : bounds) {
    if (all != b) all.insert(all.end(), b.begin(), b.end());
    last = std::min(last, b.back());
  }
  all = in_order(std::move(all));
  std::vector<std::size_t> row(rows.size(), 0);   // that holds at the moment
  const std::size_t width = rows[0]->cols();
  for (std::size_t i = 0; i + 1 < all.size() && all[i + 1] <= last; ++i) {
    std::vector<double> sum(width, 0.0);
    std::vector<std::size_t> known(width, 0);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      while (bounds[r][row[r] + 1] <= all[i]) ++row[r];
      for (std::size_t k = 0; k < width; ++k) {
        const double value = (*rows[r])[row[r]][k];
        if (std::isnan(value)) continue;
        sum[k] += value;
        ++known[k];
      }
    }
    for (std::size_t k = 0; k < width; ++k) sum[k] = known[k] == 0 ? stats::kNaN : sum[k] / static_cast<double>(known[k]);
    out.from.push_back(all[i]);
    out.to.push_back(all[i + 1]);
    out.values.push_back(std::move(sum));
  }
  return out;
}

}  // namespace fader
