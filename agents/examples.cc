#include "agents/examples.h"

#include "core/error.h"

namespace fader {

std::vector<PassageId> examples(const Corpus& corpus, Set set, std::size_t most) {
  std::vector<PassageId> all;
  for (const PassageId id : corpus.set(set))
    if (corpus.passages()[id].bytes > 0) all.push_back(id);
  if (all.size() <= most) return all;
  std::vector<PassageId> out;
  for (std::size_t i = 0; i < most; ++i) out.push_back(all[i * all.size() / most]);
  return out;
}

std::vector<PassageId> anchor_examples(const Corpus& corpus, const std::string& agent, std::size_t most, std::size_t least,
                                       const std::string& otherwise) {
  std::vector<PassageId> out = examples(corpus, Set::anchor, most);
  if (out.size() < least)
    throw ConfigError(fmt::format("agent '{}' has {} anchor passages to learn from and needs {}; raise corpus.anchor_share, or {}", agent,
                                  out.size(), least, otherwise));
  return out;
}

}  // namespace fader
