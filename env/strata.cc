#include "env/strata.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "env/best.h"

namespace fader {

std::vector<std::int64_t> largest_remainder(std::int64_t total, std::span<const std::int64_t> sizes) {
  const double all = static_cast<double>(std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}));
  std::vector<std::int64_t> out(sizes.size(), 0);
  if (all <= 0) return out;
  std::vector<double> remainder(sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const double exact = static_cast<double>(total) * (static_cast<double>(sizes[i]) / all);
    out[i] = static_cast<std::int64_t>(exact);
    remainder[i] = exact - static_cast<double>(out[i]);
  }
  std::vector<std::size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return remainder[a] > remainder[b]; });
  std::int64_t left = total - std::accumulate(out.begin(), out.end(), std::int64_t{0});
  for (std::size_t i = 0; left > 0; i = (i + 1) % order.size(), --left) ++out[order[i]];
  return out;
}

std::vector<std::int64_t> equal_shares(std::int64_t total, std::span<const std::int64_t> sizes) {
  std::vector<std::int64_t> out(sizes.size(), 0);
  std::vector<std::size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return sizes[a] < sizes[b]; });
  std::int64_t left = total;
  std::size_t full = 0;  // of the smallest, which give all they have
  for (auto n = static_cast<std::int64_t>(sizes.size()); full < order.size() && sizes[order[full]] * n <= left; ++full, --n) left -= out[order[full]] = sizes[order[full]];
  const auto others = static_cast<std::int64_t>(order.size() - full);
  std::sort(order.begin() + static_cast<std::ptrdiff_t>(full), order.end());
  for (std::int64_t i = 0; i < others; ++i) out[order[full + static_cast<std::size_t>(i)]] = left / others + (i < left % others ? 1 : 0);
  return out;
}

Offer Strata::within(const Offer& offer, std::size_t domain) {
  stratum_.members.clear();
  for (std::size_t c = 0; c < offer.candidates; ++c)
    if (offer.domains[c] == domain) stratum_.members.push_back(static_cast<std::uint32_t>(c));
  const auto gather = [&](const auto& from, auto& to) {
    make_room(to, from.empty() ? 0 : stratum_.members.size());
    to.clear();
    if (!from.empty())
      for (const std::uint32_t c : stratum_.members) to.push_back(from[c]);
  };
  gather(offer.tokens, stratum_.tokens);
  gather(offer.used, stratum_.used);
  stratum_.scores.resize(offer.scores.size());
  stratum_.views.resize(offer.scores.size());
  for (std::size_t i = 0; i < offer.scores.size(); ++i) {
    gather(offer.scores[i], stratum_.scores[i]);
    stratum_.views[i] = stratum_.scores[i];
  }
  Offer out = offer;
  out.scores = stratum_.views;
  out.tokens = stratum_.tokens;
  out.used = stratum_.used;
  out.domains = {};
  out.candidates = stratum_.members.size();
  return out;
}

void Strata::serve(const Offer& offer, std::size_t domain, std::int64_t demand, Rng& rng, Selected& out) {
  Offer part = within(offer, domain);
  part.demand = demand;
  within_->select(part, rng, part_);
  const auto n = static_cast<double>(part_.picks.size());
  for (std::size_t j = 0; j < part_.picks.size(); ++j) {
    Pick pick = part_.picks[j];
    pick.candidate = stratum_.members[pick.candidate];
    placed_.push_back({(static_cast<double>(j) + 0.5) / n, domain, pick});
  }
  for (std::size_t i = 0; i < part_.shares.size(); ++i) {
    out.shares[i] += n * part_.shares[i];
    out.exhausted[i] += n * part_.exhausted[i];
  }
}

void Strata::select(const Offer& offer, Rng& rng, Selected& out) {
  FADER_CHECK_EQ(offer.domains.size(), offer.candidates);
  const std::size_t k = offer.weights.size();
  std::size_t domains = 1;
  for (const std::uint16_t d : offer.domains) domains = std::max<std::size_t>(domains, d + 1u);
  std::vector<std::int64_t> sizes(domains, 0);
  for (std::size_t c = 0; c < offer.candidates; ++c) sizes[offer.domains[c]] += offer.held(c);
  const std::vector<std::int64_t> quota = equally_ ? equal_shares(offer.demand, sizes) : largest_remainder(offer.demand, sizes);
  std::vector<std::size_t> order(domains);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::swap(order.back(), order[static_cast<std::size_t>(std::max_element(sizes.begin(), sizes.end()) - sizes.begin())]);
  rng.shuffle(std::span(order).first(domains - 1));
  const std::size_t largest = order.back();
  const std::int64_t all = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  const std::int64_t passage = all / std::max<std::int64_t>(1, static_cast<std::int64_t>(offer.candidates));
  const std::int64_t spare = std::clamp<std::int64_t>(sizes[largest] - quota[largest], 0, std::max<std::int64_t>(0, passage - 1));

  out.shares.assign(k, 0.0);
  out.exhausted.assign(k, 0.0);
  placed_.clear();
  const auto before = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(spare) + 1));
  std::int64_t got = before, due = 0;
  for (const std::size_t d : order) {
    due += quota[d];
    if (d == largest) got -= before;
    if (got >= due || sizes[d] == 0) continue;
    const std::size_t first = placed_.size();
    serve(offer, d, due - got, rng, out);
    for (std::size_t i = first; i < placed_.size(); ++i) got += offer.held(placed_[i].pick.candidate);
  }
  if (!placed_.empty()) placed_.back().place = 2;
  std::sort(placed_.begin(), placed_.end(),
            [](const Placed& a, const Placed& b) { return std::pair(a.place, a.domain) < std::pair(b.place, b.domain); });
  out.picks.clear();
  for (const Placed& p : placed_) out.picks.push_back(p.pick);
  const bool ran_out = std::any_of(out.exhausted.begin(), out.exhausted.end(), [](double x) { return x > 0; });
  for (std::size_t i = 0; i < k; ++i) {
    out.shares[i] = ran_out ? out.shares[i] / static_cast<double>(out.picks.size()) : offer.weights[i];
    out.exhausted[i] /= std::max(1.0, static_cast<double>(out.picks.size()));
  }
}

}  // namespace fader
