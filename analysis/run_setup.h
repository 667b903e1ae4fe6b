// What of a run's resolved configuration (a line a key, as run_experiment writes it) makes two runs of one policy comparable but for how
// long they trained. Thread-safe.
#pragma once
#include <string>

namespace fader {

struct RunSetup {
  std::string rest;                       ///< everything but name, seeds, policy and length of training, comments aside; "": not in the file
  std::string intervals, interval_steps;  ///< train.intervals and train.steps_per_interval as they are written
};
RunSetup read_setup(const std::string& toml);

}  // namespace fader
