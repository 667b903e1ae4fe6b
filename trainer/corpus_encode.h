// Texts into passages: the second half of building a corpus. Texts come from the scratch file of corpus_read.h, tokens go
// straight to the corpus file; what is held in memory is a few batches.
#pragma once
#include <filesystem>

#include "core/progress.h"
#include "trainer/corpus_file.h"
#include "trainer/corpus_read.h"
#include "trainer/tokenizer.h"

namespace fader {

/// Trained on about `megabytes` of the pool's text: documents evenly spaced over all files, of each its beginning.
Tokenizer train_tokenizer(const RawCorpus& raw, const std::filesystem::path& scratch, double megabytes, int vocabulary);

/// Tokens to the writer; passages, documents and names into what is returned. A document of n tokens, end mark included, is
/// cut into ceil(n / context) passages whose lengths differ by at most one, so that none is a mere rest.
CorpusContents encode_corpus(const RawCorpus& raw, const std::filesystem::path& scratch, const Tokenizer& tokenizer, int context,
                             int threads, CorpusWriter& writer, Progress& progress);

}  // namespace fader
