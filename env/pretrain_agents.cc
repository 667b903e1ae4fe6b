// How pretrain-v0 fares with its agents: those that run out of their own, those that die, and how much they agree.
#include <algorithm>

#include "env/pretrain.h"

namespace fader {

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
