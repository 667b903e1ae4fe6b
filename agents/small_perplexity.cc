// small_perplexity: how well a small model, trained on a sample of the pool, predicts a passage.
//
//   l(x)   its mean loss per token
//   prefer = low     S(x) = -l(x)                  fluent and predictable: CCNet's filter with another model
//   prefer = high    S(x) = l(x)                   hard
//   prefer = middle  S(x) = -|rank(l(x)) - 0.5|    neither trivial nor noise; ranks among the scored passages of the pool
//
// Ankner et al. 2024, "Perplexed by Perplexity" (arXiv 2405.20541): which band is best depends on the corpus (high on the Pile,
// middle on Dolma); Marion et al. 2023 (arXiv 2309.04564): the middle.
//
// Static, within `budget` (small_model.h). Passages that the small model was trained on are scored like others.
// Status: checked against an oracle (tests/agents/small_perplexity_test.cc).
#include "agents/prefer.h"
#include "agents/small_model.h"

namespace fader {
namespace {

struct SmallPerplexityOptions final : Options {
  std::string which = "low";
  SmallModelOptions small;
  SmallPerplexityOptions() { small.epochs = 1; }
  void fields(Fields& f) override {
    prefer_field(f, which, "passages that the small model finds the hardest, the easiest, or those nearest to the median");
    small.fields(f, "", "budget");
  }
};

class SmallPerplexity final : public Agent {
 public:
  SmallPerplexity(const SmallPerplexityOptions& options, const AgentContext& context) {
    const StaticColumn column = small_model_column(context, "small_perplexity", options.small, Set::pool, SmallModelScore::loss);
    cost_ = column.cost;
    remark(unscored(*context.corpus, column.values));
    std::vector<float> scored;
    for (const float x : column.values)
      if (x != kUnscored) scored.push_back(x);
    prefer(options.which, scored);
    score_.assign(column.values.begin(), column.values.end());
    auto next = scored.begin();
    for (float& x : score_)
      if (x != kUnscored) x = *next++;
    score_ = with_mean(score_);
  }

  void begin(Slots, std::span<const std::uint64_t>) override {}
  void score(std::span<ScoreJob> jobs, Trainer&) override {
    for (const ScoreJob& job : jobs)
      for (std::size_t i = 0; i < job.passages.size(); ++i) job.score[i] = score_[job.passages[i]];
  }
  Cost static_cost() const override { return cost_; }
  void state(Archive&) override {}
  void slot_state(Archive&, int) override {}

 private:
  Cost cost_;
  std::vector<float> score_;  // of each passage
};

REGISTER_AGENT("small_perplexity", SmallPerplexity, SmallPerplexityOptions, "how well a small model predicts the passage",
               "checked against an oracle");

}  // namespace
}  // namespace fader
