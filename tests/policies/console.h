// A policy with all that it needs to be played by hand in a test: observations, streams, decisions.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "policies/policy.h"

namespace fader::testing {

inline PolicyContext context_of(std::size_t agents, int slots = 1, std::int64_t picks = 0) {
  PolicyContext c;
  for (std::size_t k = 0; k < agents; ++k) c.agents.push_back("agent_" + std::to_string(k));
  c.observation = {{"progress", 0, 1},
                   {"weights", 1, agents, c.agents, "agent"},
                   {"loss_domain", 1 + agents, agents, c.agents, "domain"}};
  c.horizon = 100;
  c.picks = picks;
  c.slots = slots;
  return c;
}

/// Options of a policy or environment by name, as the file's reader would set them.
template <class T>
void set_option(Options& options, const std::string& name, T value) {
  for (auto& o : options.list())
    if (o.name == name) {
      *std::get<T*>(o.target) = std::move(value);
      FADER_CHECK(o.problem().empty(), "{} {}", name, o.problem());
      return;
    }
  FADER_CHECK(false, "no option '{}'", name);
}

inline std::unique_ptr<Policy> make_policy(const std::string& name, const PolicyContext& context,
                                           const std::function<void(Options&)>& set = {}) {
  const auto& entry = policies().at(name);
  const auto options = entry.options();
  if (set) set(*options);
  options->validate();
  return entry.make(*options, context);
}

/// Plays all slots in lockstep. Observations are random but equal for equal seeds.
class Console {
 public:
  Console(std::unique_ptr<Policy> policy, const PolicyContext& context, std::uint64_t seed)
      : Console(std::move(policy), context, seed, seed) {}
  /// `draws`: of the policy's own streams.
  Console(std::unique_ptr<Policy> policy, const PolicyContext& context, std::uint64_t seed, std::uint64_t draws)
      : policy_(std::move(policy)), world_(seed, "world"), learner_(draws, "learn") {
    const auto n = static_cast<std::size_t>(context.slots);
    before_.resize(n, context.observation.back().offset + context.observation.back().size);
    credit_.resize(n, context.agents.size());
    branched_.resize(n, policy_->spec().branches.size());
    for (std::size_t i = 0; i < n; ++i) {
      slots_.push_back(static_cast<int>(i));
      streams_.emplace_back(draws, "slot/" + std::to_string(i));
    }
    decided_.fit(policy_->spec(), context.agents.size(), n);
    begin();
    look();
  }

  Policy& policy() { return *policy_; }
  const Decisions& decided() const { return decided_; }
  std::span<const double> observed(std::size_t row) const { return before_[row]; }
  Rng& world() { return world_; }
  void begin() { policy_->begin(slots_, streams_); }

  const Decisions& decide() {
    for (double& x : branched_.view().flat()) x = world_.normal();
    policy_->decide({slots_, std::as_const(before_).view(), std::as_const(branched_).view()}, streams_, decided_);
    return decided_;
  }
  /// A decision that nobody executes, drawn from other streams.
  void decide_aside(std::uint64_t seed) {
    std::vector<Rng> other;
    for (const int slot : slots_) other.emplace_back(seed, "aside/" + std::to_string(slot));
    Decisions ignored;
    ignored.fit(policy_->spec(), decided_.weights.cols(), slots_.size());
    policy_->decide({slots_, std::as_const(before_).view(), std::as_const(branched_).view()}, other, ignored);
  }
  /// The reward of every slot, in order; credit is drawn where the policy wants it, and one in ten is not measured. `over`: the
  /// episodes end with this, and others begin.
  void learn(const std::vector<double>& reward, bool over = false) {
    for (double& c : credit_.view().flat()) c = world_.uniform() < 0.1 ? std::nan("") : world_.uniform();
    learn(reward, credit_, over);
  }
  void learn(const std::vector<double>& reward, const Grid<double>& credit, bool over = false) {
    const Grid<double> seen = before_, none(slots_.size(), 0);
    look();
    const std::vector<double> se(slots_.size(), 0.1);
    const std::vector<End> end(slots_.size(), over ? End::terminated : End::no);
    const Table<const double> given = policy_->spec().credit == "none" ? none.view() : credit.view();
    const Grid<double> given_se(given.rows, given.cols, 0.1);
    policy_->learn({{slots_, seen.view()}, decided_, reward, se, given, given_se.view(), std::as_const(before_).view(), end}, learner_);
    if (over) begin();
  }

  /// Saves or loads everything, the policy last.
  void state(Archive& archive) {
    for (auto& s : streams_) s.state(archive);
    world_.state(archive);
    learner_.state(archive);
    archive.field("before", before_.view().flat());
    policy_->state(archive);
  }

 private:
  void look() {
    for (double& x : before_.view().flat()) x = world_.normal();
  }

  std::unique_ptr<Policy> policy_;
  Rng world_, learner_;
  std::vector<int> slots_;
  std::vector<Rng> streams_;
  Grid<double> before_, credit_, branched_;
  Decisions decided_;
};

/// All numbers of a decision, as bits, so that NaN equals NaN.
inline void append_bits(const Decisions& d, std::vector<std::uint64_t>& out) {
  const auto add = [&out](std::span<const double> values) {
    for (const double x : values) {
      std::uint64_t bits = 0;
      std::memcpy(&bits, &x, sizeof bits);
      out.push_back(bits);
    }
  };
  add(d.weights.view().flat());
  add(d.probability.view().flat());
  add(d.diagnostics.view().flat());
  add(d.log_density);
  add(d.value);
  for (const auto arm : d.arm) out.push_back(static_cast<std::uint64_t>(arm));
}

}  // namespace fader::testing
