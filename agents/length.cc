// length: long texts first, or those of middle length.
//
//   S(x) = ln(1 + tokens)                                         of the document, or of the passage; end mark included
//   S(x) = min(0, ln(1 + tokens) - ln(1 + from), ln(1 + to) - ln(1 + tokens))        band = [from, to]: 0 within, below outside
//
// Length is among the rules that pretraining text is filtered by (Rae et al. 2021, arXiv 2112.11446, appendix A.1.1). Nothing is read:
// the corpus knows its tokens.
// Status: checked against an oracle (tests/agents/length_test.cc).
#include <cmath>

#include "agents/static_agent.h"
#include "agents/text_scores.h"

namespace fader {
namespace {

struct LengthOptions final : TextOptions {
  std::vector<double> band;
  void fields(Fields& f) override {
    TextOptions::fields(f);
    f("band", band, "[from, to] in tokens: texts within it score 0, others less the further outside they are; empty: the longer, the "
      "higher", 0.0, 1e15);
  }
  void validate() const override { check_band("band", band); }
};

class Length final : public StaticAgent {
 public:
  Length(LengthOptions options, const AgentContext& context)
      : StaticAgent(static_column(*context.corpus, "length", column_key("length 1", options.list()), context.progress,
                                  [&](std::span<float> out) { return fill(options, *context.corpus, out); })) {}

 private:
  static Cost fill(const LengthOptions& options, const Corpus& corpus, std::span<float> out) {
    std::vector<double> of_document(corpus.documents().size(), 0);
    for (const Passage& p : corpus.passages()) of_document[p.document] += p.tokens;
    std::vector<double> band;
    for (const double tokens : options.band) band.push_back(std::log1p(tokens));
    for (std::size_t id = 0; id < out.size(); ++id) {
      const Passage& p = corpus.passages()[id];
      const double length = std::log1p(options.unit == "document" ? of_document[p.document] : p.tokens);
      out[id] = static_cast<float>(band.empty() ? length : band_score(band, length));
    }
    return {};
  }
};

REGISTER_AGENT("length", Length, LengthOptions, "long texts, or those whose length is in a band", "checked against an oracle");

}  // namespace
}  // namespace fader
