// A file written from front to back through a buffer, every failure an error; for files too large to hold as one string.
#pragma once
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>

#include "core/error.h"

namespace fader {

/// RunError naming the file and the reason: no space, no permission. Not thread-safe.
class FileWriter {
 public:
  explicit FileWriter(std::filesystem::path path) : path_(std::move(path)), file_(std::fopen(path_.c_str(), "wbe"), std::fclose) {
    if (!file_) fail();
  }
  void write(std::string_view bytes) {
    if (bytes.empty()) return;  // there may be nothing to point at
    if (std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size()) fail();
  }
  void seek(long offset) {
    if (std::fseek(file_.get(), offset, SEEK_SET) != 0) fail();
  }
  /// Without it, what is still in the buffer may be lost in silence.
  void close() {
    if (std::fclose(file_.release()) != 0) fail();
  }

 private:
  [[noreturn]] void fail() const { throw RunError(fmt::format("{}: cannot be written: {}", path_.string(), std::strerror(errno))); }
  std::filesystem::path path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

}  // namespace fader
