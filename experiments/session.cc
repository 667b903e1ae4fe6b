// A run at work: assembled, resumed, played, recorded, checkpointed.
//
// Where several processes play it, all do the same; rank 0 alone writes, and whatever only rank 0 knows (that a checkpoint is due,
// which one there is to go on from) it tells the others before they act on it, since measuring takes all of them.
#include <bit>
#include <chrono>
#include <cmath>
#include <optional>
#include <sstream>

#include "core/error.h"
#include "core/files.h"
#include "core/rng.h"
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
  explicit Beater(RunWatcher& watcher) : watcher_(watcher) {}
  void reset(const Glimpse& glimpse) override { tell(glimpse); }
  /// How far the run is already; nothing is measured yet.
  void resumed(Cohort& cohort, std::int64_t round, std::int64_t interval) {
    if (round > 0) return;  // how many tokens this episode had is not known
    Beat b;
    b.tokens = cohort.env->ledger().row(0).tokens[static_cast<std::size_t>(Phase::train)];
    b.interval = interval;
    b.horizon = cohort.env->spec().horizon;
    b.episodes = episodes_of(cohort);
    watcher_.beat(b);
  }
  void interval(const Glimpse& glimpse) override { tell(glimpse); }

 private:
  void tell(const Glimpse& glimpse) {
    const EnvSpec& spec = glimpse.cohort.env->spec();
    Beat b;
    b.interval = glimpse.interval;
    b.horizon = spec.horizon;
    b.episode = glimpse.episodes[0];
    b.episodes = episodes_of(glimpse.cohort);
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
  static std::int64_t episodes_of(const Cohort& cohort) { return cohort.seats[0].learning + cohort.seats[0].evaluation; }
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
  if (!run.point.cell.empty()) r.root["cell"] = run.point.cell;
  if (!run.point.varies.empty()) r.root["varies"] = run.point.varies;
  if (!run.point.stage.empty()) r.root["stage"] = run.point.stage;
  r.root["root_seed"] = static_cast<std::uint64_t>(run.seed);
  r.root["seed"] = static_cast<std::uint64_t>(run.seed);
  r.root["baseline"] = run.experiment.compare.baseline;
  r.root["metric"] = run.experiment.compare.metric;
  r.root["confidence"] = run.experiment.compare.confidence;
  r.root["screening"] = run.experiment.compare.screening;
  r.root["config_toml"] = config_of_run(run.experiment, run.point, run.seed);
  r.root["config_sha256"] = run.point.hash;
  r.root["corpus_sha256"] = corpus ? corpus->hash() : std::string();
  r.root["corpus_hash"] = corpus ? corpus->hash() : std::string();
  r.root["model"] = model_text(run.point);
  r.root["model_parameters"] = corpus ? run.point.model.parameters() : std::int64_t{0};
  r.root[kLogSteps] = run.point.run.log_steps;
  r.root["members"] = run.point.run.members;
  r.kept = run.point.run.log_episodes;
  r.seed = static_cast<std::uint64_t>(run.seed);
  r.policy = run.point.policy.name;
  r.log_steps = run.point.run.log_steps;
  r.started = started;
  return r;
}

/// Of all slots, who share what passes.
double seconds_of(Ledger& ledger, std::size_t slots) {
  double sum = 0;
  for (std::size_t slot = 0; slot < slots; ++slot)
    for (const double s : ledger.row(static_cast<int>(slot)).seconds) sum += s;
  return sum;
}

/// The ledger began with the environment; what came before it in the run was set-up.
void charge_beginning(Ledger& ledger, std::size_t slots, Clock::time_point started) {
  const double counted = seconds_of(ledger, slots);
  ledger.add_seconds(Phase::setup, std::chrono::duration<double>(Clock::now() - started).count() - counted);
}

/// What is beside the player in a checkpoint.
struct Extra {
  double fingerprint = 0;             // of the first slot
  std::vector<std::uint64_t> store;   // three numbers an episode: what run.h5 is cut back to
  std::uint64_t summary = 0;          // rows of it
  std::string recorder;               // what it knows beside that

  void state(Archive& archive) {
    archive.field("fingerprint", fingerprint);
    archive.field("store", store);
    archive.field("summary", summary);
    archive.field("recorder", recorder);
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
  Session(const Run& run, const Signals& signals, Progress& progress, RunWatcher& watcher, std::shared_ptr<Ranks> ranks)
      : run_(run), signals_(signals), progress_(progress), watcher_(watcher), ranks_(std::move(ranks)),
        beater_(watcher),
        checkpoints_(run.folder / "checkpoints", run.point.run.checkpoints_kept, run.point.run.checkpoint_intervals) {
    if (writes()) make_folder(run.folder);
    corpus_ = corpus_of(run.point, run.cache, progress);
    if (ranks_) ranks_->same(stream_key(0, corpus_ ? corpus_->hash() : ""), "their corpus; all must have the same files");
    if (!resume()) begin();
    last_checkpoint_ = Clock::now();
  }

  void play() {
    try {
      player_->run([this] { return rest(); });
      if (!lost_.empty()) throw LostRank(lost_);
      if (stop_ > 0) {
        if (recorder_) recorder_->abandon(false);
        throw Stopped(stop_, fmt::format("{}: stopped", run_.folder.string()));
      }
    } catch (const Stopped&) {
      throw;
    } catch (...) {
      if (recorder_) recorder_->abandon(true);
      throw;
    }
    end();
    Policy& policy = *cohort_.seats[0].policy;
    if (writes() && !failed_ && policy.spec().learns)  // a run that is complete has its console
      save_console(run_.folder / "console.bin", console_identity(run_.point, cohort_.env->spec()), policy);
    if (recorder_) recorder_->finish();
    if (failed_) throw RunError(fmt::format("{}: {}", run_.folder.string(), recorder_ ? recorder_->failure() : "failed; rank 0 says why"));
    if (writes()) checkpoints_.clear();
  }

 private:
  bool writes() const { return !ranks_ || ranks_->rank() == 0; }

  void assemble_player() {
    player_.reset();
    cohort_ = assemble(run_.point, run_.seed, corpus_, progress_, ranks_);
    player_.emplace(cohort_, std::span(hooks_).first(writes() ? 2 : 0));
  }

  /// All have come to the end, or to where an episode failed.
  void end() {
    try {
      failed_ = anywhere(recorder_ && recorder_->failed()) || failed_;
    } catch (const LostRank&) {
      if (!writes()) throw;  // rank 0 has all that there was to measure
      failed_ = failed_ || recorder_->failed();
    }
  }

  /// What rank 0 has passed, with all others.
  std::string from_first(const std::string& text) { return ranks_ ? ranks_->from_first(text) : text; }
  bool anywhere(bool here) {
    std::int64_t any = here;
    if (ranks_) ranks_->max({&any, 1});
    return any != 0;
  }

  void begin() {
    assemble_player();
    if (!writes()) return;
    write_atomically(run_.folder / "config.toml", config_of_run(run_.experiment, run_.point, run_.seed));
    recorder_.emplace(cohort_, 0, recording_of(run_, corpus_.get(), started_));
    hooks_[0] = &*recorder_;
    charge_beginning(cohort_.env->ledger(), cohort_.seeds.size(), started_);
  }

  /// From the newest checkpoint that can be used. False: there is none. Where there are some and none can be used, whoever
  /// started the run decides whether to give up what it has reached.
  bool resume() {
    std::string refused;
    const auto refuse = [&](const std::string& name, const std::string& why) {
      refused = fmt::format("checkpoint {} cannot be used: {}", name, why);
      tell("checkpoint refused", refused);
    };
    const auto moments = writes() ? checkpoints_.moments() : std::vector<Moment>();
    for (std::size_t next = 0;;) {
      std::optional<Checkpoint> found;
      for (; !found && next < moments.size(); ++next) {
        try {
          found = read(moments[next]);
        } catch (const DataError& error) {
          refuse(moments[next].name(), error.what());
        }
      }
      if (!agree(found)) break;
      std::string problem;
      try {
        resume_from(*found);
      } catch (const DataError& error) {
        problem = error.what();
      }
      if (!anywhere(!problem.empty())) {
        if (writes()) checkpoints_.discard_after(found->manifest.moment);
        return true;
      }
      refuse(found->manifest.moment.name(), problem.empty() ? "another process refuses it" : problem);
    }
    if (!from_first(refused).empty())
      throw DataError(fmt::format("{}; no other is left. To play this run from its start, remove {}", refused, (run_.folder / "checkpoints").string()));
    return false;
  }

  /// All go on from what rank 0 has found, each reading it for itself. False: it has found none.
  bool agree(std::optional<Checkpoint>& found) {
    if (!ranks_) return found.has_value();
    std::string chosen;
    if (found) chosen = fmt::format("{} {} {}", found->manifest.moment.interval, found->manifest.moment.step, found->manifest.state_sha256);
    chosen = from_first(chosen);
    if (chosen.empty()) return false;
    std::string problem;
    if (!writes()) {
      Moment moment;
      std::istringstream(chosen) >> moment.interval >> moment.step;
      try {
        found = read(moment);
        if (!chosen.ends_with(found->manifest.state_sha256))
          problem = fmt::format("{}: is not the one that rank 0 sees", found->folder.string());
      } catch (const DataError& error) {
        problem = error.what();
      }
    }
    if (anywhere(!problem.empty()))
      throw RunError(fmt::format("{}; all processes must see the same --out folder, on a disk that their machines share",
                                 problem.empty() ? "another process cannot read the checkpoint that this one would go on from" : problem));
    return true;
  }

  /// Of this run.
  Checkpoint read(Moment moment) const {
    Checkpoint out = checkpoints_.read(moment);
    const Manifest& m = out.manifest;
    if (m.config_sha256 != run_.point.hash || m.seed != run_.seed || m.corpus_sha256 != (corpus_ ? corpus_->hash() : std::string()))
      throw DataError(fmt::format("{}: is of another configuration, seed or corpus", out.folder.string()));
    return out;
  }

  void resume_from(const Checkpoint& from) {
    assemble_player();
    Archive archive(from.state);
    Extra extra;
    archive.field("extra", extra);
    archive.field("player", *player_);
    archive.finish();
    handled_ = signals_.checkpoints;
    const double now = cohort_.env->fingerprint(0);  // by all ranks, before anything can fail in one of them
    if (!writes()) return;
    reopen(extra);
    std::string text = fmt::format("resumed at checkpoint {}", from.manifest.moment.name());
    if (std::bit_cast<std::uint64_t>(now) != std::bit_cast<std::uint64_t>(extra.fingerprint) && !(std::isnan(now) && std::isnan(extra.fingerprint)))
      text += fmt::format("; this build or processor computes other bits than the one that wrote it (a loss is {} and was {}): the run will not "
                          "be equal to one that was never stopped", now, extra.fingerprint);
    recorder_->event(player_->interval(), "resume", text);
    beater_.resumed(cohort_, player_->round(), player_->interval());
    tell("resume", text);
  }

  /// run.h5, cut back to where the checkpoint was made.
  void reopen(const Extra& extra) {
    Recording recording = recording_of(run_, corpus_.get(), started_);
    const double spent = seconds_of(cohort_.env->ledger(), cohort_.seeds.size());  // the clock goes on from what the ledger counts
    recording.started = Clock::now() - std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(spent));
    recorder_.emplace(cohort_, 0, recording, extra.committed(), extra.summary);
    Archive archive(extra.recorder);
    recorder_->state(archive);
    archive.finish();
    hooks_[0] = &*recorder_;
  }

  void tell(const std::string& kind, const std::string& text) {
    watcher_.event(kind, text);
    if (kind != "resume" || text.find(';') != std::string::npos)
      progress_.note(fmt::format("{} seed {}: {}", run_.point.policy.name, run_.seed, text));
  }

  /// Everything can be saved now. True: stop.
  bool rest() {
    const RunOptions& options = run_.point.run;
    const int asked = signals_.checkpoints;
    const Moment now{player_->finished(), player_->moments()};
    const bool due = options.checkpoint_seconds > 0 && seconds_since(last_checkpoint_) >= options.checkpoint_seconds;
    const bool milestone = options.checkpoint_intervals > 0 && now.step == 0 && now.interval > 0 && now.interval % options.checkpoint_intervals == 0;
    // that an episode failed, or that a checkpoint is due, is rank 0's to say
    const bool wanted = asked != handled_ || (writes() && (due || milestone));
    std::array<std::int64_t, 3> wishes = {recorder_ && recorder_->failed(), wanted, signals_.stop};
    handled_ = asked;
    try {
      if (ranks_) ranks_->max(wishes);
    } catch (const LostRank& error) {
      lost_ = error.what();
    }
    failed_ = wishes[0] != 0;
    if (failed_) return true;
    stop_ = static_cast<int>(wishes[2]);
    if (stop_ > 0 || wishes[1] > 0 || !lost_.empty()) checkpoint(now);
    return stop_ > 0 || !lost_.empty();
  }

  void checkpoint(Moment now) {
    last_checkpoint_ = Clock::now();
    if (!lost_.empty() && !writes()) return;
    const Ledger::Scope scope(cohort_.env->ledger(), Phase::store);
    const double fingerprint = cohort_.env->fingerprint(0);  // by all ranks, before anything can fail in one of them
    if (!writes()) return;
    const std::string what = !lost_.empty() ? "lost" : stop_ > 0 ? "signal" : "checkpoint";
    const std::string why = !lost_.empty() ? lost_ : stop_ > 0 ? fmt::format("stopped by signal {}", stop_) : "";
    recorder_->event(player_->interval(), what,
                     why.empty() ? now.name() : fmt::format("{}, checkpoint {}", why, now.name()));
    try {
      const std::uint64_t summary = recorder_->commit_summary();
      sync_file(run_.folder / "run.h5");  // what the checkpoint counts on is on the disk before it
      Archive recorded, archive;
      recorder_->state(recorded);
      Extra extra{fingerprint, Extra::flat(recorder_->committed()), summary, recorded.bytes()};
      archive.field("extra", extra);
      archive.field("player", *player_);
      checkpoints_.write(manifest(now), archive.bytes());
    } catch (const RunError& error) {
      const std::string text = fmt::format("checkpoint {} could not be written: {}", now.name(), error.what());
      recorder_->event(player_->interval(), "checkpoint_failed", text);
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
  const std::shared_ptr<Ranks> ranks_;  // null: one process
  Beater beater_;
  Checkpoints checkpoints_;
  std::shared_ptr<const Corpus> corpus_;
  Cohort cohort_;
  std::array<Hook*, 2> hooks_ = {nullptr, &beater_};
  std::optional<Recorder> recorder_;  // of the process that writes
  std::optional<Player> player_;
  Clock::time_point last_checkpoint_;
  int handled_ = 0;  // of Signals::checkpoints
  int stop_ = 0;     // the signal that asked this or another process to stop
  bool failed_ = false;
  std::string lost_;
};

}  // namespace

void execute(const Run& run, const Signals& signals, Progress& progress, RunWatcher& watcher,
             std::shared_ptr<Ranks> ranks) {
  Session(run, signals, progress, watcher, std::move(ranks)).play();
}

bool is_complete(const Run& run, const std::string& corpus_sha256) {
  const auto file = run.folder / "run.h5";
  if (!std::filesystem::exists(file)) return false;
  std::optional<RunReader> opened;
  try {
    opened.emplace(file);
  } catch (const DataError&) {
    return false;  // half-written when its process was killed
  }
  const RunReader& reader = *opened;
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
