// What pretrain-v0 asks its agents, scores and probes, and how it fares with them: those that run out of their own, those that die.
#include <algorithm>
#include <cmath>

#include "env/pretrain.h"

namespace fader {
namespace {

double nan() { return std::nan(""); }

}  // namespace

bool Pretrain::agents_want_gradient() const {
  return std::any_of(parts_->agents.begin(), parts_->agents.end(), [](const auto& agent) { return agent->wants_reference_gradient(); });
}

std::vector<std::vector<std::vector<ProbeGroup>>> Pretrain::wanted_probes(Slots slots) {
  const Ledger::Scope scope(ledger_, Phase::probe);
  const std::size_t k = parts_->agents.size();
  std::vector<std::vector<std::vector<ProbeGroup>>> wanted(k, std::vector<std::vector<ProbeGroup>>(slots.size()));
  for (std::size_t a = 0; a < k; ++a) {
    ask(a, slots, [&](auto rows) {
      std::vector<int> who;
      std::vector<Rng> streams;
      std::vector<std::vector<ProbeGroup>> groups(rows.size());
      for (const std::size_t i : rows) {
        who.push_back(slots[i]);
        streams.push_back(at(slots[i]).streams[1 + k + a]);
      }
      parts_->agents[a]->probes(who, streams, groups);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        at(who[i]).streams[1 + k + a] = streams[i];
        wanted[a][rows[i]] = std::move(groups[i]);
      }
    });
  }
  return wanted;
}

void Pretrain::probe(Slots slots, const std::vector<std::vector<std::vector<ProbeGroup>>>& wanted, Outcome& out) {
  const Ledger::Scope scope(ledger_, Phase::probe);
  for (std::size_t a = 0; a < wanted.size(); ++a) {
    std::vector<Probe> probes;
    std::vector<std::size_t> starts;
    for (std::size_t i = 0; i < slots.size(); ++i) {
      starts.push_back(probes.size());
      for (const ProbeGroup& group : wanted[a][i]) probes.push_back({.slot = slots[i], .passages = group});
    }
    starts.push_back(probes.size());
    if (!probes.empty()) trainer_.influence(probes);
    std::vector<std::span<const Probe>> measured;
    for (std::size_t i = 0; i < slots.size(); ++i) measured.push_back(std::span(probes).subspan(starts[i], starts[i + 1] - starts[i]));
    std::vector<double> own(slots.size(), nan());
    ask(a, slots, [&](auto rows) {
      std::vector<int> who;
      std::vector<std::span<const Probe>> theirs;
      std::vector<double> heard(rows.size(), nan());
      for (const std::size_t i : rows) {
        who.push_back(slots[i]);
        theirs.push_back(measured[i]);
      }
      parts_->agents[a]->feedback(who, theirs, heard);
      for (std::size_t i = 0; i < rows.size(); ++i) own[rows[i]] = heard[i];
    });
    for (const Probe& p : probes) {
      ledger_.add(p.slot, Phase::probe, p.cost.tokens, p.cost.flops);
      at(p.slot).probe_flops += p.cost.flops;
    }
    for (std::size_t i = 0; i < slots.size(); ++i) {
      at(slots[i]).agent_reward[a] = own[i];
      out.credit[i][kAgentReward * wanted.size() + a] = own[i];
    }
  }
  for (std::size_t i = 0; i < slots.size(); ++i) {
    std::vector<CategoryValues> values;
    for (const auto& agent : parts_->agents) values.push_back(agent->category_values(slots[i]));
    const std::vector<double> seed = seed_code_credit(std::move(values), wanted.size());
    std::copy(seed.begin(), seed.end(), out.credit[i].begin() + static_cast<std::ptrdiff_t>(kSeedCode * wanted.size()));
    put(spec_.series, "train/reference_gradient_norm", out.series[i], at(slots[i]).fresh_gradient ? trainer_.reference_norm(slots[i]) : nan());
  }
}

void Pretrain::score(Slots slots) {
  if (slots.empty()) return;
  const Ledger::Scope scope(ledger_, Phase::score);
  const std::size_t k = parts_->agents.size();
  for (const int slot : slots) {
    Slot& s = at(slot);
    s.raw.resize(k);
    s.keys.resize(k);
    s.scores.clear();
  }
  for (std::size_t a = 0; a < k; ++a) {
    for (const int slot : slots) at(slot).raw[a].assign(at(slot).pool.candidates().size(), 0.0f);
    ask(a, slots, [&](auto rows) {
      std::vector<ScoreJob> jobs;
      for (const std::size_t i : rows)
        jobs.push_back({.slot = slots[i], .passages = at(slots[i]).pool.candidates(), .score = at(slots[i]).raw[a]});
      parts_->agents[a]->score(jobs, trainer_);
      for (const ScoreJob& job : jobs) {
        ledger_.add(job.slot, Phase::score, job.cost.tokens, job.cost.flops);
        if (!std::all_of(job.score.begin(), job.score.end(), [](float x) { return std::isfinite(x); }))
          throw RunError("it gave a score that is not finite");
      }
    });
    for (const int slot : slots) {
      Slot& s = at(slot);
      if (s.dead[a]) std::fill(s.raw[a].begin(), s.raw[a].end(), 0.0f);
      s.keys[a] = s.streams[1 + a].bits();
      s.scores.push_back(score_statistics(s.raw[a]));
    }
  }
  for (const int slot : slots) compare_agents(at(slot));
}

/// Of agents that had something of their own left in the interval before.
void Pretrain::tell_exhausted(int slot, const Selection& chosen, std::vector<Event>& events) const {
  const Slot& s = slots_[static_cast<std::size_t>(slot)];
  for (std::size_t a = 0; a < chosen.exhausted.size(); ++a) {
    if (!(chosen.exhausted[a] > 0)) continue;
    const std::string what = fmt::format("interval {}: agent '{}', of weight {:.4g}, calls none of the candidates left its own for {:.3g}% "
                                         "of the picks", s.interval, spec_.agents[a], s.weights[a], 100 * chosen.exhausted[a]);
    if (options_.exhausted == "stop")
      throw RunError(what + "; give more text (corpus.*), raise env.candidates, env.pool_size or env.epochs, or set env.exhausted = "
                     "\"renormalise\"");
    if (s.exhausted[a] == 0) events.push_back({"exhausted", fmt::format("{}; {:.4g} were executed", what, chosen.shares[a])});
  }
}

void Pretrain::ask(std::size_t a, Slots slots, const std::function<void(std::span<const std::size_t>)>& call) {
  const bool ignore = options_.agent_failure == "ignore";
  const auto located = [&](int slot, const char* why) {
    return fmt::format("interval {}: agent '{}' failed: {}; env.agent_failure = \"ignore\" would go on without it", at(slot).interval,
                       spec_.agents[a], why);
  };
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (!at(slots[i]).dead[a]) rows.push_back(i);
  const std::size_t together = ignore ? 1 : std::max<std::size_t>(rows.size(), 1);
  for (std::size_t i = 0; i < rows.size(); i += together) {
    try {
      call(std::span(rows).subspan(i, together));
    } catch (const Defect&) {
      throw;
    } catch (const Stopped&) {
      throw;
    } catch (const std::exception& e) {
      const auto* known = dynamic_cast<const Error*>(&e);
      if (!ignore) throw Error(known != nullptr ? known->code() : Exit::run, located(slots[rows[i]], e.what()));
      bury(slots[rows[i]], a, e.what());
    }
  }
}

void Pretrain::bury(int slot, std::size_t a, const std::string& why) {
  Slot& s = at(slot);
  s.dead[a] = 1;
  s.news.push_back(fmt::format("interval {}: agent '{}' failed and is ignored from now on, all its scores are the same: {}", s.interval,
                               spec_.agents[a], why));
}

/// Rank correlations, among no more of the candidates than say it well: the first, whose order is random.
void Pretrain::compare_agents(Slot& s) const {
  constexpr std::size_t kCompared = 8192;  // standard error of a correlation: 0.011 at most
  s.agreement.clear();
  std::vector<std::vector<double>> ranks;
  for (std::size_t a = 0; a < s.raw.size(); ++a)
    ranks.push_back(normalised_ranks(ranking(std::span<const float>(s.raw[a]).first(std::min(kCompared, s.raw[a].size())), s.keys[a])));
  for (std::size_t a = 0; a < ranks.size(); ++a)
    for (std::size_t b = a + 1; b < ranks.size(); ++b) s.agreement.push_back(rank_correlation(ranks[a], ranks[b]));
}

}  // namespace fader
