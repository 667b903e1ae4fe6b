#include "trainer/corpus_file.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.h"

namespace fader {
namespace {

constexpr std::uint32_t kMostPieces = 1u << 24, kLongestContext = 1u << 20;

std::uint32_t crc_of(std::string_view bytes, std::uint32_t so_far = 0) {
  return static_cast<std::uint32_t>(crc32_z(so_far, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string_view bytes_of(const CorpusHeader& header) { return {reinterpret_cast<const char*>(&header), sizeof header}; }

template <class T>
std::string_view bytes_of(std::span<const T> items) {
  return {reinterpret_cast<const char*>(items.data()), items.size_bytes()};
}

// Field by field into zeros: what lies between the fields of a struct in memory is anything, and equal corpora are equal bytes.
template <class T>
void put(char* row, std::size_t offset, const T& value) {
  std::memcpy(row + offset, &value, sizeof value);
}
std::string packed(std::span<const Passage> passages) {
  std::string out(passages.size_bytes(), '\0');
  for (std::size_t i = 0; i < passages.size(); ++i) {
    char* row = out.data() + i * sizeof(Passage);
    put(row, offsetof(Passage, first), passages[i].first);
    put(row, offsetof(Passage, tokens), passages[i].tokens);
    put(row, offsetof(Passage, bytes), passages[i].bytes);
    put(row, offsetof(Passage, document), passages[i].document);
  }
  return out;
}
std::string packed(std::span<const Document> documents) {
  std::string out(documents.size_bytes(), '\0');
  for (std::size_t i = 0; i < documents.size(); ++i) {
    char* row = out.data() + i * sizeof(Document);
    put(row, offsetof(Document, group), documents[i].group);
    put(row, offsetof(Document, domain), documents[i].domain);
    put(row, offsetof(Document, topic), documents[i].topic);
    put(row, offsetof(Document, quality), documents[i].quality);
    put(row, offsetof(Document, set), documents[i].set);
    put(row, offsetof(Document, reference), documents[i].reference);
  }
  return out;
}

Part part_of(Set set) { return static_cast<Part>(static_cast<std::size_t>(Part::pool) + static_cast<std::size_t>(set)); }

}  // namespace

CorpusWriter::CorpusWriter(const std::filesystem::path& path) : file_(path) {
  header_.header_bytes = sizeof header_;
  file_.write(bytes_of(header_));  // its place; the true one comes last
  at_ = sizeof header_;
  begin(Part::tokens);
}

void CorpusWriter::begin(Part part) {
  static constexpr char kZeros[8] = {};
  const std::size_t gap = (8 - at_ % 8) % 8;
  file_.write({kZeros, gap});
  at_ += gap;
  section_ = &header_.sections[static_cast<std::size_t>(part)];
  section_->offset = at_;
}

void CorpusWriter::add(std::string_view bytes) {
  file_.write(bytes);
  section_->crc = crc_of(bytes, section_->crc);
  section_->bytes += bytes.size();
  at_ += bytes.size();
}

void CorpusWriter::add_tokens(std::span<const std::uint32_t> tokens) { add(bytes_of(tokens)); }

void CorpusWriter::add_names(Part part, const std::vector<std::string>& names) {
  begin(part);
  for (const auto& name : names) {
    const auto length = static_cast<std::uint32_t>(name.size());
    add(bytes_of(std::span(&length, 1)));
    add(name);
  }
}

void CorpusWriter::finish(const CorpusContents& contents) {
  constexpr std::size_t kBatch = 1 << 16;
  const auto add_packed = [&](Part part, auto items) {
    begin(part);
    for (; !items.empty(); items = items.subspan(std::min(kBatch, items.size())))
      add(packed(items.first(std::min(kBatch, items.size()))));
  };
  add_packed(Part::passages, std::span<const Passage>(contents.passages));
  add_packed(Part::documents, std::span<const Document>(contents.documents));
  for (std::size_t s = 0; s < kSets; ++s) {
    std::vector<PassageId> ids;
    for (std::size_t i = 0; i < contents.passages.size(); ++i)
      if (contents.documents[contents.passages[i].document].set == static_cast<Set>(s)) ids.push_back(static_cast<PassageId>(i));
    begin(part_of(static_cast<Set>(s)));
    add(bytes_of(std::span<const PassageId>(ids)));
  }
  add_names(Part::domains, contents.domains);
  add_names(Part::topics, contents.topics);
  add_names(Part::ratings, contents.ratings);
  FADER_CHECK_EQ(contents.rating.size(), contents.ratings.size());
  begin(Part::rating);
  for (const auto& rating : contents.rating) {
    FADER_CHECK_EQ(rating.size(), contents.documents.size());
    add(bytes_of(std::span<const float>(rating)));
  }

  header_.vocabulary = contents.vocabulary;
  header_.context = contents.context;
  header_.begin_mark = contents.begin_mark;
  header_.end_mark = contents.end_mark;
  for (const auto& d : contents.documents) header_.groups = std::max(header_.groups, d.group + 1);
  FADER_CHECK_EQ(contents.hash.size(), header_.hash.size());
  FADER_CHECK_EQ(contents.tokenizer_hash.size(), header_.tokenizer_hash.size());
  std::copy(contents.hash.begin(), contents.hash.end(), header_.hash.begin());
  std::copy(contents.tokenizer_hash.begin(), contents.tokenizer_hash.end(), header_.tokenizer_hash.begin());
  header_.file_bytes = at_;
  header_.crc = crc_of(bytes_of(header_).substr(0, offsetof(CorpusHeader, crc)));
  file_.seek(0);
  file_.write(bytes_of(header_));
  file_.close();
}

namespace {

/// The checks of view_corpus; each may rely on those before it.
class Checker {
 public:
  Checker(std::string_view bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  CorpusView check() {
    check_header();
    view_.tokens = section<std::uint32_t>(Part::tokens);
    view_.passages = section<Passage>(Part::passages);
    view_.domains = names(Part::domains);
    view_.topics = names(Part::topics);
    check_documents();
    check_passages();
    check_ratings();
    for (std::size_t s = 0; s < kSets; ++s) view_.sets[s] = section<PassageId>(part_of(static_cast<Set>(s)));
    check_sets();
    std::uint32_t largest = 0;
    for (const std::uint32_t token : view_.tokens) largest = std::max(largest, token);
    require(largest < view_.header.vocabulary, "a token lies outside the vocabulary");
    return std::move(view_);
  }

 private:
  void require(bool holds, const std::string& what) const {
    if (!holds) throw DataError(fmt::format("{}: is damaged: {}", name_, what));
  }

  void check_header() {
    CorpusHeader& h = view_.header;
    require(bytes_.size() >= sizeof h, fmt::format("it has {} bytes, fewer than a header", bytes_.size()));
    std::memcpy(&h, bytes_.data(), sizeof h);
    require(h.magic == CorpusHeader{}.magic, "it does not begin as a corpus does");
    if (h.format != kCorpusFormat)
      throw DataError(fmt::format("{}: is of format {}; this program reads format {}", name_, h.format, kCorpusFormat));
    require(h.byte_order == CorpusHeader{}.byte_order, "it was written on a machine of another byte order");
    require(h.header_bytes == sizeof h && h.passage_bytes == sizeof(Passage) && h.document_bytes == sizeof(Document),
            "its records are of another size");
    require(h.crc == crc_of(bytes_.substr(0, offsetof(CorpusHeader, crc))), "the checksum of its header does not fit");
    require(h.file_bytes == bytes_.size(), fmt::format("it has {} bytes and should have {}", bytes_.size(), h.file_bytes));
    require(h.vocabulary > 0 && h.vocabulary <= kMostPieces && h.context > 0 && h.context <= kLongestContext,
            "vocabulary or context are out of range");
    require(h.begin_mark < h.vocabulary && h.end_mark < h.vocabulary, "a mark lies outside the vocabulary");
  }

  std::string_view raw(Part part) const {
    const auto& s = view_.header.sections[static_cast<std::size_t>(part)];
    const auto number = static_cast<int>(part);
    require(s.offset % 8 == 0 && s.offset >= sizeof(CorpusHeader) && s.offset <= bytes_.size() && s.bytes <= bytes_.size() - s.offset,
            fmt::format("section {} lies outside the file", number));
    const std::string_view bytes = bytes_.substr(s.offset, s.bytes);
    require(crc_of(bytes) == s.crc, fmt::format("the checksum of section {} does not fit", number));
    return bytes;
  }

  template <class T>
  std::span<const T> section(Part part) const {
    const std::string_view bytes = raw(part);
    require(bytes.size() % sizeof(T) == 0, fmt::format("section {} ends in the middle of an element", static_cast<int>(part)));
    require(bytes.size() / sizeof(T) <= 0xffffffffu || part == Part::tokens, "it has too many passages");
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

  std::vector<std::string> names(Part part) const {
    std::vector<std::string> out;
    for (std::string_view bytes = raw(part); !bytes.empty();) {
      std::uint32_t length = 0;
      require(bytes.size() >= sizeof length, "a name is cut short");
      std::memcpy(&length, bytes.data(), sizeof length);
      bytes.remove_prefix(sizeof length);
      require(length <= bytes.size(), "a name is cut short");
      out.emplace_back(bytes.substr(0, length));
      bytes.remove_prefix(length);
    }
    return out;
  }

  void check_documents() {
    const std::string_view bytes = raw(Part::documents);
    // As bytes first: a bool that is neither 0 nor 1 must not be looked at as one.
    for (std::size_t at = 0; at + sizeof(Document) <= bytes.size(); at += sizeof(Document))
      require(static_cast<unsigned char>(bytes[at + offsetof(Document, set)]) < kSets &&
                  static_cast<unsigned char>(bytes[at + offsetof(Document, reference)]) < 2,
              "a document has no set");
    view_.documents = section<Document>(Part::documents);
    const std::uint32_t groups = view_.header.groups;
    require(groups <= view_.documents.size(), "it has more groups than documents");
    std::vector<std::uint8_t> set_of(groups, kSets);
    for (const Document& d : view_.documents) {
      require(d.group < groups && d.domain < view_.domains.size() && d.topic >= -1 && d.topic < static_cast<int>(view_.topics.size()),
              "a document has a group, domain or topic that there is not");
      require(!std::isinf(d.quality), "a quality is infinite");
      view_.has_quality = view_.has_quality || !std::isnan(d.quality);
      std::uint8_t& set = set_of[d.group];
      require(set == kSets || set == static_cast<std::uint8_t>(d.set), "a group is in two sets");
      set = static_cast<std::uint8_t>(d.set);
    }
  }

  void check_ratings() {
    view_.ratings = names(Part::ratings);
    const auto all = section<float>(Part::rating);
    const std::size_t documents = view_.documents.size(), count = view_.ratings.size();
    require(count == 0 ? all.empty() : all.size() % count == 0 && all.size() / count == documents, "its ratings are not one a document");
    for (const float x : all) require(!std::isinf(x), "a rating is infinite");
    for (std::size_t i = 0; i < count; ++i) view_.rating.push_back(all.subspan(i * documents, documents));
  }

  // Passages cover the tokens without gap, documents follow one another, and none is without a passage.
  void check_passages() const {
    std::uint64_t next = 0, documents = 0;
    for (const Passage& p : view_.passages) {
      require(p.first == next && p.tokens >= 1 && p.tokens <= view_.header.context && p.tokens <= view_.tokens.size() - next,
              "a passage lies outside the tokens");
      require(p.document == documents || (documents > 0 && p.document == documents - 1),
              "a passage has a document that is not its own");
      require(p.document < view_.documents.size(), "a passage has a document that there is not");
      documents = std::uint64_t{p.document} + 1;
      next += p.tokens;
    }
    require(next == view_.tokens.size(), "tokens are left over behind the last passage");
    require(documents == view_.documents.size(), "documents are left over behind the last passage");
  }

  // Each passage is in the list of its document's set, in order, and nowhere else.
  void check_sets() const {
    std::array<std::size_t, kSets> at{};
    for (std::size_t i = 0; i < view_.passages.size(); ++i) {
      const auto s = static_cast<std::size_t>(view_.documents[view_.passages[i].document].set);
      require(at[s] < view_.sets[s].size() && view_.sets[s][at[s]] == i, "the list of a set does not agree with the documents");
      ++at[s];
    }
    for (std::size_t s = 0; s < kSets; ++s)
      require(at[s] == view_.sets[s].size(), "the list of a set does not agree with the documents");
  }

  std::string_view bytes_;
  const std::string& name_;
  CorpusView view_;
};

}  // namespace

CorpusView view_corpus(std::string_view bytes, const std::string& name) {
  FADER_CHECK(reinterpret_cast<std::uintptr_t>(bytes.data()) % 8 == 0);
  return Checker(bytes, name).check();
}

}  // namespace fader
