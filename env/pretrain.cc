#include "env/pretrain.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "env/credit.h"

namespace fader {
namespace {

double nan() { return std::nan(""); }

}  // namespace

Pretrain::Pretrain(const PretrainOptions& options, const EnvContext& context)
    : options_(options), parts_(context.pretraining), corpus_(*parts_->corpus), trainer_(*parts_->trainer), ledger_(context.slots),
      slots_(static_cast<std::size_t>(context.slots)) {
  lay_out_pool();
  selection_ = make_selection({options_, parts_->threads});
  for (const auto& agent : parts_->agents) not_mine_.push_back(agent->not_mine());

  reference_items_ = items(Set::reward, true, options_.reference_passages);
  validation_items_ = items(Set::validation, true, options_.evaluation_passages);
  test_items_ = items(Set::test, true, options_.evaluation_passages);
  make_rewards(context);
  const CreditContext credit_context{corpus_, context.slots, parts_->agents.size(), options_.credit_options, options_.selection == "mixture_of_picks" && options_.stratify == "none"};
  credits_ = std::make_unique<CreditBook>(credit_context, reference_items_.ids, parts_->train.intervals, trainer_, ledger_);
  domain_items_ = items(Set::test, false, options_.domain_passages * static_cast<std::int64_t>(corpus_.domains().size()));
  std::set<std::uint16_t> domains;
  for (const PassageId id : reference_items_.ids) domains.insert(corpus_.document(id).domain);
  reference_domains_.assign(domains.begin(), domains.end());

  std::vector<std::string> names;
  for (const auto d : reference_domains_) names.push_back(corpus_.domains()[d]);
  observations_ = std::make_unique<ObservationBuilder>(context.slots, parts_->agent_names, names, std::log(corpus_.vocabulary()));
  describe();
}

/// The one that is played, then all others that can be measured here, each pointing the right way.
void Pretrain::make_rewards(const EnvContext& context) {
  const TrainOptions& t = parts_->train;
  if (!options_.reward_options.baseline.empty()) check_baseline(context.baseline, t.intervals, t.steps_per_interval * t.batch * corpus_.context());
  const RewardContext reward_context{corpus_, context.slots, options_.reward_options, context.baseline};
  std::vector<std::string> names = rewards().names();
  std::stable_partition(names.begin(), names.end(), [&](const std::string& name) { return name == options_.reward; });
  for (const std::string& name : names) {
    auto made = rewards().make_default(name, reward_context);
    const std::string lacks = made->lacks();
    if (!lacks.empty() && name == options_.reward) throw ConfigError("reward: " + lacks);
    if (!lacks.empty()) continue;
    check_sign(rewards().at(name), reward_context, reference_items_.ids);
    spec_.rewards.push_back(name);
    rewards_.push_back(std::move(made));
  }
}

Pretrain::Items Pretrain::items(Set set, bool reference_only, std::int64_t count) const {
  Items out;
  out.ids = evaluation_items(corpus_, set, reference_only, static_cast<std::size_t>(count));
  out.weights = token_weights(corpus_, out.ids);
  return out;
}

void Pretrain::reset(Slots slots, std::span<const std::uint64_t> seeds, Outcome& out) {
  FADER_CHECK_EQ(slots.size(), seeds.size());
  const Ledger::Scope scope(ledger_, Phase::setup);
  ledger_.activate(slots);
  const std::size_t k = parts_->agents.size();
  for (std::size_t i = 0; i < slots.size(); ++i) {
    Slot& s = at(slots[i]);
    s = {};
    s.seed = seeds[i];
    s.playing = true;
    s.pool = Pool(shape_, pool_, s.seed);
    check_reservoir(s);
    s.streams.emplace_back(s.seed, "env/select");
    for (const char* purpose : {"env/ties", "env/probes"})
      for (const std::string& name : parts_->agent_names) s.streams.push_back(Rng(s.seed, purpose).child(name));
    s.weights.assign(k, 1.0 / static_cast<double>(k));
    s.agent_reward.assign(k, nan());
    s.dead.assign(k, 0);
    s.exhausted.assign(k, 0);
    s.loss_train = s.gradient_norm = nan();
    observations_->begin(slots[i]);
    if (k == 1) s.news.push_back("there is one agent: every console plays alike");
    for (std::size_t a = 0; a < k; ++a) {
      const Cost cost = parts_->agents[a]->static_cost();  // as if no other run shared it
      ledger_.add(slots[i], Phase::score, cost.tokens, cost.flops);
      for (const std::string& text : parts_->agents[a]->remarks()) s.news.push_back(fmt::format("agent '{}': {}", parts_->agent_names[a], text));
    }
    selection_flops(slots[i]);  // what comes from here on is this episode's
  }
  trainer_.reset(slots, seeds);
  for (auto& agent : parts_->agents) agent->begin(slots, seeds);
  for (auto& r : rewards_) r->begin(slots);
  credits_->begin(slots, seeds);
  evaluate_reference(slots, agents_want_gradient());
  for (const int slot : slots) at(slot).first_loss = at(slot).loss_reference;
  score(slots);
  write_infos(slots, out);
  write_observation(slots, out);
}

void Pretrain::step(Slots slots, Table<const double> weights, Outcome& out) {
  ledger_.activate(slots);
  std::vector<std::vector<float>> before;
  std::vector<double> loss_before;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Slot& s = at(slots[i]);
    FADER_CHECK(s.playing, "slot {} has ended and was not reset", slots[i]);
    FADER_CHECK_EQ(weights[i].size(), spec_.agents.size());
    if (!on_simplex(weights[i]))
      throw RunError(fmt::format("interval {}: the weights [{:.4g}] are not on the simplex; the environment does not repair them, "
                                 "the policy that made them must", s.interval, fmt::join(weights[i], ", ")));
    before.push_back(s.reference);
    loss_before.push_back(s.loss_reference);
  }
  write_scores(slots, out);
  const std::vector<Selection> chosen = select(slots, weights, out);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Slot& s = at(slots[i]);
    credits_->before(scene(slots[i], chosen[i]), s.interval, s.fresh_gradient, [&](std::size_t a) { return ranking(std::span<const float>(s.raw[a]), s.keys[a]); });
  }
  train(slots, chosen, out);
  const auto wanted = wanted_probes(slots);
  evaluate_reference(slots, agents_want_gradient() || std::any_of(wanted.begin(), wanted.end(), [](const auto& rows) {
                       return std::any_of(rows.begin(), rows.end(), [](const auto& groups) { return !groups.empty(); });
                     }));
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (out.failed[i] || !std::isfinite(at(slots[i]).loss_reference)) diverge(slots[i], i, out);
  reward(slots, chosen, before, loss_before, out);
  credit(slots, chosen, out);
  probe(slots, wanted, out);

  std::vector<int> ended, going;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    Slot& s = at(slots[i]);
    ++s.interval;
    s.pool.advance(chosen[i].picks);
    for (std::size_t a = 0; a < s.exhausted.size(); ++a) s.exhausted[a] = chosen[i].exhausted[a] > 0;
    put(spec_.series, "corpus/pool_left", out.series[i], s.pool.left());
    s.playing = s.interval < spec_.horizon && !out.failed[i];
    (s.playing ? going : ended).push_back(slots[i]);
    if (!s.playing) out.end[i] = End::terminated;
  }
  score(going);
  for (std::size_t i = 0; i < slots.size(); ++i)
    for (std::string& text : std::exchange(at(slots[i]).news, {})) out.events[i].push_back({"agent", std::move(text)});
  write_infos(slots, out);
  write_observation(slots, out);
  if (!ended.empty()) finish(slots, out);
}

std::vector<Pretrain::Selection> Pretrain::select(Slots slots, Table<const double> weights, Outcome& out) {
  const Ledger::Scope scope(ledger_, Phase::select);
  std::vector<Selection> chosen;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    Slot& s = at(slots[i]);
    s.before_select = s.streams[0];
    s.weights.assign(weights[i].begin(), weights[i].end());
    chosen.push_back(pick(slots[i]));
    std::copy(chosen.back().shares.begin(), chosen.back().shares.end(), out.executed[i].begin());
    tell_exhausted(slots[i], chosen.back(), out.events[i]);
    write_selection(chosen.back(), out.series[i]);
  }
  return chosen;
}

Pretrain::Selection Pretrain::pick(int slot) {
  Slot& s = at(slot);
  const auto candidates = s.pool.candidates();
  std::vector<std::uint32_t> tokens;
  std::vector<std::uint16_t> domains;
  for (const PassageId id : candidates) {
    tokens.push_back(corpus_.passages()[id].tokens);
    if (options_.stratify != "none") domains.push_back(corpus_.document(id).domain);
  }
  const std::vector<std::span<const float>> scores(s.raw.begin(), s.raw.end());
  const Offer offer{.weights = s.weights, .scores = scores, .keys = s.keys, .not_mine = not_mine_, .tokens = tokens, .used = s.pool.used(),
                    .domains = domains, .candidates = candidates.size(), .demand = trainer_.demand(slot, parts_->train.steps_per_interval)};
  Selection out;
  selection_->select(offer, s.streams[0], out);
  std::int64_t total = 0;
  for (const Pick& pick : out.picks) {
    out.ids.push_back(candidates[pick.candidate]);
    out.tokens.push_back(tokens[pick.candidate]);
    total += tokens[pick.candidate];
  }
  if (total < offer.demand)
    throw RunError(fmt::format("interval {}: all {} candidates together hold {} tokens and {} are needed; raise env.candidates (now {:g})",
                               s.interval, candidates.size(), total, offer.demand, options_.candidates));
  if (!out.tokens.empty()) out.tokens.back() -= static_cast<double>(total - offer.demand);
  if (options_.inclusion_draws > 0)  // on a stream of its own: looking is free
    out.inclusion = inclusion_probabilities(*selection_, offer, options_.inclusion_draws,
                                            s.before_select.child(fmt::format("inclusion/{}", s.interval)));
  return out;
}

void Pretrain::train(Slots slots, const std::vector<Selection>& chosen, Outcome& out) {
  const Ledger::Scope scope(ledger_, Phase::train);
  const std::size_t k = spec_.agents.size();
  std::vector<TrainJob> jobs(slots.size());
  std::vector<std::vector<float>> losses;
  for (const Selection& c : chosen) losses.emplace_back(c.ids.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    jobs[i].slot = slots[i];
    jobs[i].passages = chosen[i].ids;
    jobs[i].loss = losses[i];
    jobs[i].influence = credits_->influence(slots[i], at(slots[i]).interval);
    jobs[i].influence_steps = credits_->influence_steps();
    at(slots[i]).training = true;
  }
  trainer_.train(jobs, parts_->train.steps_per_interval, resting_);
  std::vector<TrainedOn> trained;
  for (std::size_t i = 0; i < slots.size(); ++i) trained.push_back({slots[i], chosen[i].ids, losses[i]});
  for (std::size_t a = 0; a < k; ++a)
    ask(a, slots, [&](auto rows) {
      std::vector<TrainedOn> told;
      for (const std::size_t i : rows) told.push_back(trained[i]);
      parts_->agents[a]->trained(told);
    });
  for (std::size_t i = 0; i < slots.size(); ++i) {
    Slot& s = at(slots[i]);
    const TrainJob& job = jobs[i];
    s.training = false;
    ledger_.add(slots[i], Phase::train, job.cost.tokens, job.cost.flops);
    ledger_.add(slots[i], Phase::probe, 0, job.influence_flops);
    s.tokens += job.cost.tokens;
    s.train_tokens = job.cost.tokens;
    s.train_flops = job.cost.flops;
    s.loss_train = s.gradient_norm = 0;
    for (const StepRow& row : job.steps) {  // every step has as many positions as the others
      s.loss_train += row.loss / static_cast<double>(job.steps.size());
      s.gradient_norm += row.gradient_norm / static_cast<double>(job.steps.size());
      out.train[i].push_back({row.step, row.loss, row.learning_rate, row.gradient_norm});
    }
    if (job.diverged) {
      out.failed[i] = 1;
      continue;
    }
    const auto credit = training_loss_credit(chosen[i].picks, losses[i], chosen[i].tokens, k);
    for (std::size_t a = 0; a < k; ++a) {
      out.credit[i][kTrainingLoss * k + a] = credit[a].value;
      out.credit_se[i][kTrainingLoss * k + a] = credit[a].standard_error;
    }
  }
}

void Pretrain::evaluate_reference(Slots slots, bool gradient) {
  const Ledger::Scope scope(ledger_, Phase::reward);
  std::vector<LossJob> jobs(slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    Slot& s = at(slots[i]);
    s.reference.resize(reference_items_.ids.size());
    jobs[i].slot = slots[i];
    jobs[i].passages = reference_items_.ids;
    jobs[i].weight = reference_items_.weights;
    jobs[i].loss = s.reference;
  }
  if (gradient) trainer_.set_reference(jobs);
  else trainer_.losses(jobs);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    ledger_.add(slots[i], Phase::reward, jobs[i].cost.tokens, jobs[i].cost.flops);
    at(slots[i]).fresh_gradient = gradient;
    at(slots[i]).loss_reference = summarise(corpus_, reference_items_.ids, at(slots[i]).reference).nats_per_token;
  }
}

std::vector<SetLoss> Pretrain::observe(Slots slots, const Items& items, std::vector<Cost>& costs) {
  const Ledger::Scope scope(ledger_, Phase::observe);
  std::vector<std::vector<float>> losses(slots.size(), std::vector<float>(items.ids.size()));
  std::vector<LossJob> jobs(slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    jobs[i].slot = slots[i];
    jobs[i].passages = items.ids;
    jobs[i].loss = losses[i];
  }
  trainer_.losses(jobs);
  std::vector<SetLoss> out;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    costs.push_back(jobs[i].cost);
    out.push_back(summarise(corpus_, items.ids, losses[i]));
  }
  return out;
}

void Pretrain::reward(Slots slots, const std::vector<Selection>& chosen, const std::vector<std::vector<float>>& before,
                      const std::vector<double>& loss_before, Outcome& out) {
  const Ledger::Scope scope(ledger_, Phase::reward);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Slot& s = at(slots[i]);
    std::vector<std::uint16_t> uses;
    const auto used = s.pool.used();
    for (const Pick& pick : chosen[i].picks) uses.push_back(static_cast<std::uint16_t>(used.empty() ? 1 : used[pick.candidate] + 1));
    const bool last = out.failed[i] || s.interval + 1 == spec_.horizon;
    const Interval interval{reference_items_.ids, before[i], s.reference, loss_before[i], s.loss_reference, s.tokens, s.interval, last,
                            s.train_tokens, s.train_flops, selection_flops(slots[i]), uses};
    for (std::size_t r = 0; r < rewards_.size(); ++r) {
      const Estimate e = rewards_[r]->measure(slots[i], interval);
      out.reward[i][r] = e.value;
      out.reward_se[i][r] = e.standard_error;
    }
  }
}

/// Not of what is measured for credit: looking is free.
double Pretrain::selection_flops(int slot) {
  Slot& s = at(slot);
  const auto& flops = ledger_.row(slot).flops;
  const double all = flops[static_cast<std::size_t>(Phase::score)] + s.probe_flops;  // picking itself counts none
  double spent = all - s.counted_flops;
  s.counted_flops = all;
  for (const auto& agent : parts_->agents) spent += agent->static_cost().flops / static_cast<double>(spec_.horizon);
  return spent;
}

CreditScene Pretrain::scene(int slot, const Selection& chosen) {
  const Slot& s = at(slot);
  return {.slot = slot, .steps = parts_->train.steps_per_interval, .candidates = s.pool.candidates(),
          .picks = chosen.picks, .weights = s.weights};
}

void Pretrain::credit(Slots slots, const std::vector<Selection>& chosen, Outcome& out) {
  const std::size_t first = kEstimators * spec_.agents.size();
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (!out.failed[i])
      credits_->after(scene(slots[i], chosen[i]), at(slots[i]).interval, {out.reward[i][0], out.reward_se[i][0]}, out.credit[i].subspan(first),
                      out.credit_se[i].subspan(first));
}

double Pretrain::fingerprint(int slot) {
  constexpr std::size_t kPassages = 4;
  std::vector<float> losses(std::min(kPassages, reference_items_.ids.size()));
  LossJob job{.slot = slot, .passages = std::span(reference_items_.ids).first(losses.size()), .loss = losses};
  trainer_.losses({&job, 1});
  double sum = 0;
  for (const float loss : losses) sum += loss;
  return sum;
}

void Pretrain::diverge(int slot, std::size_t row, Outcome& out) {
  Slot& s = at(slot);
  out.failed[row] = 1;
  s.loss_reference = std::max(s.first_loss, std::log(corpus_.vocabulary())) + 1;  // crashing is worse than finishing
  out.events[row].push_back({"divergence", fmt::format("interval {}: a loss or gradient is not finite (step {}); try a lower train.learning_rate",
                                                       s.interval, trainer_.step(slot))});
}

void Pretrain::state(Archive& archive) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const Archive::Scope scope(archive, fmt::format("slot{}", i));
    slot_state(archive, static_cast<int>(i));
  }
}

void Pretrain::slot_state(Archive& archive, int slot) {
  Slot& s = at(slot);
  archive.field("seed", s.seed);
  archive.field("playing", s.playing);
  archive.field("interval", s.interval);
  archive.field("tokens", s.tokens);
  if (archive.loading()) {
    if (s.playing) s.pool = Pool(shape_, pool_, s.seed);
    s.raw.resize(parts_->agents.size());
    s.streams.assign(1 + 2 * parts_->agents.size(), Rng(0, ""));
    s.scores.resize(parts_->agents.size());
  }
  if (s.playing) archive.field("pool", s.pool);
  Rng now = s.streams[0];
  if (s.training) s.streams[0] = s.before_select;
  for (Rng& stream : s.streams) archive.field("stream", stream);
  if (archive.loading()) s.training = false;
  if (s.training) s.streams[0] = now;
  archive.field("reference", s.reference);
  archive.field("loss_reference", s.loss_reference);
  archive.field("first_loss", s.first_loss);
  archive.field("loss_train", s.loss_train);
  archive.field("gradient_norm", s.gradient_norm);
  archive.field("fresh_gradient", s.fresh_gradient);
  archive.field("probe_flops", s.probe_flops);
  archive.field("counted_flops", s.counted_flops);
  archive.field("validation_flops", s.validation_flops);
  archive.field("weights", s.weights);
  archive.field("agent_reward", s.agent_reward);
  archive.field("agreement", s.agreement);
  for (auto& r : s.raw) archive.field("raw", r);
  archive.field("keys", s.keys);
  archive.field("dead", s.dead);
  archive.field("exhausted", s.exhausted);
  archive.field("news", s.news);
  for (ScoreStatistics& x : s.scores) {
    archive.field("mean", x.mean);
    archive.field("deviation", x.deviation);
    archive.field("top", x.top);
  }
  if (archive.loading()) check_loaded(archive, s);
  observations_->slot_state(archive, slot);
  for (auto& r : rewards_) r->slot_state(archive, slot);
  credits_->slot_state(archive, slot);
  for (auto& a : parts_->agents) a->slot_state(archive, slot);
  ledger_.slot_state(archive, slot);
  trainer_.slot_state(archive, slot);
  archive.expect(!s.playing || trainer_.started(slot), "an episode with a model");
}

/// Nothing that was loaded may lead out of a table.
void Pretrain::check_loaded(Archive& archive, const Slot& s) const {
  const std::size_t k = parts_->agents.size(), pairs = k * (k - 1) / 2;
  archive.expect(s.interval >= 0 && s.interval <= spec_.horizon && (!s.playing || s.interval < spec_.horizon), "an interval of this run");
  if (!s.playing) return;
  archive.expect(s.reference.size() == reference_items_.ids.size(), "a loss for each reference passage");
  archive.expect(s.weights.size() == k && s.agent_reward.size() == k && s.agreement.size() == pairs && s.keys.size() == k &&
                     s.dead.size() == k && s.exhausted.size() == k, "a number for each agent");
  archive.expect(static_cast<std::int64_t>(s.pool.turn()) == s.interval, "a pool of this interval");
  const std::size_t candidates = s.pool.candidates().size();
  for (const auto& raw : s.raw)
    archive.expect(raw.size() == candidates && std::all_of(raw.begin(), raw.end(), [](float x) { return std::isfinite(x); }),
                   "a score for each candidate");
}

REGISTER_ENV("pretrain-v0", Pretrain, PretrainOptions, "pretraining a language model on passages that agents pick", "checked against an oracle");

}  // namespace fader
