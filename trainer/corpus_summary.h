// What a corpus holds, for people: counts by set and domain, what was left out, what it was made of.
#pragma once
#include <string>
#include <vector>

#include "trainer/corpus_file.h"
#include "trainer/corpus_read.h"
#include "trainer/split.h"

namespace fader {

inline constexpr const char* kSetNames[kSets] = {"pool", "anchor", "reward", "validation", "test"};

/// JSON: per set and per domain of it documents, groups, passages, tokens, bytes of text and reference documents; bad
/// records with the first few located; documents left out as duplicates; input files with their hashes.
std::string summary_json(const CorpusContents& contents, const RawCorpus& raw, const Duplicates& left_out,
                         const std::vector<InputFile>& files);

/// The same in a few lines, for the screen.
std::vector<std::string> summary_lines(const CorpusContents& contents, const RawCorpus& raw, const Duplicates& left_out);

/// DataError with the counts of all sets unless there is a pool and reference text in reward, validation and test set.
void check_sets(const RawCorpus& raw, const CorpusOptions& options);

}  // namespace fader
