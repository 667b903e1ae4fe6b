// What algorithms have in common that need every arm's reward: they learn from the agents' credit alone.
#pragma once
#include <string>

#include "policies/presets.h"

namespace fader {

struct FullInformationOptions : BanditOptions {
  FullInformationOptions() {
    play = "mixture";
    feedback = "credit";
  }
  void fields(Fields& f) override {
    BanditOptions::fields(f);
    for (Option& option : f.options)
      if (option.name == "feedback") {
        option.help = "what is learned from: \"credit\" alone, every agent's, which tells of all arms";
        option.allowed.clear();  // so that validate can say what to take instead
      }
  }
  void validate() const override {
    if (feedback != "credit")
      throw ConfigError(
          fmt::format("feedback is '{}'; expected 'credit': this policy needs the reward of every arm; one that learns from "
                      "the reward of the arm that was played is kind = \"exp3\"",
                      feedback));
    BanditOptions::validate();
  }
};

}  // namespace fader
