// A tokenizer's .model, which a corpus cache brings along and a user may name. SentencePiece reads it first, so the input edits
// one that is right (tests/fuzz/fuzz.h); byte 0, when odd, says that the rest is the model itself, which only reaches the parser of
// protocol buffers. What is accepted must be lossless.
#include "tests/fuzz/fuzz.h"
#include "trainer/tokenizer.h"

using namespace fader;

namespace {

const std::string& model() {
  static const std::string bytes = [] {
    std::vector<std::string> texts;
    for (int i = 0; i < 40; ++i) texts.push_back("the cat and the hat sat\nthere, that is it \xC3\xA9t\xC3\xA9 " + std::to_string(i));
    return std::string(Tokenizer::train(texts, 275).model());
  }();
  return bytes;
}

void round_trip(const Tokenizer& tokenizer) {
  for (const std::string_view text : {std::string_view("the  cat\nsat.\xC3\xA9\xE2\x96\x81\xFF zebra"), std::string_view("\0 \t", 3)}) {
    std::vector<std::uint32_t> tokens;
    tokenizer.encode(text, tokens);
    for (const std::uint32_t token : tokens) FADER_CHECK(token < static_cast<std::uint32_t>(tokenizer.vocabulary()));
    FADER_CHECK(tokenizer.decode(tokens) == text, "text is lost");
    FADER_CHECK_EQ(tokenizer.decoded_bytes(tokens), text.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes input(data, size);
  std::string bytes;
  if (input.take<std::uint8_t>() & 1) {
    bytes = input.rest();
  } else {
    bytes = model();
    fuzz::edit(bytes, input);
  }
  fuzz::accepts([&] { round_trip(Tokenizer::from_model(std::move(bytes), "tokenizer.model")); });
  return 0;
}
