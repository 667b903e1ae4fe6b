// quality: the field where there is one, else a classifier that must tell anchor-like text from the rest.
#include <catch2/catch.hpp>

#include "agents/agent.h"
#include "core/files.h"
#include "tests/agents/text_corpus.h"

using namespace fader;
namespace fs = std::filesystem;

namespace {

std::string sentence(Rng& rng, bool good) {
  static const char* kGood[] = {"whereas", "morning", "captain", "sailed", "gentle", "harbour", "letter", "sister"};
  static const char* kPlain[] = {"click", "install", "menu", "version", "footer", "module", "http", "config"};
  std::string out;
  for (int i = 0; i < 12; ++i) out += std::string(out.empty() ? "" : i % 5 == 0 ? "\n" : " ") + (rng.uniform() < 0.8 ? (good ? kGood : kPlain) : (good ? kPlain : kGood))[rng.below(8)];
  return out;
}

std::shared_ptr<TextCorpus> mixed(const fs::path& folder) {
  auto corpus = std::make_shared<TextCorpus>(folder, 4096);  // no text is cut
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
  for (const std::size_t at : {std::size_t{16}, std::size_t{24}, std::size_t{32}, std::size_t{48}, whole.size() - 4}) {  // costs, first and last score
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    write_atomically(column, changed);
    CHECK(computed_anew());
    const std::string anew = read_file(column);
    CHECK(anew.substr(0, 32) == whole.substr(0, 32));  // then how long it took, and a sum of all
    CHECK((anew.substr(48) == whole.substr(48)));
  }
  fs::resize_file(column, 40);
  CHECK(computed_anew());
}

TEST_CASE("a quality field is the score, and a document without one ranks last") {
  const ScratchFolder folder;
  NoProgress progress;
  auto corpus = std::make_shared<TextCorpus>(folder.path());
  corpus->add("a", Set::pool, 0, -1, 2.5f);
  corpus->add("b", Set::pool);
  corpus->add("c", Set::pool, 0, -1, -1.0f);
  const auto agent = agents().make_default("quality", AgentContext{corpus, 1, progress});
  CHECK(scores(*agent, corpus->set(Set::pool)) == std::vector<float>{2.5f, -2.0f, -1.0f});
}

TEST_CASE("quality says what is missing") {
  const ScratchFolder folder;
  NoProgress progress;
  auto corpus = std::make_shared<TextCorpus>(folder.path());
  corpus->add("a", Set::pool);
  corpus->add("b", Set::anchor);
  const AgentContext context{corpus, 1, progress};
  CHECK_THROWS_WITH(agents().make_default("quality", context), Catch::Contains("1 anchor passages") && Catch::Contains("corpus.anchor_share"));
  auto options = agents().at("quality").options();
  for (Option& o : options->list())
    if (o.name == "source") *std::get<std::string*>(o.target) = "field";
  CHECK_THROWS_WITH(agents().at("quality").make(*options, context), Catch::Contains("corpus.quality_field"));
}
