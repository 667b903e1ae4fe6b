#include "experiments/outlook.h"

#include <fmt/format.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "trainer/estimate.h"
#include "trainer/product.h"

namespace fader {
namespace fs = std::filesystem;
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

double rate_of(const Point& p, const std::map<Precision, double>& rates) { return p.run.device == "cpu" ? rates.at(precision_of(p.train)) : 1.0; }

TrainingEstimate estimate_of(const Point& p, const std::map<Precision, double>& rates) {
  return estimate(p.model, p.train, static_cast<int>(p.run.threads), rate_of(p, rates));
}

double seconds_of(const Point& p, const TrainingEstimate& e) { return e.seconds * static_cast<double>(p.run.episodes) / static_cast<double>(p.run.processes); }

/// Of the precisions that runs on the processor have.
std::map<Precision, double> rates_of(const Plan& plan) {
  keep_to_one_thread();
  std::map<Precision, double> rates;
  for (std::size_t task = 0; task < plan.tasks().size(); ++task) {
    const Point& p = plan.point(task);
    if (const Precision precision = precision_of(p.train); p.trains() && p.run.device == "cpu" && !rates.count(precision))
      rates[precision] = product_rate(precision);
  }
  return rates;
}

std::string line_of(const Point& p, const std::map<Precision, double>& rates) {
  const TrainingEstimate e = estimate_of(p, rates);
  std::string line = fmt::format("a model of {} parameters, {}: {:.2g} FLOPs of optimiser steps a run", parameters(e.parameters), p.train.precision,
                                 e.flops * static_cast<double>(p.run.episodes));
  if (p.run.device != "cpu") return line + "\n";
  const double bytes = e.state_bytes + e.activation_bytes;
  line += fmt::format(", about {} here; memory {} (weights, gradients, moments {}; activations {})", duration(seconds_of(p, e)), size(bytes),
                      size(e.state_bytes), size(e.activation_bytes));
  if (bytes > memory())
    line += fmt::format(", but this machine has {}; try a smaller model, train.recompute = true, or fewer threads", size(memory()));
  return line + "\n";
}

/// Of run.h5 and what lies beside it. Datasets of one chunk, and rows: measured with 1 to 800 decisions, 10 to 1,000 steps and 4 agents.
double bytes_of_run(const Point& p) {
  const auto kept = static_cast<double>(std::min(p.run.episodes, std::max<std::int64_t>(p.run.log_episodes, 1)));
  if (!p.trains()) {
    const auto horizon = static_cast<double>(environments().at(p.env.kind).make(*p.env.options, {})->spec().horizon);
    return 1e5 + 550 * horizon * kept;
  }
  const double row = 900 + 120 * static_cast<double>(p.agents.size());
  return 2.3e5 + kept * (static_cast<double>(p.train.intervals) * row + (p.run.log_steps ? 60 * static_cast<double>(p.train.steps()) : 0));
}

std::string line_of(const Price& price, std::size_t jobs, const fs::path& out) {
  const auto together = static_cast<double>(std::max<std::size_t>(1, std::min(jobs, static_cast<std::size_t>(price.runs))));
  std::string line = fmt::format("in all {:.0f} runs", price.runs);
  if (price.flops > 0) line += fmt::format(": {:.2g} FLOPs of optimiser steps", price.flops);
  if (price.seconds > 0) line += fmt::format(", about {} here by {:.0f} at a time, scores, credit and evaluations apart", duration(price.seconds / together), together);
  const double bytes = price.bytes + together * price.checkpoint_bytes;
  line += fmt::format("{} about {} on disk", price.flops > 0 ? ";" : ",", size(bytes));
  std::error_code unknown;
  fs::path there = fs::absolute(out);
  while (!fs::exists(there, unknown) && there.has_relative_path()) there = there.parent_path();
  if (const fs::space_info space = fs::space(there, unknown); !unknown && bytes > static_cast<double>(space.available))
    line += fmt::format(", but only {} are free at {}; choose another --out, or keep fewer checkpoints (run.checkpoint_intervals, run.checkpoints_kept)",
                        size(static_cast<double>(space.available)), out.string());
  return line + "\n";
}

}  // namespace

Price price_of(const Plan& plan, const std::map<Precision, double>& rates) {
  constexpr double kBytesAParameter = 12;  // of a checkpoint: the weight and both moments
  Price price;
  for (std::size_t task = 0; task < plan.tasks().size(); ++task) {
    const Point& p = plan.point(task);
    price.runs += p.share;
    price.bytes += p.share * bytes_of_run(p);
    if (!p.trains()) continue;
    const TrainingEstimate e = estimate_of(p, rates);
    price.flops += p.share * e.flops * static_cast<double>(p.run.episodes);
    price.seconds += p.run.device == "cpu" ? p.share * seconds_of(p, e) : std::nan("");
    const double checkpoint = kBytesAParameter * e.parameters * static_cast<double>(p.run.members);
    price.checkpoint_bytes = std::max(price.checkpoint_bytes, checkpoint * static_cast<double>(p.run.checkpoints_kept));
    if (p.run.checkpoint_intervals > 0)
      price.bytes += p.share * checkpoint * std::floor(static_cast<double>(p.train.intervals) / static_cast<double>(p.run.checkpoint_intervals));
  }
  return price;
}

std::string outlook(const Plan& plan, std::size_t jobs, const fs::path& out) {
  const std::map<Precision, double> rates = rates_of(plan);
  std::set<std::string> said;
  std::string text;
  for (std::size_t task = 0; task < plan.tasks().size(); ++task) {
    const Point& point = plan.point(task);
    if (!point.trains()) continue;
    if (const std::string line = line_of(point, rates); said.insert(line).second) text += line;
  }
  return text + line_of(price_of(plan, rates), jobs, out);
}

}  // namespace fader
