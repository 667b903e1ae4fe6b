#include "env/known_answer.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace fader {
namespace {

constexpr double kMostNumbers = 1e8;  // of a schedule that is written down

Series number(std::string path, std::string unit, bool whole = false) {
  Series s;
  s.path = std::move(path);
  s.unit = std::move(unit);
  s.whole = whole;
  return s;
}

std::span<double> after(std::span<double> row, std::size_t n) { return row.subspan(n); }

}  // namespace

void KnownAnswerOptions::validate() const {
  const std::vector<std::string> known = {"reward"};
  if (reward != known[0]) throw ConfigError(fmt::format("reward: there is no '{}'{}", reward, suggestion(reward, known)));
}

void KnownAnswerOptions::reward_field(Fields& f) {
  f("reward", reward, "what is earned: there is \"reward\" alone").one_of({"reward"});
}
void KnownAnswerOptions::horizon_field(Fields& f, double most) { f("horizon", horizon, "decisions in an episode", 1, most); }
void KnownAnswerOptions::noise_field(Fields& f, std::string help) { f("noise", noise, std::move(help), 0, 1e6); }

KnownAnswer::KnownAnswer(std::string name, std::vector<std::string> agents, std::vector<std::string> credits,
                         std::int64_t horizon, const EnvContext& context)
    : episodes_(static_cast<std::size_t>(context.slots)), nothing_yet_(agents.size(), 0.0), ledger_(context.slots) {
  spec_.name = std::move(name);
  spec_.horizon = horizon;
  spec_.agents = std::move(agents);
  spec_.rewards = {"reward"};
  spec_.credits = std::move(credits);
  show("progress");
  show("weights", spec_.agents, "agent");
  add_series(spec_.infos, number("infos/tokens", "decision", true));
  add_series(spec_.infos, number("infos/loss_train", "reward"));
  add_series(spec_.infos, number("infos/loss_reference", "reward"));
  add_series(spec_.series, number("console/regret", "reward"));
  for (const char* path : {"final/loss_reference", "final/loss_validation", "final/loss_test"})
    add_series(spec_.finals, number(path, "reward/decision"));
  add_series(spec_.finals, number("final/regret", "reward"));
}

void KnownAnswer::show(std::string name, std::vector<std::string> labels, std::string axis) {
  const std::size_t size = labels.size();
  spec_.observation.push_back({std::move(name), spec_.observation_size(), size, std::move(labels), std::move(axis)});
}
void KnownAnswer::show(std::string name, std::size_t size) {
  spec_.observation.push_back({std::move(name), spec_.observation_size(), size});
}

void KnownAnswer::Episode::state(Archive& archive) {
  archive.field("payoffs", draws);
  archive.field("decisions", decisions);
  archive.field("live", live);
  archive.field("earned", earned);
  archive.field("expected", expected);
  archive.field("regret", regret);
}

void KnownAnswer::state(Archive& archive) {
  for (std::size_t s = 0; s < slots(); ++s) {
    const Archive::Scope scope(archive, fmt::format("slot_{}", s));
    slot_state(archive, static_cast<int>(s));
  }
}

void KnownAnswer::slot_state(Archive& archive, int slot) {
  Episode& episode = episodes_.at(static_cast<std::size_t>(slot));
  episode.state(archive);
  archive.expect(episode.decisions >= 0 && episode.decisions <= spec_.horizon - (episode.live ? 1 : 0),
                 "a decision of this episode");
  archive.expect(std::isfinite(episode.earned) && std::isfinite(episode.expected) && std::isfinite(episode.regret),
                 "what an episode earned");
  more_state(archive, static_cast<std::size_t>(slot));
  const Archive::Scope scope(archive, "ledger");
  ledger_.slot_state(archive, slot);
}

const Answer& KnownAnswer::solved() {
  if (answer_) return *answer_;
  if (static_cast<double>(spec_.horizon) * static_cast<double>(agents()) > kMostNumbers)
    throw RunError(
        fmt::format("{}: the best schedule over horizon = {} is too long to write down; expected at most {:.0f} decisions",
                    spec_.name, spec_.horizon, kMostNumbers / static_cast<double>(agents())));
  return answer_.emplace(solve());
}

void KnownAnswer::reset(Slots slots, std::span<const std::uint64_t> seeds, Outcome& out) {
  FADER_CHECK_EQ(slots.size(), seeds.size());
  ledger_.activate(slots);
  const auto setup = ledger_.scope(Phase::setup);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const auto slot = static_cast<std::size_t>(slots[i]);
    Episode& episode = episodes_.at(slot);
    episode = Episode{};
    episode.draws = Rng(seeds[i], "env/payoffs");
    episode.live = true;
    begin(slot);
    report(slot, nothing_yet_, out, i);
  }
}

void KnownAnswer::step(Slots slots, Table<const double> weights, Outcome& out) {
  FADER_CHECK(weights.rows == slots.size() && weights.cols == agents(), "{} x {} weights", weights.rows, weights.cols);
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (!on_simplex(weights[i]))
      throw RunError(
          fmt::format("slot {}: weights [{}] are not on the simplex; expected {} non-negative numbers that sum to 1 "
                      "within 1e-9; the policy has to repair them",
                      slots[i], fmt::join(weights[i], ", "), agents()));
  ledger_.activate(slots);
  const auto train = ledger_.scope(Phase::train);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const auto slot = static_cast<std::size_t>(slots[i]);
    FADER_CHECK(episodes_.at(slot).live, "slot {} has ended or was never reset", slots[i]);
    play_row(slot, weights[i], out, i);
    report(slot, weights[i], out, i);
    ledger_.add(slots[i], Phase::train, 1, 2.0 * static_cast<double>(agents()));
  }
}

void KnownAnswer::play_row(std::size_t slot, std::span<const double> w, Outcome& out, std::size_t row) {
  Episode& episode = episodes_[slot];
  std::copy(w.begin(), w.end(), out.executed[row].begin());
  const Earned earned = play(slot, episode.decisions, w, {out.executed[row], out.credit[row], out.credit_se[row]});
  ++episode.decisions;
  episode.earned += earned.reward;
  episode.expected += earned.expected;
  episode.regret += earned.best - earned.expected;
  episode.live = episode.decisions < spec_.horizon;
  out.reward[row][0] = earned.reward;
  out.reward_se[row][0] = earned.se;
  out.series[row][0] = earned.best - earned.expected;
  out.end[row] = episode.live ? End::no : End::terminated;
  out.failed[row] = 0;
  out.train[row].clear();
  out.events[row].clear();
  const double n = static_cast<double>(episode.decisions), nan = std::nan("");
  const std::array<double, 4> finals = {-episode.earned / n, -episode.expected / n, -episode.expected / n, episode.regret};
  for (std::size_t f = 0; f < finals.size(); ++f) out.finals[row][f] = episode.live ? nan : finals[f];
}

void KnownAnswer::report(std::size_t slot, std::span<const double> w, Outcome& out, std::size_t row) const {
  const Episode& episode = episodes_[slot];
  const std::span<double> seen = out.observation[row];
  seen[0] = progress(episode.decisions);
  std::copy(w.begin(), w.end(), seen.begin() + 1);
  observe(slot, episode.decisions, after(seen, 1 + w.size()));
  out.infos[row][0] = static_cast<double>(episode.decisions);
  out.infos[row][1] = loss_train(slot);
  out.infos[row][2] = -episode.earned;
}

KnownAnswer::Earned KnownAnswer::earn(std::span<const double> w, std::span<const double> mean, std::span<const double> deviation,
                                      std::span<const double> payoff, const Row& row) {
  Earned out;
  double variance = 0;
  out.best = mean[0];
  for (std::size_t k = 0; k < w.size(); ++k) {
    out.reward += w[k] * payoff[k];
    out.expected += w[k] * mean[k];
    out.best = std::max(out.best, mean[k]);
    variance += w[k] * w[k] * deviation[k] * deviation[k];
    row.credit[k] = payoff[k];
    row.credit_se[k] = deviation[k];
  }
  out.se = std::sqrt(variance);
  return out;
}

KnownAnswer::Earned KnownAnswer::pay(std::size_t slot, std::span<const double> w, std::span<const double> mean,
                                     std::span<const double> deviation, const Row& row) {
  Rng& rng = draws(slot);
  for (std::size_t k = 0; k < w.size(); ++k) row.credit[k] = mean[k] + deviation[k] * rng.normal();
  return earn(w, mean, deviation, row.credit.first(w.size()), row);
}

std::vector<std::string> counted(std::string_view noun, std::size_t n) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < n; ++i) out.push_back(fmt::format("{}_{}", noun, i));
  return out;
}

Answer linear_answer(const Grid<double>& mean) {
  const std::size_t horizon = mean.rows(), k = mean.cols();
  Answer out;
  out.fixed_weights.assign(k, 0.0);
  out.schedule_weights.resize(horizon, k);
  std::vector<double> total(k, 0.0);
  for (std::size_t t = 0; t < horizon; ++t) {
    const auto row = mean[t];
    const auto best = static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin());
    out.schedule += row[best];
    out.schedule_weights[t][best] = 1;
    for (std::size_t i = 0; i < k; ++i) total[i] += row[i];
  }
  const auto best = static_cast<std::size_t>(std::max_element(total.begin(), total.end()) - total.begin());
  out.fixed = total[best];
  out.fixed_weights[best] = 1;
  out.uniform = std::accumulate(total.begin(), total.end(), 0.0) / static_cast<double>(k);
  out.optimum = out.schedule;
  return out;
}

}  // namespace fader
