#include "trainer/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"

namespace fader {
namespace {

// A run in steps: warmup, then all - warmup - decay of them, then decay.
struct Parts {
  std::int64_t all, warmup, decay;
  explicit Parts(const TrainOptions& o)
      : all(o.steps()), warmup(std::llround(o.warmup * static_cast<double>(all))),
        decay(std::min<std::int64_t>(std::llround(o.decay * static_cast<double>(all)), all - warmup)) {}
};

double constant(const TrainOptions& o, std::int64_t step) {
  const Parts p(o);
  return step < p.warmup ? o.learning_rate * static_cast<double>(step + 1) / static_cast<double>(p.warmup) : o.learning_rate;
}

double warmup_stable_decay(const TrainOptions& o, std::int64_t step) {
  const auto [all, warmup, decay] = Parts(o);
  if (step < all - decay) return constant(o, step);
  if (decay == 0) return o.learning_rate;
  const double done = std::min(1.0, static_cast<double>(step - (all - decay) + 1) / static_cast<double>(decay));
  return o.learning_rate * (1.0 + done * (o.final_share - 1.0));
}

double cosine(const TrainOptions& o, std::int64_t step) {
  const auto [all, warmup, unused] = Parts(o);
  if (step < warmup) return constant(o, step);
  const double done = std::min(1.0, static_cast<double>(step - warmup + 1) / static_cast<double>(std::max<std::int64_t>(1, all - warmup)));
  return o.learning_rate * (o.final_share + (1.0 - o.final_share) * 0.5 * (1.0 + std::cos(std::numbers::pi * done)));
}

struct Schedule {
  const char* name;
  double (*rate)(const TrainOptions&, std::int64_t step);
};
constexpr Schedule kSchedules[] = {{"constant", constant}, {"cosine", cosine}, {"wsd", warmup_stable_decay}};

}  // namespace

std::vector<std::string> schedule_names() {
  std::vector<std::string> names;
  for (const Schedule& s : kSchedules) names.emplace_back(s.name);
  return names;
}

double scheduled_rate(const TrainOptions& options, std::int64_t step) {
  for (const Schedule& s : kSchedules)
    if (options.schedule == s.name) return s.rate(options, step);
  const auto known = schedule_names();
  throw ConfigError(fmt::format("no schedule '{}'{}", options.schedule, suggestion(options.schedule, known)));
}

std::int64_t averaged_weights(const TrainOptions& options, std::int64_t steps) {
  if (options.schedule != "constant") return 0;
  const Parts p(options);
  return p.decay == 0 ? 0 : std::max<std::int64_t>(0, steps - (p.all - p.decay));
}

}  // namespace fader
