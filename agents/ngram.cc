// ngram: perplexity under a small n-gram model of the anchor set.
//
//   loss(x) = - ln p(x) / tokens of x,   p by an interpolated Kneser-Ney model (agents/kneser_ney.h) of the anchor set's tokens
// Every passage follows a begin mark, in learning and in scoring, as it does in training. prefer = "low": text that reads like the
// anchor set's; CCNet's filter (Wenzek et al. 2019, arXiv 1911.00359), with the corpus's own pieces in place of theirs.
// Status: checked against an oracle (tests/agents/ngram_test.cc).
#include "agents/examples.h"
#include "agents/kneser_ney.h"
#include "agents/prefer.h"
#include "agents/static_agent.h"
#include "agents/text_scores.h"
#include "trainer/team.h"

namespace fader {
namespace {

struct NgramOptions final : TextOptions {
  std::int64_t order = 5, examples = 50000;
  std::string discounts = "three", prefer = "low";
  NgramOptions() { unit = "passage"; }
  void fields(Fields& f) override {
    TextOptions::fields(f);
    f("order", order, "longest n-gram", 1, KneserNey::kLongest);
    f("discounts", discounts, "of each length: one, or one for each of the counts 1, 2 and more").one_of({"one", "three"});
    f("examples", examples, "passages of the anchor set to learn from, at most", 1, 10000000);
    prefer_field(f, prefer, "perplexities that it likes: low reads like the anchor set, middle is around the median");
  }
};

KneserNey learn(const NgramOptions& options, const Corpus& corpus, Cost& cost) {
  std::vector<KneserNey::Tokens> texts;
  for (const PassageId id : anchor_examples(corpus, "ngram", static_cast<std::size_t>(options.examples), 1)) {
    texts.push_back(corpus.tokens(id));
    cost.tokens += corpus.passages()[id].tokens;
  }
  return {static_cast<int>(options.order), options.discounts == "three", static_cast<std::uint32_t>(corpus.vocabulary()), corpus.begin_mark(),
          texts};
}

/// Nats per token of each passage of the pool, or of the document that it belongs to.
Cost losses(const NgramOptions& options, const AgentContext& context, std::span<float> out) {
  const Corpus& corpus = *context.corpus;
  Cost cost;
  context.progress.note("ngram: learning from the anchor set");
  const KneserNey model = learn(options, corpus, cost);
  const auto pool = corpus.set(Set::pool);
  std::vector<double> nats(pool.size());
  Team(std::max(1, context.machine.threads)).share_out(static_cast<std::int64_t>(pool.size()), [&](Share part) {
    for (auto i = static_cast<std::size_t>(part.first); i < static_cast<std::size_t>(part.last); ++i)
      nats[i] = -model.log_probability(corpus.tokens(pool[i]));
  });
  const auto& passages = corpus.passages();
  for (std::size_t first = 0, last = 0; first < pool.size(); first = last) {
    double sum = 0, tokens = 0;
    do {
      sum += nats[last];
      tokens += passages[pool[last]].tokens;
      ++last;
    } while (options.unit == "document" && last < pool.size() && passages[pool[last]].document == passages[pool[first]].document);
    for (std::size_t i = first; i < last; ++i) out[pool[i]] = static_cast<float>(sum / tokens);
    cost.tokens += static_cast<std::int64_t>(tokens);
  }
  return cost;
}

Cost scores(const NgramOptions& options, const AgentContext& context, std::span<float> out) {
  const Cost cost = losses(options, context, out);
  std::vector<float> liked;  // of the pool alone: ranks are among these
  for (const PassageId id : context.corpus->set(Set::pool)) liked.push_back(out[id]);
  prefer(options.prefer, liked);
  for (std::size_t i = 0; i < liked.size(); ++i) out[context.corpus->set(Set::pool)[i]] = liked[i];
  return cost;
}

class Ngram final : public StaticAgent {
 public:
  Ngram(NgramOptions options, const AgentContext& context)
      : StaticAgent(*context.corpus, static_column(*context.corpus, "ngram", column_key("ngram 1", options.list()), context.progress,
                                  [&](std::span<float> out) { return scores(options, context, out); })) {}
};

REGISTER_AGENT("ngram", Ngram, NgramOptions, "perplexity under a Kneser-Ney model of the anchor set", "checked against an oracle");

}  // namespace
}  // namespace fader
