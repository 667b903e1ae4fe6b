// The corpus cache. Checksums would stop every blind change, so the input says what to build: a small corpus that is right, then
// changes to any of its bytes, then checksums that fit again (or do not).
//
//   byte 0      bit 0: the rest is the file itself; bit 1: checksums are left as they are; bit 2: the header's length of the
//               file as well
//   otherwise   numbers of domains, topics, documents and ratings; the ratings; per document set, group, reference, quality and the lengths of its passages;
//               then edits (tests/fuzz/fuzz.h)
//
// What is accepted is walked through in full.
#include <zlib.h>

#include <cmath>
#include <limits>

#include "tests/fuzz/fuzz.h"
#include "trainer/corpus_file.h"

using namespace fader;

namespace {

constexpr std::uint32_t kVocabulary = 300, kContext = 16;

struct Contents {
  std::vector<std::uint32_t> tokens;
  std::vector<Passage> passages;
  std::vector<Document> documents;
  std::string names[3];  // domains, topics, ratings, as they are stored
  std::vector<float> rating;
};

std::string names(std::size_t n, char letter) {
  std::string out;
  for (std::size_t i = 0; i < n; ++i) {
    const auto length = static_cast<std::uint32_t>(i + 1);
    out.append(reinterpret_cast<const char*>(&length), sizeof length).append(length, letter);
  }
  return out;
}

Contents contents(fuzz::Bytes& input) {
  Contents out;
  const std::size_t domains = 1 + input.below(4), topics = input.below(3), documents = input.below(8), ratings = input.below(3);
  out.names[0] = names(domains, 'd');
  out.names[1] = names(topics, 't');
  out.names[2] = names(ratings, 'r');
  for (std::size_t i = 0; i < ratings * documents; ++i)
    out.rating.push_back(input.below(4) == 0 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(input.below(100)));
  for (std::size_t i = 0; i < documents; ++i) {
    Document d;
    d.group = static_cast<std::uint32_t>(i);
    d.set = static_cast<Set>(input.below(kSets));
    d.domain = static_cast<std::uint16_t>(input.below(domains));
    d.topic = static_cast<std::int16_t>(static_cast<int>(input.below(topics + 1)) - 1);
    d.reference = input.below(2) == 1;
    d.quality = input.below(4) == 0 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(input.below(100));
    out.documents.push_back(d);
    for (auto n = 1 + input.below(3); n > 0; --n) {
      const auto length = static_cast<std::uint32_t>(1 + input.below(kContext));
      out.passages.push_back({out.tokens.size(), length, length, static_cast<std::uint32_t>(i)});
      for (std::uint32_t t = 0; t < length; ++t) out.tokens.push_back((t * 37 + length) % kVocabulary);
    }
  }
  return out;
}

/// The file of these contents, in the layout of trainer/corpus_file.h; checksums come later.
std::string image(const Contents& c) {
  CorpusHeader header;
  header.header_bytes = sizeof header;
  header.vocabulary = kVocabulary;
  header.context = kContext;
  header.end_mark = 1;
  header.groups = static_cast<std::uint32_t>(c.documents.size());
  header.hash.fill('a');
  header.tokenizer_hash.fill('b');
  std::string out(sizeof header, '\0');
  const auto add = [&](Part part, const void* data, std::size_t bytes) {
    out.resize((out.size() + 7) / 8 * 8);
    header.sections[static_cast<std::size_t>(part)] = {out.size(), bytes, 0, 0};
    if (bytes > 0) out.append(static_cast<const char*>(data), bytes);
  };
  add(Part::tokens, c.tokens.data(), c.tokens.size() * sizeof(std::uint32_t));
  add(Part::passages, c.passages.data(), c.passages.size() * sizeof(Passage));
  add(Part::documents, c.documents.data(), c.documents.size() * sizeof(Document));
  for (std::size_t s = 0; s < kSets; ++s) {
    std::vector<PassageId> ids;
    for (std::size_t i = 0; i < c.passages.size(); ++i)
      if (c.documents[c.passages[i].document].set == static_cast<Set>(s)) ids.push_back(static_cast<PassageId>(i));
    add(static_cast<Part>(static_cast<std::size_t>(Part::pool) + s), ids.data(), ids.size() * sizeof(PassageId));
  }
  add(Part::domains, c.names[0].data(), c.names[0].size());
  add(Part::topics, c.names[1].data(), c.names[1].size());
  add(Part::ratings, c.names[2].data(), c.names[2].size());
  add(Part::rating, c.rating.data(), c.rating.size() * sizeof(float));
  header.file_bytes = out.size();
  std::memcpy(out.data(), &header, sizeof header);
  return out;
}

std::uint32_t crc_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

void make_fit(std::string& bytes, bool length_too) {
  if (bytes.size() < sizeof(CorpusHeader)) return;
  CorpusHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  for (auto& section : header.sections)
    if (section.offset <= bytes.size() && section.bytes <= bytes.size() - section.offset)
      section.crc = crc_of(std::string_view(bytes).substr(section.offset, section.bytes));
  if (length_too) header.file_bytes = bytes.size();
  std::memcpy(bytes.data(), &header, sizeof header);
  header.crc = crc_of(std::string_view(bytes).substr(0, offsetof(CorpusHeader, crc)));
  std::memcpy(bytes.data(), &header, sizeof header);
}

/// Everything that a Corpus hands out of an accepted file.
std::uint64_t walk(const CorpusView& view) {
  std::uint64_t sum = view.tokens.size();
  for (const Passage& p : view.passages) {
    for (const std::uint32_t token : view.tokens.subspan(p.first, p.tokens)) {
      FADER_CHECK(token < view.header.vocabulary);
      sum += token;
    }
    const Document& d = view.documents[p.document];
    sum += view.domains[d.domain].size() + (d.topic < 0 ? 0 : view.topics[static_cast<std::size_t>(d.topic)].size()) + (d.reference ? 1 : 0);
    FADER_CHECK(!std::isinf(d.quality) && d.group < view.header.groups);
  }
  for (const auto& rating : view.rating) {
    FADER_CHECK_EQ(rating.size(), view.documents.size());
    for (const float x : rating) FADER_CHECK(!std::isinf(x));
  }
  for (const auto& name : view.ratings) sum += name.size();
  std::size_t listed = 0;
  for (std::size_t s = 0; s < kSets; ++s)
    for (const PassageId id : view.sets[s]) {
      FADER_CHECK(view.documents[view.passages[id].document].set == static_cast<Set>(s));
      ++listed;
    }
  FADER_CHECK_EQ(listed, view.passages.size());
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes input(data, size);
  const auto choice = input.take<std::uint8_t>();
  std::string bytes;
  if (choice & 1) {
    bytes = input.rest();
  } else {
    bytes = image(contents(input));
    fuzz::edit(bytes, input);
  }
  if (!(choice & 2)) make_fit(bytes, !(choice & 4));
  // In words of its own, at their end: what is read before or behind the file is seen.
  std::vector<std::uint64_t> words((bytes.size() + 7) / 8);
  if (!bytes.empty()) std::memcpy(words.data(), bytes.data(), bytes.size());
  const std::string_view file(reinterpret_cast<const char*>(words.data()), bytes.size());
  fuzz::accepts([&] { fuzz::look(walk(view_corpus(file, "corpus.bin"))); });
  return 0;
}
