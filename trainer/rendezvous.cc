#include "trainer/rendezvous.h"

#include <c10/util/Logging.h>
#include <fmt/format.h>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <utility>  // before Boost 1.74, which forgets it

#include <boost/asio.hpp>
#include <cstdlib>
#include <thread>

#include "core/error.h"

C10_DECLARE_int(caffe2_log_level);

namespace fader {
namespace {

using Clock = std::chrono::steady_clock;
using boost::asio::ip::tcp;

constexpr std::chrono::milliseconds kLook{20};        // between two looks at the store
constexpr std::chrono::milliseconds kAnswer{60'000};  // of the store itself

bool somebody_listens(const MeetingPlace& place) {
  boost::asio::io_context context;
  tcp::resolver resolver(context);
  tcp::socket socket(context);
  boost::system::error_code error;
  const auto found = resolver.resolve(place.host, std::to_string(place.port), error);
  if (error) throw RunError(fmt::format("MASTER_ADDR is '{}', which is not known here: {}", place.host, error.message()));
  boost::asio::connect(socket, found, error);
  return !error;
}

c10d::TCPStoreOptions options_at(const MeetingPlace& place, bool keep) {
  c10d::TCPStoreOptions out;
  out.port = static_cast<std::uint16_t>(place.port);
  out.isServer = keep;
  out.waitWorkers = false;
  out.timeout = kAnswer;
  return out;
}

}  // namespace

std::string MeetingPlace::name() const { return fmt::format("{}:{}", host, port); }

struct Rendezvous::Store {
  Store(const MeetingPlace& place, bool keep) : store((keep_quiet(), place.host), options_at(place, keep)) {}
  /// What goes wrong is an error of ours, in our words; c10d would print a trace of its calls first.
  static void keep_quiet() {
    if (!std::getenv("TORCH_CPP_LOG_LEVEL")) FLAGS_caffe2_log_level = c10::GLOG_FATAL;
  }
  c10d::TCPStore store;
};

Rendezvous::Rendezvous(MeetingPlace place, std::unique_ptr<Store> store) : place_(std::move(place)), store_(std::move(store)) {}
Rendezvous::Rendezvous(Rendezvous&&) noexcept = default;
Rendezvous::~Rendezvous() = default;

Rendezvous Rendezvous::keep(const MeetingPlace& place) {
  try {
    return {place, std::make_unique<Store>(place, true)};
  } catch (const std::exception&) {
    throw RunError(fmt::format("port {} cannot be listened at; another launch may be using it: set MASTER_PORT to a free one, for "
                               "all processes alike", place.port));
  }
}

Rendezvous Rendezvous::reach(const MeetingPlace& place, std::chrono::milliseconds limit) {
  const auto end = Clock::now() + limit;
  while (!somebody_listens(place)) {  // the store's own client complains aloud while it waits
    if (Clock::now() >= end)
      throw RunError(fmt::format("nobody listens at {} (MASTER_ADDR and MASTER_PORT): the process of rank 0 has not started, or has "
                                 "ended, or runs on another machine; then set MASTER_ADDR to its name", place.name()));
    std::this_thread::sleep_for(kLook);
  }
  try {
    return {place, std::make_unique<Store>(place, false)};
  } catch (const std::exception&) {
    throw RunError(fmt::format("what listens at {} (MASTER_ADDR and MASTER_PORT) is no store of ours; set MASTER_PORT to a free port, "
                               "for all processes alike", place.name()));
  }
}

/// The store's errors carry a trace of its calls, which tells a person nothing.
template <class Call>
auto Rendezvous::asked(const Call& call) {
  try {
    return call(store_->store);
  } catch (const std::exception&) {
    throw RunError(fmt::format("the store at {} is gone: the process that kept it has ended; what it wrote says why", place_.name()));
  }
}

void Rendezvous::set(const std::string& key, const std::string& value) {
  asked([&](c10d::TCPStore& store) { store.set(key, std::vector<std::uint8_t>(value.begin(), value.end())); });
}

std::string Rendezvous::wait(const std::string& key, std::chrono::milliseconds limit, const std::function<void()>& waiting) {
  wait_for_one({key}, limit, waiting);
  const auto value = asked([&](c10d::TCPStore& store) { return store.get(key); });
  return {value.begin(), value.end()};
}

std::size_t Rendezvous::wait_for_one(const std::vector<std::string>& keys, std::chrono::milliseconds limit,
                                     const std::function<void()>& waiting) {
  for (const auto begin = Clock::now();;) {
    for (std::size_t i = 0; i < keys.size(); ++i)
      if (asked([&](c10d::TCPStore& store) { return store.check({keys[i]}); })) return i;
    if (Clock::now() - begin >= limit)
      throw RunError(fmt::format("another process of this launch was waited for at {} for {} s ({})", place_.name(),
                                 std::chrono::duration_cast<std::chrono::seconds>(limit).count(), keys[0]));
    if (waiting) waiting();
    std::this_thread::sleep_for(kLook);
  }
}

std::int64_t Rendezvous::add(const std::string& key, std::int64_t amount) {
  return asked([&](c10d::TCPStore& store) { return store.add(key, amount); });
}

}  // namespace fader
