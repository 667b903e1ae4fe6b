#include "env/reward.h"

#include <cmath>
#include <map>

namespace fader {

double clustered_error(const Corpus& corpus, const Interval& interval) {
  struct DomainSums {
    double tokens = 0, drop = 0;
    std::map<std::uint32_t, std::pair<double, double>> groups;  // tokens and drop in nats
  };
  std::map<int, DomainSums> domains;
  for (std::size_t i = 0; i < interval.items.size(); ++i) {
    const PassageId id = interval.items[i];
    const double tokens = corpus.passages()[id].tokens;
    const double drop = tokens * (static_cast<double>(interval.before[i]) - static_cast<double>(interval.after[i]));
    DomainSums& sums = domains[corpus.document(id).domain];
    auto& [group_tokens, group_drop] = sums.groups[corpus.document(id).group];
    sums.tokens += tokens;
    sums.drop += drop;
    group_tokens += tokens;
    group_drop += drop;
  }
  double variance = 0;
  for (const auto& [domain, sums] : domains) {
    const double mean = sums.drop / sums.tokens, groups = static_cast<double>(sums.groups.size());
    double squares = 0;
    for (const auto& [group, totals] : sums.groups) squares += std::pow(totals.second - totals.first * mean, 2);
    variance += groups < 2 ? std::nan("") : groups / (groups - 1) * squares / (sums.tokens * sums.tokens);
  }
  return std::sqrt(variance) / static_cast<double>(domains.size());
}

RewardRegistry& rewards() {
  static RewardRegistry registry("reward");
  return registry;
}

}  // namespace fader
