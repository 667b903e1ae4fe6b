#include "trainer/packer.h"

#include <algorithm>

#include "core/error.h"

namespace fader {

double Batch::attended() const {
  double pairs = 0;
  for (std::size_t s = 0; s < segments(); ++s) pairs += 0.5 * static_cast<double>(length(s)) * static_cast<double>(length(s) + 1);
  return pairs;
}

void Batch::clear() {
  input.clear();
  target.clear();
  owner.clear();
  source.clear();
  begin.assign(1, 0);
}

void Batch::reserve(std::int64_t positions) {
  const auto n = static_cast<std::size_t>(positions);
  input.reserve(n);
  target.reserve(n);
  begin.reserve(n + 1);
  owner.reserve(n);
  source.reserve(n);
}

void Batch::add(std::span<const std::uint32_t> tokens, std::uint32_t begin_mark, std::int32_t owner_number) {
  FADER_CHECK(!tokens.empty(), "a segment needs a token");
  if (begin.empty()) begin.push_back(0);
  input.push_back(begin_mark);
  input.insert(input.end(), tokens.begin(), tokens.end() - 1);
  target.insert(target.end(), tokens.begin(), tokens.end());
  begin.push_back(static_cast<std::int32_t>(input.size()));
  owner.push_back(owner_number);
  source.push_back(tokens.data());
}

void Packer::add(std::span<const std::uint32_t> tokens, std::int32_t owner) {
  if (tokens.empty()) return;
  queue_.push_back({tokens, owner});
  waiting_ += static_cast<std::int64_t>(tokens.size());
}

void Packer::fill(std::int64_t rows, Batch& batch) {
  FADER_CHECK(waiting_ >= rows * context_, "{} tokens wait for {} rows of {} positions", waiting_, rows, context_);
  batch.clear();
  batch.reserve(rows * context_);
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t room = context_; room > 0;) {
      Sequence& next = queue_[next_];
      const std::int64_t n = std::min<std::int64_t>(room, static_cast<std::int64_t>(next.tokens.size()));
      batch.add(next.tokens.first(static_cast<std::size_t>(n)), begin_mark_, next.owner);
      next.tokens = next.tokens.subspan(static_cast<std::size_t>(n));
      if (next.tokens.empty()) ++next_;
      room -= n;
    }
  }
  waiting_ -= rows * context_;
}

}  // namespace fader
