// Scores of text, by several threads: every passage or document of the pool is decoded once and scored for itself, so that the
// numbers do not depend on the number of threads.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agents/agent.h"

namespace fader {

/// What is scored: each passage, or whole documents, whose passages inherit the score.
struct TextOptions : Options {
  std::string unit = "document";
  void fields(Fields& f) override;
};

/// Hears of one text, of any bytes: that of passages [first, last) of one document.
using TextReader = std::function<void(std::string_view text, PassageId first, PassageId last)>;

/// Decodes every text of these sets once. `reader` makes what a thread reads with; which thread reads which text, and when, is by
/// chance.
void read_texts(const AgentContext& context, const std::string& what, const std::string& unit, std::span<const Set> sets,
                const std::function<TextReader()>& reader);

/// Of one text, of any bytes. NaN: nothing can be said of it (it is too short). May keep what it needs between calls, as long as
/// the score is a function of the text.
using TextScorer = std::function<float(std::string_view)>;

/// Fills `out`, one number a passage, for the passages of the pool. `scorer` makes what a thread scores with. Texts of which
/// nothing can be said get the mean of the others, and so rank in the middle. Returns the tokens that were read, and no FLOPs.
/// ConfigError saying `advice` when nothing can be said of any.
Cost score_texts(const AgentContext& context, const std::string& agent, const std::string& unit, const std::function<TextScorer()>& scorer,
                 const std::string& advice, std::span<float> out);

/// NaN of these passages becomes the mean of the others, so that they rank in the middle. False when there is nothing but NaN.
bool fill_with_mean(std::span<const PassageId> ids, std::span<float> scores);

/// Words of a text: runs of ASCII letters and digits and of bytes above 0x7f, punctuation of U+2000 to U+207F and U+3000 to
/// U+303F apart; a character from U+3040 to U+D7FF (kana, Chinese characters, Hangul) is a word of its own.
class Words {
 public:
  explicit Words(std::string_view text) : text_(text) {}
  /// False at the end.
  bool next(std::string_view& word);

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

/// 64 bits of a text; with `fold` A to Z are as a to z.
std::uint64_t text_hash(std::string_view text, bool fold);

/// A set of hashes that is cleared at once and keeps its memory; two texts of equal hash are one.
class HashSet {
 public:
  HashSet() : slots_(1024) {}
  /// Whether it was not there before.
  bool add(std::uint64_t hash);
  std::size_t size() const { return size_; }
  void clear();

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t round = 0;
  };
  Slot& find(std::vector<Slot>& slots, std::uint64_t hash) const;
  void grow();
  std::vector<Slot> slots_;
  std::uint32_t round_ = 1;
  std::size_t size_ = 0;
};

}  // namespace fader
