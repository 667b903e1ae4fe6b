#include "trainer/ranks.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>  // before Boost 1.74, which forgets it

#include <boost/asio.hpp>
#include <cerrno>
#include <cstring>
#include <thread>

#include "core/rng.h"
#include "trainer/buffer.h"

namespace fader {
namespace {

using Clock = std::chrono::steady_clock;
using boost::asio::ip::tcp;

constexpr std::size_t kBlock = 1 << 17;  // numbers summed at a time; parts of more outgrow sockets' buffers: ranks wait in turns
constexpr std::size_t kMaxima = 16, kText = 4096;
constexpr std::chrono::milliseconds kGreeting{10'000};  // a stranger at the door is not waited for longer

/// The first bytes on a connection, both ways.
struct Greeting {
  char magic[8] = {'f', 'a', 'd', 'e', 'r', '-', 'r', '1'};
  std::int32_t rank = 0, size = 0;
};

template <class T>
std::span<std::byte> bytes_of(T& value) {
  return std::as_writable_bytes(std::span(&value, 1));
}

/// Of block `block` what rank `rank` of `size` adds up.
std::span<float> share(std::span<float> values, std::size_t block, int rank, int size) {
  const std::size_t first = block * kBlock, n = std::min(kBlock, values.size() - first);
  const auto border = [&](int r) { return n * static_cast<std::size_t>(r) / static_cast<std::size_t>(size); };
  return values.subspan(first + border(rank), border(rank + 1) - border(rank));
}

void add(std::span<const float> more, std::span<float> to) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += more[i];
}

/// The address of this machine as others see it: that from which the meeting place is reached.
boost::asio::ip::address own_address(boost::asio::io_context& context, const tcp::endpoint& place) {
  boost::asio::ip::udp::socket probe(context);
  boost::system::error_code error;
  probe.connect({place.address(), place.port()}, error);  // sends nothing
  const auto address = error ? place.address() : probe.local_endpoint(error).address();
  return error ? place.address() : address;
}

template <class T>
T* next(std::array<T, 2>& pieces) {
  for (T& piece : pieces)
    if (!piece.empty()) return &piece;
  return nullptr;
}

std::int64_t seconds(std::chrono::milliseconds t) { return std::chrono::duration_cast<std::chrono::seconds>(t).count(); }

}  // namespace

/// The connection to another rank, and what is under way on it.
struct Ranks::Peer {
  explicit Peer(tcp::socket s) {
    s.set_option(tcp::no_delay(true));
    s.non_blocking(true);
    socket = s.release();
  }
  ~Peer() { ::close(socket); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// What is sent next, and where goes what comes next: two pieces each, one after the other.
  void plan(std::span<const std::byte> out1, std::span<std::byte> in1, std::span<const std::byte> out2 = {},
            std::span<std::byte> in2 = {}) {
    out = {out1, out2};
    in = {in1, in2};
  }
  bool busy() { return next(out) || next(in); }
  bool move();

  int rank = -1;
  int socket = -1;
  std::array<std::span<const std::byte>, 2> out;
  std::array<std::span<std::byte>, 2> in;
  Buffer<float> part;  // of this process's share of a block
  std::array<std::int64_t, kMaxima> numbers{};
};

/// What went wrong with whom.
struct Ranks::Trouble {
  Peer& peer;
  std::string what;
};

/// As much as goes without waiting. False: nothing did.
bool Ranks::Peer::move() {
  bool moved = false;
  const auto went = [&](auto* piece, ssize_t n) {
    if (n > 0) {
      *piece = piece->subspan(static_cast<std::size_t>(n));
      return moved = true;
    }
    if (n == 0) throw Trouble{*this, "its connection was closed"};
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
      throw Trouble{*this, fmt::format("its connection broke ({})", std::strerror(errno))};
    return false;
  };
  const auto sent = [&](auto* piece) { return went(piece, ::send(socket, piece->data(), piece->size(), MSG_DONTWAIT | MSG_NOSIGNAL)); };
  const auto received = [&](auto* piece) { return went(piece, ::recv(socket, piece->data(), piece->size(), MSG_DONTWAIT)); };
  for (auto* piece = next(out); piece && sent(piece); piece = next(out)) {
  }
  for (auto* piece = next(in); piece && received(piece); piece = next(in)) {
  }
  return moved;
}

Ranks::Ranks(Membership membership) : membership_(std::move(membership)) {}
Ranks::~Ranks() = default;

std::shared_ptr<Ranks> Ranks::meet(Rendezvous& at, const std::string& group, const Membership& membership) {
  const auto [rank, size] = std::pair(membership.rank, membership.size);
  FADER_CHECK(size > 0 && size <= kMostRanks && rank >= 0 && rank < size, "rank {} of {}", rank, size);
  std::shared_ptr<Ranks> ranks(new Ranks(membership));
  try {
    ranks->connect(at, group);
  } catch (const Trouble& trouble) {
    throw RunError(fmt::format("another process at {} is lost: {}", at.place().name(), trouble.what));
  }
  ranks->same(stream_key(0, membership.check),
              fmt::format("what is to be run (here {}); start all with the same command and files", membership.check));
  return ranks;
}

/// Each connects to those before it, and is connected to by those after it.
void Ranks::connect(Rendezvous& at, const std::string& group) {
  const auto key = [&](int rank) { return fmt::format("{}/address/{}", group, rank); };
  boost::asio::io_context context;
  tcp::resolver resolver(context);
  const tcp::endpoint place = *resolver.resolve(at.place().host, std::to_string(at.place().port)).begin();
  tcp::acceptor door(context, {place.address().is_loopback() ? place.address() : tcp::endpoint(place.protocol(), 0).address(), 0});
  // rank 0 is where the store is said to be: the name that its machine has for itself may mean nothing elsewhere
  const std::string host = rank() == 0 ? at.place().host : own_address(context, place).to_string();
  at.set(key(rank()), fmt::format("{} {}", host, door.local_endpoint().port()));
  for (int r = 0; r < rank(); ++r) {
    const std::string there = at.wait(key(r), membership_.delay, membership_.waiting);
    const std::size_t space = there.find(' ');
    tcp::socket socket(context);
    boost::system::error_code error;
    const auto found = resolver.resolve(there.substr(0, space), there.substr(space + 1), error);
    if (!error) boost::asio::connect(socket, found, error);
    if (error) throw RunError(fmt::format("rank {} cannot be reached at {}: {}", r, there, error.message()));
    seat(std::make_unique<Peer>(std::move(socket)), membership_.delay);
  }
  door.non_blocking(true);
  for (const auto end = Clock::now() + membership_.delay; static_cast<int>(peers_.size()) < size() - 1;) {
    boost::system::error_code error;
    tcp::socket socket(context);
    door.accept(socket, error);
    if (!error) {
      try {
        seat(std::make_unique<Peer>(std::move(socket)), kGreeting);
      } catch (const Trouble&) {  // somebody else's knock at the door
      }
    } else if (Clock::now() >= end) {
      throw RunError(fmt::format("{} of {} processes did not come within {} s; all must be started with the same command",
                                 size() - 1 - static_cast<int>(peers_.size()), size(), seconds(membership_.delay)));
    } else {
      if (membership_.waiting) membership_.waiting();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  std::sort(peers_.begin(), peers_.end(), [](const auto& a, const auto& b) { return a->rank < b->rank; });
}

/// Hears who it is.
void Ranks::seat(std::unique_ptr<Peer> peer, std::chrono::milliseconds limit) {
  Greeting mine{.rank = rank(), .size = size()}, theirs;
  const Greeting expected = mine;
  peer->plan(bytes_of(mine), bytes_of(theirs));
  exchange(std::span(&peer, 1), limit);
  if (!std::equal(std::begin(theirs.magic), std::end(theirs.magic), expected.magic)) throw Trouble{*peer, "it does not speak as we do"};
  if (theirs.size != size())
    throw RunError(fmt::format("another process takes part in a launch of {}, and this one in one of {}", theirs.size, size()));
  const auto taken = [&](const auto& other) { return other->rank == theirs.rank; };
  if (theirs.rank < 0 || theirs.rank >= size() || theirs.rank == rank() || std::any_of(peers_.begin(), peers_.end(), taken))
    throw RunError(fmt::format("two processes of the launch are rank {}; is RANK set for each of them?", theirs.rank));
  peer->rank = theirs.rank;
  peers_.push_back(std::move(peer));
}

/// All that the peers have planned, in both directions at once.
void Ranks::exchange(std::span<const std::unique_ptr<Peer>> peers, std::chrono::milliseconds limit) {
  std::array<pollfd, kMostRanks> waits;
  for (auto heard = Clock::now();;) {
    bool moved = false, busy = false;
    std::size_t n = 0;
    for (const auto& peer : peers) {
      if (!peer->busy()) continue;
      moved |= peer->move();
      if (!peer->busy()) continue;
      busy = true;
      waits[n++] = {peer->socket, static_cast<short>((next(peer->in) ? POLLIN : 0) | (next(peer->out) ? POLLOUT : 0)), 0};
    }
    if (!busy) return;
    const auto now = Clock::now();
    if (moved) heard = now;
    const auto left = limit - std::chrono::duration_cast<std::chrono::milliseconds>(now - heard);
    if (left.count() <= 0) {
      const auto silent = std::find_if(peers.begin(), peers.end(), [](const auto& peer) { return peer->busy(); });
      throw Trouble{**silent, fmt::format("it has been silent for {} s", seconds(limit))};
    }
    ::poll(waits.data(), n, static_cast<int>(std::min<std::int64_t>(left.count(), 1'000'000)));
  }
}

void Ranks::exchange() {
  if (!lost_.empty()) throw LostRank(lost_);
  try {
    exchange(peers_, membership_.patience);
  } catch (const Trouble& trouble) {
    lost_ = fmt::format("rank {} of {} is lost: {}. What it wrote may say why; to go on from the newest checkpoint start all of them "
                        "again, with --resume", trouble.peer.rank, size(), trouble.what);
    throw LostRank(lost_);
  }
}

/// In the order of the ranks; of two numbers it is the same which comes first.
void Ranks::add_up(std::span<float> own) {
  const auto part = [&](std::size_t i) { return std::span(peers_[i]->part).first(own.size()); };
  const auto before = static_cast<std::size_t>(rank());
  for (std::size_t i = 1; i < before; ++i) add(part(i), part(0));
  if (before > 0) add(part(0), own);
  for (std::size_t i = before; i < peers_.size(); ++i) add(part(i), own);
}

void Ranks::sum(std::span<float> values) {
  const std::size_t blocks = (values.size() + kBlock - 1) / kBlock;
  for (std::size_t b = 0; b <= blocks && blocks > 0; ++b) {  // the parts of block b, and the sums of the one before
    for (const auto& peer : peers_) {
      std::span<float> sums_out, sums_in, parts_out, parts_in;
      if (b > 0) {
        sums_out = share(values, b - 1, rank(), size());
        sums_in = share(values, b - 1, peer->rank, size());
      }
      if (b < blocks) {
        const std::size_t n = share(values, b, rank(), size()).size();
        parts_out = share(values, b, peer->rank, size());
        parts_in = {at_least(peer->part, static_cast<std::int64_t>(n)), n};
      }
      peer->plan(std::as_bytes(sums_out), std::as_writable_bytes(sums_in), std::as_bytes(parts_out), std::as_writable_bytes(parts_in));
    }
    exchange();
    if (b < blocks) add_up(share(values, b, rank(), size()));
  }
}

void Ranks::max(std::span<std::int64_t> values) {
  all_numbers(values);
  for (const auto& peer : peers_)
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::max(values[i], peer->numbers[i]);
}

/// Everybody's to everybody.
void Ranks::all_numbers(std::span<const std::int64_t> values) {
  FADER_CHECK(values.size() <= kMaxima);
  for (const auto& peer : peers_) peer->plan(std::as_bytes(values), std::as_writable_bytes(std::span(peer->numbers).first(values.size())));
  exchange();
}

std::string Ranks::from_first(const std::string& text) {
  FADER_CHECK(text.size() <= kText, "{} bytes", text.size());
  std::array<char, kText> bytes{};
  std::copy(text.begin(), text.end(), bytes.begin());
  std::int64_t length = rank() == 0 ? static_cast<std::int64_t>(text.size()) : 0;
  max({&length, 1});
  const std::span<char> used(bytes.data(), static_cast<std::size_t>(length));
  for (const auto& peer : peers_) {
    if (rank() == 0) peer->plan(std::as_bytes(used), {});
    else if (peer->rank == 0) peer->plan({}, std::as_writable_bytes(used));
    else peer->plan({}, {});
  }
  exchange();
  return {used.begin(), used.end()};
}

void Ranks::same(std::uint64_t value, std::string_view what) {
  const auto number = static_cast<std::int64_t>(value);
  all_numbers({&number, 1});
  for (const auto& peer : peers_)
    if (peer->numbers[0] != number) throw RunError(fmt::format("rank {} and rank {} differ in {}", rank(), peer->rank, what));
}

}  // namespace fader
