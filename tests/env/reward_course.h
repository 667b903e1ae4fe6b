// Losses of a few reference passages over intervals, made up, for tests of rewards.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "env/reward.h"
#include "tests/trainer/toy_corpus.h"
#include "trainer/evaluation.h"

namespace fader {

/// Two domains of different sizes with `groups` groups each, one passage of four tokens a group.
inline std::shared_ptr<ToyCorpus> reference_corpus(std::uint32_t groups = 3) {
  auto corpus = std::make_shared<ToyCorpus>(10, 8);
  for (std::uint32_t g = 1; g <= groups; ++g) corpus->add({2, 2, 2}, Set::reward, 0, g);
  for (std::uint32_t g = 1; g <= groups; ++g) corpus->add({3, 3, 3, 3}, Set::reward, 1, 100 + g);
  return corpus;
}

/// An interval that owns what it looks at.
struct MadeInterval {
  std::vector<PassageId> items;
  std::vector<float> before, after;
  std::vector<std::uint16_t> uses;
  Interval interval;

  MadeInterval(const Corpus& corpus, std::vector<float> losses_before, std::vector<float> losses_after, std::int64_t index = 0, std::int64_t horizon = 8)
      : before(std::move(losses_before)), after(std::move(losses_after)) {
    for (const PassageId id : corpus.set(Set::reward)) items.push_back(id);
    const double level_before = summarise(corpus, items, before).nats_per_token, level_after = summarise(corpus, items, after).nats_per_token;
    interval = {.items = items, .before = before, .after = after, .loss_before = level_before, .loss_after = level_after,
                .tokens = 500 * (index + 1), .index = index, .last = index + 1 == horizon, .interval_tokens = 500, .train_flops = 4e9,
                .selection_flops = 1e9};
  }
  /// The same losses on all items.
  static MadeInterval level(const Corpus& corpus, double loss_before, double loss_after, std::int64_t index = 0, std::int64_t horizon = 8) {
    const std::size_t n = corpus.set(Set::reward).size();
    return {corpus, std::vector<float>(n, static_cast<float>(loss_before)), std::vector<float>(n, static_cast<float>(loss_after)), index, horizon};
  }
  const Interval& with_uses(std::vector<std::uint16_t> counts) {
    uses = std::move(counts);
    interval.uses = uses;
    return interval;
  }
};

}  // namespace fader
