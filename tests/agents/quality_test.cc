// quality: the field where there is one, else a classifier that must tell anchor-like text from the rest.
#include <catch2/catch.hpp>

#include "agents/agent.h"
#include "core/files.h"
#include "tests/agents/no_trainer.h"
#include "tests/scratch_folder.h"
#include "tests/trainer/toy_corpus.h"

using namespace fader;
namespace fs = std::filesystem;

namespace {

/// Text of words; quality only where it is given.
class TextCorpus final : public Corpus {
 public:
  TextCorpus(fs::path folder, bool quality) : folder_(std::move(folder)), quality_(quality) {}
  void add(std::string text, Set set, float quality = std::nanf("")) {
    Passage p;
    p.tokens = 8;
    p.bytes = static_cast<std::uint32_t>(text.size());
    p.document = static_cast<std::uint32_t>(documents_.size());
    documents_.push_back({p.document, 0, -1, quality, set, true});
    sets_[static_cast<std::size_t>(set)].push_back(static_cast<PassageId>(passages_.size()));
    passages_.push_back(p);
    texts_.push_back(std::move(text));
  }
  std::span<const Passage> passages() const override { return passages_; }
  std::span<const Document> documents() const override { return documents_; }
  std::span<const std::uint32_t> tokens() const override { return {}; }
  std::span<const PassageId> set(Set set) const override { return sets_[static_cast<std::size_t>(set)]; }
  const std::vector<std::string>& domains() const override { return names_; }
  const std::vector<std::string>& topics() const override { return none_; }
  bool has_quality() const override { return quality_; }
  const fs::path& folder() const override { return folder_; }
  const std::string& hash() const override { return names_[0]; }
  int vocabulary() const override { return 10; }
  int context() const override { return 8; }
  std::uint32_t begin_mark() const override { return 0; }
  std::uint32_t end_mark() const override { return 1; }
  std::string text(PassageId id) const override { return texts_[id]; }

 private:
  fs::path folder_;
  bool quality_;
  std::vector<Passage> passages_;
  std::vector<Document> documents_;
  std::array<std::vector<PassageId>, kSets> sets_;
  std::vector<std::string> texts_, names_ = {"all"}, none_;
};

std::string sentence(Rng& rng, bool good) {
  static const char* kGood[] = {"whereas", "morning", "captain", "sailed", "gentle", "harbour", "letter", "sister"};
  static const char* kPlain[] = {"click", "install", "menu", "version", "footer", "module", "http", "config"};
  std::string out;
  for (int i = 0; i < 12; ++i) out += std::string(out.empty() ? "" : i % 5 == 0 ? "\n" : " ") + (rng.uniform() < 0.8 ? (good ? kGood : kPlain) : (good ? kPlain : kGood))[rng.below(8)];
  return out;
}

std::shared_ptr<TextCorpus> mixed(const fs::path& folder) {
  auto corpus = std::make_shared<TextCorpus>(folder, false);
  Rng rng(4, "test/quality");
  for (int i = 0; i < 60; ++i) corpus->add(sentence(rng, true), Set::anchor);
  for (int i = 0; i < 200; ++i) corpus->add(sentence(rng, i % 4 == 0), Set::pool);
  corpus->add("__fader__pool __fader__anchor", Set::pool);  // words that look like labels are words
  return corpus;
}

}  // namespace

TEST_CASE("the quality classifier ranks anchor-like passages above the others, and repeats") {
  const ScratchFolder first;
  NoProgress progress;
  const auto corpus = mixed(first.path());
  const auto agent = agents().make_default("quality", AgentContext{corpus, 1, progress});
  const auto ids = corpus->set(Set::pool);
  const auto s = scores(*agent, ids);
  int right = 0, pairs = 0;
  for (std::size_t good = 0; good < 200; good += 4)
    for (std::size_t plain = 1; plain < 200; plain += 4) {
      right += s[good] > s[plain];
      ++pairs;
    }
  CHECK(static_cast<double>(right) / pairs > 0.95);
  CHECK(agent->static_cost().flops > 0);
  CHECK(agent->static_cost().tokens > 0);

  // a second agent reads the column; one made afresh gives the same bits
  CHECK(scores(*agents().make_default("quality", AgentContext{corpus, 1, progress}), ids) == s);
  fs::remove_all(first.path() / "columns");
  CHECK(scores(*agents().make_default("quality", AgentContext{corpus, 1, progress}), ids) == s);
  CHECK(std::distance(fs::directory_iterator(first.path()), {}) == 1);  // nothing but the columns is left
}

TEST_CASE("a damaged column is computed anew") {
  const ScratchFolder folder;
  NoProgress progress;
  const auto corpus = mixed(folder.path());
  const auto ids = corpus->set(Set::pool);
  const auto before = scores(*agents().make_default("quality", AgentContext{corpus, 1, progress}), ids);
  fs::path column;
  for (const auto& entry : fs::directory_iterator(folder.path() / "columns"))
    if (entry.path().extension() == ".f32") column = entry.path();
  const auto computed_anew = [&] { return scores(*agents().make_default("quality", AgentContext{corpus, 1, progress}), ids) == before; };
  const std::string whole = read_file(column);
  for (const std::size_t at : {std::size_t{16}, std::size_t{24}, std::size_t{40}, whole.size() - 4}) {  // costs, first and last score
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    write_atomically(column, changed);
    CHECK(computed_anew());
    CHECK(read_file(column) == whole);
  }
  fs::resize_file(column, 40);
  CHECK(computed_anew());
}

TEST_CASE("a quality field is the score, and a document without one ranks last") {
  const ScratchFolder folder;
  NoProgress progress;
  auto corpus = std::make_shared<TextCorpus>(folder.path(), true);
  corpus->add("a", Set::pool, 2.5f);
  corpus->add("b", Set::pool);
  corpus->add("c", Set::pool, -1.0f);
  const auto agent = agents().make_default("quality", AgentContext{corpus, 1, progress});
  CHECK(scores(*agent, corpus->set(Set::pool)) == std::vector<float>{2.5f, -2.0f, -1.0f});
}

TEST_CASE("quality says what is missing") {
  const ScratchFolder folder;
  NoProgress progress;
  auto corpus = std::make_shared<TextCorpus>(folder.path(), false);
  corpus->add("a", Set::pool);
  corpus->add("b", Set::anchor);
  const AgentContext context{corpus, 1, progress};
  CHECK_THROWS_WITH(agents().make_default("quality", context), Catch::Contains("1 anchor passages") && Catch::Contains("corpus.anchor_share"));
  auto options = agents().at("quality").options();
  for (Option& o : options->list())
    if (o.name == "source") *std::get<std::string*>(o.target) = "field";
  CHECK_THROWS_WITH(agents().at("quality").make(*options, context), Catch::Contains("corpus.quality_field"));
}
