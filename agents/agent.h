// An agent scores passages: higher means train on it. It neither trains nor samples. It may keep a memory that is
// updated from what its probe passages turned out to be worth.
//
// One object serves all slots; its memories are per slot. Not thread-safe.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/archive.h"
#include "core/progress.h"
#include "core/registry.h"
#include "core/rng.h"
#include "core/table.h"
#include "trainer/trainer.h"

namespace fader {

struct ScoreJob {
  int slot = 0;
  std::span<const PassageId> passages;
  std::span<float> score;   ///< of each; finite
  Cost cost;                ///< of model-based scores
};

/// The passages of one probe, measured as one pooled gradient.
using ProbeGroup = std::vector<PassageId>;

/// What an interval trained on, in one slot.
struct TrainedOn {
  int slot = 0;
  std::span<const PassageId> passages;   ///< in the order of training
  std::span<const float> loss;           ///< of each when it was trained on, nats per token
};

/// What the released code of arXiv 2410.08102 calls S: a value of each sub-category that an agent knows (lookup.h).
struct CategoryValues {
  int place = 0;                ///< of this agent's values in the code's merged list: quality 0, domain 1, topic 2
  std::vector<double> values;   ///< in the order of the sub-categories; none: not that kind of agent
};

class Agent : public PerSlot {
 public:
  /// New episodes in these slots: memories start afresh. Equal seeds, equal scores.
  virtual void begin(Slots slots, std::span<const std::uint64_t> seeds) = 0;
  virtual void score(std::span<ScoreJob> jobs, Trainer& trainer) = 0;
  /// What was just trained on, once an interval, before anything is probed. Nothing to most agents.
  virtual void trained(std::span<const TrainedOn> slots);
  /// The score that says: not mine. An agent whose candidates all have it is exhausted (env.exhausted). By default there is none.
  virtual std::optional<float> not_mine() const { return std::nullopt; }
  /// Passages whose influence this agent wants measured in every slot, after the interval's training. `streams[i]` and
  /// `out[i]` belong to `slots[i]`. None by default.
  virtual void probes(Slots slots, Streams streams, std::span<std::vector<ProbeGroup>> out);
  /// Whether `score` asks for influence: the environment then takes the reference gradient before every scoring, the first
  /// of an episode too.
  virtual bool wants_reference_gradient() const { return false; }
  /// What they turned out to be: `measured[i]` answers `out[i]` of the slot, in order. `reward[i]` becomes the agent's own
  /// reward (eq. 7 of arXiv 2410.08102), NaN when it has none.
  virtual void feedback(Slots slots, std::span<const std::span<const Probe>> measured, std::span<double> reward);
  /// Of a slot whose feedback has just been heard.
  virtual CategoryValues category_values(int) const { return {}; }
  /// What its static scores cost when they were made, not amortised over the runs that share them.
  virtual Cost static_cost() const { return {}; }
  /// What those who read a run must know of how it came to its scores: passages without a label, a part that could not be paid for.
  /// Among the events of every run.
  const std::vector<std::string>& remarks() const { return remarks_; }

 protected:
  void remark(std::string text) {
    if (!text.empty()) remarks_.push_back(std::move(text));
  }

 private:
  std::vector<std::string> remarks_;
};

/// "3 of the pool's 10 passages (30%) have no <what>; they <then>"; empty when all that hold text have it.
std::string lacking(const Corpus& corpus, std::string_view what, std::string_view then, const std::function<bool(PassageId)>& has);

struct AgentContext {
  std::shared_ptr<const Corpus> corpus;
  int slots = 1;
  Progress& progress;
  ModelOptions model = {};   ///< of the run; what agents train for themselves may be smaller
  TrainOptions train = {};
  Machine machine = {};      ///< `threads` may score at the same time; without ranks
};

using AgentRegistry = Registry<Agent, const AgentContext&>;
AgentRegistry& agents();

/// In the agent's file, at namespace scope. ConfigError from the constructor says what the corpus lacks.
#define REGISTER_AGENT(name, Class, OptionsType, summary, status) \
  [[maybe_unused]] const bool registered_##Class = ::fader::agents().add<Class, OptionsType>(name, summary, status)

}  // namespace fader
