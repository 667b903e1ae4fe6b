#include "trainer/corpus_encode.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>

#include "core/error.h"
#include "trainer/ordered_map.h"

namespace fader {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{1} << 18;
constexpr std::size_t kSampleBytes = std::size_t{1} << 16;  // of one document, for the tokenizer

/// Texts of the scratch file in order.
class Texts {
 public:
  explicit Texts(const std::filesystem::path& path) : path_(path), file_(path, std::ios::binary) {}
  std::string read(std::uint64_t bytes) {
    std::string out(bytes, '\0');
    file_.read(out.data(), static_cast<std::streamsize>(bytes));
    if (!file_) throw RunError(fmt::format("{}: a text that was written there cannot be read back", path_.string()));
    return out;
  }
  void skip(std::uint64_t bytes) { file_.seekg(static_cast<std::streamoff>(bytes), std::ios::cur); }

 private:
  std::filesystem::path path_;
  std::ifstream file_;
};

/// At most `limit` bytes, not ending within a character.
void shorten(std::string& text, std::size_t limit) {
  if (text.size() <= limit) return;
  while (limit > 0 && (text[limit] & 0xC0) == 0x80) --limit;
  text.resize(limit);
}

struct Batch {
  std::uint32_t first_document = 0;
  std::vector<std::string> texts;
};
struct Encoded {
  std::vector<std::uint32_t> tokens;
  std::vector<Passage> passages;  // `first` counted from the batch's first token
  std::uint64_t text_bytes = 0;
};

Encoded encode(const Batch& batch, const Tokenizer& tokenizer, std::size_t context) {
  Encoded out;
  for (std::size_t i = 0; i < batch.texts.size(); ++i) {
    const std::size_t begin = out.tokens.size();
    tokenizer.encode(batch.texts[i], out.tokens);
    out.tokens.push_back(tokenizer.end_mark());
    const std::size_t n = out.tokens.size() - begin, pieces = (n + context - 1) / context;
    std::uint64_t bytes = 0;
    for (std::size_t k = 0; k < pieces; ++k) {
      const std::size_t from = begin + n * k / pieces, to = begin + n * (k + 1) / pieces;
      Passage p;
      p.first = from;
      p.tokens = static_cast<std::uint32_t>(to - from);
      p.bytes = static_cast<std::uint32_t>(tokenizer.decoded_bytes(std::span(out.tokens).subspan(from, to - from)));
      p.document = batch.first_document + static_cast<std::uint32_t>(i);
      out.passages.push_back(p);
      bytes += p.bytes;
    }
    FADER_CHECK_EQ(bytes, batch.texts[i].size());  // the tokenizer loses nothing
    out.text_bytes += bytes;
  }
  return out;
}

/// Documents that stay, their groups numbered anew.
std::vector<Document> kept_documents(const RawCorpus& raw) {
  constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> number(raw.groups.size(), kNone);
  std::vector<Document> out;
  std::uint32_t groups = 0;
  for (const auto& d : raw.documents) {
    if (!d.kept) continue;
    Document document = d.label;
    if (number[document.group] == kNone) number[document.group] = groups++;
    document.group = number[document.group];
    out.push_back(document);
  }
  return out;
}

/// Of the documents that stay.
std::vector<float> kept_ratings(const RawCorpus& raw, const std::vector<float>& of_all) {
  std::vector<float> out;
  for (std::size_t i = 0; i < of_all.size(); ++i)
    if (raw.documents[i].kept) out.push_back(of_all[i]);
  return out;
}

}  // namespace

Tokenizer train_tokenizer(const RawCorpus& raw, const std::filesystem::path& scratch, double megabytes, int vocabulary) {
  const auto wanted = [](const RawDocument& d) { return d.kept && d.label.set == Set::pool; };
  const auto sampled = [](const RawDocument& d) { return static_cast<double>(std::min<std::uint64_t>(d.bytes, kSampleBytes)); };
  double total = 0;
  for (const auto& d : raw.documents)
    if (wanted(d)) total += sampled(d);
  const double share = std::min(1.0, megabytes * 1e6 / total);
  Texts texts(scratch);
  std::vector<std::string> sample;
  double seen = 0, taken = 0;
  for (const auto& d : raw.documents) {
    if (wanted(d)) seen += sampled(d);
    if (!wanted(d) || taken >= share * seen) {
      texts.skip(d.bytes);
      continue;
    }
    taken += sampled(d);
    sample.push_back(texts.read(d.bytes));
    shorten(sample.back(), kSampleBytes);
  }
  return Tokenizer::train(sample, vocabulary);
}

CorpusContents encode_corpus(const RawCorpus& raw, const std::filesystem::path& scratch, const Tokenizer& tokenizer, int context,
                             int threads, CorpusWriter& writer, Progress& progress) {
  CorpusContents out;
  out.documents = kept_documents(raw);
  out.domains = raw.domains;
  out.topics = raw.topics;
  for (const auto& rating : raw.ratings) out.rating.push_back(kept_ratings(raw, rating));
  out.vocabulary = static_cast<std::uint32_t>(tokenizer.vocabulary());
  out.context = static_cast<std::uint32_t>(context);
  out.begin_mark = tokenizer.begin_mark();
  out.end_mark = tokenizer.end_mark();

  Texts texts(scratch);
  std::size_t at = 0;
  std::uint32_t document = 0;
  const auto next = [&]() -> std::optional<Batch> {
    Batch batch{document, {}};
    for (std::size_t bytes = 0; at < raw.documents.size() && bytes < kBatchBytes; ++at) {
      const RawDocument& d = raw.documents[at];
      if (!d.kept) {
        texts.skip(d.bytes);
        continue;
      }
      batch.texts.push_back(texts.read(d.bytes));
      bytes += d.bytes;
      ++document;
    }
    if (batch.texts.empty()) return std::nullopt;
    return batch;
  };
  std::uint64_t tokens = 0, text_bytes = 0;
  const auto take = [&](Encoded&& encoded) {
    if (out.passages.size() + encoded.passages.size() > std::numeric_limits<PassageId>::max())
      throw DataError(fmt::format("the corpus has more than {} passages; give fewer files or a longer context",
                                  std::numeric_limits<PassageId>::max()));
    for (Passage p : encoded.passages) {
      p.first += tokens;
      out.passages.push_back(p);
    }
    writer.add_tokens(encoded.tokens);
    tokens += encoded.tokens.size();
    text_bytes += encoded.text_bytes;
    progress.update("encode corpus", static_cast<double>(text_bytes) / 1e6, static_cast<double>(raw.text_bytes) / 1e6, "MB");
  };
  ordered_map<Batch, Encoded>(
      threads, next, [&](Batch&& batch) { return encode(batch, tokenizer, static_cast<std::size_t>(context)); }, take);
  return out;
}

}  // namespace fader
