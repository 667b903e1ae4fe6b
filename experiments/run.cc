#include "experiments/run.h"

#include <algorithm>
#include <thread>

#include "core/files.h"
#include "experiments/recorder.h"

namespace fader {
namespace {

using Clock = std::chrono::steady_clock;

std::size_t index_of(const std::string& name, const std::vector<std::string>& known, const std::string& what) {
  const auto it = std::find(known.begin(), known.end(), name);
  if (it == known.end()) throw ConfigError(fmt::format("{} '{}' is not one that the environment measures{}", what, name, suggestion(name, known)));
  return static_cast<std::size_t>(it - known.begin());
}

std::shared_ptr<Pretraining> pretraining_of(const Point& point, std::shared_ptr<const Corpus> corpus, Progress& progress) {
  auto parts = std::make_shared<Pretraining>();
  parts->model = point.model;
  parts->train = point.train;
  parts->corpus = corpus;
  const AgentContext context{corpus, 1, progress};
  for (const Chosen& agent : point.agents) {
    parts->agents.push_back(agents().at(agent.kind).make(*agent.options, context));
    parts->agent_names.push_back(agent.name);
  }
  parts->trainer = make_trainer(point.model, point.train, corpus, 1, static_cast<int>(point.run.threads));
  return parts;
}

class Beater final : public Hook {
 public:
  Beater(std::int64_t episodes, const std::function<void(const Beat&)>& beat) : episodes_(episodes), beat_(beat) {}
  void reset(const Glimpse& glimpse) override { tell(glimpse); }
  void interval(const Glimpse& glimpse) override { tell(glimpse); }

 private:
  void tell(const Glimpse& glimpse) {
    const EnvSpec& spec = glimpse.cohort.env->spec();
    Beat b;
    b.interval = glimpse.interval;
    b.horizon = spec.horizon;
    b.episode = glimpse.episode;
    b.episodes = episodes_;
    const auto infos = glimpse.outcome.infos[glimpse.first];
    for (const Series& s : spec.infos) {
      if (s.path == "infos/tokens") b.tokens = static_cast<std::int64_t>(infos[s.offset]);
      if (s.path == "infos/loss_reference") b.loss = infos[s.offset];
    }
    if (glimpse.decisions) b.weights.assign(glimpse.outcome.executed[glimpse.first].begin(), glimpse.outcome.executed[glimpse.first].end());
    const auto& seconds = glimpse.cohort.env->ledger().row(glimpse.slots[0]).seconds;
    b.seconds.assign(seconds.begin(), seconds.end());
    beat_(b);
  }
  std::int64_t episodes_;
  const std::function<void(const Beat&)>& beat_;
};

/// [model] as one text: what may be pooled is of one model.
std::string model_text(const Point& point) {
  std::string text;
  for (const Setting& s : settings(point))
    if (s.section == "model") text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", s.key, s.value);
  return text;
}

Recording recording_of(const Run& run, const Corpus* corpus, Clock::time_point started) {
  Recording r;
  r.file = run.folder / "run.h5";
  r.root = run.provenance;
  r.root["experiment"] = run.experiment.name;
  r.root["question"] = run.experiment.question;
  r.root["point"] = run.point.slug;
  r.root["policy_name"] = run.point.policy.name;
  r.root["root_seed"] = static_cast<std::uint64_t>(run.seed);
  r.root["seed"] = static_cast<std::uint64_t>(run.seed);
  r.root["baseline"] = run.experiment.compare.baseline;
  r.root["metric"] = run.experiment.compare.metric;
  r.root["confidence"] = run.experiment.compare.confidence;
  r.root["config_toml"] = config_of_run(run.experiment, run.point, run.seed);
  r.root["config_sha256"] = run.point.hash;
  r.root["corpus_sha256"] = corpus ? corpus->hash() : std::string();
  r.root["corpus_hash"] = corpus ? corpus->hash() : std::string();
  r.root["model"] = model_text(run.point);
  r.root["model_parameters"] = corpus ? run.point.model.parameters() : std::int64_t{0};
  r.episodes = run.point.run.episodes;
  r.seed = static_cast<std::uint64_t>(run.seed);
  r.policy = run.point.policy.name;
  r.log_steps = run.point.run.log_steps;
  r.started = started;
  return r;
}

/// The ledger began with the environment; what came before it in the run was set-up.
void charge_beginning(Ledger& ledger, Clock::time_point started) {
  double counted = 0;
  for (const double s : ledger.row(0).seconds) counted += s;
  ledger.add_seconds(Phase::setup, std::chrono::duration<double>(Clock::now() - started).count() - counted);
}

}  // namespace

std::shared_ptr<const Corpus> corpus_of(const Point& point, const std::filesystem::path& cache, Progress& progress) {
  if (!dynamic_cast<const EnvOptions&>(*point.env.options).trains()) return nullptr;
  CorpusBuild build;
  build.vocabulary = static_cast<int>(point.model.vocabulary);
  build.context = static_cast<int>(point.model.context);
  build.cache = cache;
  build.threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 16u));
  return open_or_build(point.corpus, build, progress);
}

Cohort assemble(const Point& point, std::int64_t seed, std::shared_ptr<const Corpus> corpus, Progress& progress) {
  Cohort cohort;
  EnvContext context;
  if (corpus) context.pretraining = pretraining_of(point, corpus, progress);
  cohort.env = environments().at(point.env.kind).make(*point.env.options, context);
  const EnvSpec& spec = cohort.env->spec();
  const auto root = static_cast<std::uint64_t>(seed);
  const PolicyContext seen{spec.agents, spec.observation, spec.horizon, spec.picks, 1};
  auto policy = policies().at(point.policy.kind).make(*point.policy.options, seen);
  const PolicySpec& wants = policy->spec();
  Seat seat{nullptr, make_scaler(wants.scaler), Rng(root, "policy/learn"), {0}};
  if (!wants.reward.empty()) seat.reward = index_of(wants.reward, spec.rewards, fmt::format("policy '{}': reward", point.policy.name));
  if (!wants.credit.empty())
    seat.credit = static_cast<std::ptrdiff_t>(index_of(wants.credit, spec.credits, fmt::format("policy '{}': credit", point.policy.name)));
  seat.policy = std::move(policy);
  cohort.seats.push_back(std::move(seat));
  cohort.seeds = {root};
  return cohort;
}

void execute(const Run& run, const std::atomic<int>& stop, Progress& progress, const std::function<void(const Beat&)>& beat) {
  const auto started = Clock::now();
  make_folder(run.folder);
  const auto corpus = corpus_of(run.point, run.cache, progress);
  Cohort cohort = assemble(run.point, run.seed, corpus, progress);
  Recorder recorder(cohort, 0, recording_of(run, corpus.get(), started));
  write_atomically(run.folder / "config.toml", config_of_run(run.experiment, run.point, run.seed));
  charge_beginning(cohort.env->ledger(), started);
  Beater beater(run.point.run.episodes, beat);
  Hook* const hooks[] = {&recorder, &beater};
  try {
    for (std::int64_t e = 0; e < run.point.run.episodes && !recorder.failed(); ++e)
      if (!play(cohort, e, hooks, stop)) {
        const int signal = stop;
        recorder.event(e, -1, "signal", fmt::format("stopped by signal {}", signal));
        recorder.abandon(false);
        throw Stopped(signal, fmt::format("{}: stopped", run.folder.string()));
      }
  } catch (const Stopped&) {
    throw;
  } catch (...) {
    recorder.abandon(true);
    throw;
  }
  recorder.finish();
  if (recorder.failed()) throw RunError(fmt::format("{}: {}", run.folder.string(), recorder.failure()));
}

bool is_complete(const Run& run) {
  const auto file = run.folder / "run.h5";
  if (!std::filesystem::exists(file)) return false;
  const RunReader reader(file);
  const auto it = reader.root().find("config_sha256");
  if (it == reader.root().end() || std::get<std::string>(it->second) != run.point.hash)
    throw ConfigError(fmt::format("{}: holds a run of another configuration; continue with the configuration in {}, or choose another --out",
                                  file.string(), (run.folder / "config.toml").string()));
  return reader.status() == RunStatus::complete;
}

}  // namespace fader
