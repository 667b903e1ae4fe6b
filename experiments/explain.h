// --list and --explain: what there is and what can be set, from the same descriptions that files are read with.
#pragma once
#include <string>
#include <vector>

namespace fader {

/// "agents", "envs", "policies", "rewards"
std::vector<std::string> shelf_names();

/// A line for each thing on a shelf: name, summary, status. ConfigError for an unknown shelf.
std::string list_text(const std::string& shelf);

/// "policy.ucb", "agent.domain", "env.pretrain-v0", "reward.reference_loss_drop", a section "train", one option
/// "train.batch" or "policy.ucb.c", or a bare "ucb". ConfigError with the nearest name.
std::string explain_text(const std::string& name);

}  // namespace fader
