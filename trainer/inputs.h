// Which files a corpus is made of, and what is in them.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/progress.h"

namespace fader {

/// Where a document was read from, before the sets are made.
enum class InputSet : std::uint8_t { train, heldout, test };
inline constexpr const char* kSourceNames[] = {"corpus.train", "corpus.heldout", "corpus.test"};

struct InputFile {
  std::filesystem::path path;
  InputSet source = InputSet::train;
  std::uint64_t bytes = 0;
  std::string hash;  ///< sha256 of the file as stored
};

/// The files that `names` mean: a file; a folder, for all .jsonl, .jsonl.gz and .jsonl.zst below it; a glob (* ? [...]).
/// What one name stands for is sorted by path. DataError naming the key and the name when there is none.
std::vector<InputFile> resolve_inputs(const std::vector<std::string>& names, InputSet source);

/// ConfigError when a file is there twice, in one set or in two.
void check_distinct(const std::vector<InputFile>& files);

/// Fills in `hash`. `memo` is a folder where it is remembered with size, times and inode, so that a file that has not been
/// touched is read once.
void hash_inputs(std::vector<InputFile>& files, const std::filesystem::path& memo, Progress& progress);

}  // namespace fader
