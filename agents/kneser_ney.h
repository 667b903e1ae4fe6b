// An n-gram model with interpolated Kneser-Ney smoothing, over tokens.
//
//   p(w | h) = max(a(h w) - D(a(h w)), 0) / A(h) + gamma(h) p(w | h')       h' is h without its first token
//   A(h) = sum_w a(h w),   gamma(h) = sum_w min(D(a(h w)), a(h w)) / A(h),   a context that was never seen: p(w | h) = p(w | h')
//   p(w | nothing) ends in the uniform distribution over the tokens that may come
// a is the count for n-grams of the full order and those that begin with the begin mark, else the number of different tokens
// seen before the n-gram. Ney, Essen and Kneser 1994; Kneser and Ney 1995 (doi 10.1109/ICASSP.1995.479394). With t_k the number of
// n-grams of a length with a = k and Y = t_1 / (t_1 + 2 t_2):
//   one    D = Y                                                              for all counts
//   three  D(k) = k - (k + 1) Y t_{k+1} / t_k   for k = 1, 2 and 3 or more    "modified": Chen and Goodman 1999 (doi 10.1006/csla.1999.0128)
// Where a D(k) cannot be had or is not within 0 and k, it is Y; where Y cannot be had, 1/2.
//
// The tables are a tree: n-grams of one length lie sorted, those with one beginning side by side, and every n-gram knows where
// its longer ones begin. Reading a token moves each context of the text so far one level down, so that a token costs one
// search among a context's continuations for every order. (KenLM reads such models faster; it is no library of the distributions.)
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace fader {

class KneserNey {
 public:
  using Tokens = std::span<const std::uint32_t>;
  static constexpr int kLongest = 8;

  /// Learns from `texts`, each of which follows a begin mark and holds none. `order` 1 to kLongest; tokens below `vocabulary`.
  KneserNey(int order, bool three_discounts, std::uint32_t vocabulary, std::uint32_t begin_mark, std::span<const Tokens> texts);

  /// Sum over the tokens of a text of ln p(token | begin mark, tokens before it). Thread-safe.
  double log_probability(Tokens text) const;
  std::size_t grams() const;  ///< kept, of two tokens and more

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  struct Gram {
    std::uint32_t token = 0, first = 0;  ///< its last token; where its continuations begin in the next level
    float share = 0;                     ///< max(a - D, 0) / A, as a continuation of what it begins with
    float backoff = 1;                   ///< gamma, as a context
  };
  using Level = std::vector<Gram>;       ///< n-grams of one length, sorted by tokens, and one more that says where the last one ends;
                                         ///< of length one there is every token, seen or not, at its own number
  using Contexts = std::array<std::uint32_t, kLongest + 1>;  ///< where the last k tokens stand in level k

  struct Counted {                       ///< an n-gram of the text: where it stands first, and its a
    std::size_t at;
    std::uint64_t a;
  };
  using Text = std::vector<std::uint32_t>;
  static std::vector<Counted> count(const Text& text, std::uint32_t begin_mark, std::size_t length, bool longest);
  void add_level(const Text& text, std::size_t length, const std::vector<Counted>& grams, bool three_discounts);
  std::uint32_t find(std::size_t length, std::uint32_t context, std::uint32_t token) const;
  double read(Contexts& contexts, std::uint32_t token) const;

  std::size_t order_;
  std::uint32_t begin_mark_, vocabulary_;
  double uniform_;
  std::vector<Level> levels_;  // [length]; level 0 is the empty context
};

}  // namespace fader
