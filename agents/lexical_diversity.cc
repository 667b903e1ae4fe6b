// lexical_diversity: how many different words a text uses.
//
// measure = "type_token": distinct words / words, the mean over the text's windows of `words` words, one after another (what is
// left over at the end is not looked at). In windows of fixed length, since the ratio falls with the length of a text (Heaps' law).
// A term of the reward of HDS, arXiv 2606.24133.
//
// measure = "mtld": the mean length of stretches over which the ratio stays at `threshold` or above (McCarthy and Jarvis 2010,
// "MTLD, vocd-D, and HD-D", Behavior Research Methods 42). A stretch ends with the word that brings the ratio below; the
// rest at the end counts as the part (1 - ratio) / (1 - threshold) of a stretch; MTLD = words / stretches, the mean of reading
// forwards and backwards. A text of which no word repeats has as many as it has words.
//
// Words as agents/text_scores.h has them, in any case. Texts with fewer than `words` words say nothing and rank in the middle.
// Status: checked against an oracle (tests/agents/lexical_diversity_test.cc).
#include <limits>

#include "agents/static_agent.h"
#include "agents/text_scores.h"

namespace fader {
namespace {

struct DiversityOptions final : TextOptions {
  std::string measure = "type_token";
  std::int64_t words = 256;
  double threshold = 0.72;
  void fields(Fields& f) override {
    TextOptions::fields(f);
    f("measure", measure, "distinct words per word in windows, or the mean length of stretches of given diversity").one_of({"type_token", "mtld"});
    f("words", words, "of a window; mtld: fewest words of a text", 2, 1e6);
    f("threshold", threshold, "mtld: distinct words per word below which a stretch ends", 0.01, 0.99);
  }
};

float type_token(std::span<const std::uint64_t> words, std::size_t window, HashSet& seen) {
  double distinct = 0;
  const std::size_t windows = words.size() / window;
  for (std::size_t w = 0; w < windows; ++w) {
    seen.clear();
    for (const std::uint64_t word : words.subspan(w * window, window)) seen.add(word);
    distinct += static_cast<double>(seen.size());
  }
  return static_cast<float>(distinct / static_cast<double>(windows * window));
}

template <class Iterator>
double stretches(Iterator word, Iterator end, double threshold, HashSet& seen) {
  double whole = 0, ratio = 1;
  for (std::size_t n = 0; word != end; ++word) {
    if (n == 0) seen.clear();
    seen.add(*word);
    ratio = static_cast<double>(seen.size()) / static_cast<double>(++n);
    if (ratio >= threshold) continue;
    ++whole;
    n = 0;
    ratio = 1;
  }
  return whole + (1 - ratio) / (1 - threshold);
}

float mtld(std::span<const std::uint64_t> words, double threshold, HashSet& seen) {
  const double n = static_cast<double>(words.size());
  const auto mean_length = [n](double count) { return count > 0 ? n / count : n; };
  return static_cast<float>(0.5 * (mean_length(stretches(words.begin(), words.end(), threshold, seen)) +
                                   mean_length(stretches(words.rbegin(), words.rend(), threshold, seen))));
}

TextScorer diversity_scorer(const DiversityOptions& options) {
  struct Scratch {
    std::vector<std::uint64_t> words;
    HashSet seen;
  };
  const auto scratch = std::make_shared<Scratch>();
  const auto least = static_cast<std::size_t>(options.words);
  const bool windows = options.measure == "type_token";
  return [scratch, least, windows, threshold = options.threshold](std::string_view text) {
    auto& [words, seen] = *scratch;
    words.clear();
    std::string_view word;
    for (Words reader(text); reader.next(word);) words.push_back(text_hash(word, true));
    if (words.size() < least) return std::numeric_limits<float>::quiet_NaN();
    return windows ? type_token(words, least, seen) : mtld(words, threshold, seen);
  };
}

class LexicalDiversity final : public StaticAgent {
 public:
  LexicalDiversity(DiversityOptions options, const AgentContext& context)
      : StaticAgent(static_column(*context.corpus, "lexical_diversity", column_key("lexical_diversity 1", options.list()), context.progress,
                                  [&](std::span<float> out) {
                                    return score_texts(context, "lexical_diversity", options.unit, [&] { return diversity_scorer(options); },
                                                       fmt::format("none has {} words; lower words{}", options.words,
                                                                   options.unit == "passage" ? ", or set unit = \"document\"" : ""),
                                                       out);
                                  })) {}
};

REGISTER_AGENT("lexical_diversity", LexicalDiversity, DiversityOptions, "texts that use many different words", "checked against an oracle");

}  // namespace
}  // namespace fader
