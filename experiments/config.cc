#include "experiments/config.h"

#include <fmt/format.h>

#include <set>

#include "core/error.h"
#include "experiments/control.h"
#include "experiments/experiment_tree.h"
#include "experiments/expansion.h"
#include "trainer/ranks.h"

namespace fader {

void RunOptions::fields(Fields& f) {
  constexpr double kMany = 1e9;
  f("seeds", seeds, "one run each; equal seeds pair the policies", 0).not_in_hash();
  f("device", device, "where language models are trained").one_of({"cpu", "cuda"});
  f("threads", threads, "of one run", 1, 1024);
  f("pinned", pinned, "whether threads are bound to cores of their own, where there are any left").not_in_hash();
  f("processes", processes, "that train one model together, each on a part of every batch: start as many, with mpirun or torchrun", 1, kMostRanks);
  f("rank_seconds", rank_seconds, "how long one of several processes may be silent before the others take it for lost", 1, 1e6).not_in_hash();
  f("episodes", episodes, "pretraining runs that a policy learns from, one after another; one that does not learn plays none of them when there "
    "are episodes of evaluation", 1, kMany);
  f("members", members, "episodes that are played at once, in lockstep, under one policy", 1, 4096);
  f("evaluation_episodes", evaluation_episodes, "played afterwards with the policy frozen; what is compared is their mean", 0, kMany);
  f("log_episodes", log_episodes, "kept in full in run.h5, spread evenly over all; the others are a row of /summary", 1, 10000);
  f("log_steps", log_steps, "a row of run.h5 for every optimiser step").not_in_hash();
  f("checkpoint_seconds", checkpoint_seconds, "between checkpoints; 0: only when a signal asks for one", 0, kMany).not_in_hash();
  f("checkpoints_kept", checkpoints_kept, "how many of the newest checkpoints stay", 1, kMany).not_in_hash();
  f("checkpoint_intervals", checkpoint_intervals, "a checkpoint after every so many intervals, kept for good; 0: none", 0, kMany).not_in_hash();
}

void RunOptions::validate() const {
  if (device == "cuda" && processes > 1)
    throw ConfigError(fmt::format("processes is {} and device is \"cuda\", whose models are not shared among processes; set one of "
                                  "them otherwise", processes));
  if (seeds.empty()) throw ConfigError("seeds: the list is empty; expected at least one seed");
  std::set<std::int64_t> seen;
  for (const std::int64_t seed : seeds)
    if (!seen.insert(seed).second)
      throw ConfigError(fmt::format("seeds: {} is listed twice; a seed's run can be made once only", seed));
}

void Deployment::fields(Fields& f) {
  f("init_from", init_from, "a run's folder, or its console.bin: what that console has learned is what this one begins with").path().not_in_hash();
  f("init_sha256", init_sha256, "of that console; found when it is read, and compared when it is given");
  f("frozen", frozen, "plays the best it knows and learns nothing");
  f("control", control, "a null control: what the policy is fed is spoiled on purpose").one_of(control_names());
}

void Deployment::validate() const {
  if (!init_sha256.empty() && init_from.empty()) throw ConfigError("init_sha256 is given and init_from is not; say where the console is");
}

void CompareOptions::fields(Fields& f) {
  f("baseline", baseline, "name of the policy that the others are compared with; empty: the first");
  f("metric", metric, "what is compared, lower being better: a number of each episode in run.h5");
  f("confidence", confidence, "of the intervals", 0.5, 0.9999);
  f("baselines", baselines, "adds what a console has to beat: random picks, each agent, tuned fixed weights and schedules, replays; full_and_oracle: and "
    "the greedy oracle").one_of({"none", "full", "full_and_oracle"});
  f("console", console, "the policy that these are for; empty: the first that learns");
  f("baseline_samples", baseline_samples, "candidates of each of them that is tuned; at least as many as sweep.samples where policies are tuned", 2, 100000);
  f("screening", screening, "many policies are looked at to find those worth a closer look: the report gives no verdict");
}

void HypothesisOptions::fields(Fields& f) {
  f("name", stated.name, "what is claimed, in words");
  f("policy", stated.policy, "name of the policy that it is about, or where a sweep made several points of it, of the point");
  f("against", stated.against, "the policy that it is compared with; empty: compare.baseline");
  f("metric", stated.metric, "what is compared; empty: compare.metric");
  f("direction", stated.direction, "how `policy` is said to end, compared with `against`").one_of({"lower", "higher", "different"});
  f("cell", stated.cell, "of a sweep of the environment, the cell that it speaks of; empty: every one");
}

void SweepMethod::fields(Fields& f) {
  f("method", method, "grid: all combinations; random: some, by chance; halving: for each policy, the best of some by successive halving")
      .one_of({"grid", "random", "halving"});
  f("samples", samples, "random, halving: combinations that are drawn; all, where there are no more", 1, 100000);
  f("seed", seed, "random, halving: of these draws", 0);
  f("rungs", rungs, "halving: rounds of a search", 1, 10);
  f("eta", eta, "halving: one in so many goes on to the next round, with so many times as much of the resource", 2, 100);
  f("seeds", seeds, "halving: that candidates are tried on; the winner plays run.seeds", 0);
  f("resource", resource, "halving: the whole number of the run that candidates get less of in early rounds; none: all rounds are whole, on seeds of their own; auto: "
    "train.intervals, or none where nothing is trained");
  f("metric", metric, "halving: what the best is chosen by; empty: final/loss_validation, lower being better, or where nothing is trained the return");
}

void SweepMethod::validate() const {
  if (method != "halving") return;
  if (seeds.empty()) throw ConfigError("seeds: the list is empty; expected at least one seed to try candidates on");
}

Experiment load_experiment(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  Problems problems;
  ExperimentTree tree = read_experiment(file, problems);
  std::vector<TomlValue> assignments;
  for (std::size_t i = 0; i < overrides.size(); ++i)
    assignments.push_back(parse_assignment(overrides[i], 1000 + static_cast<int>(i), problems));
  if (!tree.complete) problems.raise();
  return expand_experiment(tree, assignments, file, problems);
}

Experiment load_resolved(const std::filesystem::path& file) {
  Problems problems;
  ExperimentTree tree = read_experiment(file, problems, true);
  if (!tree.complete) problems.raise();
  return expand_experiment(tree, {}, file, problems);
}

}  // namespace fader
