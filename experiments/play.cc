#include "experiments/play.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace fader {
namespace {

template <class T>
Table<T> rows(Grid<std::remove_const_t<T>>& grid, std::size_t first, std::size_t count) {
  const auto all = grid.view();
  return {all.data + first * all.cols, count, all.cols};
}

/// The slots still playing, seat by seat, and what the loop keeps of them between calls.
class Episode {
 public:
  Episode(Cohort& cohort, std::int64_t number, std::span<Hook* const> hooks) : cohort_(cohort), number_(number), hooks_(hooks) {
    for (const std::uint64_t seed : cohort.seeds) act_.push_back(Rng(seed, "policy/act").child(std::to_string(number)));
    for (const Seat& seat : cohort.seats) active_.push_back(seat.slots);
  }

  void reset() {
    gather();
    std::vector<std::uint64_t> seeds;
    for (const int slot : slots_) {
      const std::uint64_t seed = cohort_.seeds[static_cast<std::size_t>(slot)];
      seeds.push_back(number_ == 0 ? seed : stream_key(seed, "episode/" + std::to_string(number_)));
    }
    outcome_.fit(cohort_.env->spec(), slots_.size());
    cohort_.env->reset(slots_, seeds, outcome_);
    for (std::size_t s = 0; s < active_.size(); ++s) {
      const Ledger::Scope scope(cohort_.env->ledger(), Phase::console);
      with_streams(s, [&](Streams streams) { cohort_.seats[s].policy->begin(active_[s], streams); });
    }
    show([](Hook& hook, const Glimpse& glimpse) { hook.reset(glimpse); }, nullptr);
    observation_ = outcome_.observation;
  }

  bool over() const { return slots_.empty(); }

  void advance() {
    std::vector<Decisions> decisions = decide();
    Grid<double> weights(slots_.size(), cohort_.env->spec().agents.size());
    for (std::size_t s = 0; s < active_.size(); ++s)
      for (std::size_t i = 0; i < active_[s].size(); ++i) std::ranges::copy(std::as_const(decisions[s].weights)[i], weights[first_[s] + i].begin());
    outcome_.fit(cohort_.env->spec(), slots_.size());
    cohort_.env->step(slots_, weights.view(), outcome_);
    ++interval_;
    const auto fed = learn(decisions);
    for (std::size_t s = 0; s < active_.size(); ++s)
      for (Hook* hook : hooks_)
        if (!active_[s].empty()) hook->interval(glimpse(s, &decisions[s], fed[s]));
    drop_ended();
  }

 private:
  void gather() {
    slots_.clear();
    first_.clear();
    for (const auto& slots : active_) {
      first_.push_back(slots_.size());
      slots_.insert(slots_.end(), slots.begin(), slots.end());
    }
  }

  template <class F>
  void with_streams(std::size_t seat, F call) {
    std::vector<Rng> streams;
    for (const int slot : active_[seat]) streams.push_back(act_[static_cast<std::size_t>(slot)]);
    call(Streams(streams));
    for (std::size_t i = 0; i < streams.size(); ++i) act_[static_cast<std::size_t>(active_[seat][i])] = streams[i];
  }

  Glimpse glimpse(std::size_t s, const Decisions* decisions, std::span<const double> fed) {
    return {cohort_, s, number_, interval_, active_[s], first_[s], outcome_, decisions, fed};
  }

  template <class F>
  void show(F call, const Decisions* decisions) {
    for (std::size_t s = 0; s < active_.size(); ++s)
      for (Hook* hook : hooks_) call(*hook, glimpse(s, decisions, {}));
  }

  std::vector<Decisions> decide() {
    const Ledger::Scope scope(cohort_.env->ledger(), Phase::console);
    std::vector<Decisions> decisions(active_.size());
    for (std::size_t s = 0; s < active_.size(); ++s) {
      Policy& policy = *cohort_.seats[s].policy;
      decisions[s].fit(policy.spec(), cohort_.env->spec().agents.size(), active_[s].size());
      const Observations seen{active_[s], rows<const double>(observation_, first_[s], active_[s].size())};
      with_streams(s, [&](Streams streams) { policy.decide(seen, streams, decisions[s]); });
    }
    return decisions;
  }

  /// Feeds every seat its own rows; returns the scaled rewards.
  std::vector<std::vector<double>> learn(const std::vector<Decisions>& decisions) {
    const Ledger::Scope scope(cohort_.env->ledger(), Phase::console);
    std::vector<std::vector<double>> all;
    const std::size_t k = cohort_.env->spec().agents.size();
    for (std::size_t s = 0; s < active_.size(); ++s) {
      Seat& seat = cohort_.seats[s];
      const std::size_t n = active_[s].size(), first = first_[s];
      std::vector<double> reward(n), se(n);
      Grid<double> credit(n, seat.credit < 0 ? 0 : k), credit_se(n, seat.credit < 0 ? 0 : k);
      for (std::size_t i = 0; i < n; ++i) {
        const Scaler::Scaled scaled = seat.scaler->scale(outcome_.reward[first + i][seat.reward], outcome_.reward_se[first + i][seat.reward]);
        reward[i] = scaled.reward;
        se[i] = scaled.se;
        if (seat.credit < 0) continue;
        const std::size_t at = static_cast<std::size_t>(seat.credit) * k;
        std::ranges::copy(outcome_.credit[first + i].subspan(at, k), credit[i].begin());
        std::ranges::copy(outcome_.credit_se[first + i].subspan(at, k), credit_se[i].begin());
      }
      if (!seat.frozen && n > 0) {
        const Observations before{active_[s], rows<const double>(observation_, first, n)};
        seat.policy->learn({before, decisions[s], reward, se, credit.view(), credit_se.view(), rows<const double>(outcome_.observation, first, n),
                            std::span<const End>(outcome_.end).subspan(first, n)},
                           seat.learn);
      }
      all.push_back(std::move(reward));
    }
    return all;
  }

  void drop_ended() {
    std::vector<std::size_t> kept;
    for (std::size_t i = 0; i < slots_.size(); ++i)
      if (outcome_.end[i] == End::no) kept.push_back(i);
    Grid<double> left(kept.size(), outcome_.observation.cols());
    for (std::size_t i = 0; i < kept.size(); ++i) std::ranges::copy(outcome_.observation[kept[i]], left[i].begin());
    for (std::size_t s = 0; s < active_.size(); ++s) {
      std::size_t row = first_[s];
      std::erase_if(active_[s], [&](int) { return outcome_.end[row++] != End::no; });
    }
    observation_ = std::move(left);
    gather();
  }

  Cohort& cohort_;
  std::int64_t number_, interval_ = 0;
  std::span<Hook* const> hooks_;
  std::vector<Rng> act_;                  // [slot]
  std::vector<std::vector<int>> active_;  // [seat]
  std::vector<int> slots_;                // of all seats, in order
  std::vector<std::size_t> first_;        // [seat] its first row
  Grid<double> observation_;              // that the next decision is about
  Outcome outcome_;
};

}  // namespace

bool play(Cohort& cohort, std::int64_t number, std::span<Hook* const> hooks, const std::atomic<int>& stop) {
  Episode episode(cohort, number, hooks);
  episode.reset();
  while (!episode.over()) {
    episode.advance();
    if (stop != 0 && !episode.over()) return false;
  }
  return true;
}

}  // namespace fader
