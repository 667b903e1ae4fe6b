// pretrain-v0: pretraining as an environment. An episode is one whole pretraining run of T intervals; the action is the
// agents' weights for the next interval; what comes back are loss curves and statistics of the agents' scores.
//
// Per interval and slot, in this order:
//   select   passages for U steps, from the pool's candidates (pool.h) by weights and scores (selection.h)
//   credit   what each agent's own picks would be worth to the model as it is (credit.h), in some intervals
//   train    U optimiser steps
//   reward   losses on the same reference passages as before, with their gradient when an agent asked for probes or scores by it
//   probe    what the agents' probe passages were worth; their memories hear of it, and credit is known (credit.h)
//   observe  validation losses, for people only
//   score    the next candidates, by every agent
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/rng.h"
#include "env/credit_book.h"
#include "env/observation.h"
#include "env/pool.h"
#include "env/registry.h"
#include "env/reward.h"
#include "env/selection.h"
#include "trainer/evaluation.h"

namespace fader {

struct PretrainOptions final : EnvOptions, SelectionOptions {
  std::string pool = "stream", agent_failure = "stop";
  double candidates = 4;
  std::int64_t inclusion_draws = 0;
  std::int64_t pool_size = 0, epochs = 1;
  std::int64_t reference_passages = 256, evaluation_passages = 512, domain_passages = 64;
  std::int64_t validation_every = 0;
  RewardOptions reward_options;
  EstimatorOptions credit_options;
  PretrainOptions() { reward = "reference_loss_drop"; }
  bool trains() const override { return true; }
  std::string reward_baseline() const override { return reward_options.baseline; }
  void fields(Fields& f) override;
  void validate() const override;
};

class Pretrain final : public Env {
 public:
  /// ConfigError when the pool is too small for the episode, or an agent's or reward's name is wrong.
  Pretrain(const PretrainOptions& options, const EnvContext& context);

  const EnvSpec& spec() const override { return spec_; }
  void reset(Slots slots, std::span<const std::uint64_t> seeds, Outcome& out) override;
  void step(Slots slots, Table<const double> weights, Outcome& out) override;
  Ledger& ledger() override { return ledger_; }
  void when_resting(std::function<void()> moment) override { resting_ = std::move(moment); }
  double fingerprint(int slot) override;
  void state(Archive& archive) override;
  void slot_state(Archive& archive, int slot) override;

 private:
  enum CreditIndex : std::size_t { kAgentReward, kTrainingLoss, kSeedCode, kEstimators };  // the order of EnvSpec::credits
  struct Slot {
    std::uint64_t seed = 0;
    bool playing = false;
    std::int64_t interval = 0, tokens = 0;
    Pool pool;
    std::vector<Rng> streams;                    // select, then ties and probes of each agent
    bool training = false;                       // a state saved now selects again: `before_select` is the stream it starts from
    Rng before_select{0, ""};
    std::vector<float> reference;                // losses on reference_items_
    double validation_flops = 0;                 // of looking during the episode
    double loss_reference = 0, first_loss = 0, loss_train = 0, gradient_norm = 0;
    bool fresh_gradient = false;                 // the trainer's reference gradient is of the model as it is
    std::int64_t train_tokens = 0;               // of the last interval, as train_flops
    double train_flops = 0;
    double probe_flops = 0, counted_flops = 0;   // of agents' probes so far; of what rewards have been told of selection
    std::vector<double> weights, agent_reward;   // executed last; eq. (7) of the last interval
    std::vector<std::vector<float>> raw;         // scores of the candidates at hand as they came, per agent
    std::vector<std::uint64_t> keys;             // of the lots that break their ties, per agent
    std::vector<std::uint8_t> dead, exhausted;   // agents that failed; those that ran out of their own in the last interval
    std::vector<std::string> news;               // of agents, that no outcome has told of yet
    std::vector<ScoreStatistics> scores;
    std::vector<double> agreement;
  };
  /// The set that a kind of loss is taken on, fixed for all runs of a corpus.
  struct Items {
    std::vector<PassageId> ids;
    std::vector<float> weights;  // of a token
  };

  /// What an interval trains on.
  struct Selection : Selected {
    std::vector<PassageId> ids;        // of each pick
    std::vector<double> tokens;        // of it that this interval trains on: the last one may be cut
    std::vector<double> inclusion;     // of each candidate, where it is simulated
  };

  void describe();
  void lay_out_pool();
  Slot& at(int slot) { return slots_.at(static_cast<std::size_t>(slot)); }
  Items items(Set set, bool reference_only, std::int64_t count) const;
  void check_reservoir(const Slot& slot) const;

  std::vector<Selection> select(Slots slots, Table<const double> weights, Outcome& out);
  Selection pick(int slot);
  void tell_exhausted(int slot, const Selection& chosen, std::vector<Event>& events) const;
  /// Lets agent a do something for the rows of `slots` in which it lives, call(rows). What it throws ends the run or, with
  /// agent_failure = "ignore", the agent in that slot; then every slot is served alone.
  void ask(std::size_t a, Slots slots, const std::function<void(std::span<const std::size_t>)>& call);
  void bury(int slot, std::size_t a, const std::string& why);
  void train(Slots slots, const std::vector<Selection>& chosen, Outcome& out);
  /// Some agent scores by influence.
  bool agents_want_gradient() const;
  /// Losses on the reference passages, with their gradient where `gradient`; fills Slot::reference and loss_reference.
  void evaluate_reference(Slots slots, bool gradient);
  /// Losses that only people look at; `costs[i]` is what those of slots[i] cost.
  std::vector<SetLoss> observe(Slots slots, const Items& items, std::vector<Cost>& costs);
  void make_rewards(const EnvContext& context);
  void reward(Slots slots, const std::vector<Selection>& chosen, const std::vector<std::vector<float>>& before,
              const std::vector<double>& loss_before, Outcome& out);
  double selection_flops(int slot);  // since it was asked last
  CreditScene scene(int slot, const Selection& chosen);
  void credit(Slots slots, const std::vector<Selection>& chosen, Outcome& out);
  /// Asks every agent what it wants probed: [agent][row][group].
  std::vector<std::vector<std::vector<ProbeGroup>>> wanted_probes(Slots slots);
  void probe(Slots slots, const std::vector<std::vector<std::vector<ProbeGroup>>>& wanted, Outcome& out);
  void score(Slots slots);
  void compare_agents(Slot& s) const;
  void write_selection(const Selection& chosen, std::span<double> row);
  void write_infos(Slots slots, Outcome& out);
  void write_scores(Slots slots, Outcome& out);  // of the candidates that the action is about
  void write_observation(Slots slots, Outcome& out);
  void finish(Slots slots, Outcome& out);
  void check_loaded(Archive& archive, const Slot& slot) const;
  void diverge(int slot, std::size_t row, Outcome& out);

  PretrainOptions options_;
  std::shared_ptr<Pretraining> parts_;
  const Corpus& corpus_;
  Trainer& trainer_;
  std::vector<std::unique_ptr<Reward>> rewards_;
  std::unique_ptr<CreditBook> credits_;
  EnvSpec spec_;
  Ledger ledger_;
  std::function<void()> resting_;
  std::vector<PassageId> pool_;         // passages with text, in corpus order
  PoolShape shape_;
  std::unique_ptr<SelectionMethod> selection_;
  std::vector<std::optional<float>> not_mine_;   // of each agent
  std::vector<std::uint16_t> reference_domains_;
  Items reference_items_, validation_items_, test_items_, domain_items_;
  std::unique_ptr<ObservationBuilder> observations_;
  std::vector<Slot> slots_;
};

}  // namespace fader
