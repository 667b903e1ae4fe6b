#include "trainer/corpus_build.h"

#include <catch2/catch.hpp>
#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "corpus_files.h"
#include "trainer/corpus_file.h"
#include "trainer/inputs.h"
#include "trainer/tokenizer.h"

using namespace fader;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

std::string text_of(const Corpus& corpus, std::uint32_t document) {
  std::string out;
  for (PassageId id = 0; id < corpus.passages().size(); ++id)
    if (corpus.passages()[id].document == document) out += corpus.text(id);
  return out;
}

std::vector<std::string> texts_of(const Corpus& corpus) {
  std::vector<std::string> out(corpus.documents().size());
  for (PassageId id = 0; id < corpus.passages().size(); ++id) out[corpus.passages()[id].document] += corpus.text(id);
  return out;
}

}  // namespace

TEST_CASE("a corpus built from one file keeps every text and every label") {
  const TemporaryFolder dir;
  CorpusOptions options = sample_options({dir.write("train.jsonl", sample_lines(0, 200))});
  options.quality_field = "meta.score";
  options.topic_field = "meta.kind";
  options.ratings = {"length", "meta.score"};  // the first of these has none
  std::ofstream(dir / "train.jsonl", std::ios::app) << R"({"text": "x", "length": [1, 2], "meta": {"redpajama_set_name": "Web", "work": "last", "kind": "play"}})";
  const auto corpus = build(options, build_in(dir / "cache"));

  REQUIRE(corpus->documents().size() == 201);
  REQUIRE(std::vector<std::string>(corpus->ratings().begin(), corpus->ratings().end()) == options.ratings);
  for (std::size_t i = 0; i < 200; ++i) {
    REQUIRE(std::isnan(corpus->rating(0)[i]));
    REQUIRE(corpus->rating(1)[i] == 0.25f * static_cast<float>(i % 7));
  }
  CHECK(corpus->rating(0)[200] == 1.5f);
  CHECK(std::isnan(corpus->rating(1)[200]));
  CHECK(corpus->domains() == std::vector<std::string>{"Book", "Code", "Web"});
  CHECK(corpus->topics() == std::vector<std::string>{"book", "play"});
  CHECK(corpus->has_quality());
  CHECK(corpus->vocabulary() == 320);
  CHECK(corpus->context() == 32);
  const auto texts = texts_of(*corpus);
  for (std::uint32_t i = 0; i < 200; ++i) {
    const Document& d = corpus->documents()[i];
    const int work = static_cast<int>(i) / 2;
    REQUIRE(texts[i] == sample_text(i, 60));
    REQUIRE(corpus->domains()[d.domain] == (work % 3 == 0 ? "Web" : work % 3 == 1 ? "Book" : "Code"));
    REQUIRE(corpus->topics()[static_cast<std::size_t>(d.topic)] == ((work / 3) % 3 == 2 ? "play" : "book"));
    REQUIRE(d.quality == 0.25f * static_cast<float>(i % 7));
    REQUIRE(d.reference == (work % 3 == 1 && (work / 3) % 3 != 2));
    REQUIRE(d.group == static_cast<std::uint32_t>(work));
  }
  for (PassageId id = 0; id < corpus->passages().size(); ++id) {
    const Passage& p = corpus->passages()[id];
    const bool last = id + 1 == corpus->passages().size() || corpus->passages()[id + 1].document != p.document;
    REQUIRE(p.tokens <= 32);
    REQUIRE((p.tokens >= 16 || p.document == 200));  // no mere rests: these documents are all longer than the context
    REQUIRE(p.bytes == corpus->text(id).size());
    const auto tokens = corpus->tokens(id);
    for (std::size_t i = 0; i < tokens.size(); ++i)
      REQUIRE((tokens[i] == corpus->end_mark()) == (last && i + 1 == tokens.size()));
  }
  const auto summary = nlohmann::json::parse(read_file(corpus->folder() / "summary.json"));
  CHECK(summary["hash"] == corpus->hash());
  CHECK(summary["sets"]["pool"]["passages"] == corpus->set(Set::pool).size());
  CHECK(summary["ratings"]["length"]["documents"] == 1);
  CHECK(summary["ratings"]["meta.score"]["highest"] == 1.5);
  CHECK(summary["sets"]["test"]["domains"]["Book"]["documents"] > 0);
}

TEST_CASE("equal inputs give equal bytes, whatever the number of threads") {
  const TemporaryFolder dir;
  const auto options = sample_options({dir.write("train.jsonl.zst", zstd_of(sample_lines(0, 3000, 90)))});
  std::vector<std::string> files, models;
  for (const int threads : {1, 2, 3}) {
    const auto corpus = build(options, build_in(dir / fmt::format("cache{}", threads), threads));
    files.push_back(read_file(corpus->folder() / kCorpusFileName));
    models.push_back(read_file(corpus->folder() / kTokenizerFileName));
  }
  CHECK(files[0].size() > (1u << 20));  // several batches
  CHECK(files[0] == files[1]);
  CHECK(files[0] == files[2]);
  CHECK(models[0] == models[1]);
  CHECK(models[0] == models[2]);
}

TEST_CASE("sets are disjoint by group, hold all that they should, and have the shares asked for") {
  const TemporaryFolder dir;
  CorpusOptions options = sample_options({dir.write("train.jsonl", sample_lines(0, 1800, 20))});
  options.heldout_share = 0.05;
  options.anchor_share = 0.1;
  const bool own_files = GENERATE(false, true);
  if (own_files) {
    options.heldout = {dir.write("heldout.jsonl", sample_lines(10'000, 360, 20))};
    options.test = {dir.write("test.jsonl", sample_lines(20'000, 180, 20))};
  }
  const auto corpus = build(options, build_in(dir / "cache"));
  std::array<std::set<std::uint32_t>, kSets> groups, references;
  std::array<std::set<int>, kSets> domains;
  for (const Document& d : corpus->documents()) {
    const auto s = static_cast<std::size_t>(d.set);
    groups[s].insert(d.group);
    domains[s].insert(d.domain);
    if (d.reference) references[s].insert(d.group);
    if (d.set == Set::anchor) CHECK(d.reference);
  }
  std::size_t sum = 0, passages = 0;
  for (std::size_t s = 0; s < kSets; ++s) {
    sum += groups[s].size();
    passages += corpus->set(static_cast<Set>(s)).size();
    CHECK_FALSE(references[s].empty());
    if (s != static_cast<std::size_t>(Set::anchor)) CHECK(domains[s].size() == 3);
  }
  std::set<std::uint32_t> all;
  for (const Document& d : corpus->documents()) all.insert(d.group);
  CHECK(sum == all.size());
  CHECK(passages == corpus->passages().size());
  const auto size = [&](Set s) { return groups[static_cast<std::size_t>(s)].size(); };
  const auto reference_size = [&](Set s) { return references[static_cast<std::size_t>(s)].size(); };
  if (own_files) {
    CHECK(size(Set::reward) == 90);
    CHECK(size(Set::validation) == 90);
    CHECK(reference_size(Set::reward) == 20);
    CHECK(reference_size(Set::validation) == 20);
    CHECK(size(Set::test) == 90);
    CHECK(size(Set::anchor) == 20);  // a tenth of 200 reference groups
  } else {
    for (const Set s : {Set::reward, Set::validation, Set::test}) {
      CHECK(size(s) == 45);  // a twentieth of 900
      CHECK(reference_size(s) == 10);
    }
    CHECK(size(Set::anchor) == 17);  // a tenth of the 170 left
  }
}

TEST_CASE("where reference groups are few, every set gets one and the pool keeps one") {
  const TemporaryFolder dir;
  const auto reference_groups = [&](int documents) {
    const std::string name = fmt::format("{}.jsonl", documents);
    const auto corpus = build(sample_options({dir.write(name, sample_lines(0, documents))}), build_in(dir / "cache"));
    std::array<std::set<std::uint32_t>, kSets> groups;
    for (const Document& d : corpus->documents())
      if (d.reference) groups[static_cast<std::size_t>(d.set)].insert(d.group);
    std::array<std::size_t, kSets> counts{};
    std::transform(groups.begin(), groups.end(), counts.begin(), [](const auto& g) { return g.size(); });
    return counts;
  };
  CHECK(reference_groups(42) == std::array<std::size_t, kSets>{1, 1, 1, 1, 1});
  CHECK(reference_groups(30) == std::array<std::size_t, kSets>{1, 0, 1, 1, 1});  // four groups: the anchor set goes without
}

TEST_CASE("the split does not depend on the order of the records") {
  const TemporaryFolder dir;
  const std::string a = sample_lines(0, 100, 20), b = sample_lines(100, 100, 20);
  const auto sets = [&](const std::string& name, const std::string& lines) {
    const auto corpus = build(sample_options({dir.write(name, lines)}), build_in(dir / "cache"));
    std::map<std::string, Set> out;
    for (std::uint32_t i = 0; i < corpus->documents().size(); ++i) out[text_of(*corpus, i)] = corpus->documents()[i].set;
    return out;
  };
  CHECK(sets("ab.jsonl", a + b) == sets("ba.jsonl", b + a));
}

TEST_CASE("plain, gzip, zstd, a folder, a glob and a list give equal corpora") {
  const TemporaryFolder dir;
  const std::string a = sample_lines(0, 120, 20), b = sample_lines(120, 80, 20);
  const auto plain = build(sample_options({dir.write("plain.jsonl", a + b)}), build_in(dir / "cache"));
  dir.write("folder/deep/b.jsonl.gz", gzip_of(b));
  dir.write("folder/a.jsonl.zst", zstd_of(a));
  dir.write("folder/README.md", "no corpus");
  dir.write("globbed/part-1.jsonl", b);
  dir.write("globbed/part-0.jsonl", a);
  const std::vector<std::vector<std::string>> inputs = {{dir.write("all.jsonl.gz", gzip_of(a + b))},
                                                        {dir.write("all.jsonl.zst", zstd_of(a + b))},
                                                        {(dir / "folder").string()},
                                                        {(dir / "globbed/part-?.jsonl").string()},
                                                        {(dir / "globbed/part-0.jsonl").string(), (dir / "folder/deep/b.jsonl.gz").string()}};
  for (const auto& input : inputs) {
    CAPTURE(input.front());
    const auto corpus = build(sample_options(input), build_in(dir / "cache"));
    CHECK(std::equal(plain->tokens().begin(), plain->tokens().end(), corpus->tokens().begin(), corpus->tokens().end()));
    REQUIRE(corpus->documents().size() == plain->documents().size());
    for (std::size_t i = 0; i < plain->documents().size(); ++i) CHECK(corpus->documents()[i].set == plain->documents()[i].set);
  }
}

TEST_CASE("what is built is found again, another content, option, vocabulary or context is another corpus") {
  const TemporaryFolder dir;
  const std::string lines = sample_lines(0, 200, 20);
  const CorpusOptions options = sample_options({dir.write("train.jsonl", lines)});
  const auto where = build_in(dir / "cache");
  Notes first, second;
  const auto corpus = open_or_build(options, where, first);
  const auto again = open_or_build(options, where, second);
  CHECK_FALSE(first.lines.empty());
  CHECK(second.lines.empty());
  CHECK(again->hash() == corpus->hash());

  CorpusOptions moved = options;
  moved.train = {dir.write("elsewhere.jsonl", lines)};
  CHECK(build(moved, where)->hash() == corpus->hash());

  std::set<std::string> hashes{corpus->hash()};
  CorpusOptions other = options;
  other.anchor_share = 0.2;
  hashes.insert(build(other, where)->hash());
  CorpusBuild longer = where;
  longer.context = 48;
  hashes.insert(build(options, longer)->hash());
  CorpusBuild larger = where;
  larger.vocabulary = 330;
  hashes.insert(build(options, larger)->hash());
  std::string changed = lines;
  changed[changed.find("river")] = 'R';  // same size, and within the resolution of many clocks
  dir.write("train.jsonl", changed);
  hashes.insert(build(options, where)->hash());
  CHECK(hashes.size() == 5);
}

TEST_CASE("the memo of content hashes is used when a file is untouched and never believed when it is not") {
  const TemporaryFolder dir;
  const std::string path = dir.write("train.jsonl", "{}");
  NoProgress quiet;
  auto files = resolve_inputs({path}, InputSet::train);
  const auto hash = [&] {
    hash_inputs(files, dir / "memo", quiet);
    return files[0].hash;
  };
  CHECK(hash() == sha256("{}"));
  CHECK_FALSE(fs::exists(dir / "memo"));  // too fresh to be remembered
  ::usleep(2'100'000);
  CHECK(hash() == sha256("{}"));
  REQUIRE_FALSE(fs::is_empty(dir / "memo"));
  const fs::path note = fs::directory_iterator(dir / "memo")->path();
  const std::string text = read_file(note);
  std::ofstream(note) << std::string(64, 'a') + text.substr(64);
  CHECK(hash() == std::string(64, 'a'));  // it was looked at
  std::ofstream(note) << std::string(64, '/') + text.substr(64);
  CHECK(hash() == sha256("{}"));
  dir.write("train.jsonl", "[]");
  CHECK(hash() == sha256("[]"));
}

TEST_CASE("two processes that start at once build one corpus") {
  const TemporaryFolder dir;
  const auto options = sample_options({dir.write("train.jsonl", sample_lines(0, 1200, 60))});
  const auto where = build_in(dir / "cache");
  std::vector<pid_t> children;
  for (int i = 0; i < 2; ++i) {
    children.push_back(::fork());
    REQUIRE(children.back() >= 0);
    if (children.back() > 0) continue;
    int status = 1;
    try {
      Notes notes;
      const auto corpus = open_or_build(options, where, notes);
      const bool built = std::any_of(notes.lines.begin(), notes.lines.end(), [](const auto& l) { return l.starts_with("corpus built"); });
      status = corpus->documents().size() != 1200 ? 2 : built ? 10 : 11;
    } catch (...) {
    }
    ::_exit(status);
  }
  std::multiset<int> statuses;
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    statuses.insert(WEXITSTATUS(status));
  }
  CHECK(statuses == std::multiset<int>{10, 11});  // one built it, one found it
}

TEST_CASE("a build that is stopped leaves nothing that looks complete, and the next one cleans up") {
  struct Stopper final : Progress {
    explicit Stopper(std::string what) : at(std::move(what)) {}
    void update(std::string_view what, double, double, std::string_view) override {
      if (what == at) throw Stopped(15, "stopped");
    }
    void note(std::string_view) override {}
    std::string at;
  };
  const TemporaryFolder dir;
  const auto options = sample_options({dir.write("train.jsonl", sample_lines(0, 200, 20))});
  const auto where = build_in(dir / "cache");
  for (const char* stage : {"read corpus", "train tokenizer", "encode corpus"}) {
    Stopper stopper(stage);
    CHECK(message_of([&] { open_or_build(options, where, stopper); }) == "stopped");
    for (const auto& entry : fs::directory_iterator(where.cache))
      CHECK((entry.path().filename() == "inputs" || entry.path().extension() == ".lock"));
  }
  std::string short_hash;
  for (const auto& entry : fs::directory_iterator(where.cache))
    if (entry.path().extension() == ".lock") short_hash = entry.path().stem().string();
  dir.write("cache/.building-" + short_hash + "-1/texts", "of a process that was killed");
  CHECK(build(options, where)->documents().size() == 200);
  CHECK_FALSE(fs::exists(where.cache / (".building-" + short_hash + "-1")));
}

TEST_CASE("without groups, a text that is also held out is not trained on") {
  const TemporaryFolder dir;
  const std::string train = sample_lines(0, 300, 20), heldout = sample_lines(1000, 60, 20), test = sample_lines(2000, 60, 20);
  const std::string in_heldout = sample_lines(1000, 3, 20), in_test = sample_lines(2000, 2, 20);
  CorpusOptions options = sample_options({dir.write("train.jsonl", in_heldout + train + in_test)});
  options.heldout = {dir.write("heldout.jsonl", heldout + in_test)};
  options.test = {dir.write("test.jsonl", test)};
  options.group_by.clear();
  options.ratings = {"meta.score"};
  Notes notes;
  const auto corpus = open_or_build(options, build_in(dir / "cache"), notes);
  CHECK(corpus->documents().size() == 420);
  std::map<std::string, std::set<Set>> sets;
  const auto texts = texts_of(*corpus);
  for (std::uint32_t i = 0; i < texts.size(); ++i) sets[texts[i]].insert(corpus->documents()[i].set);
  std::map<std::string, float> scores;
  for (const int first : {0, 1000, 2000})
    for (int i = first; i < first + 300; ++i) scores[sample_text(static_cast<std::uint64_t>(i), 20)] = 0.25f * static_cast<float>(i % 7);
  for (std::size_t i = 0; i < texts.size(); ++i) REQUIRE(corpus->rating(0)[i] == scores.at(texts[i]));  // those left out took theirs along
  for (const auto& [text, in] : sets) CHECK(in.size() == 1);
  CHECK(sets[sample_text(2001, 20)] == std::set<Set>{Set::test});
  CHECK_THAT(notes.lines, Catch::VectorContains(std::string("left out because a set held out has the same text: 5 documents of "
                                                            "corpus.train, 2 of corpus.heldout")));
}

TEST_CASE("a tokenizer of one's own is used, and has to be of the model's vocabulary") {
  const TemporaryFolder dir;
  CorpusOptions options = sample_options({dir.write("train.jsonl", sample_lines(0, 200, 20))});
  const Tokenizer tokenizer = Tokenizer::train(std::vector<std::string>{sample_text(1, 4000)}, 310);
  options.tokenizer = dir.write("own.model", tokenizer.model());
  Exit code = Exit::done;
  CHECK_THAT(message_of([&] { build(options, build_in(dir / "cache")); }, &code),
             Contains("has 310 pieces") && Contains("set model.vocabulary = 310"));
  CHECK(code == Exit::usage);
  CorpusBuild where = build_in(dir / "cache");
  where.vocabulary = 310;
  const auto corpus = build(options, where);
  CHECK(read_file(corpus->folder() / kTokenizerFileName) == tokenizer.model());
  CHECK(text_of(*corpus, 7) == sample_text(7, 20));
}

TEST_CASE("with nothing given, the synthetic corpus is built with its own labels") {
  const TemporaryFolder dir;
  CorpusOptions options;
  options.synthetic_megabytes = 0.6;
  const auto where = build_in(dir / "cache");
  Notes first, second;
  const auto corpus = open_or_build(options, where, first);
  CHECK(corpus->domains() == std::vector<std::string>{"domain0", "domain1", "domain2", "domain3"});
  CHECK(corpus->topics().size() == 4);
  CHECK(corpus->has_quality());
  CHECK(corpus->folder().parent_path() == where.cache);
  std::size_t reference = 0;
  for (const Document& d : corpus->documents()) {
    CHECK_FALSE(std::isnan(d.quality));
    CHECK((!d.reference || d.domain == 0));
    reference += d.reference ? 1 : 0;
  }
  CHECK(reference > 0);
  CHECK(reference < corpus->documents().size() / 8);
  CHECK_FALSE(corpus->set(Set::anchor).empty());
  CHECK(open_or_build(options, where, second)->hash() == corpus->hash());
  CHECK(second.lines.empty());

  options.reference_where = {{"meta.true_quality", {"4"}}};
  const auto narrow = build(options, where);
  std::size_t fewer = 0;
  for (const Document& d : narrow->documents()) fewer += d.reference ? 1 : 0;
  CHECK(fewer > 0);
  CHECK(fewer < reference);
  options.synthetic_seed = 1;
  CHECK(build(options, where)->hash() != narrow->hash());
}

TEST_CASE("the options of a corpus describe themselves") {
  CorpusOptions o;
  std::set<std::string> names;
  for (const auto& option : o.list()) {
    names.insert(option.name);
    CHECK(option.problem().empty());
    CHECK_FALSE(option.help.empty());
  }
  for (const char* name : {"train", "heldout", "test", "reference.domains", "reference.where", "group_by", "synthetic.seed"}) CHECK(names.count(name) == 1);
  CHECK(o.effective().quality_field == "meta.quality");
  o.train = {"x"};
  CHECK(o.effective().quality_field.empty());
  o.text_field.clear();
  CHECK_THROWS_AS(o.validate(), ConfigError);
  o = CorpusOptions();
  o.train = {""};
  CHECK_THROWS_AS(o.validate(), ConfigError);
  o.train = {"x"};
  o.reference_where = {{"kind", {}}};
  CHECK_THROWS_AS(o.validate(), ConfigError);
}
