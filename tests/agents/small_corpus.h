// Text with a known order of difficulty, for agents that train a small model.
#pragma once
#include <memory>

#include "tests/trainer/toy_corpus.h"

namespace fader {

/// Domain 0 counts up, 1 counts down, 2 counts up and often jumps, 3 is noise. 60 documents of 15 tokens each in
/// the pool; in the anchor set 60 of domain 0 alone.
inline std::shared_ptr<ToyCorpus> four_kinds(std::filesystem::path folder) {
  auto corpus = std::make_shared<ToyCorpus>(40, 16);
  corpus->set_folder(std::move(folder));
  Rng rng(1, "test/four_kinds");
  const auto add = [&](std::uint16_t domain, Set set) {
    std::vector<std::uint32_t> tokens(15);
    std::uint64_t t = rng.below(38);
    for (auto& token : tokens) {
      t = (t + (domain == 1 ? 37 : 1)) % 38;
      if (domain == 3 || (domain == 2 && rng.uniform() < 0.5)) t = rng.below(38);
      token = static_cast<std::uint32_t>(2 + t);
    }
    corpus->add(std::move(tokens), set, domain);
  };
  for (int i = 0; i < 240; ++i) add(static_cast<std::uint16_t>(i % 4), Set::pool);
  for (int i = 0; i < 60; ++i) add(0, Set::anchor);
  return corpus;
}

/// Mean of what each domain's passages of the pool were given.
inline std::vector<double> by_domain(const Corpus& corpus, std::span<const float> score) {
  std::vector<double> sum(corpus.domains().size(), 0), n(corpus.domains().size(), 0);
  const auto ids = corpus.set(Set::pool);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::uint16_t d = corpus.document(ids[i]).domain;
    sum[d] += static_cast<double>(score[i]);
    n[d] += 1;
  }
  for (std::size_t d = 0; d < sum.size(); ++d) sum[d] /= n[d];
  return sum;
}

}  // namespace fader
