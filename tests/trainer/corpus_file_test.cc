// Damaged and hostile cache files: every one has to be refused before anything behind Corpus looks at it.
#include "trainer/corpus_file.h"

#include <catch2/catch.hpp>

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "corpus_files.h"
#include "trainer/corpus_build.h"

using namespace fader;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

/// Bytes on a multiple of 8, as a mapped file has them.
class Image {
 public:
  explicit Image(const std::string& bytes) : words_((bytes.size() + 7) / 8), size_(bytes.size()) {
    std::memcpy(words_.data(), bytes.data(), bytes.size());
  }
  char* data() { return reinterpret_cast<char*>(words_.data()); }
  std::string_view bytes(std::size_t n = ~std::size_t{0}) { return {data(), std::min(n, size_)}; }
  CorpusHeader header() {
    CorpusHeader h;
    std::memcpy(&h, data(), sizeof h);
    return h;
  }
  /// Writes a header back with checksums that fit whatever is there now.
  void seal(CorpusHeader h) {
    const auto crc = [](const void* p, std::size_t n) { return static_cast<std::uint32_t>(crc32_z(0, static_cast<const Bytef*>(p), n)); };
    for (auto& s : h.sections)
      if (s.offset <= size_ && s.bytes <= size_ - s.offset) s.crc = crc(data() + s.offset, s.bytes);
    h.crc = crc(&h, offsetof(CorpusHeader, crc));
    std::memcpy(data(), &h, sizeof h);
  }
  /// Changes one field of an element of a section, checksums mended.
  template <class T>
  void poke(Part part, std::size_t element, std::size_t size, std::size_t offset, T value) {
    const CorpusHeader h = header();
    std::memcpy(data() + h.sections[static_cast<std::size_t>(part)].offset + element * size + offset, &value, sizeof value);
    seal(h);
  }
  std::string refusal(std::size_t n = ~std::size_t{0}) {
    return message_of([&] { view_corpus(bytes(n), "corpus.bin"); });
  }

 private:
  std::vector<std::uint64_t> words_;
  std::size_t size_;
};

/// Built once for all the tests of this file.
struct Built {
  Built() {
    CorpusOptions o;
    o.train = {dir.write("train.jsonl", sample_lines(0, 100, 20))};
    o.group_by = {"meta.work"};
    o.reference_domains = {"Book"};
    o.topic_field = "meta.kind";
    o.quality_field = "meta.score";
    o.ratings = {"meta.score"};
    CorpusBuild b;
    b.vocabulary = 300;
    b.context = 32;
    b.cache = dir / "cache";
    NoProgress quiet;
    folder = open_or_build(o, b, quiet)->folder();
    bytes = read_file(folder / kCorpusFileName);
  }
  TemporaryFolder dir;
  fs::path folder;
  std::string bytes;
};
const Built& built() {
  static const Built once;
  return once;
}

}  // namespace

TEST_CASE("an intact file opens, cut short or with any bit changed it does not") {
  Image image(built().bytes);
  CHECK(image.refusal() == "no error");
  const std::size_t size = built().bytes.size();
  for (std::size_t n = 0; n < size; n += 1 + n / 8) CHECK_THAT(image.refusal(n), Contains("corpus.bin: is damaged"));
  CHECK_THAT(image.refusal(size - 1), Contains("is damaged"));
  CHECK_THAT(Image(built().bytes + "x").refusal(), Contains("bytes and should have"));

  Rng rng(5, "test/flip");
  const CorpusHeader header = image.header();
  for (int i = 0; i < 3000; ++i) {
    const std::size_t at = i < static_cast<int>(sizeof(CorpusHeader)) ? static_cast<std::size_t>(i) : rng.below(size);
    bool padding = at >= sizeof(CorpusHeader);
    for (const auto& s : header.sections) padding = padding && !(at >= s.offset && at < s.offset + s.bytes);
    if (padding) continue;
    const char bit = static_cast<char>(1 << rng.below(8));
    image.data()[at] = static_cast<char>(image.data()[at] ^ bit);
    if (image.refusal() == "no error") FAIL("byte " << at << " was changed and nobody noticed");
    image.data()[at] = static_cast<char>(image.data()[at] ^ bit);
  }
}

TEST_CASE("a header that lies is refused even when its checksums fit") {
  const Image intact(built().bytes);
  const auto refuse = [&](auto change, const char* expected) {
    Image changed = intact;
    CorpusHeader h = changed.header();
    change(h);
    changed.seal(h);
    CHECK_THAT(changed.refusal(), Contains(expected));
  };
  constexpr auto kHuge = std::numeric_limits<std::uint64_t>::max();
  refuse([](auto& h) { h.magic[0] = 'F'; }, "does not begin as a corpus");
  refuse([](auto& h) { h.format = 99; }, "is of format 99; this program reads format 2");
  refuse([](auto& h) { h.byte_order = 0x04030201; }, "another byte order");
  refuse([](auto& h) { h.passage_bytes = 20; }, "records are of another size");
  refuse([](auto& h) { h.file_bytes += 8; }, "and should have");
  refuse([](auto& h) { h.vocabulary = 0; }, "out of range");
  refuse([](auto& h) { h.vocabulary = 0xffffffff; }, "out of range");
  refuse([](auto& h) { h.vocabulary = 10; }, "a token lies outside the vocabulary");
  refuse([](auto& h) { h.context = 8; }, "a passage lies outside the tokens");
  refuse([](auto& h) { h.context = 0; }, "out of range");
  refuse([](auto& h) { h.begin_mark = h.vocabulary; }, "a mark lies outside");
  refuse([](auto& h) { h.end_mark = 0xffffffff; }, "a mark lies outside");
  refuse([](auto& h) { h.groups = 0xffffffff; }, "more groups than documents");
  refuse([](auto& h) { h.groups = 1; }, "that there is not");
  for (std::size_t part = 0; part < kParts; ++part) {
    CAPTURE(part);
    refuse([&](auto& h) { h.sections[part].offset = kHuge - 7; }, "lies outside the file");
    refuse([&](auto& h) { h.sections[part].offset = 0; }, "lies outside the file");
    refuse([&](auto& h) { h.sections[part].offset += 4; }, "lies outside the file");
    refuse([&](auto& h) { h.sections[part].bytes = kHuge; }, "lies outside the file");
    refuse([&](auto& h) { h.sections[part].bytes = kHuge - h.sections[part].offset + 1; }, "lies outside the file");
    refuse([&](auto& h) { h.sections[part].bytes = h.sections[part].bytes > 8 ? h.sections[part].bytes - 1 : 1; }, "is damaged");
  }
  refuse([](auto& h) { h.sections[static_cast<std::size_t>(Part::tokens)].bytes -= 4; }, "outside the tokens");
  refuse([](auto& h) { h.sections[static_cast<std::size_t>(Part::passages)].bytes -= sizeof(Passage); }, "left over");
  refuse([](auto& h) { h.sections[static_cast<std::size_t>(Part::documents)].bytes -= sizeof(Document); }, "that there is not");
  refuse([](auto& h) { h.sections[static_cast<std::size_t>(Part::pool)].bytes -= 4; }, "does not agree");
  refuse([](auto& h) { h.sections[static_cast<std::size_t>(Part::test)] = h.sections[static_cast<std::size_t>(Part::pool)]; }, "does not agree");
  refuse([](auto& h) { h.sections[static_cast<std::size_t>(Part::topics)].bytes = 0; }, "that there is not");
  for (const Part part : {Part::tokens, Part::passages, Part::documents, Part::reward})
    refuse([&](auto& h) { h.sections[static_cast<std::size_t>(part)].bytes -= 1; }, "in the middle of an element");
  for (std::size_t s = 0; s < kSets; ++s)
    refuse([&](auto& h) { h.sections[static_cast<std::size_t>(Part::pool) + s].bytes += 4; }, "does not agree");
  refuse([](auto& h) { h.sections[static_cast<std::size_t>(Part::rating)].bytes -= 4; }, "not one a document");
  refuse([](auto& h) { h.sections[static_cast<std::size_t>(Part::ratings)].bytes = 0; }, "not one a document");
  refuse([](auto& h) { h.sections[static_cast<std::size_t>(Part::domains)].bytes -= 5; }, "a name is cut short");  // "Web" to 2 bytes
  Image image = intact;
  const CorpusView view = view_corpus(image.bytes(), "corpus.bin");
  const auto last = static_cast<std::size_t>(
      std::count_if(view.passages.begin(), view.passages.end(), [&](const Passage& p) { return p.document + 1 < view.documents.size(); }));
  refuse([&](auto& h) {
    h.sections[static_cast<std::size_t>(Part::passages)].bytes = last * sizeof(Passage);
    h.sections[static_cast<std::size_t>(Part::tokens)].bytes = view.passages[last].first * 4;
  }, "documents are left over");
}

TEST_CASE("contents that lie are refused even when their checksums fit") {
  const Image intact(built().bytes);
  const auto refuse = [&](Part part, std::size_t element, std::size_t size, std::size_t offset, auto value, const char* expected) {
    Image changed = intact;
    changed.poke(part, element, size, offset, value);
    CHECK_THAT(changed.refusal(), Contains(expected));
  };
  const auto passage = [&](std::size_t i, std::size_t offset, auto value, const char* expected) {
    refuse(Part::passages, i, sizeof(Passage), offset, value, expected);
  };
  passage(0, offsetof(Passage, first), std::uint64_t{1}, "outside the tokens");
  passage(3, offsetof(Passage, first), std::numeric_limits<std::uint64_t>::max(), "outside the tokens");
  passage(3, offsetof(Passage, tokens), 0u, "outside the tokens");
  passage(3, offsetof(Passage, tokens), 0xffffffffu, "outside the tokens");
  passage(3, offsetof(Passage, tokens), 33u, "outside the tokens");
  passage(0, offsetof(Passage, document), 1u, "not its own");
  passage(5, offsetof(Passage, document), 0xffffffffu, "not its own");
  const auto document = [&](std::size_t offset, auto value, const char* expected) {
    refuse(Part::documents, 2, sizeof(Document), offset, value, expected);
  };
  document(offsetof(Document, group), 0xffffffffu, "that there is not");
  document(offsetof(Document, domain), std::uint16_t{3}, "that there is not");
  document(offsetof(Document, topic), std::int16_t{2}, "that there is not");
  document(offsetof(Document, topic), std::int16_t{-2}, "that there is not");
  document(offsetof(Document, quality), std::numeric_limits<float>::infinity(), "quality is infinite");
  document(offsetof(Document, set), std::uint8_t{5}, "has no set");
  document(offsetof(Document, reference), std::uint8_t{2}, "has no set");
  Image image = intact;
  const Set set = view_corpus(image.bytes(), "corpus.bin").documents[2].set;
  document(offsetof(Document, set), static_cast<std::uint8_t>((static_cast<std::size_t>(set) + 1) % kSets), "a group is in two sets");
  refuse(Part::tokens, 7, 4, 0, 300u, "a token lies outside the vocabulary");
  refuse(Part::tokens, 7, 4, 0, 0xffffffffu, "a token lies outside the vocabulary");
  refuse(Part::pool, 1, 4, 0, 0u, "does not agree");
  refuse(Part::test, 0, 4, 0, 0xffffffffu, "does not agree");
  refuse(Part::domains, 0, 4, 0, 0xffffffffu, "a name is cut short");
  refuse(Part::topics, 0, 4, 0, 100u, "a name is cut short");
  refuse(Part::ratings, 0, 4, 0, 100u, "a name is cut short");
  refuse(Part::rating, 3, 4, 0, -std::numeric_limits<float>::infinity(), "a rating is infinite");
}

TEST_CASE("a damaged folder is refused with what to do, and a missing file is named") {
  const TemporaryFolder dir;
  const fs::path copy = dir / "copy";
  const auto fresh = [&] {
    fs::remove_all(copy);
    fs::copy(built().folder, copy);
  };
  const auto refusal = [&] {
    Exit code = Exit::done;
    const std::string message = message_of([&] { Corpus::open(copy); }, &code);
    CHECK(code == Exit::data);
    CHECK_THAT(message, Contains("delete the folder"));
    return message;
  };
  fresh();
  CHECK(Corpus::open(copy)->documents().size() == 100);
  fs::remove(copy / kCorpusFileName);
  CHECK_THAT(refusal(), Contains("corpus.bin: cannot be read"));
  fresh();
  fs::remove(copy / kTokenizerFileName);
  CHECK_THAT(refusal(), Contains("tokenizer.model: cannot be read"));
  fresh();
  fs::resize_file(copy / kCorpusFileName, 0);
  CHECK_THAT(refusal(), Contains("0 bytes, fewer than a header"));
  fresh();
  fs::resize_file(copy / kCorpusFileName, 5000);
  CHECK_THAT(refusal(), Contains("it has 5000 bytes and should have"));
  fresh();
  std::ofstream(copy / kTokenizerFileName, std::ios::app) << "x";
  CHECK_THAT(refusal(), Contains("is not the tokenizer that the corpus beside it was built with"));
  fs::remove_all(copy);
  CHECK_THAT(refusal(), Contains("cannot be read"));
}
