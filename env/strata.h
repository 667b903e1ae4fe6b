// env.stratify = "domain": every domain gets its share of the candidates' tokens, and a method chooses within each alone.
//     "domain_equally": every domain gets as much as any other, or all that it has where that is less.
//
// Domain d's quota is demand T_d / T tokens, rounded by largest remainder; or demand / domains, what one lacks shared by the others. Domains are served one after another in random order, the
// largest last; what the last passage of one holds beyond its quota, the next ones get less, and the first begins with a random
// part of a passage as if it had been served before. So the sum is met as closely as without strata, a domain is never off by
// more than a passage, and one that is due less than a passage gets one as often as its share says. The picks of the domains are
// then interleaved evenly, the j-th of n at (j - 1/2) / n, so that training sees them mixed; the very last one, which may be cut,
// stays last. Propensities are within a domain, shares and exhaustion averages over all picks.
#pragma once
#include <memory>

#include "env/selection.h"

namespace fader {

/// The same for each, but no more than it has: what one lacks goes to the others in equal parts; whole numbers, the first get one more.
std::vector<std::int64_t> equal_shares(std::int64_t total, std::span<const std::int64_t> sizes);

/// total, in proportion to `sizes`, in whole numbers: floors first, the rest to the largest remainders, ties to the first.
std::vector<std::int64_t> largest_remainder(std::int64_t total, std::span<const std::int64_t> sizes);

class Strata final : public SelectionMethod {
 public:
  Strata(std::unique_ptr<SelectionMethod> within, bool equally) : within_(std::move(within)), equally_(equally) {}
  /// `offer.domains` says whose each candidate is.
  void select(const Offer& offer, Rng& rng, Selected& out) override;

 private:
  /// The candidates of one domain, copied.
  struct Stratum {
    std::vector<std::uint32_t> members, tokens;
    std::vector<std::uint16_t> used;
    std::vector<std::vector<float>> scores;
    std::vector<std::span<const float>> views;
  };
  struct Placed {
    double place = 0;
    std::size_t domain = 0;
    Pick pick;
  };
  Offer within(const Offer& offer, std::size_t domain);
  void serve(const Offer& offer, std::size_t domain, std::int64_t demand, Rng& rng, Selected& out);

  std::unique_ptr<SelectionMethod> within_;
  const bool equally_;
  Stratum stratum_;
  std::vector<Placed> placed_;
  Selected part_;
};

}  // namespace fader
