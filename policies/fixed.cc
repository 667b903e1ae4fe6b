// Weights that never change: the baselines that a console has to beat.
//   uniform   the same for every agent
//   fixed     as given
//   one_hot   one agent alone
// Status: checked exactly (tests/oracle/fixed_test.cc).
#include <algorithm>

#include "policies/presets.h"

namespace fader {
namespace {

class Constant : public Policy {
 public:
  explicit Constant(std::vector<double> weights) : weights_(std::move(weights)) { spec_.deterministic = true; }

  const PolicySpec& spec() const final { return spec_; }
  void state(Archive&) final {}
  void decide(const Observations& observations, Streams, Decisions& out) final {
    for (std::size_t i = 0; i < observations.slots.size(); ++i) {
      std::copy(weights_.begin(), weights_.end(), out.weights[i].begin());
      out.log_density[i] = 0;  // it could not have been another
    }
  }

 private:
  PolicySpec spec_;
  const std::vector<double> weights_;
};

std::vector<double> even(std::size_t k) { return std::vector<double>(k, 1.0 / static_cast<double>(k)); }

struct Uniform final : Constant {
  Uniform(const NoOptions&, const PolicyContext& context) : Constant(even(context.agents.size())) {}
};

struct FixedOptions final : Options {
  std::vector<double> weights;
  void fields(Fields& f) override {
    f("weights", weights, "one per agent, in the order of the agents; empty: all the same", 0, 1);
  }
};

struct Fixed final : Constant {
  Fixed(const FixedOptions& options, const PolicyContext& context)
      : Constant(options.weights.empty() ? even(context.agents.size())
                                         : checked_weights(options.weights, context.agents, "weights")) {}
};

struct OneHotOptions final : Options {
  std::string agent;
  void fields(Fields& f) override { f("agent", agent, "name of the agent that gets everything; empty: the first"); }
};

std::vector<double> only(const std::string& name, const std::vector<std::string>& agents) {
  const auto it = name.empty() ? agents.begin() : std::find(agents.begin(), agents.end(), name);
  if (it == agents.end()) throw ConfigError(fmt::format("agent: there is none named '{}'{}", name, suggestion(name, agents)));
  std::vector<double> weights(agents.size(), 0.0);
  weights[static_cast<std::size_t>(it - agents.begin())] = 1;
  return weights;
}

struct OneHot final : Constant {
  OneHot(const OneHotOptions& options, const PolicyContext& context) : Constant(only(options.agent, context.agents)) {}
};

REGISTER_POLICY("uniform", Uniform, NoOptions, "the same weight for every agent", "checked against an oracle");
REGISTER_POLICY("fixed", Fixed, FixedOptions, "weights that are given and never change", "checked against an oracle");
REGISTER_POLICY("one_hot", OneHot, OneHotOptions, "one agent alone", "checked against an oracle");

}  // namespace
}  // namespace fader
