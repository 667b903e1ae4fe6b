// A game against given credit: what a policy with full information plays, decision by decision.
#pragma once
#include <numeric>
#include <vector>

#include "tests/policies/console.h"

namespace fader::testing {

using Point = std::vector<double>;  ///< a number an agent

inline double dot(const Point& a, const Point& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }
inline Point even(std::size_t k) { return Point(k, 1.0 / static_cast<double>(k)); }

struct Game {
  std::vector<Point> weights, credit;  ///< [T][K]
  double earned = 0;                   ///< sum of <weights, credit>

  /// What each agent would have earned alone.
  Point totals() const {
    Point out(credit[0].size(), 0.0);
    for (const Point& c : credit)
      for (std::size_t k = 0; k < out.size(); ++k) out[k] += c[k];
    return out;
  }
  double best() const {
    const Point all = totals();
    return *std::max_element(all.begin(), all.end());
  }
};

inline PolicyContext context_for(std::size_t agents, std::int64_t horizon, int slots = 1) {
  PolicyContext context = context_of(agents, slots);
  context.horizon = horizon;
  return context;
}

/// `next(t, weights)`: the credit of decision t, counted from 0, chosen by somebody who sees the weights.
inline Game play_credit(const std::string& name, std::size_t agents, std::size_t decisions,
                        const std::function<void(Options&)>& set, const std::function<Point(std::size_t, const Point&)>& next) {
  const PolicyContext context = context_for(agents, static_cast<std::int64_t>(decisions));
  Console console(make_policy(name, context, set), context, 1);
  Game game;
  for (std::size_t t = 0; t < decisions; ++t) {
    const auto row = console.decide().weights[0];
    game.weights.emplace_back(row.begin(), row.end());
    game.credit.push_back(next(t, game.weights.back()));
    const double reward = dot(game.weights.back(), game.credit.back());
    game.earned += reward;
    Grid<double> credit(1, agents);
    std::copy(game.credit.back().begin(), game.credit.back().end(), credit[0].begin());
    console.learn({reward}, credit);
  }
  return game;
}

}  // namespace fader::testing
