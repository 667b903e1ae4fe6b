// Agents with options set by name, as the file's reader would.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agents/agent.h"

namespace fader {

template <class T>
void set_option(Options& options, const std::string& name, T value) {
  for (Option& o : options.list())
    if (o.name == name) {
      *std::get<T*>(o.target) = std::move(value);
      FADER_CHECK(o.problem().empty(), "{} {}", name, o.problem());
      return;
    }
  FADER_CHECK(false, "no option '{}'", name);
}

template <class Set>
std::unique_ptr<Agent> make_agent(const std::string& kind, std::shared_ptr<const Corpus> corpus, int slots, const Set& set) {
  static NoProgress progress;
  const auto& entry = agents().at(kind);
  const auto options = entry.options();
  set(*options);
  options->validate();
  return entry.make(*options, AgentContext{std::move(corpus), slots, progress});
}

}  // namespace fader
