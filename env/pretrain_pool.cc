// What pretrain-v0 may be asked for, and whether the corpus's pool is large enough for it.
#include <cmath>
#include <numeric>

#include "env/pretrain.h"

namespace fader {

void PretrainOptions::fields(Fields& f) {
  f("reward", reward, "the reward that /rewards holds and that policies learn from unless they ask for another").one_of(rewards().names());
  f("pool", pool, "candidates of an interval: the next slice of one permutation, those not chosen discarded (stream); or all passages "
    "that were not used yet, those not chosen return (reservoir)").one_of({"stream", "reservoir"});
  f("pool_size", pool_size, "reservoir: passages in play, the first of the permutation; 0: all", 0, 1e12);
  f("epochs", epochs, "reservoir: how often a passage may be used; it stays a candidate until then", 1, 10000);
  selection_fields(f);
  f("candidates", candidates, "stream: candidates of an interval, as a multiple of the expected picks", 1.2, 1000.0);
  f("reference_passages", reference_passages, "passages of the reward set that the reference loss is taken on", 8, 1e6);
  f("evaluation_passages", evaluation_passages, "passages that validation and test losses are taken on", 8, 1e6);
  f("domain_passages", domain_passages, "passages of each domain that final/loss_test_domain is taken on", 1, 1e6);
  f("agent_failure", agent_failure, "an agent that throws or gives scores that are not finite ends the run (stop), or its scores are all the "
    "same from then on (ignore)").one_of({"stop", "ignore"});
  f("inclusion_draws", inclusion_draws, "selections that are simulated each interval to log how likely passages were to be picked; 0: none", 0, 1e6);
  f("validation_every", validation_every, "intervals between validation losses during a run, for people only; 0: never", 0, 1e9).not_in_hash();
  reward_options.fields(f);
  credit_options.fields(f);
}

void PretrainOptions::validate() const {
  validate_selection(pool == "stream" ? candidates : 0, epochs);
  credit_options.validate();
  if (pool == "stream" && (pool_size > 0 || epochs > 1))
    throw ConfigError(fmt::format("{} is {} and pool is 'stream', whose passages are seen once; set pool = \"reservoir\", or leave it out",
                                  pool_size > 0 ? "pool_size" : "epochs", pool_size > 0 ? pool_size : epochs));
}

void Pretrain::lay_out_pool() {
  const TrainOptions& train = parts_->train;
  double tokens = 0;
  for (const PassageId id : corpus_.set(Set::pool))
    if (corpus_.passages()[id].bytes > 0) {
      pool_.push_back(id);
      tokens += corpus_.passages()[id].tokens;
    }
  FADER_CHECK(!pool_.empty(), "a corpus without a pool");
  const double mean_tokens = tokens / static_cast<double>(pool_.size());
  const double demand = static_cast<double>(train.steps_per_interval * train.batch * corpus_.context()), picks = demand / mean_tokens;
  spec_.picks = static_cast<std::int64_t>(std::llround(picks));
  if (options_.pool == "stream") {
    shape_.slice = static_cast<std::size_t>(std::ceil(options_.candidates * picks));
    if (const std::size_t need = shape_.slice * static_cast<std::size_t>(train.intervals); need > pool_.size())
      throw ConfigError(fmt::format(
          "the pool holds {} passages ({:.3g} tokens), and {} intervals of {:g} times {:.0f} picks need {}; give more text (corpus.*), or lower "
          "env.candidates, train.intervals, train.steps_per_interval or train.batch",
          pool_.size(), tokens, train.intervals, options_.candidates, picks, need));
    return;
  }
  shape_.size = options_.pool_size > 0 ? static_cast<std::size_t>(options_.pool_size) : pool_.size();
  shape_.epochs = static_cast<std::uint16_t>(options_.epochs);
  if (shape_.size > pool_.size())
    throw ConfigError(fmt::format("env.pool_size is {} and the pool holds {} passages; lower it, or give more text (corpus.*)", shape_.size,
                                  pool_.size()));
  const double held = mean_tokens * static_cast<double>(shape_.size), need = least_reservoir(train.intervals, demand, options_.epochs);
  if (held < need)
    throw ConfigError(fmt::format(
        "the reservoir holds {} passages (about {:.3g} tokens), and {} intervals of {:.0f} tokens with {} use{} of each need {:.3g}, so that "
        "none of them finds it dry; raise env.pool_size or env.epochs, give more text (corpus.*), or lower train.intervals, train.steps_per_interval or train.batch",
        shape_.size, held, train.intervals, demand, options_.epochs, options_.epochs == 1 ? "" : "s", need));
}

/// The first passages of this seed's permutation may be shorter than the others.
void Pretrain::check_reservoir(const Slot& s) const {
  if (shape_.slice > 0) return;
  const TrainOptions& train = parts_->train;
  double held = 0;
  for (const PassageId id : s.pool.passages()) held += corpus_.passages()[id].tokens;
  const double demand = static_cast<double>(train.steps_per_interval * train.batch * corpus_.context());
  if (const double need = least_reservoir(train.intervals, demand, options_.epochs); held < need)
    throw ConfigError(fmt::format("the {} passages of seed {}'s reservoir hold {:.0f} tokens, and an episode needs {:.0f}; raise "
                                  "env.pool_size or env.epochs", s.pool.passages().size(), s.seed, held, need));
}

}  // namespace fader
