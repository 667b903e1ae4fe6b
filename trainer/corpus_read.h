// JSON lines into labelled documents: the first half of building a corpus.
//
// Texts go to a scratch file, one after another; labels stay in memory, some forty bytes a document. So neither needs the
// other, and the files are read once.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/progress.h"
#include "trainer/corpus_build.h"
#include "trainer/inputs.h"
#include "trainer/json_lines.h"

namespace fader {

struct RawDocument {
  Document label;           ///< the set is that of the source until the split
  InputSet source = InputSet::train;
  bool kept = true;         ///< false: left out of the corpus
  std::uint64_t bytes = 0;  ///< of text, in the scratch file
};

struct BadRecords {
  std::uint64_t records = 0;                     ///< read, bad ones included
  std::uint64_t bad = 0;
  std::map<std::string, std::uint64_t> reasons;  ///< how many of each
  std::vector<std::string> first;                ///< "file:line: reason: detail", a few
};

struct RawCorpus {
  std::vector<RawDocument> documents;
  std::vector<std::string> groups;           ///< keys, by Document::group
  std::vector<std::string> domains, topics;  ///< sorted
  std::vector<std::vector<float>> ratings;   ///< [name of corpus.ratings][document]; NaN: none
  BadRecords bad;
  std::uint64_t text_bytes = 0;
  std::uint64_t without_quality = 0, without_topic = 0;  ///< documents
};

RecordFields record_fields(const CorpusOptions& options);

/// DataError: a file that cannot be read, one without a usable record, more bad records than options.bad_share, too many
/// labels; ConfigError: a field or a reference domain that no record has.
RawCorpus read_corpus(const std::vector<InputFile>& files, const CorpusOptions& options, int threads,
                      const std::filesystem::path& scratch, Progress& progress);

}  // namespace fader
