// Null controls: a policy whose feedback is spoiled on purpose, so that what it seems to gain is chance, or a defect of the
// comparison. Runnable with any policy in any environment, by `control = "..."` in the policy's table:
//
//   twin                   nothing is spoiled; it draws from other streams than the policy of the same name and seed would
//   shuffled_rewards       each reward is replaced by one that was earned before, drawn at random (the first by itself)
//   permuted_credit        each decision's credit is permuted among the agents, afresh
//   duplicated_agent       the policy sees the first agent twice; the weights of both copies are added before they are executed
//   zeroed_observations    every number of the observation is zero
//
// With shuffled rewards or permuted credit what is learned does not depend on which agent is which; zeroed observations tell one
// situation from another by nothing; two copies of an agent are worth what one is.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "policies/policy.h"

namespace fader {

const std::vector<std::string>& control_names();  ///< "none" first

/// What the policy is told of the environment under this control.
PolicyContext controlled(const std::string& control, PolicyContext context);

/// The policy, made with the controlled context, under this control; itself for "none".
std::unique_ptr<Policy> controlled(const std::string& control, const PolicyContext& context, std::unique_ptr<Policy> policy);

}  // namespace fader
