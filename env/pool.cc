#include "env/pool.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace fader {

Pool::Pool(const PoolShape& shape, std::span<const PassageId> passages, std::uint64_t seed)
    : shape_(shape), passages_(passages.begin(), passages.end()) {
  Rng(seed, "env/pool").shuffle(std::span(passages_));
  if (shape_.slice > 0) return;
  FADER_CHECK(shape_.size <= passages_.size() && shape_.epochs > 0);
  passages_.resize(shape_.size);
  uses_.assign(shape_.size, 0);
  gather();
}

std::span<const PassageId> Pool::candidates() const {
  if (shape_.slice > 0) return std::span(passages_).subspan(turn_ * shape_.slice, shape_.slice);
  return candidates_;
}

void Pool::gather() {
  candidates_.clear();
  place_.clear();
  candidate_used_.clear();
  for (std::size_t i = 0; i < passages_.size(); ++i) {
    if (uses_[i] >= shape_.epochs) continue;
    candidates_.push_back(passages_[i]);
    place_.push_back(static_cast<std::uint32_t>(i));
    candidate_used_.push_back(uses_[i]);
  }
}

void Pool::advance(std::span<const Pick> picks) {
  ++turn_;
  if (shape_.slice > 0) return;
  for (const Pick& pick : picks) ++uses_[place_.at(pick.candidate)];
  gather();
}

double Pool::left() const {
  if (shape_.slice > 0) return 1 - static_cast<double>(turn_ * shape_.slice) / static_cast<double>(passages_.size());
  const double all = static_cast<double>(uses_.size()) * static_cast<double>(shape_.epochs);
  return 1 - static_cast<double>(std::accumulate(uses_.begin(), uses_.end(), std::uint64_t{0})) / all;
}

void Pool::state(Archive& archive) {
  archive.field("turn", turn_);
  if (shape_.slice > 0) {
    archive.expect(turn_ <= passages_.size() / shape_.slice, "a slice of the pool");
    return;
  }
  archive.field("uses", std::span(uses_));
  archive.expect(std::all_of(uses_.begin(), uses_.end(), [this](std::uint16_t n) { return n <= shape_.epochs; }), "uses of passages");
  if (archive.loading()) gather();
}

double least_reservoir(std::int64_t intervals, double demand, std::int64_t epochs) {
  return static_cast<double>(intervals - 1 + epochs) * demand / static_cast<double>(epochs);
}

}  // namespace fader
