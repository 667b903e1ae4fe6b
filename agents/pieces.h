// A text in pieces: its words (agents/text_scores.h), and the runs of other characters between them, white space apart. Code and
// formulas are told from prose by these.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "agents/text_scores.h"

namespace fader {

/// Calls each(piece) for all of them, in order; a piece is part of `text` and not empty.
template <class Each>
void for_each_piece(std::string_view text, const Each& each) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const auto between = [&](std::string_view gap) {
    for (std::size_t first = 0, last = 0; (first = gap.find_first_not_of(kSpace, last)) != gap.npos;) {
      last = std::min(gap.find_first_of(kSpace, first), gap.size());
      each(gap.substr(first, last - first));
    }
  };
  const char* at = text.data();
  std::string_view word;
  for (Words words(text); words.next(word); at = word.data() + word.size()) {
    between({at, static_cast<std::size_t>(word.data() - at)});
    each(word);
  }
  between({at, static_cast<std::size_t>(text.data() + text.size() - at)});
}

/// The bucket, of `buckets`, that a hash falls into.
inline std::uint32_t bucket_of(std::uint64_t hash, std::int64_t buckets) {
  return static_cast<std::uint32_t>(hash % static_cast<std::uint64_t>(buckets));
}

}  // namespace fader
