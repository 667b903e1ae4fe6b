// The synthetic corpus: JSON lines made from a seed, with known labels. See synthetic.cc for the generative model.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace fader {

struct SyntheticOptions {
  std::int64_t seed = 0;
  double megabytes = 12;  ///< of text
  double supply = 1.0;    ///< cap on reference-like text as a share of what the generator would otherwise make of it
  double drift = 0.0;     ///< how far the domain shares move from the first document to the last, 0..1
};

/// Records in SlimPajama's schema, one call each, without the line end. Fields: text, meta.redpajama_set_name ("domain0".."3"),
/// meta.topic ("topic0".."3"), meta.quality (the noisy visible label), meta.true_quality (0..4, for tests and the reference
/// set only), meta.work (its own). Equal options, equal bytes.
void make_synthetic(const SyntheticOptions& options, const std::function<void(const std::string& line)>& sink);

/// What the text of a seed is drawn from: tables, exact probabilities, and the loss that no model can go below.
struct SyntheticLaw {
  static constexpr int kWords = 240, kClasses = 6, kDomains = 4, kTopics = 4, kQualities = 5, kLoop = 12;
  static constexpr int kShortest = 40, kLongest = 160;  ///< words of a document

  explicit SyntheticLaw(std::int64_t seed);

  /// Probability that a document of topic `z` starts with word `w`, unless it is a loop (q = 1).
  double start(int z, int w) const;
  /// Probability of word `w` after word `v` in a document of domain `d`, topic `z` and quality `q`, unless it is a loop.
  double next(int d, int z, int q, int v, int w) const;
  /// Entropy in nats a word of reference text (domain 0, q >= 3) for a reader who knows the tables and each document's labels.
  /// Who knows the tables alone pays more, but at most -ln(the labels' share of the corpus) nats a document.
  double reference_floor() const;

  std::array<std::string, kWords> words;                                         ///< word w is of class w % kClasses
  std::array<std::array<std::array<double, kClasses>, kClasses>, kDomains> grammar{};  ///< [d][class of v][class of w]
  std::array<std::array<double, kWords>, kTopics> topic{};                       ///< [z][w]: of w within its class
  std::array<std::array<int, kWords>, kDomains> fact{};                          ///< [d][v]: the word that belongs after v
  std::array<std::array<int, kLoop>, kTopics> loop{};                            ///< [z]: distinct words
};

}  // namespace fader
