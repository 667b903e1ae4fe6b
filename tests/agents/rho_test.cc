// rho: neither what is known, nor what is noise, nor what is unlike the anchor set.
#include <catch2/catch.hpp>

#include <cmath>

#include "agents/small_model.h"
#include "tests/agents/model_agents.h"
#include "tests/agents/small_corpus.h"

using namespace fader;

namespace {

TrainOptions longer() {
  TrainOptions train = small::small_training();
  train.intervals = 40;
  return train;
}

std::unique_ptr<Agent> make(std::shared_ptr<const Corpus> corpus, const std::string& measure, double small_budget = 8) {
  return make_model_agent("rho", std::move(corpus), 1, [&](Options& o) {
    set_option(o, "measure", measure);
    set_option(o, "budget", 100.0);
    set_option(o, "small_budget", small_budget);
    set_option(o, "small_epochs", std::int64_t{30});
  }, 1, longer());
}

}  // namespace

TEST_CASE("rho prefers what is like the anchor set and not learned yet, excess what the pool teaches") {
  const ScratchFolder folder;
  const auto corpus = four_kinds(folder.path());
  const auto all = corpus->set(Set::pool);
  ToldTrainer fresh(corpus);  // a model that knows half of the passages that count up, and nothing else
  const auto known = [&](PassageId id) { return corpus->document(id).domain == 0 && id % 8 == 0; };
  fresh.loss = [&](int, PassageId id) { return known(id) ? 0.1f : std::log(40.0f); };
  const auto rho = make(corpus, "rho"), excess = make(corpus, "excess");
  begin(*rho);
  begin(*excess);
  const Scored s = score_with(*rho, fresh, all), e = score_with(*excess, fresh, all);
  CHECK(s.cost.tokens == 240 * 16);
  CHECK(rho->static_cost().flops > 0);
  double lowest_reducible = 1e9, highest_other = -1e9;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (corpus->document(all[i]).domain == 0 && !known(all[i])) lowest_reducible = std::min(lowest_reducible, static_cast<double>(s.score[i]));
    else highest_other = std::max(highest_other, static_cast<double>(s.score[i]));
    CHECK(e.score[i] >= 0);
    if (known(all[i])) CHECK(e.score[i] < 0.2f);
  }
  CHECK(lowest_reducible > highest_other + 0.5);
  const auto r = by_domain(*corpus, s.score), x = by_domain(*corpus, e.score);
  CHECK(r[1] < 0);           // counting down: the anchor set has none of it
  CHECK(x[1] > x[3] + 0.5);  // the pool has
}

TEST_CASE("rho is the model's loss minus the small model's, and the mean where there is none") {
  const ScratchFolder folder;
  const auto corpus = four_kinds(folder.path());
  const auto all = corpus->set(Set::pool);
  NoProgress progress;
  SmallModelOptions options;
  options.budget = 0.03;
  options.epochs = 30;
  const AgentContext context{corpus, 1, progress, small::small_model(), longer(), {1}};
  const StaticColumn column = small_model_column(context, "test", options, Set::anchor, SmallModelScore::loss);
  ToldTrainer trainer(corpus);
  const auto rho = make(corpus, "rho", 0.03);
  begin(*rho);
  const Scored s = score_with(*rho, trainer, all);
  double sum = 0, n = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (column.values[all[i]] != kUnscored) {
      CHECK(s.score[i] == static_cast<float>(all[i]) - column.values[all[i]]);
      sum += static_cast<double>(s.score[i]);
      n += 1;
    }
  CHECK(trainer.asked == static_cast<std::int64_t>(n));  // the others are not even looked at
  CHECK(n > 10);
  CHECK(n < 230);
  for (std::size_t i = 0; i < all.size(); ++i)
    if (column.values[all[i]] == kUnscored) CHECK(s.score[i] == Approx(sum / n));
}
