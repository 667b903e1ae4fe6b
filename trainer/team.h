// Threads that stay: a few workers that do a piece of work together, again and again, without being started anew.
//
// Pinned: every thread, the caller's among them, is bound to a core of its own, so that two runs side by side never share one
// while another is idle. Cores are claimed among all processes of the machine (of the network namespace): a claim is a socket
// name and ends with the process, however it ends. A thread for which no core is left is not bound. The caller's binding is
// undone when the team ends.
#pragma once
#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

namespace fader {

/// [0, n) in `parts` pieces of whole multiples of `grain` but the last; piece `part`.
struct Share {
  std::int64_t first, last;
};
Share share(std::int64_t n, std::int64_t grain, int part, int parts);

inline constexpr std::int64_t kGrain = 1024;

/// One owner at a time uses it; `run` is not re-entrant.
class Team {
 public:
  explicit Team(int threads, bool pinned = false);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const { return static_cast<int>(failed_.size()); }
  int cores() const { return static_cast<int>(claims_.size()); }  ///< that threads are bound to

  /// Calls work(t) for t in [0, size()), each on its own thread, 0 on the caller's; returns when all have ended. Throws what
  /// the first of them threw. Allocates nothing.
  template <class Work>
  void run(const Work& work) {
    if (size() == 1) return work(0);
    start([](const void* w, int t) { (*static_cast<const Work*>(w))(t); }, &work);
  }
  /// work(Share) on every thread: [0, n) of an array in pieces of about equal length, whole multiples of kGrain but the last.
  template <class Work>
  void share_out(std::int64_t n, const Work& work) {
    run([&](int t) { work(share(n, kGrain, t, size())); });
  }

 private:
  using Call = void (*)(const void*, int);
  struct Claim;
  void start(Call call, const void* work);
  void guarded(int t);
  void serve(int t);
  void bind(int t);

  Call call_ = nullptr;
  const void* work_ = nullptr;
  std::atomic<std::uint32_t> round_{0}, waiting_{0};
  std::atomic<bool> ending_{false};
  std::vector<std::exception_ptr> failed_;       // of each thread
  std::vector<std::unique_ptr<Claim>> claims_;   // of threads 0, 1, ...: as many as there were cores
  std::vector<std::uint64_t> before_;            // cores that the caller might use before, a bit each
  std::vector<std::jthread> others_;
};

}  // namespace fader
