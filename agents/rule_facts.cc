#include "agents/rule_facts.h"

#include <algorithm>
#include <bit>

namespace fader {
namespace {

constexpr std::string_view kEllipsis = "\xE2\x80\xA6";      // U+2026
constexpr std::string_view kClosingQuote = "\xE2\x80\x9D";  // U+201D

bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && blank(s.front())) s.remove_prefix(1);
  while (!s.empty() && blank(s.back())) s.remove_suffix(1);
  return s;
}

bool ends_in_ellipsis(std::string_view line) { return line.ends_with("...") || line.ends_with(kEllipsis); }

/// As a sentence does, C4's way: a full stop, an exclamation or question mark, a closing quotation mark; an ellipsis does not.
bool ends_sentence(std::string_view line) {
  return (std::string_view(".!?\"").find(line.back()) != std::string_view::npos || line.ends_with(kClosingQuote)) && !ends_in_ellipsis(line);
}

bool is_bullet(std::string_view line) {
  for (const std::string_view mark : {"-", "*", "\xE2\x80\xA2", "\xE2\x80\xA3", "\xE2\x97\x8F", "\xE2\x96\xAA", "\xE2\x97\xA6"})
    if (line.starts_with(mark)) return true;
  return false;
}

/// `lower` is in small letters.
bool begins_with_folded(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() && std::equal(lower.begin(), lower.end(), text.begin(), [](char wanted, char c) {
    return wanted == (c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c);
  });
}

/// A bit for each stop word; 0: it is none.
unsigned stop_word(std::string_view word) {
  static constexpr std::string_view kWords[] = {"the", "be", "to", "of", "and", "that", "have", "with"};
  for (unsigned i = 0; i < std::size(kWords); ++i)
    if (kWords[i].size() == word.size() && begins_with_folded(word, kWords[i])) return 1u << i;
  return 0;
}

/// Calls each(line), trimmed, of every line, blank ones included.
template <class Each>
void for_each_line(std::string_view text, const Each& each) {
  for (bool more = true; more;) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    each(trimmed(text.substr(0, end)));
    more = end < text.size();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

const RuleFacts& RuleReader::read(std::string_view text) {
  facts_ = {};
  stop_words_ = 0;
  word_bytes_ = 0;
  hashes_.clear();
  bytes_.clear();
  for_each_line(text, [&](std::string_view line) {
    if (!line.empty()) read_line(line);
  });
  facts_.distinct_stop_words = std::popcount(stop_words_);
  read_marks(text);
  if (wanted_ & RuleFacts::kRepeatedLines) read_repeats(text);
  if (wanted_ & (RuleFacts::kTopGrams | RuleFacts::kRepeatedGrams)) read_grams();
  return facts_;
}

void RuleReader::read_line(std::string_view line) {
  const double bytes = static_cast<double>(line.size());
  double words = 0;
  read_words(line, words);
  ++facts_.lines;
  facts_.bullet_lines += is_bullet(line);
  facts_.ellipsis_lines += ends_in_ellipsis(line);
  facts_.line_bytes += bytes;
  facts_.ended_line_bytes += ends_sentence(line) ? bytes : 0;
  facts_.worded_line_bytes += words >= 5 ? bytes : 0;
}

void RuleReader::read_words(std::string_view line, double& count) {
  const bool grams = wanted_ & (RuleFacts::kTopGrams | RuleFacts::kRepeatedGrams);
  for (std::size_t i = 0; i < line.size();) {
    if (blank(line[i])) {
      ++i;
      continue;
    }
    const std::size_t first = i;
    bool letter = false;
    for (; i < line.size() && !blank(line[i]); ++i) {
      const auto c = static_cast<unsigned char>(line[i]);
      letter = letter || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
      facts_.characters += (c & 0xC0) != 0x80;
    }
    const std::string_view word = line.substr(first, i - first);
    facts_.alphabetic_words += letter;
    stop_words_ |= stop_word(word);
    ++count;
    if (!grams) continue;
    hashes_.push_back(text_hash(word, false));
    bytes_.push_back(static_cast<std::uint32_t>(word.size()));
    word_bytes_ += static_cast<double>(word.size());
  }
  facts_.words += count;
}

void RuleReader::read_marks(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    switch (text[i]) {
      case '#': ++facts_.hashes; break;
      case '{': facts_.curly_bracket = true; break;
      case 'j': case 'J': facts_.javascript = facts_.javascript || begins_with_folded(rest, "javascript"); break;
      case 'l': case 'L': facts_.lorem_ipsum = facts_.lorem_ipsum || begins_with_folded(rest, "lorem ipsum"); break;
      case '\xE2': facts_.ellipses += rest.starts_with(kEllipsis); break;
      case '.':
        if (rest.starts_with("...")) {
          ++facts_.ellipses;
          i += 2;
          break;
        }
        [[fallthrough]];
      case '!': case '?':
        facts_.sentences += rest.size() == 1 || blank(rest[1]) || rest[1] == '"' || rest.substr(1).starts_with(kClosingQuote);
        break;
      default: break;
    }
  }
}

void RuleReader::read_repeats(std::string_view text) {
  lines_.clear();
  paragraphs_.clear();
  double paragraphs = 0, paragraph_bytes = 0, bytes = 0;  // of the paragraph at hand
  std::uint64_t hash = 0;
  const auto end_paragraph = [&] {
    if (bytes == 0) return;
    ++paragraphs;
    paragraph_bytes += bytes;
    if (!paragraphs_.add(hash)) {
      ++facts_.repeated_paragraphs;
      facts_.repeated_paragraph_bytes += bytes;
    }
    hash = 0;
    bytes = 0;
  };
  for_each_line(text, [&](std::string_view line) {
    if (line.empty()) return end_paragraph();
    const std::uint64_t of_line = text_hash(line, false);
    if (!lines_.add(of_line)) {
      ++facts_.repeated_lines;
      facts_.repeated_line_bytes += static_cast<double>(line.size());
    }
    hash = (hash ^ of_line) * 0x9e3779b97f4a7c15ull;
    hash ^= hash >> 32;
    bytes += static_cast<double>(line.size());
  });
  end_paragraph();
  const auto share = [](double& part, double all) { part = all > 0 ? part / all : 0; };
  share(facts_.repeated_lines, facts_.lines);
  share(facts_.repeated_line_bytes, facts_.line_bytes);
  share(facts_.repeated_paragraphs, paragraphs);
  share(facts_.repeated_paragraph_bytes, paragraph_bytes);
}

void RuleReader::read_grams() {
  std::size_t room = grams_.size();
  while (room < 2 * hashes_.size()) room *= 2;
  if (room > grams_.size()) grams_.assign(room, Gram{});
  rolling_ = hashes_;
  for (std::size_t n = 2; n <= 10 && n <= hashes_.size(); ++n) {
    for (std::size_t i = 0; i + n <= hashes_.size(); ++i) {
      std::uint64_t h = rolling_[i] * 0xff51afd7ed558ccdull + hashes_[i + n - 1];
      rolling_[i] = h ^ h >> 33;
    }
    if (n <= 4 && wanted_ & RuleFacts::kTopGrams) facts_.top_grams[n - 2] = top_share(n);
    if (n >= 5 && wanted_ & RuleFacts::kRepeatedGrams) facts_.repeated_grams[n - 5] = repeated_share(n);
  }
}

void RuleReader::begin_round() {
  if (++round_ != 0) return;
  std::fill(grams_.begin(), grams_.end(), Gram{});
  round_ = 1;
}

RuleReader::Gram& RuleReader::gram(std::uint64_t hash) {
  const std::size_t mask = grams_.size() - 1;
  std::size_t at = hash & mask;
  while (grams_[at].round == round_ && grams_[at].hash != hash) at = (at + 1) & mask;
  if (grams_[at].round != round_) grams_[at] = {hash, round_, 0, 0};
  return grams_[at];
}

double RuleReader::top_share(std::size_t n) {
  begin_round();
  std::uint32_t most = 1;
  double bytes = 0;  // in all places of it; of several as frequent, the longest
  for (std::size_t i = 0; i + n <= hashes_.size(); ++i) {
    Gram& g = gram(rolling_[i]);
    if (++g.count < 2 || g.count < most) continue;
    double length = 0;
    for (std::size_t k = i; k < i + n; ++k) length += bytes_[k];
    bytes = g.count > most ? length * g.count : std::max(bytes, length * g.count);
    most = g.count;
  }
  return std::min(1.0, bytes / word_bytes_);
}

double RuleReader::repeated_share(std::size_t n) {
  begin_round();
  covered_.assign(hashes_.size(), 0);
  const auto cover = [&](std::size_t first) { std::fill_n(covered_.begin() + static_cast<std::ptrdiff_t>(first), n, std::uint8_t{1}); };
  for (std::size_t i = 0; i + n <= hashes_.size(); ++i) {
    Gram& g = gram(rolling_[i]);
    if (++g.count == 1) g.first = static_cast<std::uint32_t>(i);
    else cover(i);
    if (g.count == 2) cover(g.first);
  }
  double bytes = 0;
  for (std::size_t i = 0; i < covered_.size(); ++i) bytes += covered_[i] ? bytes_[i] : 0;
  return bytes / word_bytes_;
}

}  // namespace fader
