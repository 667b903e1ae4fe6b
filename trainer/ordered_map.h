// Items in order through several threads: `next` makes them one at a time, `work` turns each into a result on any thread,
// `sink` takes the results in the order of their items, on the calling thread. So what comes out never depends on the
// number of threads. Few items are in flight, so memory does not depend on how many there are.
#pragma once
#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace fader {

/// next() is called by one thread at a time, though not always the same one; nothing ends the items. An exception of next,
/// work or sink ends everything and is thrown again here: the first in the order of the items.
template <class Item, class Result>
void ordered_map(int threads, const std::function<std::optional<Item>()>& next, const std::function<Result(Item&&)>& work,
                 const std::function<void(Result&&)>& sink) {
  if (threads <= 1) {
    while (std::optional<Item> item = next()) sink(work(std::move(*item)));
    return;
  }
  struct Outcome {
    std::optional<Result> result;
    std::exception_ptr error;
  };
  std::mutex guard;  // of all that follows
  std::condition_variable changed;
  std::map<std::size_t, Outcome> outcomes;
  std::size_t taken = 0, given = 0;
  const std::size_t window = 3 * static_cast<std::size_t>(threads);
  bool making = false, ended = false;  // `making`: a thread is in next()

  const auto finish = [&](std::size_t index, Outcome outcome, bool last) {
    const std::lock_guard lock(guard);
    outcomes.emplace(index, std::move(outcome));
    ended = ended || last;
    changed.notify_all();
  };
  // The next item and its number, nothing when there is no more to do.
  const auto take = [&](std::size_t& index) -> std::optional<Item> {
    std::unique_lock lock(guard);
    changed.wait(lock, [&] { return !making && (ended || taken - given < window); });
    if (ended) return std::nullopt;
    making = true;
    lock.unlock();
    std::optional<Item> item;
    std::exception_ptr error;
    try {
      item = next();
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    making = false;
    index = taken;
    if (error) outcomes.emplace(index, Outcome{std::nullopt, error});
    if (item || error) ++taken;
    if (!item) ended = true;
    changed.notify_all();
    return item;
  };
  const auto worker = [&] {
    std::size_t index = 0;
    while (std::optional<Item> item = take(index)) {
      try {
        finish(index, {work(std::move(*item)), nullptr}, false);
      } catch (...) {
        finish(index, {std::nullopt, std::current_exception()}, true);
      }
    }
  };

  std::vector<std::jthread> workers;
  try {
    for (int i = 0; i < threads; ++i) workers.emplace_back(worker);
    for (;;) {
      std::unique_lock lock(guard);
      changed.wait(lock, [&] { return outcomes.count(given) > 0 || (ended && given == taken); });
      const auto found = outcomes.find(given);
      if (found == outcomes.end()) return;
      Outcome outcome = std::move(found->second);
      outcomes.erase(found);
      ++given;
      lock.unlock();
      changed.notify_all();
      if (outcome.error) std::rethrow_exception(outcome.error);
      sink(std::move(*outcome.result));
    }
  } catch (...) {
    {
      const std::lock_guard lock(guard);
      ended = true;
    }
    changed.notify_all();
    throw;
  }
}

}  // namespace fader
