// The shelf of environments, and what they are made of.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "agents/agent.h"
#include "core/registry.h"
#include "env/baseline.h"
#include "env/env.h"
#include "trainer/trainer.h"

namespace fader {

/// What a pretraining environment is made of. A known-answer environment takes none of it.
struct Pretraining {
  ModelOptions model;
  TrainOptions train;
  std::shared_ptr<const Corpus> corpus;
  std::unique_ptr<Trainer> trainer;
  std::vector<std::unique_ptr<Agent>> agents;
  std::vector<std::string> agent_names;   ///< kind, or the name given in the file
  int threads = 1;                        ///< of the machine's that selection may use; changes no result
};

struct EnvContext {
  int slots = 1;
  /// Of the run that EnvOptions::reward_baseline names.
  Baseline baseline = {};
  /// Null for a known-answer environment. The environment takes it over.
  std::shared_ptr<Pretraining> pretraining;
};

/// Options of an environment. `trains()`: it needs [corpus], [model], [train] and [[agents]].
struct EnvOptions : Options {
  std::string reward;  ///< the first of the rewards that are logged, and what policies learn from by default
  virtual bool trains() const = 0;
  /// Path of a run whose reference losses the environment wants to see (EnvContext::baseline); empty: none.
  virtual std::string reward_baseline() const { return ""; }
};

using EnvRegistry = Registry<Env, const EnvContext&>;
EnvRegistry& environments();

/// In the environment's file, at namespace scope. OptionsType derives from EnvOptions.
#define REGISTER_ENV(name, Class, OptionsType, summary, status) \
  [[maybe_unused]] const bool registered_##Class = ::fader::environments().add<Class, OptionsType>(name, summary, status)

}  // namespace fader
