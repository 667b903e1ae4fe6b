#include "experiments/outlook.h"

#include <fmt/format.h>
#include <sys/sysinfo.h>

#include <cmath>
#include <map>
#include <set>

#include "trainer/estimate.h"
#include "trainer/product.h"

namespace fader {
namespace {

std::string size(double bytes) { return bytes < 1e9 ? fmt::format("{:.0f} MB", std::ceil(bytes / 1e6)) : fmt::format("{:.1f} GB", bytes / 1e9); }

std::string duration(double seconds) {
  if (seconds < 120) return fmt::format("{:.0f} s", std::ceil(seconds));
  if (seconds < 7200) return fmt::format("{:.0f} min", std::ceil(seconds / 60));
  return seconds < 2e5 ? fmt::format("{:.1f} h", seconds / 3600) : fmt::format("{:.1f} days", seconds / 86400);
}

std::string parameters(double n) { return n < 1e9 ? fmt::format("{:.3g} M", n / 1e6) : fmt::format("{:.3g} G", n / 1e9); }

double memory() {  // of the machine, in bytes
  struct sysinfo s {};
  return ::sysinfo(&s) == 0 ? static_cast<double>(s.totalram) * s.mem_unit : INFINITY;
}

}  // namespace

std::string outlook(const Experiment& experiment) {
  keep_to_one_thread();
  std::map<Precision, double> rates;
  std::set<std::string> said;
  std::string out;
  for (const Point& p : experiment.points) {
    if (!p.trains()) continue;
    const Precision precision = precision_of(p.train);
    const bool here = p.run.device == "cpu";
    if (here && !rates.count(precision)) rates[precision] = product_rate(precision);
    const Estimate e = estimate(p.model, p.train, static_cast<int>(p.run.threads), here ? rates[precision] : 1.0);
    const auto episodes = static_cast<double>(p.run.episodes);
    std::string line = fmt::format("a model of {} parameters, {}: {:.2g} FLOPs of optimiser steps a run", parameters(e.parameters), p.train.precision,
                                   e.flops * episodes);
    const double bytes = e.state_bytes + e.activation_bytes;
    if (here)
      line += fmt::format(", about {} here; memory {} (weights, gradients, moments {}; activations {})", duration(e.seconds * episodes / static_cast<double>(p.run.processes)), size(bytes),
                          size(e.state_bytes), size(e.activation_bytes));
    if (here && bytes > memory())
      line += fmt::format(", but this machine has {}; try a smaller model, train.recompute = true, or fewer threads", size(memory()));
    if (said.insert(line).second) out += line + "\n";
  }
  return out;
}

}  // namespace fader
