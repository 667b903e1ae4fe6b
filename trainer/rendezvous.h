// Where the processes of one launch leave notes for each other: a table of texts that one of them, or what started them, keeps.
//
// It is c10d's TCPStore, so that torchrun's own store can be used, which stands at MASTER_ADDR and MASTER_PORT then. Notes are
// short and rare (addresses, which run is next); what is summed goes from process to process (ranks.h). Not thread-safe.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace fader {

struct MeetingPlace {
  std::string host = "127.0.0.1";
  int port = 29500;
  bool operator==(const MeetingPlace&) const = default;
  std::string name() const;  ///< "host:port"
};

class Rendezvous {
 public:
  /// Keeps a store of its own at `place` for as long as it lives, in threads of its own. RunError: the port is taken.
  static Rendezvous keep(const MeetingPlace& place);
  /// Reaches a store that somebody keeps, now or before `limit` has gone by. RunError naming the place.
  static Rendezvous reach(const MeetingPlace& place, std::chrono::milliseconds limit);
  Rendezvous(Rendezvous&&) noexcept;
  ~Rendezvous();

  const MeetingPlace& place() const { return place_; }
  void set(const std::string& key, const std::string& value);
  /// Waits until somebody has set it; calls `waiting` now and then, which may throw to leave. RunError: `limit` has gone by, or
  /// who kept the store has ended.
  std::string wait(const std::string& key, std::chrono::milliseconds limit, const std::function<void()>& waiting = {});
  /// The same for any of several keys; returns which is there, the first of them where several are.
  std::size_t wait_for_one(const std::vector<std::string>& keys, std::chrono::milliseconds limit,
                           const std::function<void()>& waiting = {});
  /// Adds to a count that begins at 0, and returns it.
  std::int64_t add(const std::string& key, std::int64_t amount);

 private:
  struct Store;
  Rendezvous(MeetingPlace place, std::unique_ptr<Store> store);
  template <class Call>
  auto asked(const Call& call);

  MeetingPlace place_;
  std::unique_ptr<Store> store_;
};

}  // namespace fader
