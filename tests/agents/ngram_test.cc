// Kneser-Ney smoothing against numbers worked by hand and against its equations, recursively, from lists of n-grams.
#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <map>
#include <set>

#include "agents/kneser_ney.h"
#include "tests/agents/themed_text.h"

using namespace fader;

namespace {

using Tokens = std::vector<std::uint32_t>;

KneserNey model_of(int order, bool three, std::uint32_t vocabulary, const std::vector<Tokens>& texts) {
  const std::vector<KneserNey::Tokens> spans(texts.begin(), texts.end());
  return {order, three, vocabulary, 0, spans};
}

double probability(const KneserNey& model, Tokens context, std::uint32_t token) {
  const double before = model.log_probability(context);
  context.push_back(token);
  return std::exp(model.log_probability(context) - before);
}

/// The equations of kneser_ney.h as they stand.
class Equations {
 public:
  Equations(std::size_t order, bool three, double vocabulary, const std::vector<Tokens>& texts) : three_(three), vocabulary_(vocabulary), grams_(order + 1) {
    std::map<Tokens, std::set<std::uint32_t>> before;
    std::map<Tokens, double> times;
    for (Tokens text : texts) {
      text.insert(text.begin(), 0);
      for (std::size_t first = 0; first < text.size(); ++first)
        for (std::size_t last = first + 1; last <= text.size() && last - first <= order; ++last) {
          const Tokens gram(text.begin() + static_cast<std::ptrdiff_t>(first), text.begin() + static_cast<std::ptrdiff_t>(last));
          if (gram == Tokens{0}) continue;
          ++times[gram];
          if (first > 0) before[gram].insert(text[first - 1]);
        }
    }
    for (const auto& [gram, n] : times)
      grams_[gram.size()][gram] = gram.size() == order || gram[0] == 0 ? n : static_cast<double>(before[gram].size());
  }

  /// The context with its begin mark, where it reaches so far back.
  double p(Tokens context, std::uint32_t token) const {
    while (context.size() + 1 >= grams_.size()) context.erase(context.begin());
    return at(context, token);
  }

 private:
  double at(const Tokens& h, std::uint32_t token) const {
    const double lower = h.empty() ? 1 / (vocabulary_ - 1) : at(Tokens(h.begin() + 1, h.end()), token);
    double all = 0, taken = 0, own = 0;
    for (const auto& [gram, a] : grams_[h.size() + 1]) {
      if (!std::equal(h.begin(), h.end(), gram.begin())) continue;
      all += a;
      taken += std::min(a, discount(h.size() + 1, a));
      if (gram.back() == token) own = std::max(a - discount(h.size() + 1, a), 0.0);
    }
    return all == 0 ? lower : own / all + taken / all * lower;
  }
  double discount(std::size_t length, double a) const {
    std::array<double, 5> t{};
    for (const auto& [gram, n] : grams_[length])
      if (n < 5) ++t[static_cast<std::size_t>(n)];
    const double y = t[1] == 0 || t[2] == 0 ? 0.5 : t[1] / (t[1] + 2 * t[2]);
    if (!three_) return y;
    const auto k = static_cast<std::size_t>(std::min(a, 3.0));
    const double d = t[k] == 0 ? -1 : static_cast<double>(k) - static_cast<double>(k + 1) * y * t[k + 1] / t[k];
    return d > 0 && d < static_cast<double>(k) ? d : y;
  }

  bool three_;
  double vocabulary_;
  std::vector<std::map<Tokens, double>> grams_;  // [length]
};

std::vector<Tokens> random_texts(std::uint64_t seed, int texts, std::uint64_t vocabulary) {
  Rng rng(seed, "test/ngram");
  std::vector<Tokens> out;
  for (int i = 0; i < texts; ++i) {
    Tokens& text = out.emplace_back();
    std::uint64_t token = 1;
    for (std::uint64_t n = 1 + rng.below(30); n > 0; --n) {
      token = rng.uniform() < 0.6 ? 1 + token % (vocabulary - 2) : 1 + rng.below(vocabulary - 2);  // often the next one
      text.push_back(static_cast<std::uint32_t>(token));
    }
  }
  return out;
}

}  // namespace

TEST_CASE("a bigram model with one discount, worked by hand") {
  // <s> a b a c   with a = 1, b = 2, c = 3, and 4 never seen. Bigrams <s>a ab ba ac, once each: t_1 = 4, t_2 = 0, so D = 1/2.
  // Unigrams by what stands before them: a 2 (<s>, b), b 1, c 1: t_1 = 2, t_2 = 1, Y = 2 / (2 + 2) = 1/2, D = 1/2.
  //   p(a) = 1.5/4 + 1.5/4 / 4 = 15/32,   p(b) = p(c) = 0.5/4 + 1.5/4 / 4 = 7/32,   p(4) = 3/32
  //   after a: 0.5/2 each for b and c and half of the lower order:   p(b|a) = 1/4 + 1/2 7/32 = 23/64,   p(a|a) = 1/2 15/32 = 15/64
  const auto model = model_of(2, false, 5, {{1, 2, 1, 3}});
  CHECK(probability(model, {2, 1}, 2) == Approx(23.0 / 64));
  CHECK(probability(model, {2, 1}, 1) == Approx(15.0 / 64));
  CHECK(probability(model, {2, 1}, 4) == Approx(3.0 / 64));
  CHECK(probability(model, {}, 1) == Approx(0.5 + 0.5 * 15 / 32));  // after the begin mark a alone was seen
  CHECK(probability(model, {3}, 2) == Approx(7.0 / 32));            // after c nothing was
  CHECK(model.log_probability(Tokens{1, 2}) == Approx(std::log((0.5 + 0.5 * 15 / 32) * 23 / 64)));
  CHECK(model.grams() == 4);
}

TEST_CASE("probabilities are those of the equations, and sum to one after every context") {
  const std::uint32_t vocabulary = 9;
  const auto texts = random_texts(1, 25, vocabulary);
  auto contexts = random_texts(2, 12, vocabulary);
  contexts.push_back({});
  contexts.push_back({8, 8, 8});  // never seen
  contexts.insert(contexts.end(), texts.begin(), texts.begin() + 5);
  for (const int order : {1, 2, 3, 5})
    for (const bool three : {false, true}) {
      CAPTURE(order, three);
      const auto model = model_of(order, three, vocabulary, texts);
      const Equations equations(static_cast<std::size_t>(order), three, vocabulary, texts);
      for (const Tokens& context : contexts) {
        Tokens with_mark = context;
        with_mark.insert(with_mark.begin(), 0);
        double sum = 0;
        for (std::uint32_t w = 1; w < vocabulary; ++w) {
          const double p = probability(model, context, w);
          CHECK(p == Approx(equations.p(with_mark, w)).epsilon(1e-5));
          CHECK(p > 0);
          sum += p;
        }
        CHECK(sum == Approx(1).epsilon(1e-5));
      }
    }
}

TEST_CASE("longer n-grams expect text like what they learned from more") {
  const auto texts = random_texts(3, 200, 30), more = random_texts(4, 50, 30);
  double before = -1e9;
  for (const int order : {1, 2}) {
    const auto model = model_of(order, true, 30, texts);
    double sum = 0;
    for (const Tokens& text : more) sum += model.log_probability(text);
    CHECK(sum > before + 100);
    before = sum;
  }
}

TEST_CASE("ngram scores passages, or documents as a whole, and likes what it is told to") {
  const ScratchFolder folder;
  const auto corpus = std::make_shared<TextCorpus>(folder.path(), 8);
  corpus->add("abababababab", Set::anchor);
  corpus->add("ababababxyzz", Set::pool);  // 8 tokens, then 4 and the end mark
  corpus->add("xzxzxz", Set::pool);
  const auto ids = corpus->set(Set::pool);
  std::vector<KneserNey::Tokens> anchor;
  for (const PassageId id : corpus->set(Set::anchor)) anchor.push_back(corpus->tokens(id));
  const KneserNey model(3, true, static_cast<std::uint32_t>(corpus->vocabulary()), corpus->begin_mark(), anchor);
  std::vector<double> nats;
  for (const PassageId id : ids) nats.push_back(-model.log_probability(corpus->tokens(id)));

  const auto found = [&](const std::string& unit, const std::string& prefer) {
    return scores(*make_reader("ngram", corpus, [&](Options& o) {
      set_option<std::int64_t>(o, "order", 3);
      set_option<std::string>(o, "unit", unit);
      set_option<std::string>(o, "prefer", prefer);
    }), ids);
  };
  const auto low = found("passage", "low"), high = found("passage", "high"), middle = found("passage", "middle"), whole = found("document", "low");
  CHECK(static_cast<double>(low[0]) == Approx(-nats[0] / 8).epsilon(1e-5));
  CHECK(static_cast<double>(low[1]) == Approx(-nats[1] / 5).epsilon(1e-5));
  CHECK(static_cast<double>(whole[0]) == Approx(-(nats[0] + nats[1]) / 13).epsilon(1e-5));
  CHECK(whole[0] == whole[1]);
  CHECK(whole[2] == low[2]);
  CHECK(low[0] > low[1]);
  for (std::size_t i = 0; i < ids.size(); ++i) CHECK(high[i] == -low[i]);
  CHECK(*std::max_element(middle.begin(), middle.end()) == 0);  // the median of three
}
