// Checkpoints: what a run needs to go on as if it had never stopped. Each is a folder that is there as a whole or not at all:
//
//   <run>/checkpoints/<interval>.<step>/     interval: decisions finished, of all episodes; step: optimiser steps of the next one
//     state.bin                              core/archive.h
//     manifest.json                          written last: what the state belongs to, its size and its sha256
//
// Written under a temporary name, synced, renamed. A folder without a manifest that fits is none. Not thread-safe; one process
// writes into a run's folder at a time.
#pragma once
#include <compare>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fader {

/// Where in a run; the name of the folder.
struct Moment {
  std::int64_t interval = 0, step = 0;
  auto operator<=>(const Moment&) const = default;
  std::string name() const;  ///< "12.3"
};

struct Manifest {
  Moment moment;
  std::string config_sha256, corpus_sha256;     ///< the run's; a state of another run is refused
  std::int64_t seed = 0;
  std::string state_sha256;
  std::uint64_t state_bytes = 0;
  std::map<std::string, std::string> program;   ///< version, commit, compiler, libraries: for people
};

/// DataError naming `where`: not a manifest, of a newer format, a value that is missing or impossible.
Manifest parse_manifest(std::string_view text, const std::string& where);
std::string manifest_text(const Manifest& manifest);

/// A checkpoint that is whole: its state has the size and the sum of the manifest.
struct Checkpoint {
  std::filesystem::path folder;
  Manifest manifest;
  std::string state;
};

class Checkpoints {
 public:
  /// `folder`: <run>/checkpoints, which need not be there. `kept`: how many of the newest stay; `milestone`: those at the end
  /// of every so many intervals stay for good (0: none).
  Checkpoints(std::filesystem::path folder, std::int64_t kept, std::int64_t milestone)
      : folder_(std::move(folder)), kept_(kept), milestone_(milestone) {}

  /// Fills in size and sum. RunError when the disk refuses; nothing half-written is left then. A whole checkpoint of the same
  /// moment is left as it is. Older ones beyond `kept` are removed afterwards.
  void write(Manifest manifest, std::string_view state) const;

  /// Moments of which there is a folder, the newest first. Links are not followed.
  std::vector<Moment> moments() const;
  /// DataError: not whole, not readable, or a link.
  Checkpoint read(Moment moment) const;

  /// Removes what lies beyond: the run goes on from `last`, and whatever could not be used must not be taken for the newest.
  void discard_after(Moment last) const;
  /// Removes all but milestones, and the folder when nothing is left: the run is complete.
  void clear() const;

 private:
  bool is_milestone(Moment moment) const {
    return milestone_ > 0 && moment.step == 0 && moment.interval > 0 && moment.interval % milestone_ == 0;
  }
  void remove_unfinished() const;

  std::filesystem::path folder_;
  std::int64_t kept_, milestone_;
};

}  // namespace fader
