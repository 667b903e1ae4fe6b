// Ranks of one machine for tests.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "trainer/ranks.h"

namespace fader::group {

/// That nobody listens at now.
inline int free_port() {
  const int s = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  const bool found = ::bind(s, reinterpret_cast<sockaddr*>(&address), length) == 0 && ::getsockname(s, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  ::close(s);
  if (!found) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

using Work = std::function<void(std::shared_ptr<Ranks>)>;

/// A store of this process, and ways to it, for as long as the process lives: reaching one takes seconds where the name service
/// is slow, since c10d asks it for the name of whoever connects.
class Place {
 public:
  static Place& here() {
    static Place place;
    return place;
  }
  /// Of rank `rank`; each is of one thread at a time.
  Rendezvous& way(int rank) {
    while (ways_.size() <= static_cast<std::size_t>(rank)) ways_.push_back(Rendezvous::reach(kept_.place(), std::chrono::seconds(30)));
    return ways_[static_cast<std::size_t>(rank)];
  }
  std::string fresh_group() { return "group " + std::to_string(groups_++); }

 private:
  Place() : impatient_(::setenv("RES_OPTIONS", "timeout:1 attempts:1", 1)), kept_(Rendezvous::keep({"127.0.0.1", free_port()})) {}
  int impatient_;
  Rendezvous kept_;
  std::vector<Rendezvous> ways_;
  int groups_ = 0;
};

/// `work` of `size` ranks in threads of this process; what each ended with, "" where it ended well.
inline std::vector<std::string> threads(int size, const Work& work, const std::function<void(Membership&)>& change = {}) {
  const std::string name = Place::here().fresh_group();
  std::vector<std::string> out(static_cast<std::size_t>(size));
  for (int r = 0; r < size; ++r) Place::here().way(r);
  std::vector<std::jthread> all;
  for (int r = 0; r < size; ++r)
    all.emplace_back([&, r] {
      try {
        Membership member{.rank = r, .size = size, .check = "a test", .patience = std::chrono::seconds(20)};
        if (change) change(member);
        work(Ranks::meet(Place::here().way(r), name, member));
      } catch (const std::exception& e) {
        out[static_cast<std::size_t>(r)] = e.what();
      }
    });
  all.clear();
  return out;
}

}  // namespace fader::group
