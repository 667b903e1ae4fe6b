#include "trainer/byte_source.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <vector>

#include "core/error.h"

namespace fader {
namespace {

constexpr std::size_t kBuffer = std::size_t{1} << 17;

/// The file as it is stored, through a buffer that can be looked at before it is used.
class Stored {
 public:
  using Read = std::function<std::size_t(char*, std::size_t)>;
  Stored(std::string name, Read read) : name_(std::move(name)), read_(std::move(read)), buffer_(kBuffer) {}

  /// What is there and not used yet, read on when nothing is; empty at the end.
  std::string_view ahead() {
    if (at_ == end_) {
      at_ = 0;
      end_ = read_(buffer_.data(), buffer_.size());
    }
    return {buffer_.data() + at_, end_ - at_};
  }
  void use(std::size_t bytes) {
    at_ += bytes;
    used_ += bytes;
  }
  std::uint64_t used() const { return used_; }
  [[noreturn]] void fail(const std::string& what) const { throw DataError(fmt::format("{}: {}", name_, what)); }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  Read read_;
  std::vector<char> buffer_;
  std::size_t at_ = 0, end_ = 0;
  std::uint64_t used_ = 0;
};

[[noreturn]] void cut_short(const Stored& stored, const char* format, std::uint64_t made) {
  stored.fail(fmt::format("is cut short: its {} data end in the middle, after {} bytes of the file ({} decompressed); "
                          "copy or download it again", format, stored.used(), made));
}

class Plain final : public ByteSource {
 public:
  explicit Plain(Stored stored) : stored_(std::move(stored)) {}
  std::size_t read(std::span<char> out) override {
    const std::string_view ahead = stored_.ahead();
    const std::size_t n = std::min(out.size(), ahead.size());
    std::copy_n(ahead.data(), n, out.data());
    stored_.use(n);
    return n;
  }
  std::uint64_t consumed() const override { return stored_.used(); }

 private:
  Stored stored_;
};

class Gzip final : public ByteSource {
 public:
  explicit Gzip(Stored stored) : stored_(std::move(stored)) {
    FADER_CHECK(inflateInit2(&stream_, 15 + 16) == Z_OK);  // largest window, gzip header
  }
  ~Gzip() override { inflateEnd(&stream_); }

  std::size_t read(std::span<char> out) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    while (stream_.avail_out == out.size()) {
      const std::string_view ahead = stored_.ahead();
      if (ahead.empty()) {
        if (!between_members_) cut_short(stored_, "gzip", made_);
        break;
      }
      between_members_ = false;
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(ahead.data()));
      stream_.avail_in = static_cast<uInt>(ahead.size());
      const int status = inflate(&stream_, Z_NO_FLUSH);
      stored_.use(ahead.size() - stream_.avail_in);
      if (status == Z_STREAM_END) {
        between_members_ = true;
        FADER_CHECK(inflateReset(&stream_) == Z_OK);
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        stored_.fail(fmt::format("is damaged: its gzip data cannot be read near byte {} ({}); copy or download it again",
                                 stored_.used(), stream_.msg ? stream_.msg : "no reason given"));
      }
    }
    const std::size_t n = out.size() - stream_.avail_out;
    made_ += n;
    return n;
  }
  std::uint64_t consumed() const override { return stored_.used(); }

 private:
  Stored stored_;
  z_stream stream_{};
  bool between_members_ = true;
  std::uint64_t made_ = 0;
};

class Zstd final : public ByteSource {
 public:
  explicit Zstd(Stored stored) : stored_(std::move(stored)), stream_(ZSTD_createDStream(), ZSTD_freeDStream) {
    FADER_CHECK(stream_ != nullptr);
  }

  std::size_t read(std::span<char> out) override {
    ZSTD_outBuffer made{out.data(), out.size(), 0};
    while (made.pos == 0) {
      const std::string_view ahead = stored_.ahead();
      if (ahead.empty()) {  // the decoder keeps back a byte of input while it holds output of a frame
        if (expected_ != 0) cut_short(stored_, "zstd", made_);
        break;
      }
      ZSTD_inBuffer input{ahead.data(), ahead.size(), 0};
      expected_ = ZSTD_decompressStream(stream_.get(), &made, &input);
      if (ZSTD_isError(expected_))
        stored_.fail(fmt::format("is damaged: its zstd data cannot be read near byte {} ({}); copy or download it again",
                                 stored_.used(), ZSTD_getErrorName(expected_)));
      stored_.use(input.pos);
    }
    made_ += made.pos;
    return made.pos;
  }
  std::uint64_t consumed() const override { return stored_.used(); }

 private:
  Stored stored_;
  std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream_;
  std::size_t expected_ = 0;  // 0: at the end of a frame
  std::uint64_t made_ = 0;
};

std::unique_ptr<ByteSource> decompressed(Stored stored) {
  const std::string_view head = stored.ahead();
  if (head.empty()) stored.fail("is empty; expected one JSON record a line");
  // A zstd file starts with a frame (28 B5 2F FD) or a skippable one (5x 2A 4D 18).
  const bool zstd = head.size() >= 4 && (head.substr(0, 4) == "\x28\xB5\x2F\xFD" ||
                                         (head.substr(1, 3) == "\x2A\x4D\x18" && (head[0] & 0xF0) == 0x50));
  const bool gzip = head.size() >= 2 && head.substr(0, 2) == "\x1F\x8B";
  const auto claims = [&](const char* ending, bool is, const char* format) {
    if (stored.name().ends_with(ending) && !is)
      stored.fail(fmt::format("is not {} data, as its name says: it begins otherwise; was it downloaded whole, and is it not a "
                              "web page or a pointer to a large file?", format));
  };
  claims(".zst", zstd, "zstd");
  claims(".gz", gzip, "gzip");
  if (zstd) return std::make_unique<Zstd>(std::move(stored));
  if (gzip) return std::make_unique<Gzip>(std::move(stored));
  return std::make_unique<Plain>(std::move(stored));
}

}  // namespace

std::unique_ptr<ByteSource> open_bytes(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) throw DataError(fmt::format("{}: is a folder, not a file", path.string()));
  const std::shared_ptr<std::FILE> file(std::fopen(path.c_str(), "rbe"), [](std::FILE* f) {
    if (f) std::fclose(f);
  });
  if (!file) throw DataError(fmt::format("{}: cannot be read: {}", path.string(), std::strerror(errno)));
  return decompressed(Stored(path.string(), [file, name = path.string()](char* out, std::size_t n) {
    const std::size_t got = std::fread(out, 1, n, file.get());
    if (got < n && std::ferror(file.get())) throw DataError(fmt::format("{}: cannot be read: {}", name, std::strerror(errno)));
    return got;
  }));
}

std::unique_ptr<ByteSource> open_bytes(std::string_view bytes, const std::string& name) {
  return decompressed(Stored(name, [bytes](char* out, std::size_t n) mutable {
    n = std::min(n, bytes.size());
    std::copy_n(bytes.data(), n, out);
    bytes.remove_prefix(n);
    return n;
  }));
}

}  // namespace fader
