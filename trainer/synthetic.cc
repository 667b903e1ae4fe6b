// The synthetic corpus. Made to be hard in the ways that matter to a data selector: which documents are trained on changes the
// reference loss clearly, loss alone misleads, knowledge transfers between domains by a known amount, good text can be scarce.
//
// Tables, drawn once from the seed
//   words     240 distinct words of two syllables (consonant, vowel); word w is of class c(w) = w mod 6. Short, so that a small
//             vocabulary of pieces writes most of them with one or two.
//   grammar   G_d = 0.6 S + 0.4 O_d: 6 x 6 class transitions, rows of S and O_d normalised Gamma(1/2) draws.
//   topics    T_z(w): within each class a Zipf law, share of rank r proportional to 1 / r; the ranks are permuted per z.
//   facts     F_0 a permutation of the words. F_d agrees with F_0 in a share s_d = 1, 0.6, 0.2, 0.2 of its entries, and the
//             others are exchanged among themselves: s is the transfer matrix, and disagreement makes forgetting.
//   loops     L_z: twelve distinct words a topic.
//
// A document has a domain d with probability p_d, a topic z (uniform), a quality q with probability
//   P(q) = 0.20 noise, 0.10 loop, 0.30, 0.25, 0.15,
// a length of 40 to 160 words (uniform), and is its own work. Its words, separated by single spaces:
//   q != 1    first word: class uniform, then T_z. After word v
//               P(w | v) = k_q [w = F_d(v)] + (1 - k_q) (e_q / 240 + (1 - e_q) G_d(c(v), c(w)) T_z(w)),
//             k_q = 0.05, -, 0.35, 0.55, 0.70 and e_q = 0.60, -, 0.20, 0.08, 0.02.
//   q = 1     L_z around and around from a uniform start; each word is replaced by a uniform one with probability 0.02.
// So q = 0 has a high loss and is useless, q = 1 a low loss and is useless.
//
// Visible label: meta.quality = q + N(0, 0.7), clipped to 0..4. Reference-like: d = 0 and q >= 3.
// Supply: a document that would be reference-like is so with probability `supply`; otherwise its q is drawn anew from 0..2.
// Drift: at a share t of the text p_d = (0.1, 0.3, 0.3, 0.3) + drift (1 - 2 t) (-0.08, 0.24, 0, -0.16): the mean stays.
//
// Streams: corpus/synthetic/<table>, and corpus/synthetic/documents/<index> for each document.
#include "trainer/synthetic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <span>

#include "core/error.h"
#include "core/rng.h"

namespace fader {
namespace {

using Law = SyntheticLaw;

constexpr std::array<double, Law::kDomains> kDomainShare{0.1, 0.3, 0.3, 0.3}, kDrift{-0.08, 0.24, 0, -0.16},
    kAgreement{1, 0.6, 0.2, 0.2};
constexpr std::array<double, Law::kQualities> kQualityShare{0.20, 0.10, 0.30, 0.25, 0.15}, kFact{0.05, 0, 0.35, 0.55, 0.70},
    kNoise{0.60, 0.02, 0.20, 0.08, 0.02};
constexpr int kLoopQuality = 1, kGood = 3;
constexpr double kLabelNoise = 0.7;

Rng stream(std::int64_t seed, std::string_view name) {
  return Rng(static_cast<std::uint64_t>(seed), fmt::format("corpus/synthetic/{}", name));
}

template <class T>
auto index(T i) {
  return static_cast<std::size_t>(i);
}

/// Draws from a fixed law over few items in constant time (Walker 1977, the alias method).
class Alias {
 public:
  explicit Alias(std::span<const double> share) : keep_(share.size()), other_(share.size()) {
    std::vector<std::size_t> small, large;
    for (std::size_t i = 0; i < share.size(); ++i) {
      keep_[i] = share[i] * static_cast<double>(share.size());
      other_[i] = i;
      (keep_[i] < 1 ? small : large).push_back(i);
    }
    while (!small.empty() && !large.empty()) {
      const std::size_t s = small.back(), l = large.back();
      small.pop_back();
      other_[s] = l;
      keep_[l] -= 1 - keep_[s];
      if (keep_[l] < 1) {
        large.pop_back();
        small.push_back(l);
      }
    }
  }
  /// `u` is uniform in [0, 1).
  int draw(double u) const {
    const double x = u * static_cast<double>(keep_.size());
    const std::size_t i = std::min(index(x), keep_.size() - 1);
    return static_cast<int>(x - static_cast<double>(i) < keep_[i] ? i : other_[i]);
  }

 private:
  std::vector<double> keep_;
  std::vector<std::size_t> other_;  // itself where the item keeps its whole place
};

std::array<std::string, Law::kWords> make_words(Rng rng) {
  constexpr std::string_view consonants = "bdfgklmnprstvz", vowels = "aeiou";
  std::array<std::string, Law::kWords> words;
  std::set<std::string> seen;
  for (std::string& word : words) {
    do {
      word.clear();
      for (int syllable = 0; syllable < 2; ++syllable) {
        word += consonants[rng.below(consonants.size())];
        word += vowels[rng.below(vowels.size())];
      }
    } while (!seen.insert(word).second);
  }
  return words;
}

template <std::size_t N>
std::array<int, N> permutation(Rng rng) {
  std::array<int, N> order;
  std::iota(order.begin(), order.end(), 0);
  rng.shuffle(std::span<int>(order));
  return order;
}

using Transitions = std::array<std::array<double, Law::kClasses>, Law::kClasses>;
Transitions make_transitions(Rng rng) {
  Transitions rows;
  for (auto& row : rows) {
    for (double& p : row) p = rng.gamma(0.5);
    const double sum = std::accumulate(row.begin(), row.end(), 0.0);
    for (double& p : row) p /= sum;
  }
  return rows;
}

/// A document's words are drawn through these; one table for each domain, topic and class of the word before.
struct Samplers {
  std::vector<Alias> ordinary, first;  // [(d x topics + z) x classes + class], [z]
  explicit Samplers(const Law& law) {
    std::array<double, Law::kWords> share;
    for (int z = 0; z < Law::kTopics; ++z) {
      for (int w = 0; w < Law::kWords; ++w) share[index(w)] = law.start(z, w);
      first.emplace_back(share);
    }
    for (std::size_t d = 0; d < Law::kDomains; ++d)
      for (std::size_t z = 0; z < Law::kTopics; ++z)
        for (std::size_t c = 0; c < Law::kClasses; ++c) {
          const auto& row = law.grammar[d][c];
          for (std::size_t w = 0; w < Law::kWords; ++w) share[w] = row[w % Law::kClasses] * law.topic[z][w];
          ordinary.emplace_back(share);
        }
  }
  const Alias& after(int d, int z, int v) const {
    return ordinary[index((d * Law::kTopics + z) * Law::kClasses + v % Law::kClasses)];
  }
};

struct Labels {
  int domain = 0, topic = 0, quality = 0;
  bool reference_like() const { return domain == 0 && quality >= kGood; }
};

Labels draw_labels(const SyntheticOptions& options, double position, Rng& rng) {
  std::array<double, Law::kDomains> domains;
  for (std::size_t d = 0; d < domains.size(); ++d)
    domains[d] = kDomainShare[d] + options.drift * (1 - 2 * position) * kDrift[d];
  Labels labels;
  labels.domain = static_cast<int>(rng.choice(domains));
  labels.topic = static_cast<int>(rng.below(Law::kTopics));
  labels.quality = static_cast<int>(rng.choice(kQualityShare));
  const bool supplied = rng.uniform() < options.supply;
  const int poor = static_cast<int>(rng.choice(std::span(kQualityShare).first(kGood)));
  if (labels.reference_like() && !supplied) labels.quality = poor;
  return labels;
}

void write_loop(const Law& law, int z, std::uint64_t length, Rng& rng, std::string& text) {
  std::uint64_t at = rng.below(Law::kLoop);
  for (std::uint64_t i = 0; i < length; ++i, at = (at + 1) % Law::kLoop) {
    if (i > 0) text += ' ';
    const bool noise = rng.uniform() < kNoise[kLoopQuality];
    text += law.words[noise ? rng.below(Law::kWords) : index(law.loop[index(z)][at])];
  }
}

void write_words(const Law& law, const Samplers& samplers, const Labels& labels, std::uint64_t length, Rng& rng,
                 std::string& text) {
  const double fact = kFact[index(labels.quality)], noise = fact + (1 - fact) * kNoise[index(labels.quality)];
  int word = samplers.first[index(labels.topic)].draw(rng.uniform());
  text += law.words[index(word)];
  for (std::uint64_t i = 1; i < length; ++i) {
    const double u = rng.uniform();  // decides between the three, and what is left of it within the one taken
    if (u < fact) word = law.fact[index(labels.domain)][index(word)];
    else if (u < noise) word = std::min(static_cast<int>((u - fact) / (noise - fact) * Law::kWords), Law::kWords - 1);
    else word = samplers.after(labels.domain, labels.topic, word).draw((u - noise) / (1 - noise));
    text += ' ';
    text += law.words[index(word)];
  }
}

}  // namespace

SyntheticLaw::SyntheticLaw(std::int64_t seed) : words(make_words(stream(seed, "words"))) {
  const Transitions shared = make_transitions(stream(seed, "grammar/shared"));
  for (std::size_t d = 0; d < kDomains; ++d) {
    const Transitions own = make_transitions(stream(seed, fmt::format("grammar/{}", d)));
    for (std::size_t a = 0; a < kClasses; ++a)
      for (std::size_t b = 0; b < kClasses; ++b) grammar[d][a][b] = 0.6 * shared[a][b] + 0.4 * own[a][b];
  }
  constexpr std::size_t in_class = kWords / kClasses;
  double harmonic = 0;
  for (std::size_t r = 1; r <= in_class; ++r) harmonic += 1 / static_cast<double>(r);
  for (std::size_t z = 0; z < kTopics; ++z) {
    const Rng rng = stream(seed, fmt::format("topics/{}", z));
    for (std::size_t c = 0; c < kClasses; ++c) {
      const auto order = permutation<in_class>(rng.child(std::to_string(c)));
      for (std::size_t r = 0; r < in_class; ++r)
        topic[z][index(order[r]) * kClasses + c] = 1 / (static_cast<double>(r + 1) * harmonic);
    }
  }
  fact[0] = permutation<kWords>(stream(seed, "facts/0"));
  for (std::size_t d = 1; d < kDomains; ++d) {
    const auto order = permutation<kWords>(stream(seed, fmt::format("facts/{}", d)));
    const auto others = static_cast<std::size_t>(std::lround((1 - kAgreement[d]) * kWords));
    fact[d] = fact[0];
    for (std::size_t i = 0; i < others; ++i)  // around a cycle, so all of them differ
      fact[d][index(order[i])] = fact[0][index(order[(i + 1) % others])];
  }
  for (std::size_t z = 0; z < kTopics; ++z) {
    const auto order = permutation<kWords>(stream(seed, fmt::format("loops/{}", z)));
    std::copy_n(order.begin(), kLoop, loop[z].begin());
  }
}

double SyntheticLaw::start(int z, int w) const { return topic[index(z)][index(w)] / kClasses; }

double SyntheticLaw::next(int d, int z, int q, int v, int w) const {
  FADER_CHECK(q != kLoopQuality, "a loop has no law of the word before");
  const double fact_share = kFact[index(q)], noise = kNoise[index(q)];
  const double ordinary = grammar[index(d)][index(v % kClasses)][index(w % kClasses)] * topic[index(z)][index(w)];
  return fact_share * (fact[index(d)][index(v)] == w) + (1 - fact_share) * (noise / kWords + (1 - noise) * ordinary);
}

double SyntheticLaw::reference_floor() const {
  const auto nats = [](double p) { return p > 0 ? -p * std::log(p) : 0.0; };
  double total = 0, weight = 0;
  std::vector<double> step(index(kWords * kWords));
  for (int q = kGood; q < kQualities; ++q)
    for (int z = 0; z < kTopics; ++z) {
      std::array<double, kWords> entropy{}, at, then;  // of the next word; law of the word at a place, and of the one after
      double sum = 0, length = 0;
      for (int v = 0; v < kWords; ++v) {
        for (int w = 0; w < kWords; ++w) entropy[index(v)] += nats(step[index(v * kWords + w)] = next(0, z, q, v, w));
        sum += nats(at[index(v)] = start(z, v));
      }
      for (int i = 1; i < kLongest; ++i) {
        const double reached = std::min(1.0, static_cast<double>(kLongest - i) / (kLongest - kShortest + 1));  // P(length > i)
        sum += reached * std::inner_product(at.begin(), at.end(), entropy.begin(), 0.0);
        then.fill(0);
        for (std::size_t v = 0; v < kWords; ++v)
          for (std::size_t w = 0; w < kWords; ++w) then[w] += at[v] * step[v * kWords + w];
        at = then;
        length += reached;
      }
      total += kQualityShare[index(q)] * sum;
      weight += kQualityShare[index(q)] * (length + 1);
    }
  return total / weight;
}

void make_synthetic(const SyntheticOptions& options, const std::function<void(const std::string& line)>& sink) {
  const auto in_range = [](double x, double low, double high) { return x >= low && x <= high; };  // false for NaN
  if (!in_range(options.megabytes, 1e-6, 1e6) || !in_range(options.supply, 0, 1) || !in_range(options.drift, 0, 1))
    throw ConfigError(fmt::format("the synthetic corpus of {} megabytes with supply {} and drift {}: megabytes have to be above "
                                  "zero and at most a million, supply and drift from 0 to 1",
                                  options.megabytes, options.supply, options.drift));
  const SyntheticLaw law(options.seed);
  const Samplers samplers(law);
  const Rng documents = stream(options.seed, "documents");
  const double wanted = options.megabytes * 1e6;
  double made = 0;
  std::string line;
  for (std::uint64_t i = 0; made < wanted; ++i) {
    Rng rng = documents.child(std::to_string(i));
    const Labels labels = draw_labels(options, made / wanted, rng);
    const double visible = std::clamp(labels.quality + kLabelNoise * rng.normal(), 0.0, double{Law::kQualities - 1});
    const std::uint64_t length = Law::kShortest + rng.below(Law::kLongest - Law::kShortest + 1);
    line = R"({"text": ")";
    const std::size_t before = line.size();
    if (labels.quality == kLoopQuality) write_loop(law, labels.topic, length, rng, line);
    else write_words(law, samplers, labels, length, rng, line);
    made += static_cast<double>(line.size() - before);
    fmt::format_to(std::back_inserter(line),
                   R"(", "meta": {{"redpajama_set_name": "domain{}", "topic": "topic{}", "quality": {:.3f}, "true_quality": {}, )"
                   R"("work": "work{}"}}}})",
                   labels.domain, labels.topic, visible, labels.quality, i);
    sink(line);
  }
}

}  // namespace fader
