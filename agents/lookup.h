// Agents that know a passage's label alone, and remember what each label was worth: domain, topic, quality in bins.
//
// memory = "paper", equations of arXiv 2410.08102, section 3:
//   R_j <- mean over n probe passages x of sub-category j of <g_ref, g(x)>     one pooled backward pass      (4)
//   w_j <- (1 - eta) w_j + eta R_j                                             the memory                    (5)
//   S(x) = w_{j(x)}                                                            the score
//   R   = (1 / J) sum_j w_j R_j                                                the agent's own reward        (7)
// without the Hessian of their equation 3 (their released code has none either). Before the first probes all w_j are
// equal, so the first interval trains on a random sample, as theirs does. In (7) the memory is the updated one. A passage
// without a label scores like the mean of the labels.
//
// memory = "code", what the released code does instead (Relaxed-System-Lab/multi-actor-data-selection, commit 1b7233c,
// src/data_selection/update_agent.py and cal_score.py), its defects included; for studies of it:
//   w_j = 10 at first
//   w_j <- 0.9 w_j + 0.1 exp(0.5 I)    once a sample, in file order: what the last few dozen samples say is all that stays
//   w   <- w / sum_j w_j               over the agent's sub-categories, once all samples are in
//   S_j = w_j (exp(0.6 I_last) / 100 - 1) / n_j      from the last sample alone; n_j samples
// I is the cosine of the gradients of the sample and of the reference set (the code's first way to measure influence, without its
// random projection). A passage without a label scores 0. There is no reward of the agent: the S_j of all agents go to the
// console as they are (credit "seed_code"). Every probe passage has a backward pass of its own: as many tokens as pooled, but
// each pass ends with an inner product of all parameters (about a sixth more time at 0.2 million of them and 4 passages).
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "agents/agent.h"

namespace fader {

struct LookupOptions : Options {
  std::string memory = "paper";
  double eta = 0.5;
  std::int64_t probe_passages = 4;
  void fields(Fields& f) override;
};

class Lookup : public Agent {
 public:
  /// `label`: sub-category of each passage of the corpus, below `categories`, negative for none. `place`: of CategoryValues.
  Lookup(const LookupOptions& options, const AgentContext& context, std::vector<int> label, std::size_t categories, int place);

  void begin(Slots slots, std::span<const std::uint64_t> seeds) override;
  void score(std::span<ScoreJob> jobs, Trainer& trainer) override;
  void probes(Slots slots, Streams streams, std::span<std::vector<ProbeGroup>> out) override;
  void feedback(Slots slots, std::span<const std::span<const Probe>> measured, std::span<double> reward) override;
  CategoryValues category_values(int slot) const override;
  void state(Archive& archive) override;
  void slot_state(Archive& archive, int slot) override;

 private:
  void memory_state(Archive& archive, std::vector<double>& w) const;
  std::vector<double>& memory(int slot) { return memory_[static_cast<std::size_t>(slot)]; }
  std::size_t samples(std::size_t category) const;  // n_j
  double remember(std::vector<double>& w, std::span<const Probe> measured) const;
  void remember_as_code(std::vector<double>& w, std::span<const Probe> measured, std::vector<double>& values) const;

  const bool code_;
  const LookupOptions options_;
  const std::vector<int> label_;
  const int place_;
  std::vector<std::vector<PassageId>> members_;  // of each sub-category, in the pool
  std::vector<std::size_t> probed_;              // sub-categories that the pool has
  std::vector<std::vector<double>> memory_;      // [slot][sub-category]
  std::vector<std::vector<double>> values_;      // [slot][probed sub-category] S_j of the last feedback; spent before a state is saved
};

}  // namespace fader
