#include "env/observation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace fader {
namespace {

double clipped(double x) { return std::isnan(x) ? 0.0 : std::clamp(x, -3.0, 3.0); }

/// Of those that are known; 0 where none is.
double root_mean_square(std::span<const Estimate> credit) {
  double squares = 0, n = 0;
  for (const Estimate& e : credit)
    if (!std::isnan(e.value)) squares += e.value * e.value, n += 1;
  return n > 0 ? std::sqrt(squares / n) : 0;
}

}  // namespace

ScoreStatistics score_statistics(std::span<const float> scores) {
  const auto n = static_cast<double>(scores.size());
  ScoreStatistics s;
  for (const float x : scores) s.mean += x / n;
  for (const float x : scores) s.deviation += (x - s.mean) * (x - s.mean) / n;
  s.deviation = std::sqrt(s.deviation);
  std::vector<float> best(scores.begin(), scores.end());
  const std::size_t tenth = std::max<std::size_t>(1, scores.size() / 10);
  std::nth_element(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(tenth - 1), best.end(), std::greater<>());
  std::sort(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(tenth));  // one order of summation
  for (std::size_t i = 0; i < tenth; ++i) s.top += best[i] / static_cast<double>(tenth);
  return s;
}

ObservationBuilder::ObservationBuilder(int slots, const std::vector<std::string>& agents, const std::vector<std::string>& reference_domains,
                                       double log_vocabulary)
    : log_vocabulary_(log_vocabulary), history_(static_cast<std::size_t>(slots)) {
  describe(agents, reference_domains);
}

void ObservationBuilder::describe(const std::vector<std::string>& agents, const std::vector<std::string>& reference_domains) {
  std::vector<std::string> pairs;
  for (std::size_t a = 0; a < agents.size(); ++a)
    for (std::size_t b = a + 1; b < agents.size(); ++b) pairs.push_back(agents[a] + "," + agents[b]);
  std::size_t offset = 0;
  bool asked_for = false;
  const auto add_each = [&](const char* name, const std::vector<std::string>& labels, const char* axis = "agent") {
    fields_.push_back({name, offset, labels.size(), labels, axis, asked_for});
    offset += labels.size();
  };
  const auto add = [&](const char* name) { fields_.push_back({name, offset++, 1, {}, "", asked_for}); };
  add("progress");
  add_each("weights", agents);
  for (const char* name : {"learning_rate", "loss_reference", "loss_fall_1", "loss_fall_3", "loss_fall_10", "loss_curvature", "loss_train"}) add(name);
  add_each("loss_domain", reference_domains, "domain");
  add_each("loss_domain_fall", reference_domains, "domain");
  add("gradient_norm");
  add("pool_left");
  for (const char* name : {"score_drift", "score_spread", "score_top"}) add_each(name, agents);
  add_each("agreement", pairs, "pair");
  add_each("agent_reward", agents);
  asked_for = true;
  for (const char* name : {"law_exponent", "law_asymptote", "times_seen", "gradient_cosine"}) add(name);
  add_each("credit", agents);
  add_each("credit_se", agents);
}

void ObservationBuilder::begin(int slot) { history_[static_cast<std::size_t>(slot)] = {}; }

double ObservationBuilder::slope(const History& history, std::size_t intervals) const {
  const std::size_t have = history.loss.size() - 1, over = std::min(have, intervals);
  if (over == 0) return 0;
  return clipped(10 * (history.loss[have - over] - history.loss[have]) / static_cast<double>(over) / log_vocabulary_);
}

/// The newest loss is part of the history from here on.
void ObservationBuilder::remember(History& history, const Situation& now) {
  const bool first = history.loss.empty();
  if (!first) history.forecast.add(now.tokens, now.loss_reference, history.loss.back() - now.loss_reference);
  history.loss.push_back(now.loss_reference);
  if (first) {
    history.domain.assign(now.loss_domain.begin(), now.loss_domain.end());
    for (const ScoreStatistics& s : now.scores) {
      history.first_mean.push_back(s.mean);
      history.first_deviation.push_back(s.deviation);
    }
  }
  if (!std::isnan(now.gradient_norm)) {
    const double level = std::log10(std::max(now.gradient_norm, 1e-12));
    history.log_gradient_norm = history.loss.size() == 2 ? level : 0.5 * (history.log_gradient_norm + level);
  }
}

void ObservationBuilder::write(int slot, const Situation& now, std::span<double> out) {
  History& history = history_[static_cast<std::size_t>(slot)];
  const double fall_before = history.loss.empty() ? 0 : slope(history, 1);
  remember(history, now);
  std::size_t at = 0;
  const auto put = [&](double x) { out[at++] = x; };
  put(now.progress);
  for (const double w : now.weights) put(w);
  put(now.learning_rate);
  put(clipped(now.loss_reference / log_vocabulary_));
  for (const std::size_t intervals : {1, 3, 10}) put(slope(history, intervals));
  put(history.loss.size() > 2 ? clipped(slope(history, 1) - fall_before) : 0);
  put(clipped(std::isnan(now.loss_train) ? 1.0 : now.loss_train / log_vocabulary_));
  for (const double loss : now.loss_domain) put(clipped(loss / log_vocabulary_));
  for (std::size_t d = 0; d < now.loss_domain.size(); ++d) put(clipped(10 * (history.domain[d] - now.loss_domain[d]) / log_vocabulary_));
  put(clipped(history.log_gradient_norm));
  put(now.pool_left);
  // a constant score has no spread: its deviations count as one
  const auto unit = [](double deviation) { return deviation > 0 ? deviation : 1.0; };
  for (std::size_t i = 0; i < now.scores.size(); ++i)
    put(clipped((now.scores[i].mean - history.first_mean[i]) / unit(history.first_deviation[i])));
  for (std::size_t i = 0; i < now.scores.size(); ++i)
    put(clipped(std::log(unit(now.scores[i].deviation) / unit(history.first_deviation[i]))));
  for (const ScoreStatistics& s : now.scores) put(clipped((s.top - s.mean) / unit(s.deviation)));
  for (const double a : now.agreement) put(clipped(a));
  for (const double r : now.agent_reward) put(clipped(r));
  const auto curve = history.forecast.curve();
  put(curve ? clipped(curve->a) : 0);
  put(curve ? clipped(curve->e / now.loss_reference) : 0);
  put(clipped(now.times_seen / 4));
  put(clipped(now.gradient_cosine));
  const double credit_unit = unit(root_mean_square(now.credit));
  for (const Estimate& e : now.credit) put(clipped(e.value / credit_unit));
  for (const Estimate& e : now.credit) put(clipped(e.standard_error / credit_unit));
  FADER_CHECK_EQ(at, out.size());
  history.domain.assign(now.loss_domain.begin(), now.loss_domain.end());
}

void ObservationBuilder::slot_state(Archive& archive, int slot) {
  History& history = history_[static_cast<std::size_t>(slot)];
  archive.field("loss", history.loss);
  archive.field("domain", history.domain);
  archive.field("first_mean", history.first_mean);
  archive.field("first_deviation", history.first_deviation);
  archive.field("log_gradient_norm", history.log_gradient_norm);
  archive.field("forecast", history.forecast);
  const auto size = [&](const char* name) {
    return std::find_if(fields_.begin(), fields_.end(), [&](const Field& f) { return f.name == name; })->size;
  };
  const bool begun = !history.loss.empty();
  archive.expect(history.domain.size() == (begun ? size("loss_domain") : 0) && history.first_mean.size() == (begun ? size("score_drift") : 0) &&
                     history.first_deviation.size() == history.first_mean.size(),
                 "the history of this environment's observations");
}

}  // namespace fader
