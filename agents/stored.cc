// stored: a number that comes with the corpus, whoever found it: S(x) = +/- rating(document of x).
//
// corpus.ratings names the fields to keep. Among those that published corpora come with: the score of the FineWeb-Edu classifier,
// 0 to 5 (Penedo et al. 2024, arXiv 2406.17557, section 4); QuRating's four criteria, whose columns are lists of a number a segment
// of 512 tokens (the mean is kept) or their averages (Wettig et al. 2024, arXiv 2402.09739, section 3); professionalism, readability,
// reasoning and cleanliness, 0 to 5 (PRRC; Zhuang et al. 2025, "Meta-rater", arXiv 2504.14194). Documents without the number rank
// just below the lowest.
// Status: checked against an oracle (tests/agents/stored_test.cc).
#include <algorithm>
#include <cmath>

#include "agents/static_agent.h"

namespace fader {
namespace {

struct StoredOptions final : Options {
  std::string rating, prefer = "high";
  std::vector<double> range;
  void fields(Fields& f) override {
    f("rating", rating, "which of corpus.ratings; empty: the only one");
    f("prefer", prefer, "whether high or low numbers are good").one_of({"high", "low"});
    f("range", range, "[from, to] that all numbers must lie in, such as [0, 5]; empty: any numbers");
  }
  void validate() const override { check_band("range", range); }
};

std::size_t index_of(const std::string& rating, const Corpus& corpus) {
  const std::vector<std::string> known(corpus.ratings().begin(), corpus.ratings().end());
  if (known.empty()) throw ConfigError("agent 'stored': the corpus keeps no ratings; name the fields in corpus.ratings");
  if (rating.empty() && known.size() == 1) return 0;
  const auto it = std::find(known.begin(), known.end(), rating);
  if (it != known.end()) return static_cast<std::size_t>(it - known.begin());
  if (rating.empty())
    throw ConfigError(fmt::format("agent 'stored': rating is not given and there are {}{}", known.size(), suggestion("", known)));
  throw ConfigError(fmt::format("agent 'stored': the corpus keeps no rating '{}'{}; corpus.ratings names those that it keeps", rating,
                                suggestion(rating, known)));
}

void check_range(const std::vector<double>& range, const std::string& name, std::span<const float> rating) {
  if (range.empty()) return;
  for (std::size_t i = 0; i < rating.size(); ++i)
    if (const double x = rating[i]; x < range[0] || x > range[1])
      throw ConfigError(fmt::format("agent 'stored': rating '{}' of document {} of the corpus is {:g}; range expects {:g} to {:g}; mend the "
                                    "corpus, or give another range", name, i + 1, x, range[0], range[1]));
}

void check_differ(const Corpus& corpus, const std::string& name, std::span<const float> rating) {
  std::size_t rated = 0;
  float lowest = INFINITY, highest = -INFINITY;
  for (std::size_t i = 0; i < rating.size(); ++i) {
    if (corpus.documents()[i].set != Set::pool || std::isnan(rating[i])) continue;
    ++rated;
    lowest = std::min(lowest, rating[i]);
    highest = std::max(highest, rating[i]);
  }
  if (rated == 0)
    throw ConfigError(fmt::format("agent 'stored': no document of the pool has a rating '{}'; name another, or leave the agent out", name));
  if (lowest == highest)
    throw ConfigError(fmt::format("agent 'stored': rating '{}' is {:g} for all documents of the pool that have one, which tells none from "
                                  "another; name another, or leave the agent out", name, lowest));
}

class Stored final : public StaticAgent {
 public:
  Stored(StoredOptions options, const AgentContext& context)
      : StaticAgent(context, "stored", "stored 1", named(options, *context.corpus).list(),
                    [&](std::span<float> out) { return fill(options, *context.corpus, out); }) {
    const Corpus& corpus = *context.corpus;
    const std::span<const float> rating = corpus.rating(index_of(options.rating, corpus));
    remark(lacking(corpus, fmt::format("rating '{}'", options.rating), "rank last",
                   [&](PassageId id) { return !std::isnan(rating[corpus.passages()[id].document]); }));
  }

 private:
  /// With the rating's own name, also where the file leaves it out.
  static StoredOptions& named(StoredOptions& options, const Corpus& corpus) {
    options.rating = corpus.ratings()[index_of(options.rating, corpus)];
    return options;
  }

  static Cost fill(const StoredOptions& options, const Corpus& corpus, std::span<float> out) {
    const std::size_t index = index_of(options.rating, corpus);
    const std::span<const float> rating = corpus.rating(index);
    check_range(options.range, corpus.ratings()[index], rating);
    check_differ(corpus, corpus.ratings()[index], rating);
    const float sign = options.prefer == "low" ? -1.0f : 1.0f;
    for (std::size_t id = 0; id < out.size(); ++id) out[id] = sign * rating[corpus.passages()[id].document];
    rank_missing_last(out);
    return {};
  }
};

REGISTER_AGENT("stored", Stored, StoredOptions, "a number that comes with the corpus: FineWeb-Edu, QuRating, PRRC, any other",
               "checked against an oracle");

}  // namespace
}  // namespace fader
