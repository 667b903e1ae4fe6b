// A corpus of any texts, for tests of agents that read: documents of bytes, cut into passages of at most `context` tokens. A token is
// a byte and 2; 0 is the begin mark, 1 the end mark. So a text may be empty, binary or broken UTF-8, and models can be trained on it.
#pragma once
#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agents/agent.h"
#include "core/rng.h"
#include "tests/agents/agent_options.h"
#include "tests/agents/no_trainer.h"
#include "tests/scratch_folder.h"

namespace fader {

class TextCorpus final : public Corpus {
 public:
  explicit TextCorpus(std::filesystem::path folder, int context = 64) : folder_(std::move(folder)), context_(context) {}

  /// Returns the document's number. Each is a group of its own.
  std::uint32_t add(std::string_view text, Set set = Set::pool, std::uint16_t domain = 0, std::int16_t topic = -1,
                    float quality = std::nanf("")) {
    const auto document = static_cast<std::uint32_t>(documents_.size());
    documents_.push_back({document, domain, topic, quality, set, true});
    has_quality_ = has_quality_ || !std::isnan(quality);
    while (domains_.size() <= domain) domains_.push_back("domain" + std::to_string(domains_.size()));
    while (static_cast<int>(topics_.size()) <= topic) topics_.push_back("topic" + std::to_string(topics_.size()));
    const std::size_t n = text.size() + 1, most = static_cast<std::size_t>(context_);
    for (std::size_t first = 0; first < n; first += most) {
      const std::size_t last = std::min(n, first + most);
      Passage p;
      p.first = tokens_.size();
      p.tokens = static_cast<std::uint32_t>(last - first);
      p.bytes = p.tokens - (last == n ? 1 : 0);
      p.document = document;
      for (std::size_t i = first; i < last; ++i) tokens_.push_back(i < text.size() ? 2u + static_cast<unsigned char>(text[i]) : end_mark());
      sets_[static_cast<std::size_t>(set)].push_back(static_cast<PassageId>(passages_.size()));
      passages_.push_back(p);
    }
    return document;
  }
  /// A number a document; NaN: none.
  void rate(std::string name, std::vector<float> values) {
    ratings_.push_back(std::move(name));
    rating_.push_back(std::move(values));
  }

  std::span<const Passage> passages() const override { return passages_; }
  std::span<const Document> documents() const override { return documents_; }
  std::span<const std::uint32_t> tokens() const override { return tokens_; }
  using Corpus::tokens;
  std::span<const PassageId> set(Set set) const override { return sets_[static_cast<std::size_t>(set)]; }
  const std::vector<std::string>& domains() const override { return domains_; }
  const std::vector<std::string>& topics() const override { return topics_; }
  bool has_quality() const override { return has_quality_; }
  std::span<const std::string> ratings() const override { return ratings_; }
  std::span<const float> rating(std::size_t index) const override { return rating_.at(index); }
  const std::filesystem::path& folder() const override { return folder_; }
  const std::string& hash() const override { return hash_; }
  int vocabulary() const override { return 258; }
  int context() const override { return context_; }
  std::uint32_t begin_mark() const override { return 0; }
  std::uint32_t end_mark() const override { return 1; }
  std::string text(PassageId id) const override {
    std::string out;
    for (const std::uint32_t token : tokens(id))
      if (token >= 2) out += static_cast<char>(token - 2);
    return out;
  }

 private:
  std::filesystem::path folder_;
  int context_;
  std::vector<Passage> passages_;
  std::vector<Document> documents_;
  std::vector<std::uint32_t> tokens_;
  std::array<std::vector<PassageId>, kSets> sets_;
  std::vector<std::string> domains_, topics_, ratings_;
  std::vector<std::vector<float>> rating_;
  bool has_quality_ = false;
  std::string hash_ = "texts";
};

/// Scores of whole documents by an agent of this kind, in a corpus of its own: of the first passage of each.
class Scored {
 public:
  /// `set` changes the agent's options.
  template <class Change>
  Scored(const std::string& kind, const std::vector<std::string>& texts, const Change& set, int threads = 1, int context = 64)
      : corpus_(std::make_shared<TextCorpus>(folder_.path(), context)) {
    for (const std::string& text : texts) corpus_->add(text);
    const auto options = agents().at(kind).options();
    set(*options);
    options->validate();
    AgentContext made{corpus_, 1, quiet_};
    made.machine.threads = threads;
    agent_ = agents().at(kind).make(*options, made);
  }
  explicit Scored(const std::string& kind, const std::vector<std::string>& texts) : Scored(kind, texts, [](Options&) {}) {}

  /// Of each document.
  std::vector<float> scores() const {
    std::vector<PassageId> first;
    for (PassageId id = 0; id < corpus_->passages().size(); ++id)
      if (corpus_->passages()[id].document == first.size()) first.push_back(id);
    return fader::scores(*agent_, first);
  }
  /// Of each passage.
  std::vector<float> of_passages() const { return fader::scores(*agent_, corpus_->set(Set::pool)); }
  const TextCorpus& corpus() const { return *corpus_; }
  Agent& agent() { return *agent_; }

 private:
  ScratchFolder folder_;
  NoProgress quiet_;
  std::shared_ptr<TextCorpus> corpus_;
  std::unique_ptr<Agent> agent_;
};

/// `words` words of a made-up language, by chance.
inline std::string babble(std::uint64_t seed, int words, int vocabulary = 500) {
  Rng rng(seed, "test/babble");
  std::string out;
  for (int i = 0; i < words; ++i) {
    std::uint64_t word = rng.below(static_cast<std::uint64_t>(vocabulary));
    out += i == 0 ? "" : i % 11 == 0 ? ".\n" : " ";
    for (int letter = 0; letter < 4; ++letter, word /= 7) out += static_cast<char>('a' + 3 * (word % 7) + static_cast<std::uint64_t>(letter));
  }
  return out;
}

}  // namespace fader
