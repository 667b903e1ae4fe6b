// The program's malloc, counting: calls, bytes that are held, and the most that were. Include in one file of a program, and where
// FADER_COUNTS_ELSEWHERE is defined in others.
#pragma once
#include <malloc.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
namespace counted {

inline constexpr bool kCounts = true;

inline std::atomic<std::int64_t> calls{0}, bytes{0}, most{0};

inline void* taken(void* p) {
  calls.fetch_add(1, std::memory_order_relaxed);
  const std::int64_t now = bytes.fetch_add(static_cast<std::int64_t>(malloc_usable_size(p)), std::memory_order_relaxed) +
                           static_cast<std::int64_t>(malloc_usable_size(p));
  for (std::int64_t old = most; old < now && !most.compare_exchange_weak(old, now);) {}
  return p;
}
inline void given_back(void* p) { bytes.fetch_sub(static_cast<std::int64_t>(malloc_usable_size(p)), std::memory_order_relaxed); }

}  // namespace counted

#ifndef FADER_COUNTS_ELSEWHERE
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t n) { return counted::taken(__libc_malloc(n)); }
void* calloc(std::size_t n, std::size_t size) { return counted::taken(__libc_calloc(n, size)); }
void* realloc(void* p, std::size_t n) {
  counted::given_back(p);
  return counted::taken(__libc_realloc(p, n));
}
void* memalign(std::size_t alignment, std::size_t n) { return counted::taken(__libc_memalign(alignment, n)); }
void* aligned_alloc(std::size_t alignment, std::size_t n) { return counted::taken(__libc_memalign(alignment, n)); }
int posix_memalign(void** out, std::size_t alignment, std::size_t n) {
  *out = counted::taken(__libc_memalign(alignment, n));
  return *out != nullptr ? 0 : ENOMEM;
}
void free(void* p) {
  if (p != nullptr) counted::given_back(p);
  __libc_free(p);
}
}
#endif
#else  // a build with an allocator of its own
namespace counted {
inline constexpr bool kCounts = false;
inline std::atomic<std::int64_t> calls{0}, bytes{0}, most{0};
}  // namespace counted
#endif
