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

/// Leaves a step of the environment in its middle.
struct Leave {};

/// The environment speaks of its moments of rest as long as this lives.
class Listening {
 public:
  Listening(Env& env, std::function<void()> moment) : env_(env) { env_.when_resting(std::move(moment)); }
  ~Listening() { env_.when_resting({}); }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

 private:
  Env& env_;
};

/// What a slot has spent beyond what its ledger says, as the console's.
void charge_console(Ledger& ledger, int slot, const Ledger::Row& spent) {
  const Ledger::Row now = ledger.row(slot);
  std::int64_t tokens = 0;
  double flops = 0, seconds = 0;
  for (std::size_t p = 0; p < kPhases; ++p) {
    tokens += spent.tokens[p] - now.tokens[p];
    flops += spent.flops[p] - now.flops[p];
    seconds += spent.seconds[p] - now.seconds[p];
  }
  ledger.add(slot, Phase::console, tokens, flops);
  ledger.activate({&slot, 1});
  ledger.add_seconds(Phase::console, seconds);
}

std::int64_t rounds_of(std::int64_t episodes, const Seat& seat) {
  const auto members = static_cast<std::int64_t>(seat.slots.size());
  return (episodes + members - 1) / members;
}

}  // namespace

Player::Player(Cohort& cohort, std::span<Hook* const> hooks) : cohort_(cohort), hooks_(hooks) {
  for (const Seat& seat : cohort.seats)
    rounds_ = std::max(rounds_, rounds_of(seat.learning, seat) + rounds_of(seat.evaluation, seat));
  begin();
}

Player::Part Player::part(const Seat& seat, std::int64_t round) const {
  const auto members = static_cast<std::int64_t>(seat.slots.size());
  const std::int64_t learning = rounds_of(seat.learning, seat);
  const bool evaluation = round >= learning;
  const std::int64_t first = (evaluation ? round - learning : round) * members, all = evaluation ? seat.evaluation : seat.learning;
  return {evaluation ? seat.learning + first : first, std::clamp<std::int64_t>(all - first, 0, members), evaluation};
}

bool Player::run(const std::function<bool()>& rest) {
  moment_ = [&] {
    ++moments_;
    if (rest()) throw Leave{};
  };
  const Listening listening(*cohort_.env, moment_);
  if (begun_ && loaded_ && interval_ == 0) show_reset();
  loaded_ = false;
  try {
    while (round_ < rounds_) {
      if (!begun_) reset();
      else advance();
      if (round_ < rounds_ && rest()) return false;
    }
  } catch (const Leave&) {
    return false;
  }
  return true;
}

/// What the loop keeps, for round_.
void Player::begin() {
  begun_ = false;
  interval_ = moments_ = 0;
  act_.assign(cohort_.seeds.size(), Rng(0, ""));
  active_.clear();
  for (const Seat& seat : cohort_.seats) {
    const Part now = part(seat, round_);
    active_.emplace_back(seat.slots.begin(), seat.slots.begin() + now.count);
    seat.policy->explore(!now.evaluation && !seat.frozen);
    for (std::int64_t j = 0; j < now.count; ++j) {
      const auto slot = static_cast<std::size_t>(seat.slots[static_cast<std::size_t>(j)]);
      const std::int64_t episode = now.first + j;
      const std::string name = now.evaluation ? "evaluation/" + std::to_string(episode - seat.learning) : std::to_string(episode);
      act_[slot] = Rng(cohort_.seeds[slot], "policy/act").child(name);
    }
  }
  gather();
}

/// The episodes that the active slots play.
void Player::number() {
  episodes_.resize(active_.size());
  for (std::size_t s = 0; s < active_.size(); ++s) {
    const Seat& seat = cohort_.seats[s];
    episodes_[s].clear();
    for (const int slot : active_[s])
      episodes_[s].push_back(part(seat, round_).first + (std::find(seat.slots.begin(), seat.slots.end(), slot) - seat.slots.begin()));
  }
}

void Player::reset() {
  std::vector<std::uint64_t> seeds;
  for (std::size_t s = 0; s < active_.size(); ++s) {
    const Seat& seat = cohort_.seats[s];
    const bool evaluation = part(seat, round_).evaluation;
    for (std::size_t i = 0; i < active_[s].size(); ++i) {
      const std::uint64_t seed = cohort_.seeds[static_cast<std::size_t>(active_[s][i])];
      const std::int64_t episode = episodes_[s][i] - (evaluation ? seat.learning : 0);
      const std::string name = (evaluation ? "evaluation/" : "episode/") + std::to_string(episode);
      seeds.push_back(episode == 0 && !evaluation ? seed : stream_key(seed, name));
    }
  }
  outcome_.fit(cohort_.env->spec(), slots_.size());
  cohort_.env->reset(slots_, seeds, outcome_);
  for (std::size_t s = 0; s < active_.size(); ++s) {
    const Ledger::Scope scope(cohort_.env->ledger(), Phase::console);
    with_streams(s, [&](Streams streams) { cohort_.seats[s].policy->begin(active_[s], streams); });
  }
  observation_ = outcome_.observation;
  infos_ = outcome_.infos;
  begun_ = true;
  show_reset();
}

void Player::advance() {
  if (decisions_.empty()) decide();
  Grid<double> weights(slots_.size(), cohort_.env->spec().agents.size());
  for (std::size_t s = 0; s < active_.size(); ++s)
    for (std::size_t i = 0; i < active_[s].size(); ++i) std::ranges::copy(std::as_const(decisions_[s].weights)[i], weights[first_[s] + i].begin());
  outcome_.fit(cohort_.env->spec(), slots_.size());
  cohort_.env->step(slots_, weights.view(), outcome_);
  ++interval_;
  ++finished_;
  moments_ = 0;
  const auto fed = learn();
  for (std::size_t s = 0; s < active_.size(); ++s)
    for (Hook* hook : hooks_)
      if (!active_[s].empty()) hook->interval(glimpse(s, &decisions_[s], fed[s]));
  decisions_.clear();
  infos_ = {};
  drop_ended();
  if (!slots_.empty()) return;
  if (++round_ < rounds_) begin();
}

void Player::gather() {
  slots_.clear();
  first_.clear();
  for (const auto& slots : active_) {
    first_.push_back(slots_.size());
    slots_.insert(slots_.end(), slots.begin(), slots.end());
  }
  number();
}

template <class F>
void Player::with_streams(std::size_t seat, F call) {
  std::vector<Rng> streams;
  for (const int slot : active_[seat]) streams.push_back(act_[static_cast<std::size_t>(slot)]);
  call(Streams(streams));
  for (std::size_t i = 0; i < streams.size(); ++i) act_[static_cast<std::size_t>(active_[seat][i])] = streams[i];
}

Glimpse Player::glimpse(std::size_t s, const Decisions* decisions, std::span<const double> fed) {
  return {cohort_, s, episodes_[s], part(cohort_.seats[s], round_).evaluation, interval_, active_[s], first_[s], outcome_, decisions, fed};
}

void Player::show_reset() {
  outcome_.fit(cohort_.env->spec(), slots_.size());
  outcome_.observation = observation_;
  outcome_.infos = infos_;
  for (std::size_t s = 0; s < active_.size(); ++s)
    for (Hook* hook : hooks_)
      if (!active_[s].empty()) hook->reset(glimpse(s, nullptr, {}));
}

void Player::decide() {
  const Ledger::Scope scope(cohort_.env->ledger(), Phase::console);
  decisions_.resize(active_.size());
  for (std::size_t s = 0; s < active_.size(); ++s) {
    Policy& policy = *cohort_.seats[s].policy;
    decisions_[s].fit(policy.spec(), cohort_.env->spec().agents.size(), active_[s].size());
    const Grid<double> branched = branch(s);
    const Observations seen{active_[s], rows<const double>(observation_, first_[s], active_[s].size()), branched.view()};
    with_streams(s, [&](Streams streams) { policy.decide(seen, streams, decisions_[s]); });
  }
}

/// What the weights that a seat's policy wants to try earn from here, [slots, branches]: each is played for one interval, and
/// then everything is as it was. The cost stays, as the console's.
Grid<double> Player::branch(std::size_t s) {
  const Seat& seat = cohort_.seats[s];
  const std::vector<int>& slots = active_[s];
  const auto& tried = seat.policy->spec().branches;
  Grid<double> out(slots.size(), tried.size());
  if (tried.empty() || slots.empty()) return out;
  Env& env = *cohort_.env;
  env.when_resting({});
  std::vector<std::string> saved;
  for (const int slot : slots) {
    Archive archive;
    env.slot_state(archive, slot);
    saved.push_back(archive.bytes());
  }
  Outcome tried_out;
  for (std::size_t b = 0; b < tried.size(); ++b) {
    Grid<double> weights(slots.size(), tried[b].size());
    for (std::size_t i = 0; i < slots.size(); ++i) std::ranges::copy(tried[b], weights[i].begin());
    tried_out.fit(env.spec(), slots.size());
    env.step(slots, weights.view(), tried_out);
    for (std::size_t i = 0; i < slots.size(); ++i) {
      out[i][b] = tried_out.reward[i][seat.reward];
      const Ledger::Row spent = env.ledger().row(slots[i]);
      Archive archive(saved[i]);
      env.slot_state(archive, slots[i]);
      archive.finish();
      charge_console(env.ledger(), slots[i], spent);
    }
    for (std::size_t i = 0; i < slots.size(); ++i) {  // the next branch starts with what this one has cost
      Archive archive;
      env.slot_state(archive, slots[i]);
      saved[i] = archive.bytes();
    }
  }
  env.when_resting(moment_);
  return out;
}

/// Feeds every seat its own rows; returns the scaled rewards.
std::vector<std::vector<double>> Player::learn() {
  const Ledger::Scope scope(cohort_.env->ledger(), Phase::console);
  std::vector<std::vector<double>> all;
  for (std::size_t s = 0; s < active_.size(); ++s) all.push_back(feed(s));
  return all;
}

std::vector<double> Player::feed(std::size_t s) {
  const std::size_t k = cohort_.env->spec().agents.size();
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
    if (seat.credit_scaler) seat.credit_scaler->scale(credit[i], credit_se[i]);
  }
  if (!seat.frozen && n > 0 && !part(seat, round_).evaluation) {
    const Observations before{active_[s], rows<const double>(observation_, first, n)};
    seat.policy->learn({before, decisions_[s], reward, se, credit.view(), credit_se.view(), rows<const double>(outcome_.observation, first, n),
                        std::span<const End>(outcome_.end).subspan(first, n)},
                       seat.learn);
  }
  return reward;
}

void Player::drop_ended() {
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

void Player::state(Archive& archive) {
  archive.field("round", round_);
  if (archive.loading()) {
    archive.expect(round_ >= 0 && round_ < rounds_, "a round of this run");
    begin();  // who plays in it, and whether to explore
  }
  archive.field("interval", interval_);
  archive.field("finished", finished_);
  archive.field("moments", moments_);
  archive.field("begun", begun_);
  for (Rng& stream : act_) archive.field("act", stream);
  for (auto& slots : active_) archive.field("active", slots);
  archive.field("observation", observation_);
  archive.field("infos", infos_);
  archive.field("decisions", decisions_);
  if (archive.loading()) check_loaded(archive);
  for (Seat& seat : cohort_.seats) {
    archive.field("learn", seat.learn);
    archive.field("scaler", *seat.scaler);
    if (seat.credit_scaler) archive.field("credit_scaler", *seat.credit_scaler);
    archive.field("policy", *seat.policy);
  }
  archive.field("env", *cohort_.env);
}

/// Nothing that was loaded may lead out of a table.
void Player::check_loaded(Archive& archive) {
  const EnvSpec& spec = cohort_.env->spec();
  archive.expect(interval_ >= 0 && interval_ < spec.horizon && finished_ >= interval_ && moments_ >= 0, "a place within this run");
  for (std::size_t s = 0; s < active_.size(); ++s) {
    const std::vector<int>& slots = cohort_.seats[s].slots;
    std::size_t next = 0;  // in their order, each at most once
    for (const int slot : active_[s]) {
      while (next < slots.size() && slots[next] != slot) ++next;
      archive.expect(next++ < slots.size(), "a list of slots of this run");
    }
  }
  gather();
  const std::size_t n = begun_ ? slots_.size() : 0, resets = begun_ && interval_ == 0 ? n : 0;
  archive.expect(observation_.rows() == n && (n == 0 || observation_.cols() == spec.observation_size()), "an observation of this run");
  archive.expect(infos_.rows() == resets && (resets == 0 || infos_.cols() == spec.size(spec.infos)), "what is known after a reset");
  archive.expect(decisions_.empty() || (begun_ && decisions_.size() == active_.size()), "decisions of this run");
  for (std::size_t s = 0; s < decisions_.size(); ++s)
    archive.expect(decisions_[s].fits(cohort_.seats[s].policy->spec(), spec.agents.size(), active_[s].size()), "a decision of this policy");
  loaded_ = true;
}

}  // namespace fader
