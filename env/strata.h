// env.stratify = "domain": every domain gets its share of the candidates' tokens, and a method chooses within each alone.
//
// Domain d's quota is demand T_d / T tokens, rounded by largest remainder. Domains are served one after another in random order, the
// largest last; what the last passage of one holds beyond its quota, the next ones get less, and the first begins with a random
// part of a passage as if it had been served before. So the sum is met as closely as without strata, a domain is never off by
// more than a passage, and one that is due less than a passage gets one as often as its share says. The picks of the domains are
// then interleaved evenly, the j-th of n at (j - 1/2) / n, so that training sees them mixed; the very last one, which may be cut,
// stays last. Propensities are within a domain, shares and exhaustion averages over all picks.
#pragma once
#include <memory>

#include "env/selection.h"

namespace fader {

/// total, in proportion to `sizes`, in whole numbers: floors first, the rest to the largest remainders, ties to the first.
std::vector<std::int64_t> largest_remainder(std::int64_t total, std::span<const std::int64_t> sizes);

class Strata final : public SelectionMethod {
 public:
  explicit Strata(std::unique_ptr<SelectionMethod> within) : within_(std::move(within)) {}
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
  Stratum stratum_;
  std::vector<Placed> placed_;
  Selected part_;
};

}  // namespace fader
