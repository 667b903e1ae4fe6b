#include "trainer/team.h"

#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>

#include "core/error.h"

namespace fader {
namespace {

constexpr int kSpins = 2000;  // looks at a counter before a thread goes to sleep on it: a few microseconds

void wait_while(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
  for (int i = 0; i < kSpins; ++i)
    if (value.load(std::memory_order_acquire) != old) return;
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

void bind_to(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof set, &set);  // refused where a container says so: then the thread is where it was
}

}  // namespace

// One core, claimed by the name of a socket in the abstract namespace.
struct Team::Claim {
  int core, holder;
  Claim(int c, int s) : core(c), holder(s) {}
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() { close(holder); }

  static std::unique_ptr<Claim> of(int core) {
    const std::string name = "fader/core/" + std::to_string(core);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    const int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0) return nullptr;
    if (::bind(s, reinterpret_cast<const sockaddr*>(&address), length) == 0) return std::make_unique<Claim>(core, s);
    close(s);
    return nullptr;
  }
};

Team::Team(int threads, bool pinned) {
  FADER_CHECK(threads > 0);
  failed_.resize(static_cast<std::size_t>(threads));
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (pinned && sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    before_.resize(sizeof allowed / sizeof(std::uint64_t));
    std::memcpy(before_.data(), &allowed, sizeof allowed);
    for (int core = 0; core < CPU_SETSIZE && cores() < threads; ++core)
      if (CPU_ISSET(core, &allowed))
        if (auto claim = Claim::of(core)) claims_.push_back(std::move(claim));
    bind(0);
  }
  for (int t = 1; t < threads; ++t) others_.emplace_back([this, t] { serve(t); });
}

Team::~Team() {
  ending_ = true;
  ++round_;
  round_.notify_all();
  others_.clear();
  if (claims_.empty()) return;
  cpu_set_t set;
  std::memcpy(&set, before_.data(), sizeof set);
  sched_setaffinity(0, sizeof set, &set);
}

void Team::bind(int t) {
  if (t < cores()) return bind_to(claims_[static_cast<std::size_t>(t)]->core);
  if (before_.empty()) return;
  cpu_set_t set;  // the caller is bound, and a new thread inherits that
  std::memcpy(&set, before_.data(), sizeof set);
  sched_setaffinity(0, sizeof set, &set);
}

void Team::guarded(int t) {
  try {
    call_(work_, t);
  } catch (...) {
    failed_[static_cast<std::size_t>(t)] = std::current_exception();
  }
}

void Team::serve(int t) {
  bind(t);
  for (std::uint32_t seen = 0;;) {
    wait_while(round_, seen);
    ++seen;
    if (ending_) return;
    guarded(t);
    if (waiting_.fetch_sub(1, std::memory_order_acq_rel) == 1) waiting_.notify_one();
  }
}

void Team::start(Call call, const void* work) {
  call_ = call;
  work_ = work;
  waiting_.store(static_cast<std::uint32_t>(others_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_acq_rel);
  round_.notify_all();
  guarded(0);
  for (std::uint32_t left; (left = waiting_.load(std::memory_order_acquire)) != 0;) wait_while(waiting_, left);
  for (std::exception_ptr& e : failed_)
    if (e) {
      const std::exception_ptr first = e;
      std::fill(failed_.begin(), failed_.end(), nullptr);
      std::rethrow_exception(first);
    }
}

Share share(std::int64_t n, std::int64_t grain, int part, int parts) {
  const std::int64_t grains = (n + grain - 1) / grain;
  const auto border = [&](std::int64_t p) { return std::min(n, grains * p / parts * grain); };
  return {border(part), border(part + 1)};
}

}  // namespace fader
