// The file of a built corpus: one header, then sections, each on a multiple of 8 bytes, little-endian as in memory.
//
//   header     magic, versions, sizes, marks, hashes, where each section lies, and a CRC-32 of itself
//   tokens     u32 each, all passages one after another
//   passages   struct Passage each, in token order; documents: struct Document each
//   sets       five lists of u32 passage ids
//   domains, topics, ratings   names, each u32 length and bytes
//   rating     f32 of each document, for one name of ratings after another; NaN: none
//
// Opening trusts nothing: sizes, offsets, CRCs, every index, every token, and that each list follows from the others. So a
// file that was damaged, or made to do harm, is refused, and nobody behind Corpus has to check again.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/corpus.h"
#include "trainer/file_writer.h"

namespace fader {

inline constexpr std::uint32_t kCorpusFormat = 2;  ///< raise when bytes or their meaning change: older caches are rebuilt
inline constexpr const char* kCorpusFileName = "corpus.bin";
inline constexpr const char* kTokenizerFileName = "tokenizer.model";

static_assert(sizeof(Passage) == 24 && offsetof(Passage, tokens) == 8 && offsetof(Passage, bytes) == 12 &&
              offsetof(Passage, document) == 16);
static_assert(sizeof(Document) == 16 && offsetof(Document, domain) == 4 && offsetof(Document, topic) == 6 &&
              offsetof(Document, quality) == 8 && offsetof(Document, set) == 12 && offsetof(Document, reference) == 13);

enum class Part : std::uint8_t { tokens, passages, documents, pool, anchor, reward, validation, test, domains, topics, ratings, rating };
inline constexpr std::size_t kParts = 12;

struct CorpusHeader {
  struct Section {
    std::uint64_t offset = 0, bytes = 0;
    std::uint32_t crc = 0, unused = 0;
  };
  std::array<char, 16> magic{'f', 'a', 'd', 'e', 'r', ' ', 'c', 'o', 'r', 'p', 'u', 's', '\r', '\n', '\x1a', '\n'};
  std::uint32_t format = kCorpusFormat, byte_order = 0x01020304, header_bytes = 0, passage_bytes = sizeof(Passage),
                document_bytes = sizeof(Document);
  std::uint32_t vocabulary = 0, context = 0, begin_mark = 0, end_mark = 0, groups = 0;
  std::uint64_t file_bytes = 0;
  std::array<char, 64> hash{}, tokenizer_hash{};  ///< of content and options; of the .model
  std::array<Section, kParts> sections{};
  std::uint32_t unused = 0, crc = 0;              ///< of all before it
};
static_assert(sizeof(CorpusHeader) == 16 + 40 + 8 + 128 + kParts * 24 + 8);

/// Everything but the tokens, which are written as they are made.
struct CorpusContents {
  std::vector<Passage> passages;
  std::vector<Document> documents;
  std::vector<std::string> domains, topics, ratings;
  std::vector<std::vector<float>> rating;  ///< [name of ratings][document]; NaN: none
  std::uint32_t vocabulary = 0, context = 0, begin_mark = 0, end_mark = 0;
  std::string hash, tokenizer_hash;  ///< 64 hexadecimal digits each
};

class CorpusWriter {
 public:
  explicit CorpusWriter(const std::filesystem::path& path);
  void add_tokens(std::span<const std::uint32_t> tokens);
  /// Writes the rest, and the header last.
  void finish(const CorpusContents& contents);

 private:
  void begin(Part part);
  void add(std::string_view bytes);
  void add_names(Part part, const std::vector<std::string>& names);

  FileWriter file_;
  CorpusHeader header_;
  CorpusHeader::Section* section_ = nullptr;
  std::uint64_t at_ = 0;
};

/// The parts of a file's bytes, looked at in place, all checked.
struct CorpusView {
  CorpusHeader header;
  std::span<const std::uint32_t> tokens;
  std::span<const Passage> passages;
  std::span<const Document> documents;
  std::array<std::span<const PassageId>, kSets> sets;
  std::vector<std::string> domains, topics, ratings;
  std::vector<std::span<const float>> rating;  ///< [name of ratings][document]
  bool has_quality = false;
};

/// `bytes` starts on a multiple of 8. DataError naming `name` and what is wrong.
CorpusView view_corpus(std::string_view bytes, const std::string& name);

}  // namespace fader
