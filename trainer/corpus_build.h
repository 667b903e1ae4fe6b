// From JSON lines, or from the synthetic generator, to a Corpus: read, split by group, train the tokenizer, cut, write.
#pragma once
#include <memory>

#include "trainer/corpus.h"

namespace fader {

struct CorpusOptions final : Options {
  // Paths, folders or globs of .jsonl, .jsonl.gz, .jsonl.zst. No `train`: the synthetic corpus, see effective().
  std::vector<std::string> train, heldout, test;
  std::string text_field = "text";
  std::string domain_field = "meta.redpajama_set_name";  ///< dots descend into objects
  std::string topic_field;
  std::string quality_field;
  std::vector<std::string> ratings;                      ///< fields of numbers kept by name, for agents
  std::vector<std::string> group_by;                     ///< empty: documents of equal text are a group, others their own
  std::vector<std::string> reference_domains;            ///< empty: all
  Filters reference_where;
  double anchor_share = 0.1;       ///< of the reference groups of `train`
  double heldout_share = 0.1;      ///< of the groups of `train`, for each set that has no file of its own
  double bad_share = 0.01;         ///< records that may be unusable before the build fails
  std::string tokenizer;           ///< a SentencePiece .model; empty: trained on the training files
  double tokenizer_megabytes = 8;  ///< of text, spread over the training files, that the tokenizer is trained on
  // The synthetic corpus (trainer/synthetic.h states the generative model).
  std::int64_t synthetic_seed = 0;
  double synthetic_megabytes = 24;
  double synthetic_supply = 1.0;
  double synthetic_drift = 0.0;

  void fields(Fields& f) override;
  void validate() const override;
  bool synthetic() const { return train.empty(); }
  /// What open_or_build goes by. With a corpus of one's own: these options. With the synthetic corpus: these options, and
  /// where they are empty those of its schema: topic_field meta.topic, quality_field meta.quality, reference_domains domain0,
  /// reference_where meta.true_quality = 3 or 4. The last two are filled in each for itself.
  CorpusOptions effective() const;
};

struct CorpusBuild {
  int vocabulary = 512;
  int context = 64;
  std::filesystem::path cache;   ///< folder of all built corpora
  int threads = 2;
};

/// Opens the built form, building it first when it is not there. Equal inputs give equal bytes, whatever `threads` is.
/// ConfigError: options; DataError: a file or record, located. Nothing that looks complete is left behind on failure.
std::shared_ptr<const Corpus> open_or_build(const CorpusOptions& options, const CorpusBuild& build, Progress& progress);

}  // namespace fader
