// Agents whose score of a passage never changes: column[passage]. What such an agent is made of is in its own file; this is
// what they share. A column holds the scores of the pool's passages, the only ones that are ever candidates; what other
// passages have there is zero, or whatever costs nothing to know.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "agents/agent.h"
#include "agents/static_column.h"

namespace fader {

class StaticAgent : public Agent {
 public:
  void begin(Slots, std::span<const std::uint64_t>) override {}
  void score(std::span<ScoreJob> jobs, Trainer& trainer) override;
  Cost static_cost() const override { return column_.cost; }
  void state(Archive&) override {}
  void slot_state(Archive&, int) override {}
  const StaticColumn& column() const { return column_; }

 protected:
  /// Remarks when all passages of the pool have the same score.
  StaticAgent(const Corpus& corpus, StaticColumn column);
  /// The column of agent `name`: `method` and the options are its key, `compute` fills it (static_column.h).
  StaticAgent(const AgentContext& context, const std::string& name, std::string_view method, const std::vector<Option>& options,
              const std::function<Cost(std::span<float>)>& compute)
      : StaticAgent(*context.corpus, static_column(*context.corpus, name, column_key(method, options), context.progress, compute)) {}

 private:
  StaticColumn column_;
};

/// Numbers that not all passages have: NaN becomes a number just below the lowest, so that these rank last. False when there is
/// nothing but NaN; then nothing is changed.
bool rank_missing_last(std::span<float> scores);

/// An option of two numbers or none: from, to. ConfigError naming `option` unless it is empty, or two in ascending order.
void check_band(const std::string& option, const std::vector<double>& band);

/// 0 within the band, both ends included; outside of it minus the distance.
double band_score(const std::vector<double>& band, double x);

}  // namespace fader
