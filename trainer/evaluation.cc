// Which passages a loss is taken on, and what the loss of a set is.
#include "trainer/evaluation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "core/error.h"
#include "core/rng.h"

namespace fader {
namespace {

/// The groups of one domain, in their order; each holds its passages in corpus order.
using Groups = std::vector<std::vector<PassageId>>;

std::vector<Groups> groups_by_domain(const Corpus& corpus, Set set, bool reference_only) {
  // A group is ordered by a random number of its own, so that neither the order of files nor that of names decides.
  const std::uint64_t key = stream_key(0, "evaluation/" + corpus.hash());
  std::vector<std::map<std::pair<std::uint64_t, std::uint32_t>, std::vector<PassageId>>> found(corpus.domains().size());
  for (const PassageId id : corpus.set(set)) {
    const Document& document = corpus.document(id);
    if (corpus.passages()[id].bytes == 0 || (reference_only && !document.reference)) continue;
    found[document.domain][{random_bits(key, document.group), document.group}].push_back(id);
  }
  std::vector<Groups> domains;
  for (auto& groups : found) {
    if (groups.empty()) continue;
    auto& domain = domains.emplace_back();
    for (auto& [order, passages] : groups) domain.push_back(std::move(passages));
  }
  return domains;
}

/// At most `count` passages of a domain, one of each group in turn.
std::vector<PassageId> in_turn(const Groups& groups, std::size_t count) {
  std::vector<PassageId> items;
  bool more = true;
  for (std::size_t round = 0; more; ++round) {
    more = false;
    for (const auto& group : groups) {
      if (items.size() == count) return items;
      if (round >= group.size()) continue;
      items.push_back(group[round]);
      more = true;
    }
  }
  return items;
}

struct Totals {
  double nats = 0, tokens = 0, bytes = 0;
  std::size_t items = 0;
};

std::vector<Totals> totals_by_domain(const Corpus& corpus, std::span<const PassageId> items) {
  std::vector<Totals> totals(corpus.domains().size());
  for (const PassageId id : items) {
    const Passage& passage = corpus.passages()[id];
    Totals& t = totals[corpus.document(id).domain];
    t.tokens += passage.tokens;
    t.bytes += passage.bytes;
    ++t.items;
  }
  return totals;
}

}  // namespace

std::vector<PassageId> evaluation_items(const Corpus& corpus, Set set, bool reference_only, std::size_t count) {
  Groups domains;
  for (const Groups& groups : groups_by_domain(corpus, set, reference_only)) domains.push_back(in_turn(groups, count));
  return in_turn(domains, count);
}

SetLoss summarise(const Corpus& corpus, std::span<const PassageId> items, std::span<const float> loss) {
  FADER_CHECK_EQ(items.size(), loss.size());
  std::vector<Totals> totals = totals_by_domain(corpus, items);
  for (std::size_t i = 0; i < items.size(); ++i)
    totals[corpus.document(items[i]).domain].nats += double{loss[i]} * corpus.passages()[items[i]].tokens;

  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  SetLoss result;
  double present = 0;
  for (const Totals& t : totals) {
    const bool any = t.items > 0;
    result.domain_nats_per_token.push_back(any ? t.nats / t.tokens : kNone);
    result.domain_bits_per_byte.push_back(any ? t.nats / (t.bytes * std::log(2.0)) : kNone);
    if (!any) continue;
    result.nats_per_token += result.domain_nats_per_token.back();
    result.bits_per_byte += result.domain_bits_per_byte.back();
    ++present;
  }
  result.nats_per_token = present > 0 ? result.nats_per_token / present : kNone;
  result.bits_per_byte = present > 0 ? result.bits_per_byte / present : kNone;
  return result;
}

std::vector<float> token_weights(const Corpus& corpus, std::span<const PassageId> items) {
  const std::vector<Totals> totals = totals_by_domain(corpus, items);
  const auto has_items = [](const Totals& t) { return t.items > 0; };
  const auto present = static_cast<double>(std::count_if(totals.begin(), totals.end(), has_items));
  std::vector<float> weights;
  for (const PassageId id : items)
    weights.push_back(static_cast<float>(1 / (present * totals[corpus.document(id).domain].tokens)));
  return weights;
}

}  // namespace fader
