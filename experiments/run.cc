#include "experiments/run.h"

#include <algorithm>
#include <thread>

#include "core/error.h"
#include "experiments/baseline.h"
#include "experiments/control.h"

namespace fader {
namespace {

std::size_t index_of(const std::string& name, const std::vector<std::string>& known, const std::string& what) {
  const auto it = std::find(known.begin(), known.end(), name);
  if (it == known.end()) throw ConfigError(fmt::format("{} '{}' is not one that the environment measures{}", what, name, suggestion(name, known)));
  return static_cast<std::size_t>(it - known.begin());
}

std::shared_ptr<Pretraining> pretraining_of(const Point& point, std::shared_ptr<const Corpus> corpus, Progress& progress,
                                            std::shared_ptr<Ranks> ranks, int slots) {
  auto parts = std::make_shared<Pretraining>();
  parts->model = point.model;
  parts->train = point.train;
  parts->corpus = corpus;
  parts->threads = static_cast<int>(point.run.threads);
  const Machine machine{static_cast<int>(point.run.threads), point.run.pinned, point.run.device, nullptr};
  const AgentContext context{corpus, slots, progress, point.model, point.train, machine};
  for (const Chosen& agent : point.agents) {
    parts->agents.push_back(agents().at(agent.kind).make(*agent.options, context));
    parts->agent_names.push_back(agent.name);
  }
  Machine shared = machine;
  shared.ranks = std::move(ranks);
  parts->trainer = make_trainer(point.model, point.train, corpus, slots, shared);
  return parts;
}

/// Slots that a point needs: no more than there are episodes to play.
int members_of(const Point& point) {
  return static_cast<int>(std::min(point.run.members, std::max(point.run.episodes, point.run.evaluation_episodes)));
}

std::unique_ptr<Policy> policy_of(const Point& point, const PolicyContext& context) {
  const Deployment& d = point.deployment;
  auto policy = policies().at(point.policy.kind).make(*point.policy.options, controlled(d.control, context));
  if (!d.init_from.empty()) {
    if (const std::string found = console_sha256(d.init_from); found != d.init_sha256)
      throw ConfigError(fmt::format("policy '{}': init_from: {} has another content than when the experiment was read", point.policy.name, d.init_from));
    EnvSpec spec;
    spec.agents = context.agents;
    load_console(d.init_from, console_identity(point, spec), *policy);
  }
  return controlled(d.control, context, std::move(policy));
}

}  // namespace

std::filesystem::path run_folder(const std::filesystem::path& experiment, const Point& point, std::int64_t seed) {
  return experiment / point.slug / fmt::format("seed-{}", seed);
}

std::shared_ptr<const Corpus> corpus_of(const Point& point, const std::filesystem::path& cache, Progress& progress) {
  if (!dynamic_cast<const EnvOptions&>(*point.env.options).trains()) return nullptr;
  CorpusBuild build;
  build.vocabulary = static_cast<int>(point.model.vocabulary);
  build.context = static_cast<int>(point.model.context);
  build.cache = cache;
  build.threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 16u));
  return open_or_build(point.corpus, build, progress);
}

Cohort assemble(const Point& point, std::int64_t seed, std::shared_ptr<const Corpus> corpus, Progress& progress,
                std::shared_ptr<Ranks> ranks) {
  Cohort cohort;
  EnvContext context;
  context.slots = members_of(point);
  if (const std::string baseline = static_cast<const EnvOptions&>(*point.env.options).reward_baseline(); !baseline.empty())
    context.baseline = read_baseline(baseline, seed, point, corpus ? corpus->hash() : "");
  if (corpus) context.pretraining = pretraining_of(point, corpus, progress, std::move(ranks), context.slots);
  cohort.env = environments().at(point.env.kind).make(*point.env.options, context);
  const EnvSpec& spec = cohort.env->spec();
  const auto root = static_cast<std::uint64_t>(seed);
  auto policy = policy_of(point, {spec.agents, spec.observation, spec.horizon, spec.picks, context.slots, root});
  const PolicySpec& wants = policy->spec();
  Seat seat{nullptr, make_scaler(wants.scaler), Rng(root, "policy/learn"), {}};
  for (int slot = 0; slot < context.slots; ++slot) seat.slots.push_back(slot);
  seat.frozen = point.deployment.frozen;
  seat.evaluation = point.run.evaluation_episodes;
  seat.learning = point.run.episodes;
  if (seat.evaluation > 0 && (seat.frozen || !wants.learns)) seat.learning = 0;
  if (!wants.reward.empty()) seat.reward = index_of(wants.reward, spec.rewards, fmt::format("policy '{}': reward", point.policy.name));
  if (wants.credit != "none") {
    const std::string shown = fmt::format("policy '{}': credit", point.policy.name);
    if (spec.credits.empty()) throw ConfigError(fmt::format("{}: environment '{}' measures none; choose a policy that learns from rewards", shown, point.env.kind));
    seat.credit = static_cast<std::ptrdiff_t>(wants.credit.empty() ? spec.credit : index_of(wants.credit, spec.credits, shown));
  }
  seat.credit_scaler = make_credit_scaler(wants.credit_scaler);
  seat.policy = std::move(policy);
  cohort.seats.push_back(std::move(seat));
  cohort.seeds.assign(static_cast<std::size_t>(context.slots), root);
  return cohort;
}

ConsoleIdentity console_identity(const Point& point, const EnvSpec& spec) {
  ConsoleIdentity out{point.policy.kind, controlled(point.deployment.control, PolicyContext{.agents = spec.agents}).agents, {}};
  for (const Option& o : point.policy.options->list())
    if (o.in_hash) out.options.push_back(o.name + " = " + o.value());
  return out;
}

}  // namespace fader
