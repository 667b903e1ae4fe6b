// Near-duplicates by MinHash, and a memory of what was seen in which they are found at once.
//
// A text is the set of its shingles, runs of n tokens (all of it, where it is shorter). A signature holds, for each of 128 random
// orders of all shingles, the first one that the text has; two texts agree there with probability J, their Jaccard similarity,
// so the share of equal numbers estimates it to +- sqrt(J (1 - J) / 128). Broder 1997, "On the resemblance and containment of
// documents". An order is a mixing function of 32 bits keyed by a random number.
//
// To find the similar among many, signatures are cut into bands; texts that agree in a whole band are compared (Leskovec,
// Rajaraman and Ullman, "Mining of Massive Datasets", 3.4). With b bands of 128 / b numbers a pair is found with probability
// 1 - (1 - J^(128 / b))^b: of 32 bands 0.97 at J = 0.57, one half at 0.38, 0.05 at 0.2.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/table.h"

namespace fader {

inline constexpr std::size_t kHashes = 128;
using Signature = std::array<std::uint32_t, kHashes>;

/// At least one token. The same on every machine. Thread-safe.
Signature minhash(std::span<const std::uint32_t> tokens, std::size_t shingle);

/// Share of equal numbers: an estimate of the Jaccard similarity.
double similarity(const Signature& a, const Signature& b);

/// The last `capacity` different signatures that it was given. Memory: 4 (128 + bands + 2) bytes for each of them, and up to 8 bytes a
/// band and signature for the index; grows as they come. Not thread-safe.
class SeenSignatures {
 public:
  /// `bands` divides 128; capacity is at least 1 and below 2^30.
  SeenSignatures(std::size_t bands, std::size_t capacity);

  /// The greatest similarity to one of them that shares a band; 0 when none does.
  double nearest(const Signature& signature) const;
  /// What equals one of them is not added again. `name` is the caller's.
  void add(const Signature& signature, PassageId name);
  /// Of those remembered, the oldest first.
  std::vector<PassageId> names() const;
  void clear();

 private:
  std::size_t bucket(const Signature& signature, std::size_t band) const;
  std::size_t slot_of(std::uint32_t serial) const { return (serial - 1) % capacity_; }
  bool remembered(std::uint32_t serial) const { return serial + capacity_ > added_; }
  void link(std::uint32_t serial);
  void grow();

  std::size_t bands_, capacity_;
  std::uint64_t added_ = 0;                 // signatures are numbered from 1; the last capacity_ are remembered
  std::vector<Signature> signatures_;       // of serial s at (s - 1) % capacity
  std::vector<PassageId> names_;
  std::size_t buckets_ = 0;                 // of each band, a power of 2
  std::vector<std::uint32_t> head_, next_;  // serials: [band, bucket] the youngest there, [slot, band] the next older one; 0: none
};

}  // namespace fader
