// Flat arrays whose first byte lies on a cache line, so that vector loads of parameters and activations never straddle two.
#pragma once
#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace fader {

inline constexpr std::size_t kCacheLine = 64;  ///< bytes

template <class T>
struct CacheAligned {
  using value_type = T;
  CacheAligned() = default;
  template <class U>
  CacheAligned(const CacheAligned<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(kCacheLine))); }
  void deallocate(T* p, std::size_t) { ::operator delete(p, std::align_val_t(kCacheLine)); }
  bool operator==(const CacheAligned&) const { return true; }
};

template <class T>
using Buffer = std::vector<T, CacheAligned<T>>;

/// Makes room for `n` elements, and no more, since working memory is most of what training takes. Keeps what is there when that is
/// enough, so that a steady state allocates nothing; else forgets it first.
template <class T>
T* at_least(Buffer<T>& buffer, std::int64_t n) {
  if (buffer.size() < static_cast<std::size_t>(n)) {
    buffer = Buffer<T>();
    buffer.resize(static_cast<std::size_t>(n));
  }
  return buffer.data();
}

}  // namespace fader
