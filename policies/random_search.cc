// Random search across episodes: every candidate is drawn anew, the one of the greatest mean return is kept.
//   u ~ every knot from Dirichlet(concentration);  kept <- u if value(u) > value(kept)
// Bergstra and Bengio (2012), JMLR 13. The greatest of N noisy returns is too great by about sigma sqrt(2 ln N) ("winner's
// curse"): report the kept candidate played anew, or let every candidate be played several times (`repeats`).
// Status: checked against order statistics (tests/oracle/random_search_test.cc).
#include <algorithm>
#include <cmath>

#include "policies/search.h"

namespace fader {
namespace {

struct RandomSearchOptions final : SearchOptions {
  double concentration = 1;
  void fields(Fields& f) override {
    SearchOptions::fields(f);
    f("concentration", concentration, "of the Dirichlet distribution of every knot: 1 is uniform over all weights", 0.01, 1e6);
  }
};

class RandomSearch final : public Search {
 public:
  RandomSearch(const RandomSearchOptions& options, const PolicyContext& context)
      : Search(options, context, {"evaluations", "best_return"}),
        concentration_(options.concentration),
        kept_(dimension(), 0.0) {}

 protected:
  void propose(Rng& stream, std::span<double> u) override { draw_mixes(concentration_, stream, u); }

  void tell(std::span<const double> u, double value) override {
    if (evaluations_++ > 0 && value <= value_) return;
    std::copy(u.begin(), u.end(), kept_.begin());
    value_ = value;
  }

  void incumbent(std::span<double> u) override { std::copy(kept_.begin(), kept_.end(), u.begin()); }

  void diagnose(std::span<double> out) override {
    out[0] = static_cast<double>(evaluations_);
    out[1] = evaluations_ > 0 ? value_ : std::nan("");
  }

  void learned(Archive& archive) override {
    archive.field("evaluations", evaluations_);
    archive.field("kept", std::span(kept_));
    archive.field("value", value_);
    archive.expect(evaluations_ >= 0 && evaluations_ < (std::int64_t{1} << 62) && std::isfinite(value_), "the best so far");
    for (const double u : kept_) archive.expect(std::abs(u) <= kReach, "a candidate");
  }

 private:
  const double concentration_;
  std::int64_t evaluations_ = 0;
  std::vector<double> kept_;  // uniform weights before the first
  double value_ = 0;
};

REGISTER_POLICY("random_search", RandomSearch, RandomSearchOptions,
                "across episodes: random weights or schedules, the best of which is kept", "checked against an oracle");

}  // namespace
}  // namespace fader
