// Credit: what an interval says of each agent, for policies that learn from more than one number a decision.
#pragma once
#include <span>
#include <vector>

#include "agents/agent.h"
#include "env/reward.h"
#include "env/selection.h"

namespace fader {

/// "training_loss" (W15): mean training loss, nats per token, of the passages that each agent drew, each taken when it was trained
/// on. pick i was trained on for tokens[i] tokens at a mean loss of loss[i]. With the standard error of a ratio over passages,
///   e_i = n_i (l_i - m),  var(m) = M / (M - 1) sum_i e_i^2 / N^2.
/// NaN for an agent that drew nothing; the error also for one that drew a single passage.
/// Albalak et al., "Efficient Online Data Mixing For Language Model Pre-Training", arXiv 2312.02406: L_i, as it is.
std::vector<Estimate> training_loss_credit(std::span<const Pick> picks, std::span<const float> loss, std::span<const double> tokens,
                                           std::size_t agents);

/// "seed_code": what the released code of arXiv 2410.08102 feeds its console (src/data_selection/update_agent.py at commit 1b7233c,
/// update_collaborative_weights). All agents' values of sub-categories are put into one list, quality's first, then domain's, then
/// topic's, and
///   d_i = S_i - mean S
/// by place in that list. The defect: d_i belongs to sub-category i, and is given to agent i; with three agents these are the
/// first three bins of quality. Nothing is summed up by agent. NaN beyond the end of the list.
std::vector<double> seed_code_credit(std::vector<CategoryValues> values, std::size_t agents);

}  // namespace fader
