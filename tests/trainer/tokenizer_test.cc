#include "trainer/tokenizer.h"

#include <catch2/catch.hpp>
#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <thread>
#include <unordered_map>

#include "core/error.h"
#include "core/rng.h"

using namespace fader;

namespace {

using Tokens = std::vector<std::uint32_t>;

/// Text with what real text has: words, code, blank lines, runs of spaces, tabs, several scripts, mark-up.
std::vector<std::string> sample_texts() {
  Rng rng(1, "test/tokenizer/text");
  const std::vector<std::string> words{"the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "in", "Paris",
                                       "1984", "Привет", "мир", "日本語", "naïve", "<s>", "</s>", "<unk>", "<0x41>",
                                       "x_{i+1}", "\\frac", "return", "0;", "emoji 😀", "don't", "U+2581 ▁", "▅"};
  const std::vector<std::string> gaps{" ", " ", " ", " ", ", ", ".\n\n", "\n", "\n    ", "\t", "  "};
  std::vector<std::string> texts(40);
  for (std::string& text : texts)
    for (int i = 0; i < 300; ++i) text += words[rng.below(rng.below(words.size()) + 1)] + gaps[rng.below(gaps.size())];
  return texts;
}

const Tokenizer& tokenizer() {
  static const Tokenizer trained = Tokenizer::train(sample_texts(), 320);
  return trained;
}

Tokens encode(const Tokenizer& t, std::string_view text) {
  Tokens tokens;
  t.encode(text, tokens);
  return tokens;
}

/// Round trip, no marks, the count of bytes, and any cut.
bool lossless(const Tokenizer& t, const std::string& text) {
  const Tokens tokens = encode(t, text);
  bool good = t.decode(tokens) == text && t.decoded_bytes(tokens) == text.size();
  for (const std::uint32_t token : tokens)
    good = good && token != t.begin_mark() && token != t.end_mark() && token < static_cast<std::uint32_t>(t.vocabulary());
  for (std::size_t cut = 0; cut <= tokens.size(); cut += 1 + tokens.size() / 7) {
    const std::span<const std::uint32_t> all(tokens);
    good = good && t.decode(all.first(cut)) + t.decode(all.subspan(cut)) == text;
  }
  return good;
}

void append_utf8(std::string& text, std::uint32_t c) {
  const auto byte = [&](std::uint32_t b) { text += static_cast<char>(b); };
  if (c < 0x80) return byte(c);
  if (c < 0x800) byte(0xC0 | c >> 6);
  else if (c < 0x10000) byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 63));
  else byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 63)), byte(0x80 | (c >> 6 & 63));
  byte(0x80 | (c & 63));
}

std::string random_unicode(Rng& rng, std::size_t characters) {
  std::string text;
  while (characters > 0) {
    const std::uint64_t ranges[] = {0x110000, 0x3000, 128, 128};
    const auto c = static_cast<std::uint32_t>(rng.below(ranges[rng.below(4)]));
    if (c >= 0xD800 && c < 0xE000) continue;  // surrogates are no characters
    append_utf8(text, c);
    --characters;
  }
  return text;
}

/// A model trained by SentencePiece itself; `options` replace those that make it lossless.
std::string foreign_model(std::unordered_map<std::string, std::string> options) {
  struct Iterator final : sentencepiece::SentenceIterator {
    bool done() const override { return at == texts.size(); }
    void Next() override { ++at; }
    const std::string& value() const override { return texts[at]; }
    sentencepiece::util::Status status() const override { return {}; }
    std::vector<std::string> texts;
    std::size_t at = 0;
  } iterator;
  Rng rng(2, "test/tokenizer/foreign");
  for (int i = 0; i < 500; ++i) {
    std::string text;
    for (int j = 0; j < 10; ++j) text += (j > 0 ? " wo" : "re") + std::to_string(rng.below(40));
    iterator.texts.push_back(text);
  }
  options.merge(std::unordered_map<std::string, std::string>{
      {"model_type", "bpe"}, {"vocab_size", "300"}, {"hard_vocab_limit", "false"}, {"byte_fallback", "true"},
      {"normalization_rule_name", "identity"}, {"add_dummy_prefix", "false"}, {"remove_extra_whitespaces", "false"},
      {"num_threads", "1"}, {"minloglevel", "3"}});
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(options, &iterator, &model);
  REQUIRE(status.ok());
  return model;
}

std::string refusal(const std::string& model) {
  try {
    Tokenizer::from_model(model, "foreign.model");
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a tokenizer is lossless on hostile text") {
  const std::string nul("a\0b\0\0", 5);
  for (const std::string& text : std::vector<std::string>{
           "", " ", "  ", "\n", "\t", "\r\n", nul, " lead and trail ", "a  b   c    d", "\n\n\n   \t\t x",
           "▁", "▁▁", " ▁ ▁a▁b c▁", "<s>", "</s>", "<unk>", "<0x41>", "<0x0A><0xE2>", "<s> a </s>", "▅ ⁇ ",
           "\xEF\xBF\xBD", "\xEF\xBB\xBFmark", "😀👩‍👩‍👧", "é e\xCC\x81 ﬁ Ａ", "\xE2\x96", "\xE2\x96\x81\xE2", "a\xFFz",
           "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF0\x80\x80\x80", "\xE2\x28\xA1",
           std::string(5000, 'a'), std::string(5000, ' '), std::string(300, '\0'), std::string(100, '\xE2')}) {
    CAPTURE(text);
    CHECK(lossless(tokenizer(), text));
  }
}

TEST_CASE("a tokenizer is lossless on random bytes and random Unicode") {
  Rng rng(3, "test/tokenizer/random");
  int bad = 0;
  for (int i = 0; i < 1500; ++i) {
    std::string bytes;
    for (std::uint64_t n = rng.below(60); n > 0; --n) bytes += static_cast<char>(rng.below(256));
    bad += !lossless(tokenizer(), bytes);
    const std::string text = random_unicode(rng, rng.below(40));
    bad += !lossless(tokenizer(), text);
    bad += !lossless(tokenizer(), text + bytes + "▁" + text);
  }
  CHECK(bad == 0);
}

TEST_CASE("every byte alone and every pair of bytes is kept") {
  int bad = 0;
  for (int a = 0; a < 256; ++a)
    for (int b = 0; b < 256; b += 5) bad += !lossless(tokenizer(), {static_cast<char>(a), static_cast<char>(b)});
  CHECK(bad == 0);
}

TEST_CASE("text that SentencePiece can carry has the tokens that it would give it") {
  sentencepiece::SentencePieceProcessor plain;
  REQUIRE(plain.LoadFromSerializedProto(tokenizer().model()).ok());
  Rng rng(4, "test/tokenizer/same");
  auto texts = sample_texts();
  for (int i = 0; i < 200; ++i) texts.push_back(random_unicode(rng, 50) + texts[rng.below(40)].substr(0, rng.below(200)));
  int compared = 0, bad = 0;
  for (const std::string& text : texts) {
    std::vector<int> ids;
    std::string back;
    REQUIRE(plain.Encode(text, &ids).ok());
    REQUIRE(plain.Decode(ids, &back).ok());
    if (back != text) continue;  // U+2581, or cut within a character
    const Tokens tokens = encode(tokenizer(), text);
    ++compared;
    bad += !std::equal(ids.begin(), ids.end(), tokens.begin(), tokens.end());
  }
  CHECK(compared > 100);
  CHECK(bad == 0);
}

TEST_CASE("encoding appends, and merges pay") {
  Tokens tokens{7};
  tokenizer().encode("the quick brown fox", tokens);
  CHECK(tokens.front() == 7);
  CHECK(tokens.size() < 14);  // 19 bytes
  const auto again = encode(tokenizer(), "the quick brown fox");
  CHECK(std::equal(again.begin(), again.end(), tokens.begin() + 1, tokens.end()));
}

TEST_CASE("new lines take part in merges") {
  const std::vector<std::string> texts(50, "one.\n\ntwo.\n\nthree four.\n\n");
  const Tokenizer t = Tokenizer::train(texts, 285);
  CHECK(encode(t, ".\n\n").size() == 1);
}

TEST_CASE("marks give nothing when decoded, and a foreign token is a defect") {
  const Tokenizer& t = tokenizer();
  CHECK(t.begin_mark() != t.end_mark());
  const Tokens tokens{t.begin_mark(), encode(t, "a")[0], t.end_mark()};
  CHECK(t.decode(tokens) == "a");
  CHECK(t.decoded_bytes(tokens) == 1);
  const Tokens foreign{static_cast<std::uint32_t>(t.vocabulary())};
  CHECK_THROWS_AS(t.decode(foreign), Defect);
}

TEST_CASE("training repeats and gives the vocabulary that was asked for") {
  for (const int vocabulary : {260, 300, 330}) {
    const Tokenizer one = Tokenizer::train(sample_texts(), vocabulary), two = Tokenizer::train(sample_texts(), vocabulary);
    CHECK(one.vocabulary() == vocabulary);
    CHECK(one.model() == two.model());
  }
}

TEST_CASE("training takes long lines, characters of many kinds and text that is not UTF-8") {
  Rng rng(5, "test/tokenizer/odd");
  std::vector<std::string> texts{std::string(20000, 'a'), random_unicode(rng, 5000), "\xFF\xFE\xE2\x96",
                                 std::string(100, '\0'), "\t\t"};
  std::string line;
  for (int i = 0; i < 30000; ++i) line += static_cast<char>('a' + rng.below(rng.below(26) + 1));
  texts.push_back(line);
  const Tokenizer t = Tokenizer::train(texts, 400);
  CHECK(t.vocabulary() == 400);
  for (const std::string& text : texts) CHECK(lossless(t, text));
}

TEST_CASE("a text that is too small for the vocabulary is refused with one that works") {
  const std::vector<std::string> texts{
      "so small a text, so few merges; so small a text, so few words. And more than sixteen letters: bcfghjk"};
  int largest = 0;
  try {
    Tokenizer::train(texts, 2000);
  } catch (const DataError& error) {
    const std::string message = error.what();
    CHECK(message.find("2000") != std::string::npos);
    largest = std::stoi(message.substr(message.find("carries ") + 8));
  }
  REQUIRE(largest >= 260);
  CHECK(Tokenizer::train(texts, largest).vocabulary() == largest);
  CHECK_THROWS_AS(Tokenizer::train(texts, largest + 1), DataError);
  CHECK_THROWS_AS(Tokenizer::train(texts, 259), ConfigError);
  CHECK_THROWS_AS(Tokenizer::train({}, 300), DataError);
  const std::vector<std::string> nothing{"", "\t", "▁▁"};
  CHECK_THROWS_AS(Tokenizer::train(nothing, 300), DataError);
}

TEST_CASE("a model goes out and in") {
  const Tokenizer back = Tokenizer::from_model(tokenizer().model(), "copy.model");
  CHECK(back.vocabulary() == tokenizer().vocabulary());
  for (const std::string& text : sample_texts()) CHECK(encode(back, text) == encode(tokenizer(), text));
}

TEST_CASE("lossless models of other makes are taken") {
  for (const auto& options : std::vector<std::unordered_map<std::string, std::string>>{
           {}, {{"model_type", "unigram"}}, {{"split_by_whitespace", "false"}}, {{"user_defined_symbols", "re1, wo,wo2"}},
           {{"allow_whitespace_only_pieces", "true"}}, {{"bos_piece", "<start>"}}, {{"treat_whitespace_as_suffix", "true"}}}) {
    CAPTURE(options.empty() ? "" : options.begin()->first);
    const Tokenizer t = Tokenizer::from_model(foreign_model(options), "foreign.model");
    Rng rng(6, "test/tokenizer/makes");
    for (const std::string& text : sample_texts()) CHECK(lossless(t, text.substr(0, rng.below(400))));
    CHECK(lossless(t, " wo2 wo  re1\nwo12 ▁wo2 "));
  }
}

TEST_CASE("models that lose text are refused, and told why") {
  const auto says = [](const std::string& message, const std::string& what) {
    return message.find("foreign.model") != std::string::npos && message.find(what) != std::string::npos;
  };
  CHECK(says(refusal(foreign_model({{"byte_fallback", "false"}, {"vocab_size", "60"}})), "byte fallback"));
  CHECK(says(refusal(foreign_model({{"normalization_rule_name", "nmt_nfkc"}})), "nmt_nfkc"));
  CHECK(says(refusal(foreign_model({{"add_dummy_prefix", "true"}})), "space before"));
  CHECK(says(refusal(foreign_model({{"remove_extra_whitespaces", "true"}})), "repeated spaces"));
  CHECK(says(refusal(foreign_model({{"bos_id", "-1"}})), "no begin mark"));
  CHECK(says(refusal(foreign_model({{"eos_id", "-1"}})), "no end mark"));
  // "no dummy prefix" as a field of another kind, which SentencePiece passes over: the default, a prefix, is what counts
  std::string model = tokenizer().model();
  const auto field = model.rfind(std::string("\x18\x00\x20\x00", 4));
  REQUIRE(field != std::string::npos);
  model[field] = '\x1A';
  CHECK(says(refusal(model), "space before"));
  CHECK(says(refusal(""), "not a SentencePiece"));
  CHECK(says(refusal("{\"model\": \"bpe\"}"), "not a SentencePiece"));
}

TEST_CASE("a damaged model is refused or stays lossless") {
  const std::string model = foreign_model({});
  Rng rng(7, "test/tokenizer/damage");
  int refused = 0;
  for (int i = 0; i < 400; ++i) {
    std::string damaged = model;
    if (i % 4 == 0) damaged.resize(rng.below(model.size()));
    else damaged[rng.below(model.size())] = static_cast<char>(rng.below(256));
    try {
      const Tokenizer t = Tokenizer::from_model(damaged, "damaged.model");
      CHECK(lossless(t, " wo12 wo3\n\t▁\xFF re1"));
    } catch (const DataError&) {
      ++refused;
    }
  }
  CHECK(refused > 50);
}

TEST_CASE("threads share a tokenizer") {
  const auto texts = sample_texts();
  std::vector<Tokens> expected(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) expected[i] = encode(tokenizer(), texts[i]);
  std::vector<std::thread> threads;
  std::vector<int> bad(4);
  for (std::size_t worker = 0; worker < bad.size(); ++worker)
    threads.emplace_back([&, worker] {
      for (std::size_t i = 0; i < texts.size(); ++i) bad[worker] += encode(tokenizer(), texts[i]) != expected[i];
    });
  for (auto& thread : threads) thread.join();
  CHECK(bad == std::vector<int>(4, 0));
}
