#include "env/best.h"

#include <algorithm>
#include <cmath>

namespace fader {
namespace {

// An object, which is inlined where a function would be called.
constexpr auto before = [](const Ranked& a, const Ranked& b) { return a.before(b); };

}  // namespace

void Best::begin(std::span<const std::uint32_t> tokens, std::int64_t demand, double floor) {
  constexpr std::uint32_t last = std::numeric_limits<std::uint32_t>::max();
  tokens_ = tokens;
  demand_ = demand;
  worst_ = {floor, last, last};
  kept_.clear();
  kept_.reserve(kLittle);
  room_ = floor > -std::numeric_limits<double>::infinity() ? kept_.capacity() : kLittle;  // without a floor all would come in until it is full
}

std::int64_t Best::held(std::size_t first, std::size_t last) const {
  if (tokens_.empty()) return static_cast<std::int64_t>(last - first);
  std::int64_t sum = 0;
  for (std::size_t i = first; i < last; ++i) sum += tokens_[kept_[i].candidate];
  return sum;
}

// Quickselect by tokens: [0, lo) is too little, [0, hi) is enough or all there is.
void Best::cut() {
  std::size_t lo = 0, hi = kept_.size();
  std::int64_t need = demand_;
  const auto at = [this](std::size_t i) { return kept_.begin() + static_cast<std::ptrdiff_t>(i); };
  while (hi - lo > 1) {
    const std::size_t middle = lo + (hi - lo) / 2;
    std::nth_element(at(lo), at(middle), at(hi), before);
    const std::int64_t half = held(lo, middle);
    if (half >= need) {
      hi = middle;
    } else {
      need -= half;
      lo = middle;
    }
  }
  if (hi > lo && held(lo, hi) >= need) worst_ = kept_[lo];
  kept_.resize(hi);
}

void Best::make_place() {
  cut();
  if (kept_.size() > room_ / 2) kept_.reserve(room_ *= 2);
}

void sort_best(std::span<Ranked> all, std::size_t first, std::size_t to) {
  const auto at = [&](std::size_t i) { return all.begin() + static_cast<std::ptrdiff_t>(i); };
  if (to < all.size()) std::nth_element(at(first), at(to), all.end(), before);
  std::sort(at(first), at(to), before);
}

// As many passages as the sample's share of the demand takes, and four standard deviations of it more: a floor too high costs
// a second reading, one too low a few contenders more.
std::int64_t BestOf::sample_demand(std::int64_t n, std::span<const std::uint32_t> tokens, std::int64_t demand) {
  double mean = 1;
  if (!tokens.empty()) {
    constexpr std::int64_t kLooks = 1024;
    mean = 0;
    for (std::int64_t i = 0; i < kLooks; ++i) mean += tokens[static_cast<std::size_t>(i * (n / kLooks))];
    mean = std::max(1.0, mean / kLooks);
  }
  const double expected = static_cast<double>(demand) / mean / kSampled;
  return static_cast<std::int64_t>(std::min((expected + 4 * std::sqrt(expected) + 8) * mean, 9e18));
}

}  // namespace fader
