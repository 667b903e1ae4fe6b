// A run at work: assembled, resumed, played, recorded, checkpointed.
#include <bit>
#include <chrono>
#include <cmath>
#include <optional>

#include "core/error.h"
#include "core/files.h"
#include "experiments/checkpoint.h"
#include "experiments/differences.h"
#include "experiments/recorder.h"
#include "experiments/run.h"

namespace fader {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point then) { return std::chrono::duration<double>(Clock::now() - then).count(); }

class Beater final : public Hook {
 public:
  Beater(std::int64_t episodes, RunWatcher& watcher) : episodes_(episodes), watcher_(watcher) {}
  void reset(const Glimpse& glimpse) override { tell(glimpse); }
  /// How far the run is already; nothing is measured yet.
  void resumed(Cohort& cohort, std::int64_t episode, std::int64_t interval) {
    if (episode > 0) return;  // how many tokens this episode had is not known
    Beat b;
    b.tokens = cohort.env->ledger().row(0).tokens[static_cast<std::size_t>(Phase::train)];
    b.interval = interval;
    b.horizon = cohort.env->spec().horizon;
    b.episode = episode;
    b.episodes = episodes_;
    watcher_.beat(b);
  }
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
    watcher_.beat(b);
  }
  std::int64_t episodes_;
  RunWatcher& watcher_;
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
  r.root[kLogSteps] = run.point.run.log_steps;
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

/// What is beside the player in a checkpoint.
struct Extra {
  double fingerprint = 0;             // of the first slot
  std::vector<std::uint64_t> store;   // three numbers an episode: what run.h5 is cut back to

  void state(Archive& archive) {
    archive.field("fingerprint", fingerprint);
    archive.field("store", store);
    archive.expect(store.size() % 3 == 0, "counts of rows");
  }
  static std::vector<std::uint64_t> flat(const std::vector<Committed>& committed) {
    std::vector<std::uint64_t> out;
    for (const Committed& c : committed) out.insert(out.end(), {c.intervals, c.steps, c.events});
    return out;
  }
  std::vector<Committed> committed() const {
    std::vector<Committed> out;
    for (std::size_t i = 0; i < store.size(); i += 3) out.push_back({store[i], store[i + 1], store[i + 2]});
    return out;
  }
};

class Session {
 public:
  Session(const Run& run, const Signals& signals, Progress& progress, RunWatcher& watcher)
      : run_(run), signals_(signals), progress_(progress), watcher_(watcher), beater_(run.point.run.episodes, watcher),
        checkpoints_(run.folder / "checkpoints", run.point.run.checkpoints_kept, run.point.run.checkpoint_intervals) {
    make_folder(run.folder);
    corpus_ = corpus_of(run.point, run.cache, progress);
    if (!resume()) begin();
    last_checkpoint_ = Clock::now();
  }

  void play() {
    try {
      const bool ended = player_->run([this] { return rest(); });
      if (!ended && !recorder_->failed()) {
        recorder_->abandon(false);
        throw Stopped(signals_.stop, fmt::format("{}: stopped", run_.folder.string()));
      }
    } catch (const Stopped&) {
      throw;
    } catch (...) {
      recorder_->abandon(true);
      throw;
    }
    recorder_->finish();
    if (recorder_->failed()) throw RunError(fmt::format("{}: {}", run_.folder.string(), recorder_->failure()));
    checkpoints_.clear();
  }

 private:
  void assemble_player() {
    player_.reset();
    cohort_ = assemble(run_.point, run_.seed, corpus_, progress_);
    player_.emplace(cohort_, run_.point.run.episodes, hooks_);
  }

  void begin() {
    assemble_player();
    write_atomically(run_.folder / "config.toml", config_of_run(run_.experiment, run_.point, run_.seed));
    recorder_.emplace(cohort_, 0, recording_of(run_, corpus_.get(), started_));
    hooks_[0] = &*recorder_;
    charge_beginning(cohort_.env->ledger(), started_);
  }

  /// From the newest checkpoint that can be used. False: there is none. Where there are some and none can be used, whoever
  /// started the run decides whether to give up what it has reached.
  bool resume() {
    std::string refused;
    for (const Moment moment : checkpoints_.moments()) {
      try {
        resume_from(checkpoints_.read(moment));
        checkpoints_.discard_after(moment);
        return true;
      } catch (const DataError& error) {
        refused = fmt::format("checkpoint {} cannot be used: {}", moment.name(), error.what());
        tell("checkpoint refused", refused);
      }
    }
    if (!refused.empty())
      throw DataError(fmt::format("{}; no other is left. To play this run from its start, remove {}", refused, (run_.folder / "checkpoints").string()));
    return false;
  }

  void resume_from(const Checkpoint& from) {
    const Manifest& m = from.manifest;
    if (m.config_sha256 != run_.point.hash || m.seed != run_.seed || m.corpus_sha256 != (corpus_ ? corpus_->hash() : std::string()))
      throw DataError(fmt::format("{}: is of another configuration, seed or corpus", from.folder.string()));
    assemble_player();
    Archive archive(from.state);
    Extra extra;
    archive.field("extra", extra);
    archive.field("player", *player_);
    archive.finish();
    Recording recording = recording_of(run_, corpus_.get(), started_);
    double spent = 0;  // the clock goes on from what the ledger counts
    for (const double s : cohort_.env->ledger().row(0).seconds) spent += s;
    recording.started = Clock::now() - std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(spent));
    recorder_.emplace(cohort_, 0, recording, extra.committed());
    hooks_[0] = &*recorder_;
    handled_ = signals_.checkpoints;
    std::string text = fmt::format("resumed at checkpoint {}", m.moment.name());
    const double now = cohort_.env->fingerprint(0);
    if (std::bit_cast<std::uint64_t>(now) != std::bit_cast<std::uint64_t>(extra.fingerprint) && !(std::isnan(now) && std::isnan(extra.fingerprint)))
      text += fmt::format("; this build or processor computes other bits than the one that wrote it (a loss is {} and was {}): the run will not "
                          "be equal to one that was never stopped", now, extra.fingerprint);
    recorder_->event(player_->episode(), player_->interval(), "resume", text);
    beater_.resumed(cohort_, player_->episode(), player_->interval());
    tell("resume", text);
  }

  void tell(const std::string& kind, const std::string& text) {
    watcher_.event(kind, text);
    if (kind != "resume" || text.find(';') != std::string::npos)
      progress_.note(fmt::format("{} seed {}: {}", run_.point.policy.name, run_.seed, text));
  }

  /// Everything can be saved now. True: stop.
  bool rest() {
    if (recorder_->failed()) return true;
    const RunOptions& options = run_.point.run;
    const int signal = signals_.stop, asked = signals_.checkpoints;
    const Moment now{player_->finished(), player_->moments()};
    const bool due = options.checkpoint_seconds > 0 && seconds_since(last_checkpoint_) >= options.checkpoint_seconds;
    const bool milestone = options.checkpoint_intervals > 0 && now.step == 0 && now.interval > 0 && now.interval % options.checkpoint_intervals == 0;
    if (signal != 0 || asked != handled_ || due || milestone) checkpoint(now, signal);
    handled_ = asked;
    return signal != 0;
  }

  void checkpoint(Moment now, int signal) {
    const Ledger::Scope scope(cohort_.env->ledger(), Phase::store);
    const std::string what = signal != 0 ? "signal" : "checkpoint";
    recorder_->event(player_->episode(), player_->interval(), what, signal != 0 ? fmt::format("stopped by signal {}, checkpoint {}", signal, now.name()) : now.name());
    try {
      sync_file(run_.folder / "run.h5");  // what the checkpoint counts on is on the disk before it
      Extra extra{cohort_.env->fingerprint(0), Extra::flat(recorder_->committed())};
      Archive archive;
      archive.field("extra", extra);
      archive.field("player", *player_);
      checkpoints_.write(manifest(now), archive.bytes());
    } catch (const RunError& error) {
      const std::string text = fmt::format("checkpoint {} could not be written: {}", now.name(), error.what());
      recorder_->event(player_->episode(), player_->interval(), "checkpoint_failed", text);
      tell("checkpoint failed", text);
    }
    last_checkpoint_ = Clock::now();
  }

  Manifest manifest(Moment now) const {
    Manifest m;
    m.moment = now;
    m.config_sha256 = run_.point.hash;
    m.corpus_sha256 = corpus_ ? corpus_->hash() : "";
    m.seed = run_.seed;
    for (const char* name : {"version", "git_commit", "compiler", "build_type", "libtorch_version", "hdf5_version"})
      if (const auto it = run_.provenance.find(name); it != run_.provenance.end()) m.program[name] = std::get<std::string>(it->second);
    return m;
  }

  const Clock::time_point started_ = Clock::now();
  const Run& run_;
  const Signals& signals_;
  Progress& progress_;
  RunWatcher& watcher_;
  Beater beater_;
  Checkpoints checkpoints_;
  std::shared_ptr<const Corpus> corpus_;
  Cohort cohort_;
  std::array<Hook*, 2> hooks_ = {nullptr, &beater_};
  std::optional<Recorder> recorder_;
  std::optional<Player> player_;
  Clock::time_point last_checkpoint_;
  int handled_ = 0;  // of Signals::checkpoints
};

}  // namespace

void execute(const Run& run, const Signals& signals, Progress& progress, RunWatcher& watcher) {
  Session(run, signals, progress, watcher).play();
}

bool is_complete(const Run& run, const std::string& corpus_sha256) {
  const auto file = run.folder / "run.h5";
  if (!std::filesystem::exists(file)) return false;
  const RunReader reader(file);
  const auto text = [&](const char* name) {
    const auto it = reader.root().find(name);
    const auto* value = it == reader.root().end() ? nullptr : std::get_if<std::string>(&it->second);
    return value ? *value : std::string();
  };
  if (text("config_sha256") != run.point.hash) {
    std::string list;
    try {
      for (const std::string& line : differences(load_resolved(run.folder / "config.toml").points.at(0), run.point)) list += "\n  " + line;
    } catch (const ConfigError&) {  // of another version of the program, or not there: the advice holds without the list
    }
    throw ConfigError(fmt::format("{}: holds a run of another configuration:{}\ncontinue with the configuration in {}, or choose another --out",
                                  file.string(), list.empty() ? " (what differs cannot be said)" : list, (run.folder / "config.toml").string()));
  }
  if (!corpus_sha256.empty() && text("corpus_sha256") != corpus_sha256)
    throw DataError(fmt::format("{}: was made with another content of the corpus; put the files back as they were, or choose another --out", file.string()));
  return reader.status() == RunStatus::complete;
}

}  // namespace fader
