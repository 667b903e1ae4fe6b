// Finished runs as a Minari dataset, so that Python's offline reinforcement learning can read them.
//
//   <out>/<id>/data/main_data.hdf5   groups episode_0, episode_1, ... and nothing else; format of Minari 0.5
//   <out>/<id>/data/metadata.json
//
// An episode that a run keeps in full is an episode of the dataset, a decision a step; of others there is a row of numbers in the
// run's summary and nothing that could be exported, which the description of the dataset says. Everything of our own that run.h5 has
// of an episode stands inside the episode's group under the same names, which Minari ignores; attributes of the file move to each
// episode. Compressed, lossless, with checksums.
#pragma once
#include <filesystem>
#include <span>
#include <string>

namespace fader {

struct MinariDataset {
  std::string id;
  std::filesystem::path folder;  ///< <out>/<id>
  std::size_t episodes = 0;
  std::uint64_t steps = 0;
};

/// Writes a dataset of all episodes that `runs` keep in full, in that order: complete runs that check_run finds fine. Empty `id`: the name of
/// their experiment, version 0. The dataset appears whole or not at all, after everything in it was read back and compared.
/// ConfigError: the id is none that Minari takes, or there is such a dataset. DataError: the runs are not alike in environment,
/// agents or observation (the two that differ are named), or not complete. RunError: it cannot be written.
MinariDataset export_minari(std::span<const std::filesystem::path> runs, const std::filesystem::path& out, std::string id);

/// "name-v0" or "space/name-v0": letters, digits, '_' and '-'. ConfigError.
void require_minari_id(const std::string& id);

}  // namespace fader
