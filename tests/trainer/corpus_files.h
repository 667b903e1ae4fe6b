// Small corpora in files, for tests: text made from a seed, a temporary folder that goes with the test, compressed copies.
#pragma once
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "core/progress.h"
#include "core/rng.h"
#include "trainer/corpus_build.h"

namespace fader {

/// Empty at first; removed with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() / fmt::format("fader-test-{}-{}", ::getpid(), count++);
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  std::string write(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

/// Keeps the notes.
struct Notes final : Progress {
  void update(std::string_view, double, double, std::string_view) override {}
  void note(std::string_view line) override {
    const std::lock_guard lock(guard);
    lines.emplace_back(line);
  }
  std::mutex guard;
  std::vector<std::string> lines;
};

inline std::string zstd_of(const std::string& bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
  return out;
}

inline std::string gzip_of(const std::string& bytes) {
  z_stream stream{};
  FADER_CHECK(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  FADER_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// Sentences of made-up words, with a few characters that are hard to keep: new lines, tabs, an emoji, U+2581.
inline std::string sample_text(std::uint64_t seed, int words) {
  static const char* const kWords[] = {"river", "the", "light", "of", "and", "stone", "walks", "in", "a", "quiet", "morning", "bird",
                                       "sings", "over", "water", "while", "clouds", "gather", "then", "rain", "falls", "on", "fields"};
  Rng rng(seed, "test/sample_text");
  std::string out;
  for (int i = 0; i < words; ++i) {
    out += kWords[rng.below(std::size(kWords))];
    const auto mark = rng.below(40);
    out += mark == 0 ? ".\n\n" : mark == 1 ? ",\t" : mark == 2 ? " \xF0\x9F\x8C\xA7 " : mark == 3 ? "\xE2\x96\x81" : mark == 4 ? " 1873 " : " ";
  }
  return out;
}

inline std::string json_quote(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') (out += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20) out += fmt::format("\\u{:04x}", static_cast<int>(c));
    else out += c;
  }
  return out + "\"";
}

/// Documents `first` to `first + count`: two to a work, three domains in turn by work; a work of the Book domain is a book
/// or, every third, a play.
inline std::string sample_lines(int first, int count, int words = 60) {
  static const char* const kDomains[] = {"Web", "Book", "Code"};
  std::string out;
  for (int i = first; i < first + count; ++i) {
    const int work = i / 2;
    out += fmt::format(R"({{"text": {}, "meta": {{"redpajama_set_name": "{}", "work": "work {}", "kind": "{}", "score": {}}}}})",
                       json_quote(sample_text(static_cast<std::uint64_t>(i), words)), kDomains[work % 3], work,
                       (work / 3) % 3 == 2 ? "play" : "book", 0.25 * (i % 7)) +
           "\n";
  }
  return out;
}

/// The message of the error that `call` ends with; the exit code goes to `code`.
template <class F>
std::string message_of(F call, Exit* code = nullptr) {
  try {
    call();
  } catch (const Error& e) {
    if (code) *code = e.code();
    return e.what();
  }
  return "no error";
}

/// A corpus of sample_lines, and where to build it.
inline CorpusOptions sample_options(std::vector<std::string> train) {
  CorpusOptions o;
  o.train = std::move(train);
  o.group_by = {"meta.work"};
  o.reference_domains = {"Book"};
  o.reference_where = {{"meta.kind", {"book"}}};
  o.tokenizer_megabytes = 0.02;
  return o;
}

inline CorpusBuild build_in(const std::filesystem::path& cache, int threads = 2) {
  CorpusBuild b;
  b.vocabulary = 320;
  b.context = 32;
  b.cache = cache;
  b.threads = threads;
  return b;
}

inline std::shared_ptr<const Corpus> build(const CorpusOptions& options, const CorpusBuild& where) {
  NoProgress quiet;
  return open_or_build(options, where, quiet);
}

}  // namespace fader
