// What a call of train has done so far: part of a slot's state, so that a call that was cut short can be made again.
#pragma once
#include <cstdint>
#include <vector>

#include "core/archive.h"
#include "trainer/trainer.h"

namespace fader {

/// Of one slot. Empty outside of a call.
struct CallSoFar {
  std::vector<StepRow> rows;         // one a step
  std::vector<double> nats;          // of each passage of the job
  std::vector<std::int64_t> tokens;  // that these nats are of
  std::vector<double> dots;          // of each passage: inner products with the reference gradient, summed over tokens; empty: not wanted
  std::vector<std::int64_t> measured;  // tokens that these are of
  Cost cost;
  double influence_flops = 0;

  void state(Archive& archive) {
    std::vector<std::int64_t> step;
    std::vector<double> values;
    for (const StepRow& r : rows) {
      step.push_back(r.step);
      values.insert(values.end(), {r.loss, r.learning_rate, r.gradient_norm});
    }
    archive.field("step", step);
    archive.field("rows", values);
    archive.field("nats", nats);
    archive.field("tokens", tokens);
    archive.field("influence", dots);
    archive.field("measured", measured);
    archive.field("cost_tokens", cost.tokens);
    archive.field("cost_flops", cost.flops);
    archive.field("influence_flops", influence_flops);
    if (!archive.loading()) return;
    archive.expect(values.size() == 3 * step.size() && nats.size() == tokens.size() && dots.size() == measured.size() &&
                       (dots.empty() || dots.size() == nats.size()), "what a call of train has done");
    rows.resize(step.size());
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = {step[i], values[3 * i], values[3 * i + 1], values[3 * i + 2]};
  }
};

}  // namespace fader
