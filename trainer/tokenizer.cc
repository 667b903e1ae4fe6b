// SentencePiece behind a lossless front. Status: encode equals SentencePiece's own on all text that it can carry (tested).
//
// Encoding. Text is cut into stretches that SentencePiece can carry; single bytes of invalid UTF-8 and the three bytes of
// U+2581 between them become byte pieces. A BPE model's stretch is cut further between bytes a, b that stand side by side in
// no piece of the vocabulary: no merge can cross such a place, so the parts have the same tokens alone as together. The parts
// are mostly words, and most words have been seen before: each thread that is encoding borrows a small table of them.
//
// Decoding. SentencePiece's own would replace characters that are cut between two passages, so each token's bytes are looked
// up in a table of ours.
#include "trainer/tokenizer.h"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cstring>
#include <mutex>
#include <unordered_map>

#include "core/error.h"

namespace fader {
namespace {

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";    // U+2581, SentencePiece's space
constexpr std::string_view kUnknownMark = "\xE2\x96\x85";  // U+2585, reserved by its trainer

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Bytes of the UTF-8 character that `s` starts with; 0 when it starts with none (RFC 3629: no surrogates, shortest form).
std::size_t character(std::string_view s) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char c = at(0);
  if (c < 0x80) return 1;
  const std::size_t n = c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
  if (n == 0 || s.size() < n) return 0;
  for (std::size_t i = 1; i < n; ++i)
    if (!continues(s[i])) return 0;
  if ((c == 0xE0 && at(1) < 0xA0) || (c == 0xED && at(1) >= 0xA0)) return 0;
  if ((c == 0xF0 && at(1) < 0x90) || (c == 0xF4 && at(1) >= 0x90)) return 0;
  return n;
}

/// The bytes of a piece as they stand in the text.
std::string piece_text(std::string_view piece) {
  std::string text;
  for (std::size_t i = 0; i < piece.size();) {
    const bool space = piece.substr(i, kSpaceMark.size()) == kSpaceMark;
    text += space ? ' ' : piece[i];
    i += space ? kSpaceMark.size() : 1;
  }
  return text;
}

// ---- What a .model says about itself -------------------------------------------------------------------------------------

/// The fields of a message in protocol buffers' wire format, as far as a .model uses it; SentencePiece has parsed it before.
struct Field {
  std::uint64_t number = 0, value = 0;  ///< value: of a varint
  bool varint = false;                  ///< a field of another kind than expected is passed over, as SentencePiece does
  std::string_view bytes;               ///< of a nested message or string
};
class Message {
 public:
  explicit Message(std::string_view bytes) : rest_(bytes) {}
  bool next(Field& field) {
    std::uint64_t tag = 0, size = 0;
    field = {};
    if (rest_.empty() || !varint(tag)) return false;
    field.number = tag >> 3;
    switch (tag & 7) {
      case 0: return field.varint = varint(field.value);
      case 1: return take(8, field.bytes);
      case 2: return varint(size) && take(size, field.bytes);
      case 5: return take(4, field.bytes);
      default: return false;
    }
  }

 private:
  bool varint(std::uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool take(std::uint64_t size, std::string_view& bytes) {
    if (size > rest_.size()) return false;
    bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  std::string_view rest_;
};

/// Of sentencepiece_model.proto: ModelProto.trainer_spec = 2 and normalizer_spec = 3, with the defaults written there.
struct ModelSpec {
  bool bpe = false, byte_fallback = false;
  std::string normalisation = "identity";
  bool rewrites = false, dummy_prefix = true, drops_spaces = true, escapes_spaces = true;

  explicit ModelSpec(std::string_view model) {
    Field field, inner;
    for (Message message(model); message.next(field);) {
      if (field.number == 2)
        for (Message trainer(field.bytes); trainer.next(inner);) {
          if (inner.number == 3 && inner.varint) bpe = inner.value == 2;
          if (inner.number == 35 && inner.varint) byte_fallback = inner.value != 0;
        }
      if (field.number == 3)
        for (Message normalizer(field.bytes); normalizer.next(inner);) {
          if (inner.number == 1) normalisation = inner.bytes;
          if (inner.number == 2) rewrites = !inner.bytes.empty();
          if (inner.number == 3 && inner.varint) dummy_prefix = inner.value != 0;
          if (inner.number == 4 && inner.varint) drops_spaces = inner.value != 0;
          if (inner.number == 5 && inner.varint) escapes_spaces = inner.value != 0;
        }
    }
  }

  /// What keeps the model from being lossless, or "".
  std::string loss() const {
    if (!byte_fallback) return "it has no byte fallback (train it with --byte_fallback=true)";
    if (rewrites)
      return fmt::format("it rewrites text by the rules '{}' (train it with --normalization_rule_name=identity)", normalisation);
    if (dummy_prefix) return "it puts a space before every text (train it with --add_dummy_prefix=false)";
    if (drops_spaces) return "it drops repeated spaces (train it with --remove_extra_whitespaces=false)";
    if (!escapes_spaces) return "it leaves spaces unescaped";
    return "";
  }
};

// ---- The table of words --------------------------------------------------------------------------------------------------

/// The tokens of short parts of text, found by hash; a newer part takes the place of an older one.
class WordTable {
 public:
  static constexpr std::size_t kLongest = 16;
  struct Word {
    std::array<char, kLongest> text{};  // zero-padded
    std::uint8_t bytes = 0, tokens = 0;
    std::array<std::uint32_t, kLongest> token{};  // a token stands for at least one byte
  };
  WordTable() : words_(std::size_t{1} << kBits) {}

  /// The place of `part` (1 to kLongest bytes); `bytes` is 0 when it has to be filled.
  Word& find(std::string_view part) {
    std::array<char, kLongest> text{};
    std::memcpy(text.data(), part.data(), part.size());
    std::uint64_t half[2];
    std::memcpy(half, text.data(), sizeof half);
    const std::uint64_t hash = (half[0] ^ (half[1] * 0x9e3779b97f4a7c15ull) ^ part.size()) * 0xbf58476d1ce4e5b9ull;
    Word& word = words_[hash >> (64 - kBits)];
    if (word.bytes != part.size() || word.text != text) {
      word.text = text;
      word.bytes = static_cast<std::uint8_t>(part.size());
      word.tokens = 0;
    }
    return word;
  }

 private:
  static constexpr int kBits = 16;  // 5.5 MB: a larger one is too slow to look up
  std::vector<Word> words_;
};

}  // namespace

struct Tokenizer::Parts {
  std::string model, source;
  sentencepiece::SentencePieceProcessor processor;
  std::uint32_t begin = 0, end = 0;
  std::vector<std::string> text;            // of each token; empty: a mark
  std::array<std::uint32_t, 256> byte{};    // the byte pieces
  bool cuts = false;                        // parts may be encoded alone
  std::bitset<65536> inside;                // [256 a + b]: bytes a, b stand side by side in a piece
  mutable std::mutex mutex;
  mutable std::vector<std::unique_ptr<WordTable>> tables;  // those that nobody has borrowed

  std::unique_ptr<WordTable> borrow() const {
    const std::lock_guard lock(mutex);
    if (tables.empty()) return std::make_unique<WordTable>();
    auto table = std::move(tables.back());
    tables.pop_back();
    return table;
  }
  void give_back(std::unique_ptr<WordTable> table) const {
    const std::lock_guard lock(mutex);
    tables.push_back(std::move(table));
  }

  void encode_part(std::string_view part, std::vector<int>& scratch, std::vector<std::uint32_t>& out) const {
    if (!processor.Encode(part, &scratch).ok()) lose(part);
    std::size_t at = 0;
    for (std::size_t i = 0; i < scratch.size(); ++i) {
      auto token = static_cast<std::uint32_t>(scratch[i]);
      if (token == byte[0xE2] && at < part.size() && part[at] == ' ') {  // a model without a space of its own spells out U+2581
        token = byte[' '];
        i += kSpaceMark.size() - 1;
      }
      const std::string_view piece = token < text.size() ? std::string_view(text[token]) : "";
      if (piece.empty() || part.substr(at, piece.size()) != piece) lose(part);
      at += piece.size();
      out.push_back(token);
    }
    if (at != part.size()) lose(part);
  }
  /// What a model says of itself need not be so.
  [[noreturn]] void lose(std::string_view part) const {
    throw DataError(fmt::format("{}: this tokenizer loses text: its pieces for '{}' are not that text; leave corpus.tokenizer out, and "
                                "one is trained", source, part.substr(0, 40)));
  }

  void encode_word(std::string_view part, WordTable& table, std::vector<int>& scratch, std::vector<std::uint32_t>& out) const {
    if (part.size() > WordTable::kLongest) return encode_part(part, scratch, out);
    WordTable::Word& word = table.find(part);
    if (word.tokens == 0) {
      const std::size_t first = out.size();
      encode_part(part, scratch, out);
      std::copy(out.begin() + static_cast<std::ptrdiff_t>(first), out.end(), word.token.begin());
      word.tokens = static_cast<std::uint8_t>(out.size() - first);
    } else {
      out.insert(out.end(), word.token.begin(), word.token.begin() + word.tokens);
    }
  }

  /// `stretch` is valid UTF-8 without U+2581, and not empty.
  void encode_stretch(std::string_view stretch, WordTable& table, std::vector<int>& scratch,
                      std::vector<std::uint32_t>& out) const {
    if (!cuts) return encode_part(stretch, scratch, out);
    std::size_t first = 0;
    for (std::size_t i = 1; i < stretch.size(); ++i) {
      const auto a = static_cast<unsigned char>(stretch[i - 1]), b = static_cast<unsigned char>(stretch[i]);
      if (inside[std::size_t{a} << 8 | b] || continues(stretch[i])) continue;
      encode_word(stretch.substr(first, i - first), table, scratch, out);
      first = i;
    }
    encode_word(stretch.substr(first), table, scratch, out);
  }
};

Tokenizer::Tokenizer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

const std::string& Tokenizer::model() const { return parts_->model; }
int Tokenizer::vocabulary() const { return static_cast<int>(parts_->text.size()); }
std::uint32_t Tokenizer::begin_mark() const { return parts_->begin; }
std::uint32_t Tokenizer::end_mark() const { return parts_->end; }

void Tokenizer::encode(std::string_view text, std::vector<std::uint32_t>& out) const {
  auto table = parts_->borrow();
  std::vector<int> scratch;
  std::size_t first = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t n = character(text.substr(i));
    const bool carried = n != 0 && text.substr(i, n) != kSpaceMark;
    if (!carried) {
      if (i > first) parts_->encode_stretch(text.substr(first, i - first), *table, scratch, out);
      for (const char c : text.substr(i, std::max<std::size_t>(n, 1))) out.push_back(parts_->byte[static_cast<unsigned char>(c)]);
      first = i + std::max<std::size_t>(n, 1);
    }
    i += std::max<std::size_t>(n, 1);
  }
  if (text.size() > first) parts_->encode_stretch(text.substr(first), *table, scratch, out);
  parts_->give_back(std::move(table));
}

std::string Tokenizer::decode(std::span<const std::uint32_t> tokens) const {
  std::string text;
  text.reserve(decoded_bytes(tokens));
  for (const std::uint32_t token : tokens) text += parts_->text[token];
  return text;
}

std::size_t Tokenizer::decoded_bytes(std::span<const std::uint32_t> tokens) const {
  std::size_t bytes = 0;
  for (const std::uint32_t token : tokens) {
    FADER_CHECK(token < parts_->text.size(), "token {} of a vocabulary of {}", token, parts_->text.size());
    bytes += parts_->text[token].size();
  }
  return bytes;
}

Tokenizer Tokenizer::from_model(std::string bytes, const std::string& source) {
  auto parts = std::make_unique<Parts>();
  parts->model = std::move(bytes);
  parts->source = source;
  auto& processor = parts->processor;
  if (const auto status = processor.LoadFromSerializedProto(parts->model); !status.ok() || processor.GetPieceSize() == 0)
    throw DataError(fmt::format("{}: not a SentencePiece .model ({} bytes; {})", source, parts->model.size(),
                                status.ok() ? "no pieces" : status.ToString()));
  const ModelSpec spec(parts->model);
  if (const std::string loss = spec.loss(); !loss.empty())
    throw DataError(
        fmt::format("{}: this tokenizer loses text: {}; or leave corpus.tokenizer out, and one is trained", source, loss));
  const int begin = processor.bos_id(), end = processor.eos_id();
  if (begin < 0 || end < 0)
    throw DataError(fmt::format("{}: this tokenizer has no {} mark; train it with --bos_id and --eos_id at zero or above", source,
                                begin < 0 ? "begin" : "end"));
  parts->begin = static_cast<std::uint32_t>(begin);
  parts->end = static_cast<std::uint32_t>(end);
  parts->cuts = spec.bpe;
  parts->text.resize(static_cast<std::size_t>(processor.GetPieceSize()));
  std::bitset<256> have;
  for (int id = 0; id < processor.GetPieceSize(); ++id) {
    std::string& text = parts->text[static_cast<std::size_t>(id)];
    if (processor.IsControl(id) || processor.IsUnknown(id)) continue;
    if (processor.IsByte(id)) {
      const auto value = std::stoul(processor.IdToPiece(id).substr(3, 2), nullptr, 16);  // "<0x41>", checked on loading
      have.set(value);
      parts->byte[value] = static_cast<std::uint32_t>(id);
      text = static_cast<char>(value);
      continue;
    }
    text = piece_text(processor.IdToPiece(id));
    for (std::size_t i = 1; i < text.size(); ++i)
      parts->inside.set(std::size_t{static_cast<unsigned char>(text[i - 1])} << 8 | static_cast<unsigned char>(text[i]));
  }
  FADER_CHECK(have.all(), "{}: {} of 256 byte pieces", source, have.count());  // SentencePiece has looked
  return Tokenizer(std::move(parts));
}

// ---- Training ------------------------------------------------------------------------------------------------------------

namespace {

constexpr int kFixedPieces = 3 + 256;  // unknown, begin, end; the bytes
constexpr int kSmallest = kFixedPieces + 1;

/// Which characters get a piece of their own and take part in merges; the others are written as bytes.
class Alphabet {
 public:
  /// The most frequent characters that make up `kCoverage` of the text, but at most an eighth of the `pieces` (16 at least).
  /// Merges of frequent letters save more than rare letters do: on text of many scripts a half cost 9% more tokens.
  Alphabet(std::span<const std::string> texts, std::size_t pieces) {
    std::unordered_map<std::uint32_t, std::uint64_t> counts;
    std::uint64_t total = 0, covered = 0;
    for (const std::string& text : texts)
      for (std::size_t i = 0, n = 0; i < text.size(); i += std::max<std::size_t>(n, 1))
        if ((n = character(std::string_view(text).substr(i))) != 0) {
          ++counts[key(std::string_view(text).substr(i, n))];
          ++total;
        }
    // The reserved ones: white space of SentencePiece's own, and what its trainer uses between words and for the unknown.
    for (const std::string_view reserved : {kSpaceMark, kUnknownMark, std::string_view("\t"), std::string_view("\0", 1)})
      if (const auto found = counts.find(key(reserved)); found != counts.end()) {
        total -= found->second;
        counts.erase(found);
      }
    std::vector<std::pair<std::uint32_t, std::uint64_t>> order(counts.begin(), counts.end());
    std::sort(order.begin(), order.end(),
              [](const auto& a, const auto& b) { return a.second != b.second ? a.second > b.second : a.first < b.first; });
    const std::size_t most = std::min(pieces, std::max<std::size_t>(pieces / 8, 16));
    for (const auto& [c, count] : order) {
      if (kept_.size() >= most || static_cast<double>(covered) >= kCoverage * static_cast<double>(total)) break;
      kept_[c] = true;
      covered += count;
    }
  }
  bool has(std::string_view c) const { return kept_.count(key(c)) != 0; }
  bool empty() const { return kept_.empty(); }

 private:
  static constexpr double kCoverage = 0.9998;
  static std::uint32_t key(std::string_view c) {
    std::uint32_t value = 0;
    for (const char byte : c) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
  }
  std::unordered_map<std::uint32_t, bool> kept_;
};

/// The texts as SentencePiece's trainer takes them: short sentences of nothing but the alphabet. It splits before spaces in
/// any case, so cutting there loses nothing; new lines stay inside and take part in merges.
class Sentences final : public sentencepiece::SentenceIterator {
 public:
  Sentences(std::span<const std::string> texts, const Alphabet& alphabet) {
    std::string sentence;
    const auto flush = [&] {
      if (!sentence.empty()) sentences_.push_back(std::move(sentence));
      sentence.clear();
    };
    for (const std::string& text : texts) {
      for (std::size_t i = 0, n = 0; i < text.size(); i += std::max<std::size_t>(n, 1)) {
        n = character(std::string_view(text).substr(i));
        const auto c = std::string_view(text).substr(i, n);
        if (n == 0 || !alphabet.has(c) || (c == " " && sentence.size() > 1000) || sentence.size() > 4000) flush();
        if (n != 0 && alphabet.has(c)) sentence += c;
      }
      flush();
    }
  }
  bool done() const override { return at_ >= sentences_.size(); }
  void Next() override { ++at_; }
  const std::string& value() const override { return sentences_[at_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  std::vector<std::string> sentences_;
  std::size_t at_ = 0;
};

/// A model of at most `vocabulary` pieces; of fewer when the text carries no more merges.
Tokenizer train_up_to(std::span<const std::string> texts, int vocabulary) {
  const Alphabet alphabet(texts, static_cast<std::size_t>(vocabulary - kFixedPieces));
  if (alphabet.empty()) throw DataError("no text to train a tokenizer on: name one with corpus.tokenizer, or give more text");
  Sentences sentences(texts, alphabet);
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(
      {{"model_type", "bpe"},
       {"vocab_size", std::to_string(vocabulary)},
       {"hard_vocab_limit", "false"},  // we count ourselves, to say what would work
       {"character_coverage", "1"},    // of our alphabet
       {"byte_fallback", "true"},
       {"normalization_rule_name", "identity"},
       {"add_dummy_prefix", "false"},
       {"remove_extra_whitespaces", "false"},
       {"allow_whitespace_only_pieces", "true"},
       {"max_sentence_length", "100000"},
       {"num_threads", "1"},
       {"unk_id", "0"},
       {"bos_id", "1"},
       {"eos_id", "2"},
       {"pad_id", "-1"},
       {"minloglevel", "3"}},
      &sentences, &model);
  if (!status.ok()) throw DataError(fmt::format("the tokenizer cannot be trained on this text: {}", status.ToString()));
  return Tokenizer::from_model(std::move(model), "the tokenizer just trained");
}

}  // namespace

Tokenizer Tokenizer::train(std::span<const std::string> texts, int vocabulary) {
  if (vocabulary < kSmallest)
    throw ConfigError(fmt::format("a vocabulary of {} pieces: {} are taken by bytes and marks; ask for at least {}", vocabulary,
                                  kFixedPieces, kSmallest));
  Tokenizer tokenizer = train_up_to(texts, vocabulary);
  if (tokenizer.vocabulary() == vocabulary) return tokenizer;
  // A smaller vocabulary has a smaller alphabet, so what was reached may be too much still.
  int works = tokenizer.vocabulary();
  for (int reached = 0; (reached = train_up_to(texts, works).vocabulary()) < works;) works = reached;
  throw DataError(fmt::format("the text is too small for a vocabulary of {} pieces: it carries {}; give more text or set "
                              "model.vocabulary to {} or below", vocabulary, works, works));
}

}  // namespace fader
