// What the rules of agents/rules.cc look at in a text. Words are what stands between ASCII white space; lines end at line ends, and
// blank ones are not counted; paragraphs are lines without a blank one between them. Where repetition is counted, a text that comes
// n times is repeated n - 1 times, and shares are of the bytes of all lines, or of all words.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "agents/text_scores.h"

namespace fader {

struct RuleFacts {
  enum : unsigned { kRepeatedLines = 1, kTopGrams = 2, kRepeatedGrams = 4 };  ///< parts that are measured when asked for

  double words = 0, characters = 0;           ///< characters of words; a byte that begins none counts as none
  double hashes = 0, ellipses = 0;            ///< '#'; "..." and U+2026
  double alphabetic_words = 0;                ///< with a letter: ASCII, or any byte above 0x7f
  double distinct_stop_words = 0;             ///< of the, be, to, of, and, that, have, with; in any case
  double lines = 0, bullet_lines = 0, ellipsis_lines = 0;
  double line_bytes = 0, ended_line_bytes = 0, worded_line_bytes = 0;  ///< that end as sentences do; of five words or more
  double sentences = 0;                       ///< ends of them: . ! ? before white space, a quotation mark or the end
  bool javascript = false, lorem_ipsum = false, curly_bracket = false;

  double repeated_lines = 0, repeated_line_bytes = 0, repeated_paragraphs = 0, repeated_paragraph_bytes = 0;  ///< shares
  std::array<double, 3> top_grams{};          ///< share of words' bytes in the most frequent 2-, 3-, 4-gram, if it comes twice
  std::array<double, 6> repeated_grams{};     ///< share of words' bytes in 5- to 10-grams that come twice or more, each byte once

  double mean_word_length() const { return words > 0 ? characters / words : 0; }
};

class RuleReader {
 public:
  explicit RuleReader(unsigned wanted) : wanted_(wanted), grams_(1024) {}
  /// Valid until the next call.
  const RuleFacts& read(std::string_view text);

 private:
  struct Gram {
    std::uint64_t hash = 0;
    std::uint32_t round = 0, first = 0, count = 0;
  };
  void read_words(std::string_view line, double& count);
  void read_line(std::string_view line);
  void read_marks(std::string_view text);
  void read_repeats(std::string_view text);
  void read_grams();
  void begin_round();
  Gram& gram(std::uint64_t hash);
  double top_share(std::size_t n);
  double repeated_share(std::size_t n);

  const unsigned wanted_;
  RuleFacts facts_;
  unsigned stop_words_ = 0;                       // a bit each
  double word_bytes_ = 0;
  std::vector<std::uint64_t> hashes_, rolling_;   // of each word; of the n-gram that begins there
  std::vector<std::uint32_t> bytes_;              // of each word
  std::vector<std::uint8_t> covered_;             // words that are in a repeated n-gram
  HashSet lines_, paragraphs_;
  std::vector<Gram> grams_;                       // a table, cleared by counting rounds
  std::uint32_t round_ = 0;
};

}  // namespace fader
