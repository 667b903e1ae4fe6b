#include "core/rng.h"

#include <boost/math/special_functions/erf.hpp>

#include <cmath>

#include "core/archive.h"
#include "core/error.h"

namespace fader {
namespace {

// In long double, as Boost would have it, it takes twice as long and depends on the machine.
using InDouble = boost::math::policies::policy<boost::math::policies::promote_double<false>>;

__extension__ using Wide = unsigned __int128;

// FNV-1a over the bytes, finished by the mixer of SplitMix64: only distinctness matters here.
std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9ull;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

std::uint64_t hash_path(std::uint64_t key, std::string_view path) {
  std::uint64_t h = 0xcbf29ce484222325ull ^ mix(key + 0x9e3779b97f4a7c15ull);
  for (const unsigned char c : path) h = (h ^ c) * 0x100000001b3ull;
  return mix(h ^ (std::uint64_t{path.size()} << 32));
}

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  auto [c0, c1, c2, c3] = counter;
  auto [k0, k1] = key;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0, p1 = std::uint64_t{0xCD9E8D57u} * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<std::uint32_t>(p1);
    c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {c0, c1, c2, c3};
}

std::uint64_t random_bits(std::uint64_t key, std::uint64_t index) {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  const auto w = philox({low(index), low(index >> 32), 0, 0}, {low(key), low(key >> 32)});
  return (std::uint64_t{w[1]} << 32 | w[0]) ^ (std::uint64_t{w[3]} << 32 | w[2]) * 0x9e3779b97f4a7c15ull;
}

std::uint64_t stream_key(std::uint64_t root, std::string_view path) { return hash_path(root, path); }

Rng::Rng(std::uint64_t root, std::string_view path) : key_(stream_key(root, path)) {}

Rng Rng::child(std::string_view name) const {
  Rng stream = *this;
  stream.key_ = hash_path(key_, name);
  stream.counter_ = 0;
  return stream;
}

std::uint64_t Rng::bits() { return random_bits(key_, counter_++); }

double Rng::uniform() { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }

double Rng::normal() {
  const double u = (static_cast<double>(bits() >> 12) + 0.5) * 0x1.0p-52;  // exact, so never 0 or 1
  return -std::sqrt(2.0) * boost::math::erfc_inv(2.0 * u, InDouble());
}

double Rng::exponential() { return -std::log1p(-uniform()); }

double Rng::gamma(double shape) {
  FADER_CHECK(shape > 0 && std::isfinite(shape), "shape {}", shape);
  if (shape < 1) {
    const double boost = std::pow(1.0 - uniform(), 1.0 / shape);
    return gamma(shape + 1) * boost;
  }
  const double d = shape - 1.0 / 3.0, c = 1.0 / std::sqrt(9.0 * d);
  for (;;) {
    const double x = normal(), v = std::pow(1.0 + c * x, 3);
    if (v <= 0) continue;
    if (std::log(1.0 - uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

std::uint64_t Rng::below(std::uint64_t n) {
  FADER_CHECK(n > 0);
  // Lemire 2019: multiply, and reject the few values that would be over-represented.
  Wide product = static_cast<Wide>(bits()) * n;
  if (auto low = static_cast<std::uint64_t>(product); low < n) {
    for (const std::uint64_t floor = (0 - n) % n; low < floor; low = static_cast<std::uint64_t>(product))
      product = static_cast<Wide>(bits()) * n;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

std::size_t Rng::choice(std::span<const double> weight) {
  double total = 0;
  for (const double w : weight) {
    FADER_CHECK(std::isfinite(w) && w >= 0, "weight {}", w);
    total += w;
  }
  FADER_CHECK(total > 0 && std::isfinite(total), "total weight {}", total);
  double at = uniform() * total;
  std::size_t last = 0;
  for (std::size_t i = 0; i < weight.size(); ++i) {
    if (weight[i] == 0) continue;
    last = i;
    if (at < weight[i]) return i;
    at -= weight[i];
  }
  return last;  // rounding only
}

void Rng::state(Archive& archive) {
  archive.field("key", key_);
  archive.field("counter", counter_);
}

}  // namespace fader
