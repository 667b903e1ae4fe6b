// Text that agents learn from: the anchor set, and the pool beside it. Never reward, validation or test text.
#pragma once
#include <string>
#include <vector>

#include "trainer/corpus.h"

namespace fader {

/// Passages of a set that have text, in corpus order: all, or `most` of them, evenly spread over the set.
std::vector<PassageId> examples(const Corpus& corpus, Set set, std::size_t most);

/// Those of the anchor set. ConfigError when there are fewer than `least`, naming the agent, and what else may be done.
std::vector<PassageId> anchor_examples(const Corpus& corpus, const std::string& agent, std::size_t most, std::size_t least,
                                       const std::string& otherwise = "leave the agent out");

}  // namespace fader
