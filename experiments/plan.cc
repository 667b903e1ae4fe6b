#include "experiments/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/files.h"
#include "experiments/run.h"

namespace fader {

/// What has become of the runs of a plan, for points that come after them.
class Plan::Answers final : public Results {
 public:
  Answers(const Plan& plan, const Claims& claims, std::filesystem::path folder) : plan_(plan), claims_(claims), folder_(std::move(folder)) {}

  std::vector<std::pair<std::int64_t, RunOutcome>> outcomes(std::size_t point) const override {
    std::vector<std::pair<std::int64_t, RunOutcome>> out;
    for (const std::size_t task : plan_.of_point_.at(point)) {
      const RunState& state = claims_.state(task);
      if (state.stage == RunState::Stage::complete) out.emplace_back(plan_.tasks_[task].seed, state.outcome);
    }
    return out;
  }
  std::filesystem::path run_file(std::size_t point, std::int64_t seed) const override {
    return run_folder(folder_, plan_.experiment_.points.at(point), seed) / "run.h5";
  }

 private:
  const Plan& plan_;
  const Claims& claims_;
  const std::filesystem::path folder_;
};

Plan::Plan(const Experiment& experiment, std::span<const std::int64_t> seeds, std::span<const std::size_t> points)
    : experiment_(experiment), of_point_(experiment.points.size()) {
  std::vector<bool> wanted(experiment.points.size(), points.empty());
  for (const std::size_t p : points) {
    if (p >= wanted.size()) throw ConfigError(fmt::format("--point {}: there are {} points, 0 to {}", p, wanted.size(), wanted.size() - 1));
    wanted[p] = true;
  }
  for (std::size_t p = wanted.size(); p-- > 0;)  // a point comes after earlier ones
    if (wanted[p])
      for (const std::size_t before : experiment.points[p].after) wanted.at(before) = true;
  Sha256 all;
  for (std::size_t p = 0; p < wanted.size(); ++p) {
    const Point& point = experiment.points[p];
    all.add(fmt::format("{} {}\n", point.slug, point.hash));
    if (!wanted[p]) continue;
    const bool given = !seeds.empty() && point.stage != "search";
    for (const std::int64_t seed : given ? std::vector<std::int64_t>(seeds.begin(), seeds.end()) : point.run.seeds) tasks_.push_back({p, seed});
  }
  hash_ = all.hex();
  const auto stage = [&](const Task& t) { return experiment.points[t.point].stage == "search" ? 0 : 1; };
  std::stable_sort(tasks_.begin(), tasks_.end(), [&](const Task& a, const Task& b) {
    return std::pair(stage(a), a.seed) < std::pair(stage(b), b.seed);
  });
  for (std::size_t i = 0; i < tasks_.size(); ++i) of_point_[tasks_[i].point].push_back(i);
}

std::vector<RunKey> Plan::keys() const {
  std::vector<RunKey> out;
  for (const Task& task : tasks_) out.push_back({experiment_.points[task.point].slug, task.seed});
  return out;
}

std::string Plan::label(std::size_t task) const {
  const Point& p = point(task);
  const std::string name = p.stage == "search" ? p.slug : p.policy.name;
  return fmt::format("{} seed {}", name, tasks_[task].seed);
}

Claims::Standing Plan::standing(std::size_t task, const Claims& claims) const {
  const Point& p = point(task);
  for (const std::size_t before : p.after)
    for (const std::size_t other : of_point_.at(before))
      if (!claims.has_ended(other) && standing(other, claims) != Claims::Standing::out) return Claims::Standing::waiting;
  if (p.wanted && !p.wanted(Answers(*this, claims, ""))) return Claims::Standing::out;
  return Claims::Standing::ready;
}

Point Plan::settled(std::size_t task, const Claims& claims, const std::filesystem::path& folder) const {
  const Point& p = point(task);
  return p.settle ? p.settle(Answers(*this, claims, folder), tasks_[task].seed) : p;
}

}  // namespace fader
