// pretrain-v0 on a corpus small enough to check every promise of env/env.h.
#pragma once
#include <catch2/catch.hpp>

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "env/pretrain.h"
#include "tests/agents/agent_options.h"
#include "tests/trainer/toy_corpus.h"

namespace fader::pretraining {

struct Small {
  std::shared_ptr<const Corpus> corpus = ToyCorpus::random(11, 600);
  ModelOptions model;
  TrainOptions train;
  PretrainOptions env;
  std::vector<std::string> agents = {"quality", "domain", "topic", "random"};
  std::string memory;  // of the agents that may have one
  std::function<void(Pretraining&)> change;
  Baseline baseline;
  Small() {
    model.vocabulary = corpus->vocabulary();
    model.context = corpus->context();
    model.width = 16;
    model.layers = 1;
    model.heads = 2;
    train.intervals = 4;
    train.steps_per_interval = 3;
    train.batch = 4;
    env.candidates = 3;
    env.reference_passages = 24;
    env.evaluation_passages = 24;
    env.domain_passages = 8;
    env.credit_options.names.clear();  // tests of credit say which
  }
  std::unique_ptr<Env> make(int slots = 1) const {
    EnvContext context;
    context.slots = slots;
    context.baseline = baseline;
    context.pretraining = std::make_shared<Pretraining>();
    context.pretraining->model = model;
    context.pretraining->train = train;
    context.pretraining->corpus = corpus;
    context.pretraining->trainer = make_trainer(model, train, corpus, slots, {1});
    for (const std::string& kind : agents) {
      const bool remembers = !memory.empty() && kind != "random";
      context.pretraining->agents.push_back(make_agent(kind, corpus, slots, [&](Options& o) {
        if (remembers) set_option(o, "memory", memory);
      }));
      context.pretraining->agent_names.push_back(kind);
    }
    if (change) change(*context.pretraining);
    env.validate();
    return environments().at("pretrain-v0").make(env, context);
  }

  /// As the seed paper selects: the whole pool, raw scores, its best.
  static Small seed(const std::string& memory = "paper") {
    Small small;
    small.agents = {"quality", "domain", "topic"};
    small.memory = memory;
    small.env.pool = "reservoir";
    small.env.selection = "top_k";
    small.env.scores = "raw";
    small.env.epochs = 2;
    small.env.repetition_decay = 0.1;
    return small;
  }
  /// Adds agents that were made by hand.
  template <class Made, class... Arguments>
  Made& add(const std::string& name, Arguments&&... arguments) {
    const auto made = std::make_shared<std::unique_ptr<Made>>(std::make_unique<Made>(std::forward<Arguments>(arguments)...));
    Made& agent = **made;
    change = [made, name, before = change](Pretraining& parts) {
      if (before) before(parts);
      parts.agents.push_back(std::move(*made));
      parts.agent_names.push_back(name);
    };
    return agent;
  }
  static Small reservoir() {
    Small small;
    small.env.pool = "reservoir";
    small.env.pool_size = 100;
    return small;
  }
};

/// Every number of an outcome's row, bit for bit; `but` are infos that may differ.
inline std::string bits(const EnvSpec& spec, const Outcome& out, std::size_t row, const std::string& but = "infos/loss_validation") {
  std::string all;
  const auto add = [&](std::span<const double> v) { all.append(reinterpret_cast<const char*>(v.data()), v.size_bytes()); };
  add(out.observation[row]);
  add(out.reward[row]);
  add(out.credit[row]);
  add(out.executed[row]);
  for (const Series& s : spec.infos)
    if (s.path != but) add(out.infos[row].subspan(s.offset, s.size));
  for (const Series& s : spec.series)
    if (!s.volatile_value) add(out.series[row].subspan(s.offset, s.size));
  add(out.finals[row]);
  for (const TrainRow& t : out.train[row]) add({&t.loss, 1});
  return all;
}

inline std::vector<double> mix(std::int64_t t, std::size_t k) {
  std::vector<double> w(k, 0.0);
  w[static_cast<std::size_t>(t) % k] += 0.5;
  w[static_cast<std::size_t>(t + 1) % k] += 0.5;
  return w;
}

inline std::string step(Env& env, int slot, std::int64_t t, Outcome& out) {
  const auto w = mix(t, env.spec().agents.size());
  const int slots[] = {slot};
  out.fit(env.spec(), 1);
  env.step(slots, {w.data(), 1, w.size()}, out);
  return bits(env.spec(), out, 0);
}

inline std::string reset(Env& env, int slot, std::uint64_t seed, Outcome& out) {
  const int slots[] = {slot};
  out.fit(env.spec(), 1);
  env.reset(slots, {&seed, 1}, out);
  return bits(env.spec(), out, 0);
}

inline std::string episode(Env& env, int slot, std::uint64_t seed) {
  Outcome out;
  std::string all = reset(env, slot, seed, out);
  for (std::int64_t t = 0; t < env.spec().horizon; ++t) all += step(env, slot, t, out);
  return all;
}

inline double value(const EnvSpec&, const std::vector<Series>& list, std::span<const double> row, const std::string& path) {
  for (const Series& s : list)
    if (s.path == path) return row[s.offset];
  FAIL("no series " << path);
  return 0;
}

}  // namespace fader::pretraining
