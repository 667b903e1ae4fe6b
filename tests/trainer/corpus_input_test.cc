// Everything that may be wrong with the files and options of a corpus, each with its message, its exit code, and nothing left.
#include <catch2/catch.hpp>

#include <algorithm>

#include "corpus_files.h"
#include "trainer/corpus_build.h"

using namespace fader;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

/// The message of the failed build; nothing that looks like a corpus may be left.
std::string failure(const CorpusOptions& options, const CorpusBuild& where, Exit expected) {
  Exit code = Exit::done;
  const std::string message = message_of([&] { build(options, where); }, &code);
  CHECK(code == expected);
  if (fs::is_directory(where.cache))
    for (const auto& entry : fs::directory_iterator(where.cache))
      CHECK((entry.path().filename() == "inputs" || entry.path().extension() == ".lock"));
  return message;
}

}  // namespace

TEST_CASE("groups in two sets are an error that names them") {
  const TemporaryFolder dir;
  CorpusOptions options = sample_options({dir.write("train.jsonl", sample_lines(0, 200, 20))});
  options.heldout = {dir.write("heldout.jsonl", sample_lines(198, 60, 20))};
  options.test = {dir.write("test.jsonl", sample_lines(1000, 60, 20))};
  const std::string message = failure(options, build_in(dir / "cache"), Exit::data);
  CHECK_THAT(message, Contains("the sets overlap: 1 of ") && Contains("'work 99' is in corpus.train and corpus.heldout") && Contains("meta.work"));
}

TEST_CASE("missing, empty and damaged files are located errors") {
  const TemporaryFolder dir;
  const auto where = build_in(dir / "cache");
  const std::string good = dir.write("train.jsonl", sample_lines(0, 200, 20));
  CHECK_THAT(failure(sample_options({(dir / "trian.jsonl").string()}), where, Exit::data),
             Contains("corpus.train: there is no file or folder") && Contains("did you mean 'train.jsonl'?"));
  CHECK_THAT(failure(sample_options({(dir / "no/folder.jsonl").string()}), where, Exit::data), Contains("there is no folder"));
  CHECK_THAT(failure(sample_options({(dir / "*.gz").string()}), where, Exit::data), Contains("no file matches"));
  fs::create_directories(dir / "nothing");
  CHECK_THAT(failure(sample_options({(dir / "nothing").string()}), where, Exit::data), Contains("holds no file that ends in .jsonl"));
  CHECK_THAT(failure(sample_options({dir.write("empty.jsonl", "")}), where, Exit::data), Contains("empty.jsonl: is empty"));
  CHECK_THAT(failure(sample_options({dir.write("blank.jsonl", "\n \n\n")}), where, Exit::data), Contains("blank.jsonl: holds no records"));
  CHECK_THAT(failure(sample_options({dir.write("none.jsonl.zst", zstd_of(""))}), where, Exit::data), Contains("holds no records"));
  const std::string stored = zstd_of(sample_lines(0, 200, 20)), gzip = gzip_of(sample_lines(0, 200, 20));
  CHECK_THAT(failure(sample_options({dir.write("cut.jsonl.zst", stored.substr(0, stored.size() / 2))}), where, Exit::data),
             Contains("cut.jsonl.zst: is cut short") && Contains("copy or download it again"));
  CHECK_THAT(failure(sample_options({dir.write("cut.jsonl.gz", gzip.substr(0, gzip.size() / 2))}), where, Exit::data),
             Contains("cut.jsonl.gz: is cut short"));
  CHECK_THAT(failure(sample_options({good, good}), where, Exit::usage), Contains("are one file; name it once"));
  CorpusOptions twice = sample_options({good});
  twice.test = {good};
  CHECK_THAT(failure(twice, where, Exit::usage), Contains("corpus.train") && Contains("corpus.test"));
  dir.write("blocked", "a file");
  CHECK_THAT(failure(sample_options({good}), build_in(dir / "blocked/cache"), Exit::run), Contains("blocked is not a folder"));
}

TEST_CASE("bad records are counted, located, and fail the build above the stated share") {
  const TemporaryFolder dir;
  const std::string broken = "{\"text\": \"no end\n{\"text\": \"a\xFF\"}\n{\"txt\": \"wrong name\"}\n{\"text\": 5}\n";
  CorpusOptions options = sample_options({dir.write("train.jsonl", sample_lines(0, 200, 20) + broken)});
  const std::string message = failure(options, build_in(dir / "cache"), Exit::data);
  CHECK_THAT(message, Contains("train.jsonl:201: not JSON") && Contains("4 of 204 records are unusable (2%)") &&
                          Contains("corpus.bad_share allows 1%") && Contains("1 x invalid UTF-8") && Contains("train.jsonl:203: no text 'text'; its fields: txt"));
  options.bad_share = 0.02;
  Notes notes;
  const auto corpus = open_or_build(options, build_in(dir / "cache"), notes);
  CHECK(corpus->documents().size() == 200);
  const bool said = std::any_of(notes.lines.begin(), notes.lines.end(),
                                [](const auto& l) { return l.starts_with("4 of 204 records skipped; the first: ") && l.find(":201:") != l.npos; });
  CHECK(said);

  CorpusOptions wrong = options;
  wrong.text_field = "content";
  wrong.bad_share = 1;
  CHECK_THAT(failure(wrong, build_in(dir / "other"), Exit::data),
             Contains("none of its 204 records is usable") && Contains("no text 'content'; its fields: meta.kind"));
}

TEST_CASE("options that do not fit the corpus are errors that say what does") {
  const TemporaryFolder dir;
  const auto where = build_in(dir / "cache");
  const CorpusOptions good = sample_options({dir.write("train.jsonl", sample_lines(0, 200, 20))});
  CorpusOptions o = good;
  o.reference_domains = {"Bok"};
  CHECK_THAT(failure(o, where, Exit::usage), Contains("no record is of domain 'Bok'; did you mean 'Book'?"));
  o = good;
  o.topic_field = "meta.topic";
  CHECK_THAT(failure(o, where, Exit::usage), Contains("corpus.topic_field: no record has 'meta.topic'"));
  o = good;
  o.quality_field = "meta.quality";
  CHECK_THAT(failure(o, where, Exit::usage), Contains("corpus.quality_field: no record has 'meta.quality'"));
  o.quality_field = "";
  o.ratings = {"meta.score", "meta.cleanliness"};
  CHECK_THAT(failure(o, where, Exit::usage), Contains("corpus.ratings: no record has 'meta.cleanliness'"));
  o.ratings = {"meta.score", "meta.score"};
  CHECK_THAT(failure(o, where, Exit::usage), Contains("corpus.ratings names 'meta.score' twice"));
  o.ratings = {"meta.kind"};
  CHECK_THAT(failure(o, where, Exit::data), Contains(".jsonl:1: rating 'meta.kind' is not a finite number"));
  o = good;
  o.reference_where = {{"meta.kind", {"novel"}}};
  CHECK_THAT(failure(o, where, Exit::data), Contains("no reference document is in the reward set") && Contains("meta.kind = novel"));
  o = sample_options({dir.write("small.jsonl", sample_lines(0, 12, 20))});
  CHECK_THAT(failure(o, where, Exit::data), Contains("the corpus is too small or too narrow"));
  o = good;
  o.train.clear();
  o.test = good.train;
  CHECK_THAT(failure(o, where, Exit::usage), Contains("corpus.train is not"));
  o = good;
  o.tokenizer = (dir / "no.model").string();
  CHECK_THAT(failure(o, where, Exit::data), Contains("no.model: cannot be read"));
  o.tokenizer = dir.write("bad.model", "not a model");
  CHECK_THAT(failure(o, where, Exit::data), Contains("bad.model"));
  CorpusBuild wide = where;
  wide.vocabulary = 30'000;
  CHECK(failure(good, wide, Exit::data) != "no error");
}
