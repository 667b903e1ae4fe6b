#include "trainer/json_lines.h"

#include <catch2/catch.hpp>

#include <cmath>

#include "corpus_files.h"
#include "trainer/ordered_map.h"

using namespace fader;
using Catch::Matchers::Contains;

namespace {

RecordFields slimpajama() {
  RecordFields fields;
  fields.domain = "meta.redpajama_set_name";
  return fields;
}

Record record(const std::string& line, const RecordFields& fields) {
  auto parsed = parse_record(line, fields);
  if (const auto* bad = std::get_if<BadRecord>(&parsed)) FAIL(bad->reason << "; " << bad->detail);
  return std::get<Record>(std::move(parsed));
}
BadRecord bad(const std::string& line, const RecordFields& fields) {
  auto parsed = parse_record(line, fields);
  REQUIRE(std::holds_alternative<BadRecord>(parsed));
  return std::get<BadRecord>(std::move(parsed));
}

std::string read_all(ByteSource& source, std::size_t step) {
  std::string out, piece(step, '\0');
  while (const std::size_t n = source.read(piece)) out.append(piece, 0, n);
  return out;
}

}  // namespace

TEST_CASE("a record's fields are found by path and by literal key") {
  RecordFields fields = slimpajama();
  fields.topic = "attr-topic.v1";
  fields.quality = "attr-fineweb-edu";
  fields.group_by = {"meta.id.x", "source"};
  const Record r = record(R"({"text":"a\u0000b\n","attr-topic.v1":7,"attr-fineweb-edu":"2.5","source":"s",)"
                          R"("meta":{"redpajama_set_name":"Web","id.x":"w"}})", fields);
  CHECK(r.text == std::string("a\0b\n", 4));
  CHECK(r.domain == "Web");
  CHECK(r.topic == "7");
  CHECK(r.quality == 2.5f);
  CHECK(r.group == "w\x1fs");
  CHECK(r.reference);

  fields.group_by.clear();
  fields.quality = "meta.deep.q";
  const Record other = record(R"({"text":"t","meta":{"deep":{"q":-3}}})", fields);
  CHECK(other.quality == -3.0f);
  CHECK(other.domain == kNoDomain);
  CHECK(other.topic.empty());
  CHECK(std::isnan(record(R"({"text":"t","meta":{"deep":{"q":null}}})", fields).quality));
  CHECK(record(R"({"text":"t","k":1})", fields).group == record(R"({"k":2,"text":"t"})", fields).group);
  CHECK(record(R"({"text":"t"})", fields).group != record(R"({"text":"T"})", fields).group);
}

TEST_CASE("ratings are numbers by name: as they stand, in objects, or the mean of a list") {
  RecordFields fields;
  fields.ratings = {"fineweb_edu.score", "writing_style_chunks", "meta.prrc.cleanliness", "int_score"};
  const Record r = record(R"({"text":"t","fineweb_edu":{"score":2.25,"int_score":2},"writing_style_chunks":[1.5,-0.5,2],)"
                          R"("meta":{"prrc":{"cleanliness":"4"}},"int_score":3})", fields);
  CHECK(r.ratings == std::vector<float>{2.25f, 1.0f, 4.0f, 3.0f});
  const Record none = record(R"({"text":"t","writing_style_chunks":[],"meta":{"prrc":{"cleanliness":null}}})", fields);
  REQUIRE(none.ratings.size() == 4);
  for (const float x : none.ratings) CHECK(std::isnan(x));
  for (const char* value : {"\"high\"", "true", "{}", "[1, \"x\"]", "[[1]]", "[1, null]", "1e300", "[1e38, 1e39]"})
    CHECK(bad(R"({"text":"t","int_score":)" + std::string(value) + "}", fields).reason == "rating 'int_score' is not a finite number");
}

TEST_CASE("reference text is chosen by domain and by values compared as text") {
  RecordFields fields = slimpajama();
  fields.reference_domains = {"Book", "Poem"};
  fields.reference_where = {{"meta.kind", {"book", "3"}}, {"ok", {"true"}}};
  const auto reference = [&](const std::string& domain, const std::string& kind, const std::string& ok = "true") {
    return record(R"({"text":"t","ok":)" + ok + R"(,"meta":{"redpajama_set_name":")" + domain + R"(","kind":)" + kind + "}}", fields).reference;
  };
  CHECK(reference("Book", R"("book")"));
  CHECK(reference("Poem", "3"));
  CHECK(reference("Book", "3.0"));
  CHECK(reference("Book", R"(["play", "book"])"));
  CHECK_FALSE(reference("Web", R"("book")"));
  CHECK_FALSE(reference("Book", R"("play")"));
  CHECK_FALSE(reference("Book", R"(["play"])"));
  CHECK_FALSE(reference("Book", "31"));
  CHECK_FALSE(reference("Book", R"({"book": 3})"));
  CHECK_FALSE(reference("Book", "null"));
  CHECK_FALSE(reference("Book", R"("book")", "false"));
}

TEST_CASE("every kind of unusable record says why") {
  RecordFields fields = slimpajama();
  fields.topic = "topic";
  fields.quality = "q";
  fields.reference_domains = {"Book"};
  const std::string meta = R"("meta":{"redpajama_set_name":"Book"})";
  const auto reason = [&](const std::string& line) { return bad(line, fields).reason; };
  CHECK(reason("hello") == "not JSON");
  CHECK_THAT(bad(R"({"text": "hal)", fields).detail, Contains("ends before its record does"));
  CHECK(reason(R"({"text": "t"} {})") == "not JSON");
  CHECK(reason("{\"text\": \"a\xFF\x62\", " + meta + "}") == "invalid UTF-8");
  CHECK(reason("{\"text\": \"\xC0\x80\", " + meta + "}") == "invalid UTF-8");
  CHECK(reason("{\"text\": \"\xED\xA0\x80\", " + meta + "}") == "invalid UTF-8");
  CHECK(reason(R"({"text": "\ud800", )" + meta + "}") == "half a surrogate pair");
  CHECK(reason("[1, 2]") == "not an object");
  CHECK(reason("null") == "not an object");
  CHECK(reason("{" + meta + "}") == "no text 'text'");
  CHECK_THAT(bad(R"({"content": "t", )" + meta + "}", fields).detail, Contains("content, meta.redpajama_set_name"));
  CHECK(reason(R"({"text": null, )" + meta + "}") == "no text 'text'");
  CHECK(reason(R"({"text": 5, )" + meta + "}") == "text 'text' is not text");
  CHECK(reason(R"({"text": "", )" + meta + "}") == "text 'text' is empty");
  CHECK(reason(R"({"text": "t"})") == "no domain 'meta.redpajama_set_name'");
  CHECK(reason(R"({"text": "t", "meta": {"redpajama_set_name": ["Book"]}})") == "domain 'meta.redpajama_set_name' is neither text nor number");
  CHECK(reason(R"({"text": "t", "topic": {}, )" + meta + "}") == "topic 'topic' is neither text nor number");
  for (const char* q : {"\"high\"", "\"1x\"", "\"nan\"", "\"inf\"", "\"\"", "1e300", "[1]", "true"})
    CHECK(reason(R"({"text": "t", "q": )" + std::string(q) + ", " + meta + "}") == "quality 'q' is not a finite number");
  CHECK(reason(R"({"text": "t", "q": 1e999, )" + meta + "}") == "not JSON");
  fields.group_by = {"work"};
  CHECK(reason(R"({"text": "t", )" + meta + "}") == "no group 'work'");
}

TEST_CASE("a hostile record costs no more than its bounds") {
  const RecordFields fields;
  CHECK(bad(std::string(200'000, '['), fields).reason == "nested too deep");
  std::string wide = R"({"text": "t", "x": [0)";
  for (int i = 0; i < (1 << 20); ++i) wide += ",0";
  CHECK(bad(wide + "]}", fields).reason == "too many values");

  Rng rng(3, "test/hostile");
  const std::string good = R"({"text": "a\u00e9\\ü", "meta": {"redpajama_set_name": ["x", 1.5e3, {"y": null}]}})";
  for (int i = 0; i < 20'000; ++i) {
    std::string line = good;
    for (std::uint64_t n = 1 + rng.below(3); n > 0; --n) line[rng.below(line.size())] = static_cast<char>(rng.below(256));
    line.resize(line.size() - rng.below(3));
    const auto parsed = parse_record(line, slimpajama());
    if (const auto* why = std::get_if<BadRecord>(&parsed)) CHECK_FALSE(why->reason.empty());
  }
}

TEST_CASE("lines come whole, in order and numbered, whatever the block size") {
  const std::string bytes = "{\"text\":\"one\"}\r\n\n{\"text\":\"two\"}\nbroken\n  \n{\"text\":\"three, the longest of them all\"}";
  const auto block = GENERATE(1, 2, 7, 16, 1000);
  LineReader reader(open_bytes(bytes, "memory"), "memory", static_cast<std::size_t>(block));
  std::string joined;
  std::vector<std::string> texts;
  std::vector<std::uint64_t> bad_lines;
  while (const auto lines = reader.next()) {
    joined += lines->bytes;
    auto parsed = parse_lines(*lines, RecordFields{});
    for (auto& r : parsed.records) texts.push_back(r.text);
    for (const auto& b : parsed.bad) bad_lines.push_back(b.line);
  }
  CHECK(joined == bytes);
  CHECK(texts == std::vector<std::string>{"one", "two", "three, the longest of them all"});
  CHECK(bad_lines == std::vector<std::uint64_t>{4});
}

TEST_CASE("a line without end is refused before it fills the memory") {
  struct Endless final : ByteSource {
    std::size_t read(std::span<char> out) override {
      std::fill(out.begin(), out.end(), 'x');
      made += out.size();
      return out.size();
    }
    std::uint64_t consumed() const override { return made; }
    std::uint64_t made = 0;
  };
  LineReader reader(std::make_unique<Endless>(), "endless.jsonl");
  CHECK_THAT(message_of([&] { reader.next(); }), Contains("endless.jsonl:1: the line is longer than 64 MiB"));
}

TEST_CASE("plain, gzip and zstd give the same bytes, several members and frames too") {
  const std::string a = sample_lines(0, 300), b = sample_lines(300, 200);
  const auto step = static_cast<std::size_t>(GENERATE(1000, 65536, 1 << 20));
  for (const std::string& stored : {a + b, gzip_of(a + b), zstd_of(a + b), gzip_of(a) + gzip_of(b), zstd_of(a) + zstd_of(b)}) {
    const auto source = open_bytes(stored, "memory");
    CHECK(read_all(*source, step) == a + b);
    CHECK(source->consumed() == stored.size());
  }
  CHECK(read_all(*open_bytes(zstd_of(a), "memory"), a.size()) == a);
}

TEST_CASE("compressed data that are cut short or damaged are refused wherever it happens") {
  const std::string bytes = sample_lines(0, 40);
  for (const std::string& stored : {gzip_of(bytes), zstd_of(bytes)}) {
    for (std::size_t n = 4; n < stored.size(); n += 1 + n / 16)
      CHECK_THAT(message_of([&] { read_all(*open_bytes(std::string_view(stored).substr(0, n), "x"), 4096); }), Contains("x: is cut short"));
    CHECK_THAT(message_of([&] { read_all(*open_bytes(std::string_view(stored).substr(0, stored.size() - 1), "x"), 4096); }),
               Contains("cut short"));
    const std::string behind = stored + "rubbish";
    CHECK_THAT(message_of([&] { read_all(*open_bytes(behind, "x"), 4096); }), Contains("x: is "));
  }
  std::string damaged = gzip_of(bytes);
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
  CHECK_THAT(message_of([&] { read_all(*open_bytes(damaged, "x"), 4096); }), Contains("x: is damaged"));
  std::string frame = zstd_of(bytes);
  frame[5] = static_cast<char>(frame[5] ^ 0xFF);
  CHECK_THAT(message_of([&] { read_all(*open_bytes(frame, "x"), 4096); }), Contains("x: is "));
}

TEST_CASE("a file that is not what its name says, or empty, is refused") {
  CHECK_THAT(message_of([] { open_bytes(std::string_view("<html>not found</html>"), "c4.jsonl.zst"); }), Contains("is not zstd data"));
  CHECK_THAT(message_of([] { open_bytes(std::string_view("{}"), "c4.jsonl.gz"); }), Contains("is not gzip data"));
  CHECK_THAT(message_of([] { open_bytes(std::string_view(), "c4.jsonl"); }), Contains("c4.jsonl: is empty"));
  CHECK_THAT(message_of([] { open_bytes(std::filesystem::temp_directory_path()); }), Contains("is a folder"));
  CHECK_THAT(message_of([] { open_bytes(std::filesystem::path("no/such.jsonl")); }), Contains("no/such.jsonl: cannot be read"));
}

TEST_CASE("an ordered map keeps the order and ends with the first error of the items") {
  const auto threads = GENERATE(1, 2, 3, 5);
  const auto run = [&](int fail_next, int fail_work, int fail_sink) {
    int made = 0;
    std::vector<int> seen;
    const auto fail_at = [](int i, int at, const char* what) {
      if (i == at) throw DataError(what);
    };
    std::string error = message_of([&] {
      ordered_map<int, int>(
          threads,
          [&]() -> std::optional<int> {
            fail_at(made, fail_next, "next");
            return made < 500 ? std::optional(made++) : std::nullopt;
          },
          [&](int&& i) {
            fail_at(i, fail_work, "work");
            volatile double x = 1;  // uneven work
            for (int k = 0; k < (i * 7919) % 2000; ++k) x = x * 1.0001;
            return i;
          },
          [&](int&& i) {
            fail_at(i, fail_sink, "sink");
            seen.push_back(i);
          });
    });
    for (std::size_t i = 0; i < seen.size(); ++i) REQUIRE(seen[i] == static_cast<int>(i));
    return std::pair{error, seen.size()};
  };
  CHECK(run(-1, -1, -1) == std::pair<std::string, std::size_t>{"no error", 500});
  CHECK(run(100, -1, -1) == std::pair<std::string, std::size_t>{"next", 100});
  CHECK(run(-1, 100, -1) == std::pair<std::string, std::size_t>{"work", 100});
  CHECK(run(-1, -1, 100) == std::pair<std::string, std::size_t>{"sink", 100});
  CHECK(run(102, 101, -1) == std::pair<std::string, std::size_t>{"work", 101});
  CHECK(run(0, -1, -1) == std::pair<std::string, std::size_t>{"next", 0});
}
