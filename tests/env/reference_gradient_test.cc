// An agent that scores by influence has a reference gradient from the first decision on, and nobody pays for one who does not.
#include <catch2/catch.hpp>

#include "env/pretrain.h"
#include "tests/agents/agent_options.h"
#include "tests/trainer/small_trainer.h"

using namespace fader;

namespace {

std::unique_ptr<Env> make(const std::string& kind) {
  static NoProgress progress;
  EnvContext context;
  context.pretraining = std::make_shared<Pretraining>();
  Pretraining& parts = *context.pretraining;
  parts.model = small::small_model();
  parts.train = small::small_training();
  parts.train.intervals = 3;
  parts.corpus = small::corpus();
  parts.trainer = make_trainer(parts.model, parts.train, parts.corpus, 1, {1});
  parts.agents.push_back(agents().make_default(kind, AgentContext{parts.corpus, 1, progress, parts.model, parts.train, {1}}));
  parts.agent_names = {kind};
  PretrainOptions options;
  options.candidates = 2;
  options.reference_passages = 16;
  options.credit_options.names.clear();  // takes one of its own
  return environments().at("pretrain-v0").make(options, context);
}

double value(const std::vector<Series>& list, std::span<const double> row, const std::string& path) {
  for (const Series& s : list)
    if (s.path == path) return row[s.offset];
  FAIL("no series " << path);
  return 0;
}

}  // namespace

TEST_CASE("the reference gradient is taken before every scoring where an agent scores by it, and nowhere else") {
  for (const std::string kind : {"gradient_cosine", "loss"}) {
    INFO(kind);
    const auto env = make(kind);
    const EnvSpec& spec = env->spec();
    const int slots[] = {0};
    const std::uint64_t seed = 1;
    Outcome out;
    out.fit(spec, 1);
    env->reset(slots, {&seed, 1}, out);
    const double one = 1;
    for (int t = 0; t < 3; ++t) {
      out.fit(spec, 1);
      env->step(slots, {&one, 1, 1}, out);
      CHECK(value(spec.series, out.series[0], "agents/score_std") > 0);  // of what this step's action was about
      CHECK(std::isnan(value(spec.series, out.series[0], "train/reference_gradient_norm")) == (kind == "loss"));
    }
    const Ledger::Row& row = env->ledger().row(0);
    const auto flops = [&](Phase p) { return row.flops[static_cast<std::size_t>(p)]; };
    CHECK(flops(Phase::probe) == 0);
    CHECK(flops(Phase::score) > 0.1 * flops(Phase::train));
    CHECK(flops(Phase::score) <= 0.25 * flops(Phase::train) * 1.2);  // a budget by formula; rows of several segments cost less
  }
}
