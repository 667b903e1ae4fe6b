// small_perplexity, and the small model that it shares with rho and learnability.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>

#include "agents/budgeted.h"
#include "agents/small_model.h"
#include "tests/agents/model_agents.h"
#include "tests/agents/small_corpus.h"

using namespace fader;
namespace fs = std::filesystem;

namespace {

TrainOptions longer() {
  TrainOptions train = small::small_training();
  train.intervals = 40;
  return train;
}

AgentContext context(std::shared_ptr<const Corpus> corpus, Progress& progress, int threads = 1) {
  return {std::move(corpus), 1, progress, small::small_model(), longer(), {threads}};
}

std::unique_ptr<Agent> make(std::shared_ptr<const Corpus> corpus, const std::string& which, double budget = 8) {
  return make_model_agent("small_perplexity", std::move(corpus), 1, [&](Options& o) {
    set_option(o, "prefer", which);
    set_option(o, "budget", budget);
    set_option(o, "epochs", std::int64_t{20});
  }, 1, longer());
}

std::size_t scored(std::span<const float> column) {
  return static_cast<std::size_t>(std::count_if(column.begin(), column.end(), [](float x) { return x != kUnscored; }));
}

}  // namespace

TEST_CASE("small_perplexity tells what can be predicted from what cannot") {
  const ScratchFolder folder;
  const auto corpus = four_kinds(folder.path());
  const auto all = corpus->set(Set::pool);
  const auto low = by_domain(*corpus, scores(*make(corpus, "low"), all)), high = by_domain(*corpus, scores(*make(corpus, "high"), all));
  const auto middle = by_domain(*corpus, scores(*make(corpus, "middle"), all));
  for (std::size_t d = 0; d < 4; ++d) CHECK(low[d] == Approx(-high[d]));
  CHECK(high[0] + 0.5 < high[2]);
  CHECK(high[1] + 0.5 < high[2]);
  CHECK(high[2] + 0.5 < high[3]);
  // two of four kinds are easy, so the half-random one lies next to the median
  for (const std::size_t d : {0, 1, 3}) CHECK(middle[2] > middle[d]);
  CHECK(std::distance(fs::directory_iterator(folder.path() / "columns"), {}) == 2);  // one column and the lock: `prefer` is not in it
}

TEST_CASE("a small model's column is the same for any number of threads, is read again, and stays within its budget") {
  const ScratchFolder first, second;
  NoProgress progress;
  const auto corpus = four_kinds(first.path()), again = four_kinds(second.path());
  SmallModelOptions options;
  for (const auto what : {SmallModelScore::loss, SmallModelScore::progress, SmallModelScore::relative_progress}) {
    const StaticColumn one = small_model_column(context(corpus, progress), "test", options, Set::pool, what);
    const StaticColumn three = small_model_column(context(again, progress, 3), "test", options, Set::pool, what);
    CHECK(std::equal(one.values.begin(), one.values.end(), three.values.begin(), three.values.end()));
    CHECK(one.cost.flops == three.cost.flops);
    const StaticColumn read = small_model_column(context(corpus, progress), "test", options, Set::pool, what);
    CHECK(std::equal(one.values.begin(), one.values.end(), read.values.begin(), read.values.end()));
    CHECK(read.cost.flops == one.cost.flops);
  }
  const double run = PassageCost(small::small_model()).training(longer(), longer().steps());
  for (const double budget : {0.03, 0.06, 0.5}) {
    options.budget = budget;
    const StaticColumn column = small_model_column(context(corpus, progress), "test", options, Set::pool, SmallModelScore::loss);
    INFO("budget " << budget);
    CHECK(column.cost.flops <= budget * run);
    const std::size_t n = scored(column.values);
    if (budget < 0.5) {
      CHECK(column.cost.flops > 0.9 * budget * run);  // rows of several segments cost less than the formula's
      CHECK(n > 10);
      CHECK(n < 240);
      CHECK(unscored(*corpus, column.values) ==
            fmt::format("{} of the pool's 240 passages ({:.3g}%) have no loss under the small model, whose budget was spent; they rank in the middle",
                        240 - n, 100 * static_cast<double>(240 - n) / 240));
    } else {
      CHECK(n == 240);
      CHECK(unscored(*corpus, column.values).empty());
    }
  }
}

TEST_CASE("passages that a small model did not score get the mean of the others") {
  CHECK(with_mean(std::vector<float>{1, kUnscored, 4, kUnscored, 4}) == std::vector<float>{1, 3, 4, 3, 4});
  const ScratchFolder folder;
  const auto corpus = four_kinds(folder.path());
  const auto agent = make(corpus, "low", 0.03);
  std::map<float, int> count;
  double sum = 0;
  for (const float s : scores(*agent, corpus->set(Set::pool))) ++count[s], sum += static_cast<double>(s) / 240;
  const auto often = std::max_element(count.begin(), count.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  CHECK(often->second > 20);
  CHECK(sum == Approx(often->first));  // the mean is theirs too
  CHECK(agent->static_cost().flops > 0);
}

TEST_CASE("what is too little for a small model is refused with what would help") {
  const ScratchFolder folder;
  NoProgress progress;
  const auto corpus = four_kinds(folder.path());
  SmallModelOptions options;
  options.budget = 0.001;
  CHECK_THROWS_WITH(small_model_column(context(corpus, progress), "test", options, Set::pool, SmallModelScore::loss),
                    Catch::Contains("agent 'test'") && Catch::Contains("raise the budget"));
  options = {};
  options.width = 10;
  CHECK_THROWS_WITH(small_model_column(context(corpus, progress), "test", options, Set::pool, SmallModelScore::loss),
                    Catch::Contains("10 wide") && Catch::Contains("try 12"));
  options = {};
  CHECK_THROWS_WITH(small_model_column(context(std::make_shared<ToyCorpus>(40, 16), progress), "test", options, Set::anchor, SmallModelScore::loss),
                    Catch::Contains("0 tokens of the anchor set") && Catch::Contains("corpus.anchor_share"));
}
