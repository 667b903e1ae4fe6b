#include "policies/search.h"

#include <algorithm>
#include <cmath>

#include "policies/simplex.h"

namespace fader {
namespace {

constexpr double kGreatest = 1e100;  // of numbers in a saved state: their squares must still be numbers

bool moderate(double x) { return std::abs(x) <= kGreatest; }

}  // namespace

void SearchOptions::fields(Fields& f) {
  LearningOptions::fields(f);
  f("knots", knots, "points of the schedule that is searched, spread evenly over the episode; 1: weights that never change", 1,
    64);
  f("curve", curve, "between two knots: straight lines of logits, or every knot for an equal stretch")
      .one_of({"linear", "constant"});
  f("repeats", repeats, "episodes that a candidate is played for; their mean return counts", 1, 1000);
  f("floor_passages", floor_passages, "passages that every agent gets in an interval, about; at most half of an even share", 0,
    1e9);
}

Search::Search(const SearchOptions& options, const PolicyContext& context, std::vector<std::string> diagnostics)
    : options_(options), agents_(context.agents.size()), floor_(floor_of(options.floor_passages, context)), logits_(agents_),
      played_(agents_), best_(static_cast<std::size_t>(options.knots) * (agents_ - 1)), numbers_(diagnostics.size()),
      candidates_(static_cast<std::size_t>(context.slots), best_.size(), 0.0), trials_(static_cast<std::size_t>(context.slots)) {
  spec_.learns = spec_.across = true;
  spec_.deterministic = best_.empty();
  spec_.reward = options.reward;
  spec_.scaler = options.scaler;
  spec_.diagnostics = std::move(diagnostics);
  if (options_.knots > 1) progress_.emplace(context, "a search for schedules (knots above 1)");
  for (std::int64_t i = 0; i < options_.knots; ++i)
    at_.push_back(static_cast<double>(i) / static_cast<double>(std::max<std::int64_t>(1, options_.knots - 1)));
}

void Search::draw_mixes(double concentration, Rng& stream, std::span<double> u) const {
  const auto log_gamma = [&] { return std::log(stream.gamma(concentration + 1)) - stream.exponential() / concentration; };
  for (std::size_t first = 0; first < u.size(); first += agents_ - 1) {
    const double last = log_gamma();
    for (std::size_t k = 0; k + 1 < agents_; ++k) u[first + k] = std::clamp(log_gamma() - last, -kReach, kReach);
  }
}

void Search::begin(Slots slots, Streams streams) {
  for (std::size_t i = 0; i < slots.size() && dimension() > 0; ++i) {
    const auto slot = static_cast<std::size_t>(slots[i]);
    Trial& trial = trials_[slot];
    const bool again = !trial.open && trial.episodes > 0 && trial.episodes < options_.repeats && trial.generation == generation();
    if (!again) {
      trial = {};
      trial.generation = generation();
      propose(streams[i], candidate(slot));
    }
    trial.open = true;
    trial.running = 0;
  }
}

void Search::decide(const Observations& observations, Streams, Decisions& out) {
  if (!exploring_ && dimension() > 0) incumbent(best_);
  if (dimension() > 0) diagnose(numbers_);
  for (std::size_t i = 0; i < observations.slots.size(); ++i) {
    const auto slot = static_cast<std::size_t>(observations.slots[i]);
    weights(exploring_ ? candidate(slot) : best_, observations.x[i], out.weights[i]);
    out.log_density[i] = 0;
    if (dimension() > 0) std::copy(numbers_.begin(), numbers_.end(), out.diagnostics[i].begin());
  }
}

void Search::weights(std::span<const double> u, std::span<const double> x, std::span<double> out) {
  const double p = progress_ ? progress_->of(x) : 0;
  Between at = between(at_, p);
  if (options_.curve == "constant") at = {stretch_of(p, at_.size()), stretch_of(p, at_.size()), 0};
  const std::size_t n = agents_ - 1;
  for (std::size_t k = 0; k < n; ++k) logits_[k] = (1 - at.share) * u[at.first * n + k] + at.share * u[at.second * n + k];
  logits_[n] = 0;
  const double top = *std::max_element(logits_.begin(), logits_.end());
  for (std::size_t k = 0; k < agents_; ++k) out[k] = std::exp(logits_[k] - top);
  simplex::normalise(out);
  if (floor_ > 0) simplex::floor(out, floor_);
}

void Search::learn(const Transitions& transitions, Rng&) {
  for (std::size_t i = 0; i < transitions.before.slots.size(); ++i) require_finite(transitions, i, spec_);
  for (std::size_t i = 0; i < transitions.before.slots.size(); ++i) hear(i, transitions);
}

void Search::hear(std::size_t row, const Transitions& transitions) {
  const auto slot = static_cast<std::size_t>(transitions.before.slots[row]);
  Trial& trial = trials_[slot];
  if (!trial.open) return;
  weights(candidate(slot), transitions.before.x[row], played_);
  if (!std::ranges::equal(played_, transitions.decided.weights[row])) {  // something else was played
    trial = {};
    return;
  }
  trial.running += transitions.reward[row];
  if (transitions.end[row] == End::no) return;
  trial.open = false;
  trial.sum += trial.running;
  if (++trial.episodes < options_.repeats || trial.generation != generation()) return;
  const double value = trial.sum / static_cast<double>(trial.episodes);
  tell(candidate(slot), std::clamp(value, -kGreatest, kGreatest));
}

void Search::Trial::state(Archive& archive) {
  archive.field("open", open);
  archive.field("episodes", episodes);
  archive.field("generation", generation);
  archive.field("sum", sum);
  archive.field("running", running);
  archive.expect(episodes >= 0 && episodes < (std::int64_t{1} << 62) && generation >= 0 && moderate(sum) && moderate(running),
                 "a trial");
}

void Search::state(Archive& archive) {
  archive.field("candidates", candidates_.view().flat());
  for (const double u : candidates_.view().flat()) archive.expect(moderate(u), "a candidate");
  const std::size_t slots = trials_.size();
  archive.field("trials", trials_);
  archive.expect(trials_.size() == slots, "as many trials as slots");
  const Archive::Scope scope(archive, "learned");
  learned(archive);
}

}  // namespace fader
