// learnability: what was being learned of late: the loss that a passage has lost.
//
//   model = "own"     S(x) = l(x; theta_{t-lag}) - l(x; theta_t)      what the last `lag` intervals did to passages like x
//   model = "small"   S(x) = l_early(x) - l_late(x)                   of a small model trained on the pool (small_model.h); static
//   relative          either divided by the earlier loss
//
// The progress signal of Graves et al. 2017 (arXiv 1704.03003, section 3.1) for a passage rather than a task. What is known or is
// noise stands still; what is just being picked up falls. A candidate of a stream never comes back, so losses of the past cannot
// be remembered: own keeps the slot as it was `lag` intervals ago, and asks both models about the same candidates: two forward
// passes a measured candidate, within `budget` of an interval's training FLOPs (budgeted.h). Before the first interval is over all
// scores are 0; before `lag` are, the oldest model that there is takes the part. Memory: a second model a slot and `lag` + 1 of its
// saved states (weights, moments and reference gradient, 16 bytes a parameter), which are part of a checkpoint.
// Status: checked against an oracle (tests/agents/learnability_test.cc).
#include <algorithm>
#include <cmath>
#include <deque>

#include "agents/budgeted.h"
#include "agents/small_model.h"

namespace fader {
namespace {

struct LearnabilityOptions final : Options {
  std::string model = "own";
  bool relative = false;
  double budget = 0.25;
  std::int64_t lag = 1;
  SmallModelOptions small;
  LearnabilityOptions() { small.epochs = 1; }
  void fields(Fields& f) override {
    f("model", model, "whose progress: own, of the model that is trained, of late; small, of a small model trained on the pool, once")
        .one_of({"own", "small"});
    f("relative", relative, "whether progress is divided by the loss that it began from");
    budget_field(f, budget);
    f("lag", lag, "own: intervals over which it is taken", 1, 1000);
    small.fields(f, "small_", "small_budget");
    f("small_early", small.early, "small: share of its steps after which its early losses are taken", 0.01, 0.9);
  }
  void validate() const override {
    if (model == "small" && lag != 1)
      throw ConfigError(fmt::format("lag is {} and model is 'small', whose progress is taken once; set small_early, or model = \"own\"", lag));
  }
};

class Learnability final : public Budgeted {
 public:
  Learnability(const LearnabilityOptions& options, const AgentContext& context)
      : Budgeted(context, "learnability", options.model == "own" ? options.budget : 0, 2), relative_(options.relative),
        lag_(static_cast<std::size_t>(options.lag)), kept_(static_cast<std::size_t>(context.slots)) {
    if (options.model == "own") {
      earlier_ = make_trainer(context.model, context.train, context.corpus, context.slots, context.machine);
      return;
    }
    const StaticColumn column = small_model_column(context, "learnability", options.small, Set::pool,
                                                   relative_ ? SmallModelScore::relative_progress : SmallModelScore::progress);
    cost_ = column.cost;
    remark(unscored(*context.corpus, column.values));
    column_ = with_mean(column.values);
  }

  void begin(Slots slots, std::span<const std::uint64_t> seeds) override {
    Budgeted::begin(slots, seeds);
    for (const int slot : slots) kept(slot).clear();
  }

  void score(std::span<ScoreJob> jobs, Trainer& trainer) override {
    if (!earlier_) {
      for (const ScoreJob& job : jobs)
        for (std::size_t i = 0; i < job.passages.size(); ++i) job.score[i] = column_[job.passages[i]];
      return;
    }
    for (const ScoreJob& job : jobs) keep(job.slot, trainer);
    Budgeted::score(jobs, trainer);
  }
  Cost static_cost() const override { return cost_; }

  void state(Archive& archive) override {
    for (std::size_t s = 0; s < kept_.size(); ++s) slot_state(archive, static_cast<int>(s));
  }
  void slot_state(Archive& archive, int slot) override {
    Budgeted::slot_state(archive, slot);
    std::vector<std::string> models;
    for (const Kept& k : kept(slot)) models.push_back(k.model);
    archive.field("earlier", models);
    if (!archive.loading()) return;
    archive.expect(models.size() <= (earlier_ ? lag_ + 1 : 0), "as many earlier models as are kept");
    kept(slot).clear();
    for (const std::string& model : models) {
      load(slot, model);
      archive.expect(earlier_->started(slot), "a model that was started");
      kept(slot).push_back({earlier_->step(slot), model});
    }
  }

 private:
  struct Kept {
    std::int64_t step = 0;   // of the optimiser
    std::string model;       // the trainer's state of the slot
  };
  std::deque<Kept>& kept(int slot) { return kept_[static_cast<std::size_t>(slot)]; }

  void load(int slot, const std::string& model) {
    Archive archive(model);
    earlier_->slot_state(archive, slot);
    archive.finish();
  }

  /// The model as it is, unless it is there from an earlier scoring in the same interval.
  void keep(int slot, Trainer& trainer) {
    if (!kept(slot).empty() && kept(slot).back().step == trainer.step(slot)) return;
    if (kept(slot).size() > lag_) kept(slot).pop_front();
    Archive archive;
    trainer.slot_state(archive, slot);
    kept(slot).push_back({trainer.step(slot), archive.bytes()});
  }

  void measure(std::span<Look> looks, Trainer& trainer) override {
    std::vector<Look> before;
    std::vector<std::size_t> place;
    for (std::size_t i = 0; i < looks.size(); ++i) {
      if (kept(looks[i].slot).size() < 2) continue;
      load(looks[i].slot, kept(looks[i].slot).front().model);
      before.push_back(looks[i]);
      place.push_back(i);
    }
    std::vector<Look> now = before;
    losses(before, *earlier_);
    losses(now, trainer);
    for (std::size_t j = 0; j < now.size(); ++j) {
      Look& look = looks[place[j]];
      look.cost = before[j].cost;
      look.cost += now[j].cost;
      for (std::size_t i = 0; i < look.score.size(); ++i) {
        look.score[i] = before[j].score[i] - now[j].score[i];
        if (relative_) look.score[i] /= std::max(before[j].score[i], 1e-6f);
        if (!std::isfinite(look.score[i])) look.score[i] = 0;  // a model that was lost says nothing
      }
    }
  }

  const bool relative_;
  const std::size_t lag_;
  std::vector<std::deque<Kept>> kept_;         // [slot]: of the last `lag` + 1 intervals that were scored, the oldest first
  std::unique_ptr<Trainer> earlier_;           // own: holds them while they are asked
  Cost cost_;
  std::vector<float> column_;                  // small: of each passage
};

REGISTER_AGENT("learnability", Learnability, LearnabilityOptions, "how much of a passage was learned of late",
               "checked against an oracle");

}  // namespace
}  // namespace fader
