#include "env/credit.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

namespace fader {

std::vector<Estimate> training_loss_credit(std::span<const Pick> picks, std::span<const float> loss, std::span<const double> tokens,
                                           std::size_t agents) {
  FADER_CHECK(picks.size() == loss.size() && picks.size() == tokens.size());
  std::vector<double> passages(agents, 0), all_tokens(agents, 0), nats(agents, 0), squares(agents, 0);
  for (std::size_t i = 0; i < picks.size(); ++i) {
    passages[picks[i].agent] += 1;
    all_tokens[picks[i].agent] += tokens[i];
    nats[picks[i].agent] += tokens[i] * static_cast<double>(loss[i]);
  }
  for (std::size_t i = 0; i < picks.size(); ++i) {
    const std::size_t a = picks[i].agent;
    squares[a] += std::pow(tokens[i] * (static_cast<double>(loss[i]) - nats[a] / all_tokens[a]), 2);
  }
  std::vector<Estimate> out(agents);
  for (std::size_t a = 0; a < agents; ++a) {
    if (passages[a] == 0) continue;
    out[a].value = nats[a] / all_tokens[a];
    if (passages[a] > 1) out[a].standard_error = std::sqrt(passages[a] / (passages[a] - 1) * squares[a]) / all_tokens[a];
  }
  return out;
}

std::vector<double> seed_code_credit(std::vector<CategoryValues> values, std::size_t agents) {
  std::stable_sort(values.begin(), values.end(), [](const CategoryValues& a, const CategoryValues& b) { return a.place < b.place; });
  std::vector<double> list;
  for (const CategoryValues& v : values) list.insert(list.end(), v.values.begin(), v.values.end());
  const double mean = std::accumulate(list.begin(), list.end(), 0.0) / static_cast<double>(list.size());
  std::vector<double> out(agents, std::nan(""));
  for (std::size_t i = 0; i < std::min(agents, list.size()); ++i) out[i] = list[i] - mean;
  return out;
}

}  // namespace fader
