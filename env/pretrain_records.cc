// What pretrain-v0 logs and shows: the description of its rows, and the rows.
#include <algorithm>
#include <cmath>

#include "env/pretrain.h"

namespace fader {
namespace {

double nan() { return std::nan(""); }

}  // namespace

void Pretrain::describe() {
  const std::size_t k = parts_->agents.size(), d = corpus_.domains().size();
  const std::vector<std::string>& agents = parts_->agent_names;
  std::vector<std::string> references;
  for (const auto i : reference_domains_) references.push_back(corpus_.domains()[i]);
  spec_.name = "pretrain-v0";
  spec_.horizon = parts_->train.intervals;
  spec_.agents = agents;
  spec_.credits = {"agent_reward", "training_loss", "seed_code"};
  spec_.credits.insert(spec_.credits.end(), options_.credit_options.names.begin(), options_.credit_options.names.end());
  if (!options_.credit_options.names.empty()) spec_.credit = kEstimators;
  spec_.observation = observations_->fields();

  const char* loss = "nat/token";
  add_series(spec_.infos, {.path = "infos/tokens", .unit = "token", .whole = true});
  add_series(spec_.infos, {.path = "infos/loss_train", .unit = loss});
  add_series(spec_.infos, {.path = "infos/loss_reference", .unit = loss});
  add_series(spec_.infos, {.path = "infos/loss_reference_domain", .size = references.size(), .axis = "domain", .unit = loss, .labels = references});
  add_series(spec_.infos, {.path = "infos/bits_per_byte_reference", .unit = "bit/byte"});
  // volatile: for people only, and whether it is there at all may differ between equal runs
  add_series(spec_.infos, {.path = "infos/loss_validation", .unit = loss, .volatile_value = true});

  add_series(spec_.series, {.path = "agents/score_mean", .size = k, .axis = "agent", .labels = agents});
  add_series(spec_.series, {.path = "agents/score_std", .size = k, .axis = "agent", .labels = agents});
  std::vector<std::string> pairs;
  for (std::size_t a = 0; a < k; ++a)
    for (std::size_t b = a + 1; b < k; ++b) pairs.push_back(agents[a] + "," + agents[b]);
  if (!pairs.empty()) add_series(spec_.series, {.path = "agents/agreement", .size = pairs.size(), .axis = "pair", .labels = pairs});
  add_series(spec_.series, {.path = "agents/selected", .size = k, .axis = "agent", .unit = "passage", .labels = agents, .whole = true});
  add_series(spec_.series, {.path = "agents/selected_tokens", .size = k, .axis = "agent", .unit = "token", .labels = agents, .whole = true});
  add_series(spec_.series, {.path = "agents/propensity", .size = k, .axis = "agent", .labels = agents});
  if (std::any_of(not_mine_.begin(), not_mine_.end(), [](const auto& x) { return x.has_value(); }))
    add_series(spec_.series, {.path = "agents/exhausted", .size = k, .axis = "agent", .unit = "1", .labels = agents});
  if (options_.inclusion_draws > 0) {
    add_series(spec_.series, {.path = "agents/inclusion", .size = k, .axis = "agent", .labels = agents});
    add_series(spec_.series, {.path = "corpus/effective_candidates", .unit = "passage"});
  }
  add_series(spec_.series, {.path = "corpus/domain_tokens", .size = d, .axis = "domain", .unit = "token", .labels = corpus_.domains(), .whole = true});
  add_series(spec_.series, {.path = "corpus/reference_share", .unit = "1"});
  add_series(spec_.series, {.path = "corpus/pool_left", .unit = "1"});
  add_series(spec_.series, {.path = "train/reference_gradient_norm", .unit = loss});
  // cumulated; beside the ledger, whose counts are the same whether people look or not
  add_series(spec_.series, {.path = "cost/validation_flops", .unit = "flop", .volatile_value = true});

  add_series(spec_.finals, {.path = "final/loss_reference", .unit = loss});
  add_series(spec_.finals, {.path = "final/loss_validation", .unit = loss});
  add_series(spec_.finals, {.path = "final/loss_test", .unit = loss});
  add_series(spec_.finals, {.path = "final/loss_test_domain", .size = d, .axis = "domain", .unit = loss, .labels = corpus_.domains()});
  add_series(spec_.finals, {.path = "final/loss_test_macro", .unit = loss});
  add_series(spec_.finals, {.path = "final/bits_per_byte_test", .unit = "bit/byte"});
  add_series(spec_.finals, {.path = "final/bits_per_byte_test_domain", .size = d, .axis = "domain", .unit = "bit/byte", .labels = corpus_.domains()});
}

void Pretrain::write_scores(Slots slots, Outcome& out) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Slot& s = at(slots[i]);
    std::vector<double> mean, deviation;
    for (const ScoreStatistics& x : s.scores) {
      mean.push_back(x.mean);
      deviation.push_back(x.deviation);
    }
    put(spec_.series, "agents/score_mean", out.series[i], mean);
    put(spec_.series, "agents/score_std", out.series[i], deviation);
    if (!s.agreement.empty()) put(spec_.series, "agents/agreement", out.series[i], s.agreement);
  }
}

void Pretrain::write_selection(const Selection& chosen, std::span<double> row) {
  const std::size_t k = spec_.agents.size();
  std::vector<double> selected(k, 0), selected_tokens(k, 0), propensity(k, 0), inclusion(k, 0), domain_tokens(corpus_.domains().size(), 0);
  double total = 0, reference = 0;
  for (std::size_t i = 0; i < chosen.picks.size(); ++i) {
    const Pick& pick = chosen.picks[i];
    const Document& document = corpus_.document(chosen.ids[i]);
    const double tokens = corpus_.passages()[chosen.ids[i]].tokens;  // whole: what is cut is trained on in the next interval
    selected[pick.agent] += 1;
    selected_tokens[pick.agent] += tokens;
    propensity[pick.agent] += pick.propensity;
    if (!chosen.inclusion.empty()) inclusion[pick.agent] += chosen.inclusion[pick.candidate];
    domain_tokens[document.domain] += tokens;
    total += tokens;
    if (document.reference) reference += tokens;
  }
  for (std::size_t a = 0; a < k; ++a) {
    propensity[a] = selected[a] > 0 ? propensity[a] / selected[a] : nan();
    inclusion[a] = selected[a] > 0 ? inclusion[a] / selected[a] : nan();
  }
  put(spec_.series, "agents/selected", row, selected);
  put(spec_.series, "agents/selected_tokens", row, selected_tokens);
  put(spec_.series, "agents/propensity", row, propensity);
  if (std::any_of(not_mine_.begin(), not_mine_.end(), [](const auto& x) { return x.has_value(); }))
    put(spec_.series, "agents/exhausted", row, chosen.exhausted);
  if (!chosen.inclusion.empty()) {
    double sum = 0, squares = 0;
    for (const double p : chosen.inclusion) sum += p, squares += p * p;
    put(spec_.series, "agents/inclusion", row, inclusion);
    put(spec_.series, "corpus/effective_candidates", row, sum * sum / squares);
  }
  put(spec_.series, "corpus/domain_tokens", row, domain_tokens);
  put(spec_.series, "corpus/reference_share", row, reference / total);
}

void Pretrain::write_infos(Slots slots, Outcome& out) {
  std::vector<int> watched;
  for (const int slot : slots)
    if (options_.validation_every > 0 && at(slot).interval % options_.validation_every == 0) watched.push_back(slot);
  std::vector<Cost> costs;
  const std::vector<SetLoss> validation = watched.empty() ? std::vector<SetLoss>{} : observe(watched, validation_items_, costs);
  std::size_t next = 0;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    Slot& s = at(slots[i]);
    const SetLoss reference = summarise(corpus_, reference_items_.ids, s.reference);
    std::vector<double> domains;
    for (const auto d : reference_domains_) domains.push_back(reference.domain_nats_per_token[d]);
    const std::span<double> row = out.infos[i];
    put(spec_.infos, "infos/tokens", row, static_cast<double>(s.tokens));
    put(spec_.infos, "infos/loss_train", row, s.loss_train);
    put(spec_.infos, "infos/loss_reference", row, s.loss_reference);
    put(spec_.infos, "infos/loss_reference_domain", row, domains);
    put(spec_.infos, "infos/bits_per_byte_reference", row, reference.bits_per_byte);
    const bool seen = next < watched.size() && watched[next] == slots[i];
    if (seen) s.validation_flops += costs[next].flops;
    put(spec_.infos, "infos/loss_validation", row, seen ? validation[next++].nats_per_token : nan());
    put(spec_.series, "cost/validation_flops", out.series[i], s.validation_flops);
  }
}

void Pretrain::write_observation(Slots slots, Outcome& out) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Slot& s = at(slots[i]);
    const SetLoss reference = summarise(corpus_, reference_items_.ids, s.reference);
    std::vector<double> domains, own = s.agent_reward;
    for (const auto d : reference_domains_) domains.push_back(reference.domain_nats_per_token[d]);
    const double norm = s.fresh_gradient ? trainer_.reference_norm(slots[i]) : nan();
    for (double& r : own) r /= norm * norm;
    Situation now;
    now.progress = static_cast<double>(s.interval) / static_cast<double>(spec_.horizon);
    now.weights = s.weights;
    now.learning_rate = trainer_.learning_rate(slots[i]) / parts_->train.learning_rate;
    now.loss_reference = s.loss_reference;
    now.loss_train = s.loss_train;
    now.loss_domain = domains;
    now.gradient_norm = s.gradient_norm;
    now.pool_left = s.pool.left();
    now.scores = s.scores;
    now.agreement = s.agreement;
    now.agent_reward = own;
    now.tokens = static_cast<double>(s.tokens);
    const auto used = s.pool.used();
    for (const std::uint16_t uses : used) now.times_seen += uses / static_cast<double>(used.size());
    now.gradient_cosine = trainer_.reference_cosine(slots[i]);
    now.credit = credits_->last(slots[i]);
    observations_->write(slots[i], now, out.observation[i]);
  }
}

void Pretrain::finish(Slots slots, Outcome& out) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Slot& s = at(slots[i]);
    if (s.playing) continue;
    const std::span<double> row = out.finals[i];
    if (out.failed[i]) {
      for (const char* path : {"final/loss_reference", "final/loss_validation", "final/loss_test"}) put(spec_.finals, path, row, s.loss_reference);
      continue;
    }
    const std::span<const int> one = slots.subspan(i, 1);
    std::vector<Cost> costs;
    const SetLoss validation = observe(one, validation_items_, costs).front();
    const SetLoss test = observe(one, test_items_, costs).front();
    const SetLoss all = observe(one, domain_items_, costs).front();
    for (const Cost& cost : costs) ledger_.add(slots[i], Phase::observe, cost.tokens, cost.flops);
    put(spec_.finals, "final/loss_reference", row, s.loss_reference);
    put(spec_.finals, "final/loss_validation", row, validation.nats_per_token);
    put(spec_.finals, "final/loss_test", row, test.nats_per_token);
    put(spec_.finals, "final/loss_test_domain", row, all.domain_nats_per_token);
    put(spec_.finals, "final/loss_test_macro", row, all.nats_per_token);
    put(spec_.finals, "final/bits_per_byte_test", row, test.bits_per_byte);
    put(spec_.finals, "final/bits_per_byte_test_domain", row, all.domain_bits_per_byte);
  }
}

}  // namespace fader
