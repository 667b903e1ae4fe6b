#include "agents/minhash.h"

#include <algorithm>

#include "core/error.h"
#include "core/rng.h"

namespace fader {
namespace {

constexpr std::uint32_t kNone = 0xffffffffu;  // above every hash

// The finisher of MurmurHash3: every bit of the input moves every bit of the output; a permutation of 32 bits.
std::uint32_t mix(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x85ebca6bu;
  x ^= x >> 13;
  x *= 0xc2b2ae35u;
  return x ^ (x >> 16);
}

const Signature& keys() {
  static const Signature made = [] {
    Signature k;
    Rng rng(1, "agents/minhash");
    for (std::uint32_t& x : k) x = static_cast<std::uint32_t>(rng.bits());
    return k;
  }();
  return made;
}

std::uint32_t hash(std::span<const std::uint32_t> shingle) {
  std::uint32_t h = 0;
  for (const std::uint32_t token : shingle) h = mix(h ^ token) + 0x9e3779b9u;
  return h;
}

}  // namespace

Signature minhash(std::span<const std::uint32_t> tokens, std::size_t shingle) {
  FADER_CHECK(!tokens.empty() && shingle > 0);
  const std::size_t n = std::min(shingle, tokens.size());
  const Signature& key = keys();
  Signature out;
  out.fill(kNone);
  for (std::size_t first = 0; first + n <= tokens.size(); ++first) {
    const std::uint32_t h = hash(tokens.subspan(first, n));
    for (std::size_t k = 0; k < kHashes; ++k) out[k] = std::min(out[k], mix(h ^ key[k]));
  }
  return out;
}

double similarity(const Signature& a, const Signature& b) {
  std::size_t equal = 0;
  for (std::size_t k = 0; k < kHashes; ++k) equal += a[k] == b[k];
  return static_cast<double>(equal) / static_cast<double>(kHashes);
}

SeenSignatures::SeenSignatures(std::size_t bands, std::size_t capacity) : bands_(bands), capacity_(capacity) {
  FADER_CHECK(bands > 0 && kHashes % bands == 0, "{} bands", bands);
  FADER_CHECK(capacity > 0 && capacity < (std::size_t{1} << 30), "room for {} signatures", capacity);
  clear();
}

void SeenSignatures::clear() {
  added_ = 0;
  signatures_.clear();
  names_.clear();
  next_.clear();
  buckets_ = 64;
  head_.assign(bands_ * buckets_, 0);
}

std::size_t SeenSignatures::bucket(const Signature& signature, std::size_t band) const {
  const std::size_t rows = kHashes / bands_;
  return band * buckets_ + (hash(std::span(signature).subspan(band * rows, rows)) & (buckets_ - 1));
}

double SeenSignatures::nearest(const Signature& signature) const {
  const std::size_t rows = kHashes / bands_;
  double best = 0;
  for (std::size_t band = 0; band < bands_ && best < 1; ++band)
    for (std::uint32_t s = head_[bucket(signature, band)]; s != 0 && remembered(s); s = next_[slot_of(s) * bands_ + band]) {
      const Signature& other = signatures_[slot_of(s)];
      const auto mine = signature.begin() + static_cast<std::ptrdiff_t>(band * rows), its = other.begin() + (mine - signature.begin());
      if (std::equal(mine, mine + static_cast<std::ptrdiff_t>(rows), its)) best = std::max(best, similarity(signature, other));
    }
  return best;
}

void SeenSignatures::add(const Signature& signature, PassageId name) {
  if (nearest(signature) == 1) return;
  FADER_CHECK(added_ < 0xffffffffu, "{} signatures", added_);
  const auto serial = static_cast<std::uint32_t>(++added_);
  if (signatures_.size() < capacity_) {
    signatures_.emplace_back();
    names_.emplace_back();
    next_.resize(next_.size() + bands_);
  }
  signatures_[slot_of(serial)] = signature;
  names_[slot_of(serial)] = name;
  if (signatures_.size() > buckets_) grow();
  else link(serial);
}

// Chains lead from young to old, so one that is forgotten ends its chain, and nothing must be taken out.
void SeenSignatures::link(std::uint32_t serial) {
  for (std::size_t band = 0; band < bands_; ++band) {
    std::uint32_t& head = head_[bucket(signatures_[slot_of(serial)], band)];
    next_[slot_of(serial) * bands_ + band] = head;
    head = serial;
  }
}

void SeenSignatures::grow() {
  buckets_ *= 2;
  head_.assign(bands_ * buckets_, 0);
  for (std::uint64_t s = added_ - signatures_.size() + 1; s <= added_; ++s) link(static_cast<std::uint32_t>(s));
}

std::vector<PassageId> SeenSignatures::names() const {
  std::vector<PassageId> out;
  for (std::uint64_t s = added_ - signatures_.size() + 1; s <= added_; ++s) out.push_back(names_[slot_of(static_cast<std::uint32_t>(s))]);
  return out;
}

}  // namespace fader
