// A corpus, a model and agents for which it is known whose picks help.
//
// The reference text is of domain 0; domain 1 shares half of its vocabulary, domain 2 none. Agents are orders of the candidates:
//   0 "reference"  the reference passages themselves first
//   1 "helpful"    other text of domain 0 first
//   2 "half"       of domain 1
//   3 "useless"    of domain 2
#pragma once
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "env/credit_book.h"
#include "tests/trainer/toy_corpus.h"
#include "trainer/evaluation.h"

namespace fader {

struct CreditBench {
  static constexpr std::size_t kAgents = 4;

  std::shared_ptr<ToyCorpus> corpus = std::make_shared<ToyCorpus>(50, 16);
  ModelOptions model;
  TrainOptions training;
  std::unique_ptr<Trainer> trainer;
  Ledger ledger{2};
  std::vector<PassageId> candidates, reference;
  std::vector<std::vector<std::uint32_t>> rankings, own;
  std::vector<Pick> picks;
  std::vector<double> weights = std::vector<double>(kAgents, 0.25);

  explicit CreditBench(double learning_rate = 3e-3) {
    Rng rng(7, "test/credit_bench");
    const std::uint32_t low[] = {2, 10, 30}, high[] = {18, 26, 48};  // tokens of each domain
    const auto document = [&](std::uint16_t domain, Set set) {
      std::vector<std::uint32_t> tokens(9 + rng.below(7));  // one passage, with the end mark
      for (std::size_t i = 0; i < tokens.size(); ++i)  // every second token follows from the one before it
        tokens[i] = i % 2 == 0 ? low[domain] + static_cast<std::uint32_t>(rng.below(high[domain] - low[domain]))
                               : low[domain] + (tokens[i - 1] - low[domain] + 3) % (high[domain] - low[domain]);
      corpus->add(std::move(tokens), set, domain);
    };
    for (int i = 0; i < 48; ++i) document(0, Set::reward);
    for (int i = 0; i < 180; ++i) document(static_cast<std::uint16_t>(i % 3), Set::pool);
    model.vocabulary = corpus->vocabulary();
    model.context = corpus->context();
    model.width = 16;
    model.layers = 1;
    model.heads = 2;
    training.intervals = 50;
    training.steps_per_interval = 5;
    training.batch = 8;
    training.learning_rate = learning_rate;
    training.warmup = 0.01;
    training.precision = "float32";
    trainer = make_trainer(model, training, corpus, 2, {1});
    const int slots[] = {0, 1};
    const std::uint64_t seeds[] = {5, 6};
    trainer->reset(slots, seeds);
    for (const PassageId id : corpus->set(Set::reward)) reference.push_back(id);
    for (const PassageId id : corpus->set(Set::reward)) candidates.push_back(id);
    for (const PassageId id : corpus->set(Set::pool)) candidates.push_back(id);
    rng.shuffle(std::span(candidates));
    for (std::size_t a = 0; a < kAgents; ++a) {
      std::vector<double> score;
      for (const PassageId id : candidates) score.push_back((group_of(id) == a ? 1 : 0) + 0.1 * rng.uniform());
      rankings.push_back(ranking(std::span<const double>(score), rng));
    }
  }

  /// Whose first choice a passage is.
  std::size_t group_of(PassageId id) const {
    const Document& d = corpus->document(id);
    return d.set == Set::reward ? 0 : d.domain + std::size_t{1};
  }

  std::vector<std::uint32_t> tokens() const {
    std::vector<std::uint32_t> out;
    for (const PassageId id : candidates) out.push_back(corpus->passages()[id].tokens);
    return out;
  }

  void choose(std::uint64_t seed, int slot = 0) {
    Rng rng(seed, "test/choose");
    const std::int64_t demand = trainer->demand(slot, training.steps_per_interval);
    const std::vector<std::uint32_t> length = tokens();
    std::vector<std::uint8_t> taken(length.size(), 0);
    const auto next = [&](std::size_t agent) {
      return *std::ranges::find_if(rankings[agent], [&](std::uint32_t c) { return !taken[c]; });
    };
    picks.clear();
    for (std::int64_t got = 0; got < demand; got += length[picks.back().candidate]) {
      const std::size_t agent = rng.choice(weights);
      const std::uint32_t candidate = next(agent);
      double propensity = 0;
      for (std::size_t a = 0; a < weights.size(); ++a) propensity += next(a) == candidate ? weights[a] : 0;
      picks.push_back({candidate, static_cast<std::uint16_t>(agent), propensity});
      taken[candidate] = 1;
    }
  }

  /// Trains on what was chosen; the influence of the passages of the first `steps` steps beside it, where there is room for it.
  double train(int slot = 0, std::span<float> influence = {}, std::int64_t steps = 0) {
    std::vector<PassageId> ids;
    for (const Pick& pick : picks) ids.push_back(candidates[pick.candidate]);
    TrainJob job{.slot = slot, .passages = ids};
    job.influence = influence;
    job.influence_steps = steps;
    trainer->train({&job, 1}, training.steps_per_interval);
    return job.steps.back().loss;
  }

  double loss(int slot = 0) {
    std::vector<float> losses(reference.size());
    LossJob job{.slot = slot, .passages = reference, .loss = losses};
    trainer->losses({&job, 1});
    return summarise(*corpus, reference, losses).nats_per_token;
  }

  /// Some intervals on everything, so that there is something to tell apart.
  void warm_up(int intervals, int slot = 0) {
    for (int t = 0; t < intervals; ++t) {
      choose(1000 + static_cast<std::uint64_t>(t), slot);
      train(slot);
    }
  }

  void set_reference(std::span<const PassageId> ids, std::span<const float> weight = {}, int slot = 0) {
    LossJob job{.slot = slot, .passages = ids, .weight = weight};
    trainer->set_reference({&job, 1});
  }

  EstimatorOptions options(std::vector<std::string> names) const {
    EstimatorOptions o;
    o.names = std::move(names);
    o.measurements = 1000;
    o.reference = 64;
    o.passages = 12;
    o.rollout_steps = 5;
    return o;
  }
  CreditContext context(const EstimatorOptions& o) const { return {*corpus, 2, kAgents, o, true}; }

  CreditScene scene(int slot = 0) {
    own.assign(kAgents, {});
    for (std::size_t a = 0; a < kAgents; ++a) {
      std::int64_t left = trainer->demand(slot, training.steps_per_interval);
      for (const std::uint32_t c : rankings[a]) {
        if (left <= 0) break;
        own[a].push_back(c);
        left -= corpus->passages()[candidates[c]].tokens;
      }
    }
    return {.slot = slot, .steps = training.steps_per_interval, .candidates = candidates, .rankings = rankings, .own = own, .picks = picks,
            .weights = weights, .reference = reference, .reference_weight = reference_weight()};
  }
  std::span<const float> reference_weight() {
    weight_ = token_weights(*corpus, reference);
    return weight_;
  }

  /// One estimator's word on the scene, without a book.
  std::vector<Estimate> ask(const std::string& name, const EstimatorOptions& o, std::uint64_t seed = 1, std::span<const float> influence = {}, int slot = 0) {
    CreditScene s = scene(slot);
    s.influence = influence;
    const auto estimator = credit_estimators().make_default(name, context(o));
    std::vector<Estimate> credit(kAgents);
    estimator->estimate(s, *trainer, Rng(seed, "test/ask"), credit);
    return credit;
  }

  std::string saved(int slot = 0) {
    Archive archive;
    trainer->slot_state(archive, slot);
    return archive.bytes();
  }
  void restore(const std::string& bytes, int slot = 0) {
    Archive archive(bytes);
    trainer->slot_state(archive, slot);
  }

 private:
  std::vector<float> weight_;
};

}  // namespace fader
