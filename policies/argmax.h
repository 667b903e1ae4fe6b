// Which of several independent random scores is the greatest: what Thompson sampling plays, and how probable that is.
//
//   P(a) = integral of f_a(s) prod_{b != a} F_b(s) ds       f density, F distribution function of a score
//
// The integrands of all scores sum to the derivative of H = prod_b F_b. So over any stretch they must sum to what H grows by,
// which is known: a stretch is halved until they do (Gauss-Legendre, 15 points). No draws: equal scores, equal bits.
// Thread-safe but for the objects, each of which belongs to one thread.
#pragma once
#include <algorithm>
#include <span>
#include <vector>

#include "core/rng.h"

namespace fader {

struct Normal {
  double mean = 0, deviation = 1;   ///< finite; deviation > 0
  bool operator==(const Normal&) const = default;
};
struct Beta {
  double a = 1, b = 1;              ///< > 0
  bool operator==(const Beta&) const = default;
};

/// Draws every score; which is the greatest.
std::size_t draw_argmax(std::span<const Normal> scores, Rng& rng);
std::size_t draw_argmax(std::span<const Beta> scores, Rng& rng);

/// Fills P(a), [A], normalised, and returns what they summed to before: 1 to 1e-9. A deviation counts as at least a billionth of
/// the width of what is integrated over.
double argmax_probabilities(std::span<const Normal> scores, std::span<double> out);
double argmax_probabilities(std::span<const Beta> scores, std::span<double> out);

/// Scores in a place of their own that are asked for over and over: the last answer is kept.
template <class Score>
class Argmax {
 public:
  explicit Argmax(std::size_t arms) : scores(arms), asked_(), answer_(arms) {}

  std::vector<Score> scores;

  void probabilities(std::span<double> out) {
    if (asked_ != scores) {
      argmax_probabilities(scores, answer_);
      asked_ = scores;
    }
    std::ranges::copy(answer_, out.begin());
  }
  std::size_t sample(Rng& rng) const { return draw_argmax(scores, rng); }

 private:
  std::vector<Score> asked_;
  std::vector<double> answer_;
};

}  // namespace fader
