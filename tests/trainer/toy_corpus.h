// A corpus made in memory, for tests: documents are added one by one, or made of random tokens.
//
//   ToyCorpus corpus(40, 16);                       // vocabulary, context
//   corpus.add({5, 6, 7}, Set::pool, 1);            // one document of domain 1, cut into passages, end mark added
//   auto random = ToyCorpus::random(7, 100);        // 100 documents of random tokens, in all sets, three domains
//
// Token t stands for text of 1 + t % 3 bytes. Token 0 is the begin mark, 1 the end mark.
#pragma once
#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/rng.h"
#include "trainer/corpus.h"

namespace fader {

class ToyCorpus final : public Corpus {
 public:
  explicit ToyCorpus(int vocabulary, int context) : vocabulary_(vocabulary), context_(context) {}

  /// Fields of the document that are not given are those of Document; `group` 0 stands for a group of its own.
  void add(std::vector<std::uint32_t> tokens, Set set, std::uint16_t domain = 0, std::uint32_t group = 0, bool reference = true,
           float quality = 0, std::int16_t topic = -1) {
    const auto document = static_cast<std::uint32_t>(documents_.size());
    documents_.push_back({group != 0 ? group : 1'000'000 + document, domain, topic, quality, set, reference});
    while (domains_.size() <= domain) domains_.push_back("domain" + std::to_string(domains_.size()));
    while (static_cast<int>(topics_.size()) <= topic) topics_.push_back("topic" + std::to_string(topics_.size()));
    tokens.push_back(end_mark());
    for (std::size_t first = 0; first < tokens.size(); first += static_cast<std::size_t>(context_)) {
      Passage passage;
      passage.first = tokens_.size();
      passage.document = document;
      for (std::size_t i = first; i < tokens.size() && i < first + static_cast<std::size_t>(context_); ++i, ++passage.tokens) {
        tokens_.push_back(tokens[i]);
        passage.bytes += bytes_of(tokens[i]);
      }
      sets_[static_cast<std::size_t>(set)].push_back(static_cast<PassageId>(passages_.size()));
      passages_.push_back(passage);
    }
  }

  /// Documents of 1 to 3 contexts in `domains` domains and two topics, groups of two, one in five in each set; the tokens of
  /// a domain lean towards its own part of the vocabulary, so that there is something to learn.
  static std::shared_ptr<ToyCorpus> random(std::uint64_t seed, int documents, int vocabulary = 40, int context = 16,
                                           int domains = 3) {
    auto corpus = std::make_shared<ToyCorpus>(vocabulary, context);
    Rng rng(seed, "test/toy_corpus");
    const auto n = static_cast<std::uint64_t>(vocabulary - 2), part = n / static_cast<std::uint64_t>(domains);
    for (int i = 0; i < documents; ++i) {
      const auto domain = rng.below(static_cast<std::uint64_t>(domains));
      std::vector<std::uint32_t> tokens(1 + rng.below(3 * static_cast<std::uint64_t>(context)));
      for (auto& token : tokens)
        token = static_cast<std::uint32_t>(2 + (rng.uniform() < 0.7 ? domain * part + rng.below(part) : rng.below(n)));
      const int group = 1 + i / 2;
      corpus->add(std::move(tokens), static_cast<Set>(group % static_cast<int>(kSets)), static_cast<std::uint16_t>(domain),
                  static_cast<std::uint32_t>(group), domain != 1, static_cast<float>(rng.normal()),
                  static_cast<std::int16_t>(rng.below(2)));
    }
    return corpus;
  }

  std::span<const Passage> passages() const override { return passages_; }
  std::span<const Document> documents() const override { return documents_; }
  std::span<const std::uint32_t> tokens() const override { return tokens_; }
  using Corpus::tokens;
  std::span<const PassageId> set(Set set) const override { return sets_[static_cast<std::size_t>(set)]; }
  const std::vector<std::string>& domains() const override { return domains_; }
  const std::vector<std::string>& topics() const override { return topics_; }
  bool has_quality() const override { return true; }
  const std::filesystem::path& folder() const override { return folder_; }
  const std::string& hash() const override { return hash_; }
  int vocabulary() const override { return vocabulary_; }
  int context() const override { return context_; }
  std::uint32_t begin_mark() const override { return 0; }
  std::uint32_t end_mark() const override { return 1; }
  std::string text(PassageId id) const override {
    std::string text;
    for (const std::uint32_t token : tokens(id)) text.append(bytes_of(token), static_cast<char>('a' + token % 26));
    return text;
  }

  void set_hash(std::string hash) { hash_ = std::move(hash); }
  void set_folder(std::filesystem::path folder) { folder_ = std::move(folder); }

 private:
  static std::uint32_t bytes_of(std::uint32_t token) { return token < 2 ? 0 : 1 + token % 3; }

  int vocabulary_, context_;
  std::vector<Passage> passages_;
  std::vector<Document> documents_;
  std::vector<std::uint32_t> tokens_;
  std::array<std::vector<PassageId>, kSets> sets_;
  std::vector<std::string> domains_, topics_;
  std::filesystem::path folder_ = std::filesystem::temp_directory_path();
  std::string hash_ = "toy";
};

}  // namespace fader
