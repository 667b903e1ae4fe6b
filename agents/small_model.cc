#include "agents/small_model.h"

#include <algorithm>
#include <cmath>

#include "agents/budgeted.h"

namespace fader {
namespace {

constexpr std::int64_t kLeastSteps = 5;
constexpr std::size_t kChunk = 512;  // passages that a thread looks at in one call

/// What is trained and how long, by the options and the run.
struct Plan {
  ModelOptions model;
  TrainOptions train;
  std::vector<PassageId> lesson;   // in the order of training
  double left = 0;                 // FLOPs for scoring
};

/// The set's passages with text, shuffled; a function of the corpus.
std::vector<PassageId> shuffled(const Corpus& corpus, Set set, std::string_view purpose) {
  std::vector<PassageId> ids;
  for (const PassageId id : corpus.set(set))
    if (corpus.passages()[id].bytes > 0) ids.push_back(id);
  Rng(1, purpose).shuffle(std::span(ids));
  return ids;
}

ModelOptions small(const AgentContext& context, const SmallModelOptions& options) {
  ModelOptions model = context.model;
  model.vocabulary = context.corpus->vocabulary();
  model.context = context.corpus->context();
  model.width = options.width > 0 ? options.width : std::max<std::int64_t>(8, (context.model.width / 4 + 7) / 8 * 8);
  model.layers = options.layers > 0 ? options.layers : std::min<std::int64_t>(2, context.model.layers);
  model.heads = 2;
  model.hidden = 0;
  return model;
}

Plan plan_of(const AgentContext& context, const std::string& agent, const SmallModelOptions& options, Set set) {
  if (options.width % 4 != 0)
    throw ConfigError(fmt::format("agent '{}': its small model is {} wide; expected a multiple of 4, for two heads of even width; try {}", agent,
                                  options.width, (options.width + 3) / 4 * 4));
  Plan plan{small(context, options), context.train.resolved(), shuffled(*context.corpus, set, "agents/small_model/lesson"), 0};
  const PassageCost cost(plan.model);
  plan.left = options.budget * PassageCost(context.model).training(context.train, context.train.steps());
  double tokens = 0;
  for (const PassageId id : plan.lesson) tokens += context.corpus->passages()[id].tokens;
  const double step = cost.training(plan.train, 1), affordable = options.learn * plan.left / step;
  const double useful = static_cast<double>(options.epochs) * tokens / static_cast<double>(plan.train.batch * plan.model.context);
  const auto steps = static_cast<std::int64_t>(std::min(affordable, useful));
  if (steps < kLeastSteps)
    throw ConfigError(fmt::format("agent '{}': its small model would learn for {} steps, {} at least; its budget ({:g} of the training "
                                  "FLOPs) pays for {:.1f}, and {} passes over {:.0f} tokens of the {} set give {:.1f}; {}",
                                  agent, steps, kLeastSteps, options.budget, affordable, options.epochs, tokens,
                                  set == Set::anchor ? "anchor" : "pool", useful,
                                  affordable < useful ? "raise the budget, or train.intervals"
                                  : set == Set::anchor ? "raise corpus.anchor_share" : "give more text (corpus.*)"));
  plan.train.intervals = 1;
  plan.train.steps_per_interval = steps;
  plan.train.recompute = false;
  plan.left -= static_cast<double>(steps) * step;
  return plan;
}

class Pupil {
 public:
  Pupil(const AgentContext& context, const Plan& plan)
      : context_(context), plan_(plan), trainer_(make_trainer(plan.model, plan.train, context.corpus, 1, {1})) {
    const int slot = 0;
    const std::uint64_t seed = 1;
    trainer_->reset({&slot, 1}, {&seed, 1});
  }

  /// Until `steps` steps are done in all.
  void learn_until(std::int64_t steps, Cost& cost) {
    constexpr std::int64_t kSteps = 50;  // between two reports
    while (trainer_->step(0) < steps) {
      const std::int64_t count = std::min(kSteps, steps - trainer_->step(0));
      std::vector<PassageId> passages;
      for (std::int64_t left = trainer_->demand(0, count); left > 0; ++next_) {
        passages.push_back(plan_.lesson[next_ % plan_.lesson.size()]);
        left -= context_.corpus->passages()[passages.back()].tokens;
      }
      TrainJob job{.slot = 0, .passages = passages};
      trainer_->train({&job, 1}, count);
      cost += job.cost;
      if (job.diverged) throw RunError("an agent's small model diverged; try a lower train.learning_rate");
      context_.progress.update("a small model learns", static_cast<double>(trainer_->step(0)), static_cast<double>(plan_.train.steps()), "steps");
    }
  }

  /// Nats per token of each passage, `context.machine.threads` at a time.
  std::vector<float> losses(std::span<const PassageId> passages, Cost& cost) const {
    const int threads = std::max(1, context_.machine.threads);
    const auto readers = make_trainer(plan_.model, plan_.train, context_.corpus, threads, {threads});
    Archive saved;
    trainer_->slot_state(saved, 0);
    for (int t = 0; t < threads; ++t) {
      Archive archive(saved.bytes());
      readers->slot_state(archive, t);
    }
    std::vector<float> out(passages.size());
    for (std::size_t done = 0; done < passages.size();) {
      std::vector<LossJob> jobs;
      for (int t = 0; t < threads && done < passages.size(); ++t) {
        const std::size_t count = std::min(kChunk, passages.size() - done);
        jobs.push_back({.slot = t, .passages = passages.subspan(done, count), .loss = std::span(out).subspan(done, count)});
        done += count;
      }
      readers->losses(jobs);
      for (const LossJob& job : jobs) cost += job.cost;
      context_.progress.update("a small model scores the pool", static_cast<double>(done), static_cast<double>(passages.size()), "passages");
    }
    return out;
  }

 private:
  const AgentContext& context_;
  const Plan& plan_;
  const std::unique_ptr<Trainer> trainer_;
  std::size_t next_ = 0;  // of the lesson
};

/// The pool's passages that the budget pays for, in the order of the corpus.
std::vector<PassageId> affordable(const AgentContext& context, const Plan& plan, double passes) {
  std::vector<PassageId> ids = shuffled(*context.corpus, Set::pool, "agents/small_model/scored");
  const PassageCost cost(plan.model);
  double left = plan.left;
  std::size_t count = 0;
  for (; count < ids.size(); ++count) {
    left -= passes * cost.forward(context.corpus->passages()[ids[count]].tokens);
    if (left < 0) break;
  }
  ids.resize(count);
  std::sort(ids.begin(), ids.end());
  return ids;
}

Cost fill(const AgentContext& context, const SmallModelOptions& options, const Plan& plan, SmallModelScore score, std::span<float> out) {
  Cost cost;
  Pupil pupil(context, plan);
  const bool twice = score != SmallModelScore::loss;
  const std::vector<PassageId> ids = affordable(context, plan, twice ? 2 : 1);
  std::vector<float> early;
  if (twice) {
    pupil.learn_until(std::max<std::int64_t>(1, std::llround(options.early * static_cast<double>(plan.train.steps()))), cost);
    early = pupil.losses(ids, cost);
  }
  pupil.learn_until(plan.train.steps(), cost);
  const std::vector<float> late = pupil.losses(ids, cost);
  std::fill(out.begin(), out.end(), kUnscored);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    out[ids[i]] = twice ? early[i] - late[i] : late[i];
    if (score == SmallModelScore::relative_progress) out[ids[i]] /= std::max(early[i], 1e-6f);
  }
  return cost;
}

std::string key_of(const Plan& plan, const SmallModelOptions& options, Set set, SmallModelScore score) {
  std::string key = fmt::format("set = {}\nscore = {}\nsteps = {}\nscoring = {:.17g}", static_cast<int>(set), static_cast<int>(score),
                                plan.train.steps(), plan.left);
  if (score != SmallModelScore::loss) key += fmt::format("\nearly = {:.17g}", options.early);
  ModelOptions model = plan.model;
  TrainOptions train = plan.train;
  for (Options* o : {static_cast<Options*>(&model), static_cast<Options*>(&train)})
    for (const Option& option : o->list()) key += fmt::format("\n{} = {}", option.name, option.value());
  return key;
}

}  // namespace

void SmallModelOptions::fields(Fields& f, const std::string& prefix, const std::string& budget_name) {
  f(budget_name, budget, "share of the whole run's training FLOPs that training a small model and scoring the pool by it may take; passages "
    "beyond it, a random part of them, rank in the middle", 1e-6, 1e6);
  f(prefix + "learn", learn, "share of that which may go into training", 0.01, 0.99);
  f(prefix + "width", width, "of the small model; 0: a quarter of the run's", 0, 1 << 14);
  f(prefix + "layers", layers, "of the small model; 0: as many as the run's, and at most 2", 0, 256);
  f(prefix + "epochs", epochs, "how often it may see a passage in training", 1, 1000);
}

StaticColumn small_model_column(const AgentContext& context, const std::string& agent, const SmallModelOptions& options, Set learns_from,
                                SmallModelScore score) {
  const Plan plan = plan_of(context, agent, options, learns_from);
  const StaticColumn column =
      static_column(*context.corpus, "small_model", key_of(plan, options, learns_from, score), context.progress,
                    [&](std::span<float> out) { return fill(context, options, plan, score, out); });
  double scored = 0;
  for (const PassageId id : context.corpus->set(Set::pool))
    scored += column.values[id] != kUnscored;
  if (scored < 2)
    throw ConfigError(fmt::format("agent '{}': its budget ({:g} of the training FLOPs) pays for scoring {} passages by its small model; raise it",
                                  agent, options.budget, scored));
  return column;
}

std::string unscored(const Corpus& corpus, std::span<const float> column) {
  return lacking(corpus, "loss under the small model, whose budget was spent", "rank in the middle", [&](PassageId id) { return column[id] != kUnscored; });
}

std::vector<float> with_mean(std::span<const float> column) {
  double sum = 0, count = 0;
  for (const float x : column)
    if (x != kUnscored) sum += static_cast<double>(x), count += 1;
  std::vector<float> out(column.begin(), column.end());
  std::replace(out.begin(), out.end(), kUnscored, count > 0 ? static_cast<float>(sum / count) : 0.0f);
  return out;
}

}  // namespace fader
