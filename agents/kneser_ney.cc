#include "agents/kneser_ney.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace fader {
namespace {

/// Discounts for a = 1, 2 and 3 or more; t[k] n-grams have a = k.
std::array<double, 3> discounts(const std::array<double, 5>& t, bool three) {
  const double y = t[1] > 0 && t[2] > 0 ? t[1] / (t[1] + 2 * t[2]) : 0.5;
  std::array<double, 3> out{y, y, y};
  for (std::size_t k = 1; three && k <= 3; ++k) {
    const auto n = static_cast<double>(k);
    const double d = t[k] > 0 ? n - (n + 1) * y * t[k + 1] / t[k] : 0;
    if (d > 0 && d < n) out[k - 1] = d;
  }
  return out;
}

}  // namespace

KneserNey::KneserNey(int order, bool three_discounts, std::uint32_t vocabulary, std::uint32_t begin_mark, std::span<const Tokens> texts)
    : order_(static_cast<std::size_t>(order)), begin_mark_(begin_mark), vocabulary_(vocabulary), uniform_(1.0 / (vocabulary - 1.0)) {
  FADER_CHECK(order >= 1 && order <= kLongest && vocabulary >= 2 && begin_mark < vocabulary, "order {}, vocabulary {}", order, vocabulary);
  Text text;  // one after another, each with its begin mark
  for (const Tokens tokens : texts) {
    text.push_back(begin_mark);
    text.insert(text.end(), tokens.begin(), tokens.end());
  }
  levels_.push_back({Gram{}, Gram{}});
  for (std::size_t length = 1; length <= order_; ++length)
    add_level(text, length, count(text, begin_mark, length, length == order_), three_discounts);
}

std::vector<KneserNey::Counted> KneserNey::count(const Text& text, std::uint32_t begin_mark, std::size_t length, bool longest) {
  std::vector<std::size_t> windows;  // of `length` tokens of one text; the begin mark is no token of its own
  for (std::size_t i = 0, from_begin = 0; i < text.size(); ++i) {
    from_begin = text[i] == begin_mark ? 1 : from_begin + 1;
    if (from_begin >= std::max<std::size_t>(length, 2)) windows.push_back(i + 1 - length);
  }
  const auto compare = [&](std::size_t a, std::size_t b) {
    for (std::size_t i = 0; i < length; ++i)
      if (text[a + i] != text[b + i]) return text[a + i] < text[b + i] ? -1 : 1;
    return 0;
  };
  const auto begins = [&](std::size_t at) { return text[at] == begin_mark; };
  std::sort(windows.begin(), windows.end(), [&](std::size_t a, std::size_t b) {  // then by the token before
    if (const int c = compare(a, b); c != 0) return c < 0;
    if (!begins(a) && text[a - 1] != text[b - 1]) return text[a - 1] < text[b - 1];
    return a < b;
  });
  std::vector<Counted> out;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const std::size_t at = windows[i];
    const bool fresh = i == 0 || compare(windows[i - 1], at) != 0;
    if (fresh) out.push_back({at, 0});
    if (fresh || longest || begins(at) || text[windows[i - 1] - 1] != text[at - 1]) ++out.back().a;
  }
  return out;
}

void KneserNey::add_level(const Text& text, std::size_t length, const std::vector<Counted>& grams, bool three_discounts) {
  std::array<double, 5> t{};
  for (const Counted& g : grams)
    if (g.a < t.size()) ++t[g.a];
  const std::array<double, 3> d = discounts(t, three_discounts);
  const auto discount = [&](std::uint64_t a) { return std::min(d[std::min<std::uint64_t>(a, 3) - 1], static_cast<double>(a)); };

  Level& contexts = levels_.back();
  Level level(length == 1 ? vocabulary_ + 1 : grams.size() + 1);
  const auto place = [&](std::size_t i) { return length == 1 ? text[grams[i].at] : i; };
  std::size_t next = 0;  // contexts before it know where their continuations begin
  for (std::size_t first = 0, last = 0; first < grams.size(); first = last) {
    const std::uint32_t* prefix = text.data() + grams[first].at;
    std::uint32_t context = 0;
    for (std::size_t i = 0; i + 1 < length; ++i) context = find(i, context, prefix[i]);
    for (; next <= context; ++next) contexts[next].first = static_cast<std::uint32_t>(first);
    double all = 0, taken = 0;
    for (; last < grams.size() && std::equal(prefix, prefix + length - 1, text.data() + grams[last].at); ++last) {
      all += static_cast<double>(grams[last].a);
      taken += discount(grams[last].a);
    }
    contexts[context].backoff = static_cast<float>(taken / all);
    for (std::size_t i = first; i < last; ++i) {
      Gram& gram = level[place(i)];
      gram.token = text[grams[i].at + length - 1];
      gram.share = static_cast<float>((static_cast<double>(grams[i].a) - discount(grams[i].a)) / all);
    }
  }
  for (; next < contexts.size(); ++next) contexts[next].first = static_cast<std::uint32_t>(grams.size());
  levels_.push_back(std::move(level));
}

std::uint32_t KneserNey::find(std::size_t length, std::uint32_t context, std::uint32_t token) const {
  if (length == 0) return token;
  const Level& level = levels_[length + 1];
  const auto first = level.begin() + levels_[length][context].first, last = level.begin() + levels_[length][context + 1].first;
  const auto it = std::lower_bound(first, last, token, [](const Gram& g, std::uint32_t w) { return g.token < w; });
  return it != last && it->token == token ? static_cast<std::uint32_t>(it - level.begin()) : kNone;
}

double KneserNey::read(Contexts& contexts, std::uint32_t token) const {
  Contexts longer;
  longer.fill(kNone);
  longer[0] = 0;
  double p = uniform_;
  for (std::size_t k = 0; k < order_ && contexts[k] != kNone; ++k) {
    longer[k + 1] = find(k, contexts[k], token);
    const float share = longer[k + 1] == kNone ? 0 : levels_[k + 1][longer[k + 1]].share;
    p = static_cast<double>(share) + static_cast<double>(levels_[k][contexts[k]].backoff) * p;
  }
  contexts = longer;
  return p;
}

double KneserNey::log_probability(Tokens text) const {
  Contexts contexts;
  contexts.fill(kNone);
  contexts[0] = 0;
  contexts[1] = begin_mark_;
  double sum = 0;
  for (const std::uint32_t token : text) sum += std::log(read(contexts, token));
  return sum;
}

std::size_t KneserNey::grams() const {
  std::size_t n = 0;
  for (std::size_t length = 2; length < levels_.size(); ++length) n += levels_[length].size() - 1;
  return n;
}

}  // namespace fader
