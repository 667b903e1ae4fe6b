// An experiment file, resolved: every point that it asks for, with every value, where it came from, and a hash.
//
//   name = "bandit_ucb"               # else the file's own
//   base = "base/small.toml"          # one parent, read first; tables merge by key, arrays replace
//   [run] [corpus] [model] [train]    # options of these structs
//   [env]                             # kind, and the options of that kind
//   [[agents]]                        # kind, name if it is not the kind, options; not for an environment with a known answer
//   [[policies]]                      # kind, name, options; set = { "env.selection" = "top_k" } for this point alone
//   [compare]
//   [[hypotheses]]                    # policy, against, direction, metric, cell, name: stated beforehand
//   [sweep]                           # method; [sweep.over]: what varies (axes.h)
//
// [policy] is a list of one. Later wins: default, parents, the file, `set` of the policy, the sweep, --set.
//
// Strict: an unknown key, a wrong type, a value out of range, an unknown kind are errors, all of a file in one go, each with
// file:line:column, what was expected and the nearest name. Nothing is written.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agents/agent.h"
#include "env/registry.h"
#include "experiments/outcome.h"
#include "policies/policy.h"
#include "store/plan_file.h"
#include "trainer/corpus_build.h"
#include "trainer/trainer.h"

namespace fader {

struct RunOptions final : Options {
  std::vector<std::int64_t> seeds = {0};
  std::string device = "cpu";
  std::int64_t threads = 1;             ///< of one run; part of the hash
  bool pinned = true;                   ///< threads to cores of their own
  std::int64_t processes = 1;           ///< that play it together; part of the hash
  double rank_seconds = 600;            ///< how long one of them may be silent
  std::int64_t episodes = 1;            ///< that a policy learns from, one after another
  std::int64_t members = 1;             ///< of them at once, in lockstep, under one policy
  std::int64_t evaluation_episodes = 0; ///< afterwards, with the policy frozen
  std::int64_t log_episodes = 64;       ///< kept in full in run.h5
  bool log_steps = true;                ///< a row of run.h5 for every optimiser step
  double checkpoint_seconds = 60;       ///< between checkpoints; 0: only when a signal asks for one
  std::int64_t checkpoints_kept = 2;    ///< the newest
  std::int64_t checkpoint_intervals = 0;  ///< those after every so many intervals stay for good; 0: none
  void fields(Fields& f) override;
  void validate() const override;
};

struct CompareOptions final : Options {
  std::string baseline;                 ///< name of a policy; once loaded never empty: the first when the file has none
  std::string metric = "final/loss_test";
  double confidence = 0.95;
  bool screening = false;               ///< the report gives no verdict
  std::string baselines = "none";       ///< "full": those of experiments/baselines.h are added
  std::string console;                  ///< that they are for
  std::int64_t baseline_samples = 16;   ///< candidates of each that is tuned
  void fields(Fields& f) override;
};

/// An element of [[hypotheses]].
struct HypothesisOptions final : Options {
  HypothesisOptions() { stated.direction = "lower"; }
  Hypothesis stated;
  void fields(Fields& f) override;
};

/// How [sweep.over] becomes points.
struct SweepMethod final : Options {
  std::string method = "grid";
  std::int64_t samples = 16;            ///< combinations drawn: random, halving
  std::int64_t seed = 0;                ///< of these draws
  std::int64_t rungs = 2, eta = 4;      ///< halving
  std::vector<std::int64_t> seeds = {1000, 1001};  ///< that candidates are tried on
  std::string resource = "auto";        ///< what candidates get less of; "none": seeds of their own for every rung
  std::string metric;                   ///< that the best is chosen by; "": the validation loss, or the return where nothing is trained
  void fields(Fields& f) override;
  void validate() const override;
};

/// What every policy has beside the options of its kind: how it is deployed.
struct Deployment final : Options {
  std::string init_from;                ///< a console saved by another run; empty: it begins with nothing learned
  std::string init_sha256;              ///< of its content; found when the file is read
  bool frozen = false;                  ///< decides, does not learn
  std::string control = "none";         ///< a null control: experiments/control.h
  void fields(Fields& f) override;
  void validate() const override;
};

/// `kind`, an optional `name`, and the options of that kind.
struct Chosen {
  std::string kind, name;               ///< name: as given, else the kind
  std::shared_ptr<Options> options;
};

/// What has become of other points of an experiment, for those that come after them.
struct Results {
  virtual ~Results() = default;
  /// Seed and outcome of every complete run of the point.
  virtual std::vector<std::pair<std::int64_t, RunOutcome>> outcomes(std::size_t point) const = 0;
  virtual std::filesystem::path run_file(std::size_t point, std::int64_t seed) const = 0;
};

/// One resolved configuration. A run is one seed of it.
struct Point {
  std::string slug;                     ///< "policy=ucb", "base": a folder name, no other point of the experiment has it
  std::string cell;                     ///< what of the environment a sweep varies, as it is here: "train.batch=8"; runs are compared within a cell
  std::vector<std::string> varies;      ///< all that a sweep varies, as it is here: "policies.ucb.c=0.5"
  std::string stage;                    ///< "": it is compared; "search": a candidate, played to find out what is; "derived": made of what
                                        ///< other runs played, seed by seed; "same_flops": compared at equal FLOPs, not tokens
  std::vector<std::size_t> after;       ///< earlier points of the experiment whose runs must have ended before its own begin
  std::function<bool(const Results&)> wanted;  ///< asked then: whether it is played at all; empty: yes
  double share = 1;                     ///< of points such as this one that will be wanted, for prices: 1/4 where one of four goes on
  /// Asked then, for a seed: what it turns out to be, which has the same slug; empty: what stands here. RunError: nothing to go by.
  std::function<Point(const Results&, std::int64_t seed)> settle;
  std::string hash;                     ///< sha256 of all that can change a result, seeds apart
  std::string toml;                     ///< runs again by itself; a comment at each value says where it came from
  RunOptions run;
  CorpusOptions corpus;
  ModelOptions model;
  TrainOptions train;
  Chosen env;                           ///< options derive from EnvOptions
  std::vector<Chosen> agents;           ///< empty for a known-answer environment
  Chosen policy;
  Deployment deployment;                ///< of the policy; its keys stand in the policy's table
  std::map<std::string, std::string> origins;  ///< "policy.c" -> "bandit_ucb.toml:23" or "--set"; not here: a default

  bool trains() const { return static_cast<const EnvOptions&>(*env.options).trains(); }
};

struct Experiment {
  std::string name;                     ///< of the folder below OUT
  std::string question;                 ///< the comment on the first line
  std::filesystem::path file;
  CompareOptions compare;
  std::vector<Hypothesis> hypotheses;   ///< [[hypotheses]], complete: against and metric are those of `compare` where the file has none
  SweepMethod sweep;
  std::vector<Point> points;            ///< one a policy and combination of the sweep, candidates of searches before what they are for; all validated
};

/// `overrides`: key=value of --set, in order; TOML, or a bare word for text. Paths written in a file are relative to it,
/// those of --set to the working folder. ConfigError whose text is one message a line.
Experiment load_experiment(const std::filesystem::path& file, const std::vector<std::string>& overrides);
/// A resolved file, such as the one in a run's folder: no other file is opened for it.
Experiment load_resolved(const std::filesystem::path& file);

/// The resolved file of one run: Point::toml with this seed alone. Run again it is point 0 of its experiment.
std::string config_of_run(const Experiment& experiment, Point point, std::int64_t seed);

/// One value of a point. Sections that do not apply (a corpus where nothing is trained) have none.
struct Setting {
  std::string section;                  ///< "run", "env", "agents.0", "policy"
  std::string key;                      ///< within it: "kind", "reference.domains"
  std::string value;                    ///< as TOML
  std::string origin;                   ///< "default", "bandit_ucb.toml:23", "--set"
  bool in_hash = true;
  std::string path() const { return section + "." + key; }
};
/// All of them in the order of the resolved file: what the hash is of, and what two configurations differ in.
std::vector<Setting> settings(const Point& point);

}  // namespace fader
