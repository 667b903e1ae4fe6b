// A lossless SentencePiece tokenizer: decode(encode(x)) == x for every byte string.
//
// BPE with byte fallback, identity normalisation, no dummy prefix, white space kept. Every token stands for fixed bytes, so
// decode(a + b) == decode(a) + decode(b) wherever a sequence of tokens is cut. What SentencePiece cannot carry (U+2581, which
// it uses for a space, and bytes that are not UTF-8) is written as byte pieces around it.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fader {

/// Immutable; encode and decode are thread-safe.
class Tokenizer {
 public:
  /// Trains on `texts` (UTF-8; what is not is left out). One thread, so that it repeats: equal texts give equal models.
  /// DataError when the text is too small for the vocabulary, with the largest vocabulary that it carries; ConfigError when
  /// the vocabulary cannot hold marks, bytes and a few letters.
  static Tokenizer train(std::span<const std::string> texts, int vocabulary);
  /// From the bytes of any SentencePiece .model. DataError naming `source` when they are not one, or when the model is not
  /// lossless: what is missing (byte fallback, identity normalisation, kept white space), or has no begin and end marks.
  static Tokenizer from_model(std::string bytes, const std::string& source);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  const std::string& model() const;   ///< bytes of the .model
  int vocabulary() const;             ///< pieces, marks included
  std::uint32_t begin_mark() const;
  std::uint32_t end_mark() const;
  void encode(std::string_view text, std::vector<std::uint32_t>& out) const;  ///< appends; marks are never made from text
  std::string decode(std::span<const std::uint32_t> tokens) const;            ///< marks give nothing
  std::size_t decoded_bytes(std::span<const std::uint32_t> tokens) const;

 private:
  struct Parts;
  explicit Tokenizer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace fader
