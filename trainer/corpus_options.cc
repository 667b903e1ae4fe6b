#include <algorithm>
#include <utility>

#include "core/error.h"
#include "trainer/corpus_build.h"

namespace fader {

void CorpusOptions::fields(Fields& f) {
  f("train", train, "files, folders or globs of .jsonl, .jsonl.gz or .jsonl.zst; none: the synthetic corpus").path();
  f("heldout", heldout, "the same for the reward and validation sets; none: carved out of train").path();
  f("test", test, "the same for the test set; none: carved out of train").path();
  f("text_field", text_field, "field of the text; dots descend into objects");
  f("domain_field", domain_field, "field of the domain; empty: one domain");
  f("topic_field", topic_field, "field of the topic; empty: no topics (synthetic corpus: meta.topic)");
  f("quality_field", quality_field, "field of a quality number; empty: no quality (synthetic corpus: meta.quality)");
  f("ratings", ratings, "fields of numbers that agents go by (agent 'stored'): of a list of numbers the mean is kept; a record may lack one");
  f("group_by", group_by, "fields that name the work a document belongs to; none: a document is its own group");
  f("reference.domains", reference_domains, "domains that the reward is about; none: all (synthetic corpus: domain0)");
  f("reference.where", reference_where, "field = values that narrow them (synthetic corpus: meta.true_quality 3 or 4)");
  f("anchor_share", anchor_share, "share of the reference groups of train that teach agents and are not trained on", 0.0, 0.9);
  f("heldout_share", heldout_share, "share of the groups of train for each set that has no file of its own", 0.001, 0.3);
  f("bad_share", bad_share, "share of records that may be unusable", 0.0, 1.0);
  f("tokenizer", tokenizer, "a SentencePiece .model; empty: trained on the training files").path();
  f("tokenizer_megabytes", tokenizer_megabytes, "text that the tokenizer is trained on", 0.001, 1000.0);
  f("synthetic.seed", synthetic_seed, "seed of the synthetic corpus", 0.0, 9e15);
  f("synthetic.megabytes", synthetic_megabytes, "its text", 0.01, 100000.0);
  f("synthetic.supply", synthetic_supply, "cap on reference-like text, as a share of what there would be", 0.0, 1.0);
  f("synthetic.drift", synthetic_drift, "how far the domain shares move from the first document to the last", 0.0, 1.0);
}

void CorpusOptions::validate() const {
  if (synthetic() && !(heldout.empty() && test.empty()))
    throw ConfigError("corpus.heldout or corpus.test is given and corpus.train is not; name the training files too");
  for (const auto& [key, names] : {std::pair{"train", &train}, {"heldout", &heldout}, {"test", &test}, {"ratings", &ratings},
                                   {"group_by", &group_by}, {"reference.domains", &reference_domains}})
    if (std::find(names->begin(), names->end(), "") != names->end())
      throw ConfigError(fmt::format("corpus.{} has an empty name in it; leave it out", key));
  for (auto name = ratings.begin(); name != ratings.end(); ++name)
    if (std::find(ratings.begin(), name, *name) != name) throw ConfigError(fmt::format("corpus.ratings names '{}' twice; once is enough", *name));
  if (text_field.empty()) throw ConfigError("corpus.text_field is empty; name the field of the text");
  if (domain_field.empty() && !reference_domains.empty())
    throw ConfigError("corpus.reference.domains is given and corpus.domain_field is empty; name the field of the domain");
  for (const auto& [field, values] : reference_where)
    if (field.empty() || values.empty())
      throw ConfigError(fmt::format("corpus.reference.where: '{}' has no values; expected field = list of values", field));
}

CorpusOptions CorpusOptions::effective() const {
  CorpusOptions out = *this;
  if (!synthetic()) return out;
  if (out.topic_field.empty()) out.topic_field = "meta.topic";
  if (out.quality_field.empty()) out.quality_field = "meta.quality";
  if (out.reference_domains.empty()) out.reference_domains = {"domain0"};
  if (out.reference_where.empty()) out.reference_where = {{"meta.true_quality", {"3", "4"}}};
  return out;
}

}  // namespace fader
