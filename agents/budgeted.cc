#include "agents/budgeted.h"

#include <algorithm>
#include <numeric>

#include "trainer/flops.h"

namespace fader {

double PassageCost::forward(std::int64_t tokens) const {
  const auto n = static_cast<double>(tokens);
  return forward_flops(model_, layout_, n, n * (n + 1) / 2);
}

double PassageCost::training(const TrainOptions& train, std::int64_t steps) const {
  return 3 * static_cast<double>(steps * train.batch) * forward(model_.context);
}

Budgeted::Budgeted(const AgentContext& context, const std::string& kind, double budget, double passes)
    : corpus_(context.corpus), stream_("agents/" + kind), cost_(context.model), passes_(passes),
      flops_(budget * cost_.training(context.train, context.train.steps_per_interval)), key_(static_cast<std::size_t>(context.slots), 0) {
  const double affordable = flops_ / (passes * cost_.forward(context.model.context));
  if (budget > 0 && affordable < 2)
    throw ConfigError(fmt::format("agent '{}': its budget, {:g} of the training FLOPs, pays for {:.2g} passages an interval, and two are the "
                                  "least that can be compared; raise budget to {:.2g}, or train.steps_per_interval",
                                  kind, budget, affordable, 2.2 * budget / affordable));
}

void Budgeted::begin(Slots slots, std::span<const std::uint64_t> seeds) {
  for (std::size_t i = 0; i < slots.size(); ++i) key_[static_cast<std::size_t>(slots[i])] = stream_key(seeds[i], stream_);
}

void Budgeted::score(std::span<ScoreJob> jobs, Trainer& trainer) {
  std::vector<std::vector<std::size_t>> chosen;
  std::vector<Look> looks;
  for (const ScoreJob& job : jobs) {
    chosen.push_back(affordable(job.slot, job.passages, trainer.step(job.slot)));
    Look& look = looks.emplace_back(Look{.slot = job.slot});
    for (const std::size_t c : chosen.back()) look.passages.push_back(job.passages[c]);
    look.score.resize(look.passages.size());
  }
  measure(looks, trainer);
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    const std::vector<float>& measured = looks[j].score;
    const double sum = std::accumulate(measured.begin(), measured.end(), 0.0), n = static_cast<double>(measured.size());
    std::fill(jobs[j].score.begin(), jobs[j].score.end(), measured.empty() ? 0.0f : static_cast<float>(sum / n));
    for (std::size_t i = 0; i < measured.size(); ++i) jobs[j].score[chosen[j][i]] = measured[i];
    jobs[j].cost += looks[j].cost;
  }
}

void Budgeted::losses(std::span<Look> looks, Trainer& trainer) {
  std::vector<LossJob> jobs;
  std::vector<Look*> asked;
  for (Look& look : looks) {
    if (look.passages.empty()) continue;
    jobs.push_back({.slot = look.slot, .passages = look.passages, .loss = look.score});
    asked.push_back(&look);
  }
  if (!jobs.empty()) trainer.losses(jobs);
  for (std::size_t j = 0; j < jobs.size(); ++j) asked[j]->cost += jobs[j].cost;
}

std::vector<std::size_t> Budgeted::affordable(int slot, std::span<const PassageId> candidates, std::int64_t step) const {
  std::vector<std::pair<std::uint64_t, std::size_t>> lots;
  const std::uint64_t key = key_[static_cast<std::size_t>(slot)], turn = static_cast<std::uint64_t>(step) << 32;
  for (std::size_t c = 0; c < candidates.size(); ++c)
    if (measurable(candidates[c])) lots.emplace_back(random_bits(key, turn | candidates[c]), c);
  std::sort(lots.begin(), lots.end());
  std::vector<std::size_t> chosen;
  double left = flops_;
  for (const auto& [lot, c] : lots) {
    left -= passes_ * cost_.forward(corpus_->passages()[candidates[c]].tokens);
    if (left < 0) break;
    chosen.push_back(c);
  }
  return chosen;
}

}  // namespace fader
