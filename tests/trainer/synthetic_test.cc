#include "trainer/synthetic.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "core/error.h"
#include "trainer/tokenizer.h"

using namespace fader;

namespace {

using Law = SyntheticLaw;

struct Made {
  int domain = 0, topic = 0, quality = 0;
  double visible = 0;
  std::vector<int> words;
  bool reference_like() const { return domain == 0 && quality >= 3; }
};

std::size_t at(int i) { return static_cast<std::size_t>(i); }

std::vector<std::string> lines(const SyntheticOptions& options) {
  std::vector<std::string> all;
  make_synthetic(options, [&](const std::string& line) { all.push_back(line); });
  return all;
}

std::vector<Made> documents(const SyntheticOptions& options) {
  const Law law(options.seed);
  std::map<std::string, int> number;
  for (int w = 0; w < Law::kWords; ++w) number[law.words[at(w)]] = w;
  std::vector<Made> all;
  for (const std::string& line : lines(options)) {
    const auto record = nlohmann::json::parse(line);
    const auto& meta = record["meta"];
    Made made;
    made.domain = std::stoi(meta["redpajama_set_name"].get<std::string>().substr(6));
    made.topic = std::stoi(meta["topic"].get<std::string>().substr(5));
    made.quality = meta["true_quality"];
    made.visible = meta["quality"];
    std::istringstream text(record["text"].get<std::string>());
    for (std::string word; std::getline(text, word, ' ');) made.words.push_back(number.at(word));
    all.push_back(std::move(made));
  }
  return all;
}

template <class Is>
double share(const std::vector<Made>& all, Is is) {
  return static_cast<double>(std::count_if(all.begin(), all.end(), is)) / static_cast<double>(all.size());
}

/// A table of logits, word after word, trained by plain stochastic gradient descent whose rate falls over the last 30%.
class Bigram {
 public:
  Bigram() : logit_(Law::kWords * Law::kWords) {}

  void train(const std::vector<std::vector<int>>& texts, std::size_t budget) {
    std::size_t seen = 0;
    for (const auto& text : texts)
      for (std::size_t i = 1; i < text.size() && seen < budget; ++i, ++seen) {
        const double left = 1 - static_cast<double>(seen) / static_cast<double>(budget);
        const float rate = static_cast<float>(std::min(1.0, left / 0.3));
        predict(text[i - 1]);
        float* row = &logit_[at(text[i - 1]) * Law::kWords];
        for (std::size_t w = 0; w < Law::kWords; ++w) row[w] -= rate * p_[w];
        row[text[i]] += rate;
      }
    REQUIRE(seen == budget);
  }
  double loss(const std::vector<std::vector<int>>& texts) {
    double nats = 0, words = 0;
    for (const auto& text : texts)
      for (std::size_t i = 1; i < text.size(); ++i, ++words) {
        predict(text[i - 1]);
        nats -= std::log(std::max(double{p_[at(text[i])]}, 1e-30));
      }
    return nats / words;
  }

 private:
  void predict(int word) {
    const float* row = &logit_[at(word) * Law::kWords];
    const float top = *std::max_element(row, row + Law::kWords);
    float sum = 0;
    for (std::size_t w = 0; w < Law::kWords; ++w) sum += p_[w] = std::exp(row[w] - top);
    for (float& p : p_) p /= sum;
  }
  std::vector<float> logit_;
  std::array<float, Law::kWords> p_{};
};

}  // namespace

TEST_CASE("synthetic records have the schema and equal options give equal bytes") {
  SyntheticOptions options;
  options.seed = 5;
  options.megabytes = 0.3;
  const auto one = lines(options);
  CHECK(one == lines(options));
  options.seed = 6;
  CHECK(one != lines(options));

  std::set<std::string> works;
  std::size_t bytes = 0;
  for (const std::string& line : one) {
    CHECK(line.find('\n') == std::string::npos);
    const auto record = nlohmann::json::parse(line);
    const auto& meta = record["meta"];
    works.insert(meta["work"].get<std::string>());
    CHECK((meta["quality"] >= 0.0 && meta["quality"] <= 4.0));
    CHECK((meta["true_quality"] >= 0 && meta["true_quality"] <= 4));
    const auto text = record["text"].get<std::string>();
    bytes += text.size();
    const auto words = std::count(text.begin(), text.end(), ' ') + 1;
    CHECK((words >= Law::kShortest && words <= Law::kLongest));
  }
  CHECK(works.size() == one.size());
  CHECK(bytes >= 300'000);
  CHECK(bytes < 302'000);
}

TEST_CASE("synthetic options out of range are refused") {
  const auto refused = [](double megabytes, double supply, double drift) {
    SyntheticOptions options;
    options.megabytes = megabytes, options.supply = supply, options.drift = drift;
    CHECK_THROWS_AS(lines(options), ConfigError);
  };
  refused(0, 1, 0);
  refused(-1, 1, 0);
  refused(NAN, 1, 0);
  refused(0.1, 1.1, 0);
  refused(0.1, -0.1, 0);
  refused(0.1, 1, 2);
}

TEST_CASE("the synthetic tables are what the model says") {
  const Law law(3);
  CHECK(std::set<std::string>(law.words.begin(), law.words.end()).size() == Law::kWords);
  for (int d = 0; d < Law::kDomains; ++d) {
    const auto& fact = law.fact[at(d)];
    CHECK(std::set<int>(fact.begin(), fact.end()).size() == Law::kWords);  // a permutation
    int agree = 0;
    for (int v = 0; v < Law::kWords; ++v) agree += fact[at(v)] == law.fact[0][at(v)];
    CHECK(agree == std::array<int, 4>{240, 144, 48, 48}[at(d)]);
  }
  for (int z = 0; z < Law::kTopics; ++z) {
    CHECK(std::set<int>(law.loop[at(z)].begin(), law.loop[at(z)].end()).size() == Law::kLoop);
    double starts = 0;
    for (int w = 0; w < Law::kWords; ++w) starts += law.start(z, w);
    CHECK(starts == Approx(1).epsilon(1e-12));
    for (const int q : {0, 2, 3, 4})
      for (int v = 0; v < Law::kWords; v += 7) {
        double sum = 0;
        for (int w = 0; w < Law::kWords; ++w) sum += law.next(v % 4, z, q, v, w);
        CHECK(sum == Approx(1).epsilon(1e-12));
      }
  }
  CHECK_THROWS_AS(law.next(0, 0, 1, 0, 0), Defect);
}

TEST_CASE("synthetic labels have their shares, supply caps the reference and drift moves the domains") {
  SyntheticOptions options;
  options.megabytes = 3;
  const auto all = documents(options);
  const auto n = static_cast<double>(all.size());
  const auto near = [n](double found, double expected) {  // five standard errors
    CHECK(std::abs(found - expected) < 5 * std::sqrt(expected * (1 - expected) / n));
  };
  const std::vector<double> domains{0.1, 0.3, 0.3, 0.3}, qualities{0.2, 0.1, 0.3, 0.25, 0.15};
  for (int i = 0; i < 4; ++i) {
    near(share(all, [i](const Made& m) { return m.domain == i; }), domains[at(i)]);
    near(share(all, [i](const Made& m) { return m.topic == i; }), 0.25);
  }
  for (int q = 0; q < 5; ++q) near(share(all, [q](const Made& m) { return m.quality == q; }), qualities[at(q)]);
  double noise = 0, middle = 0;  // around quality 2 little is clipped
  for (const Made& m : all)
    if (m.quality == 2) noise += (m.visible - 2) * (m.visible - 2), ++middle;
  CHECK(std::sqrt(noise / middle) == Approx(0.7).margin(0.03));

  options.supply = 0.25;
  const auto scarce = documents(options);
  near(share(scarce, [](const Made& m) { return m.reference_like(); }), 0.01);
  near(share(scarce, [](const Made& m) { return m.domain == 0; }), 0.1);
  options.supply = 1;
  options.drift = 1;
  auto moved = documents(options);
  near(share(moved, [](const Made& m) { return m.domain == 1; }), 0.3);
  moved.resize(moved.size() / 4);  // its middle is at an eighth of the text
  const double early = share(moved, [](const Made& m) { return m.domain == 1; });
  CHECK(early == Approx(0.3 + 0.75 * 0.24).margin(0.05));
}

TEST_CASE("synthetic text follows its law") {
  SyntheticOptions options;
  options.megabytes = 6;
  options.seed = 2;
  const Law law(options.seed);
  struct Word {
    double mean = -1, variance = 0;  // of -ln P(next word)
  };
  std::map<std::array<int, 4>, Word> known;
  struct Sum {
    double surprise = 0, variance = 0, words = 0, facts = 0;
  };
  std::map<int, Sum> sums;  // by quality
  double loops = 0, in_loop = 0;
  for (const Made& m : documents(options))
    for (std::size_t i = 1; i < m.words.size(); ++i) {
      const int v = m.words[i - 1], w = m.words[i];
      if (m.quality == 1) {
        const auto& loop = law.loop[at(m.topic)];
        const auto place = std::find(loop.begin(), loop.end(), v);
        in_loop += place != loop.end() && w == loop[at(static_cast<int>(place - loop.begin()) + 1) % Law::kLoop];
        ++loops;
        continue;
      }
      Word& word = known[{m.domain, m.topic, m.quality, v}];
      if (word.mean < 0) {
        double first = 0, second = 0;
        for (int u = 0; u < Law::kWords; ++u) {
          const double p = law.next(m.domain, m.topic, m.quality, v, u), nats = -std::log(p);
          first += p * nats, second += p * nats * nats;
        }
        word = {first, second - first * first};
      }
      Sum& sum = sums[m.quality];
      sum.surprise += -std::log(law.next(m.domain, m.topic, m.quality, v, w)) - word.mean;
      sum.variance += word.variance;
      sum.facts += w == law.fact[at(m.domain)][at(v)];
      ++sum.words;
    }
  const std::map<int, double> fact_share{{0, 0.05}, {2, 0.35}, {3, 0.55}, {4, 0.70}};
  for (const auto& [q, sum] : sums) {
    CAPTURE(q);
    CHECK(std::abs(sum.surprise) < 4 * std::sqrt(sum.variance));  // the entropy is as it should be
    CHECK(sum.facts / sum.words == Approx(fact_share.at(q) + 0.01).margin(0.015));  // a little more, by chance
  }
  CHECK(in_loop / loops == Approx(0.98 * 0.98).margin(0.005));
}

TEST_CASE("the floor is the entropy of reference text") {
  // By a law of one place at a time, in place of the propagated one: the entropy after each word that was really drawn.
  SyntheticOptions options;
  options.seed = 2;
  options.megabytes = 6;
  const Law law(options.seed);
  const auto nats = [](double p) { return p > 0 ? -p * std::log(p) : 0.0; };
  std::map<std::array<int, 3>, double> known;
  std::array<double, 2> total{}, words{};  // qualities 3 and 4
  for (const Made& m : documents(options)) {
    if (!m.reference_like()) continue;
    double sum = 0;
    for (int w = 0; w < Law::kWords; ++w) sum += nats(law.start(m.topic, w));
    for (std::size_t i = 1; i < m.words.size(); ++i) {
      double& entropy = known[{m.topic, m.quality, m.words[i - 1]}];
      if (entropy == 0)
        for (int w = 0; w < Law::kWords; ++w) entropy += nats(law.next(0, m.topic, m.quality, m.words[i - 1], w));
      sum += entropy;
    }
    total[at(m.quality - 3)] += sum;
    words[at(m.quality - 3)] += static_cast<double>(m.words.size());
  }
  const double expected = (0.25 * total[0] / words[0] + 0.15 * total[1] / words[1]) / 0.40;
  CHECK(law.reference_floor() == Approx(expected).margin(0.004));
}

TEST_CASE("choosing by true label orders the reference losses as it should") {
  for (const std::int64_t seed : {0, 1}) {
    SyntheticOptions options;
    options.seed = seed;
    options.megabytes = 5.5;
    constexpr std::size_t budget = 60'000;  // words
    const auto all = documents(options);
    std::vector<std::vector<int>> test;
    std::map<std::string, std::vector<std::vector<int>>> picks;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Made& m = all[i];
      if (i % 4 == 0) {
        if (m.reference_like() && test.size() < 100) test.push_back(m.words);
        continue;
      }
      picks["random"].push_back(m.words);
      if (m.quality >= 3) picks["good"].push_back(m.words);
      if (m.domain == 0) picks["domain"].push_back(m.words);
      if (m.quality == 0) picks["noise"].push_back(m.words);
      if (m.quality == 1) picks["loops"].push_back(m.words);
    }
    REQUIRE(test.size() == 100);
    std::map<std::string, double> loss;
    for (const auto& [name, texts] : picks) {
      Bigram model;
      model.train(texts, budget);
      loss[name] = model.loss(test);
    }
    CAPTURE(seed, loss["domain"], loss["good"], loss["random"], loss["noise"], loss["loops"]);
    CHECK(loss["domain"] < loss["good"] - 0.1);
    CHECK(loss["good"] < loss["random"] - 0.05);
    CHECK(loss["random"] < loss["noise"] - 0.5);
    CHECK(loss["noise"] < loss["loops"] - 0.5);
    CHECK(Law(seed).reference_floor() < loss["domain"]);
  }
}

TEST_CASE("a small tokenizer writes synthetic words with few tokens") {
  SyntheticOptions options;
  options.megabytes = 1;
  std::vector<std::string> texts;
  for (const std::string& line : lines(options)) texts.push_back(nlohmann::json::parse(line)["text"]);
  const Tokenizer tokenizer = Tokenizer::train(texts, 512);
  std::vector<std::uint32_t> tokens;
  std::size_t bytes = 0;
  for (const std::string& text : texts) {
    tokenizer.encode(text, tokens);
    bytes += text.size();
  }
  CHECK(tokenizer.decoded_bytes(tokens) == bytes);
  CHECK(static_cast<double>(tokens.size()) < 1.7 * static_cast<double>(bytes) / 5);  // a word and its space have five bytes
}
