// Texts of a few themes that share some words and have others of their own, for agents that learn from examples.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "agents/agent.h"
#include "tests/agents/text_corpus.h"

namespace fader {

/// `words` words, two in three of them the theme's own twelve, the others of twelve that all themes share.
inline std::string themed_text(Rng& rng, int theme, int words) {
  std::string out;
  for (int i = 0; i < words; ++i) {
    const int from = rng.below(3) < 2 ? theme : 25;
    out += out.empty() ? "" : " ";
    out += {static_cast<char>('a' + from), static_cast<char>('a' + rng.below(12)), static_cast<char>('a' + from)};
  }
  return out;
}

/// Themes 0 to 2 in turn in the pool (the domain says which), theme 0 in the anchor set; what `other` says in the sets that
/// nobody may learn from, which lie between them. One document a text, with one passage of 20 words.
inline std::shared_ptr<TextCorpus> themed_corpus(const std::filesystem::path& folder, int other = 1, int anchor = 0, int pool = 60) {
  auto corpus = std::make_shared<TextCorpus>(folder, 128);
  Rng taught(2, "test/themed/pool"), hidden(3, "test/themed/hidden"), examples(4, "test/themed/anchor");
  for (int i = 0; i < pool; ++i) {
    corpus->add(themed_text(taught, i % 3, 20), Set::pool, static_cast<std::uint16_t>(i % 3));
    if (i % 2 == 0) corpus->add(themed_text(examples, anchor, 20), Set::anchor);
    for (const Set set : {Set::reward, Set::validation, Set::test}) corpus->add(themed_text(hidden, other, 10 + 5 * other), set);
  }
  return corpus;
}

inline constexpr std::int64_t kBuckets = 2000;  // of vectors: small texts need no more, and are learned from the faster

template <class Change>
std::unique_ptr<Agent> make_reader(const std::string& kind, std::shared_ptr<const Corpus> corpus, const Change& set, int threads = 1) {
  static NoProgress quiet;
  const auto options = agents().at(kind).options();
  for (const Option& o : options->list())
    if (o.name == "hash_buckets") set_option<std::int64_t>(*options, o.name, kBuckets);
  set(*options);
  options->validate();
  AgentContext context{std::move(corpus), 1, quiet};
  context.machine.threads = threads;
  return agents().at(kind).make(*options, context);
}

/// Share of pairs (a passage of theme 0, one of another) that the scores put in this order.
inline double right_pairs(const Corpus& corpus, const std::vector<float>& scores) {
  double right = 0, pairs = 0;
  const auto pool = corpus.set(Set::pool);
  for (std::size_t i = 0; i < pool.size(); ++i)
    for (std::size_t j = 0; j < pool.size(); ++j)
      if (corpus.document(pool[i]).domain == 0 && corpus.document(pool[j]).domain != 0) {
        right += scores[i] > scores[j];
        ++pairs;
      }
  return right / pairs;
}

}  // namespace fader
