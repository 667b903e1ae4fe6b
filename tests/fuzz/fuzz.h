// What the fuzz targets share. A target is one function over bytes, LLVMFuzzerTestOneInput; libFuzzer drives it where it is
// there, tests/fuzz/driver.cc elsewhere. It refuses its input by one of our Errors or takes it; anything else that happens (a
// Defect, an exception of a library, a crash, a leak, memory without bound) is a finding.
#pragma once
#include <stdlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "tests/scratch_folder.h"
#include "core/files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fader::fuzz {

/// Takes values off the front of an input; zeros once it is used up, so that every input means something.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }
  template <class T>
  T take() {
    T value{};
    const std::size_t n = std::min(sizeof value, rest_.size());
    if (n > 0) std::memcpy(&value, rest_.data(), n);
    rest_.remove_prefix(n);
    return value;
  }
  std::size_t below(std::size_t n) { return take<std::uint8_t>() % n; }  ///< n at most 256
  /// 0, the ordinary choice, for bytes below 192; else one of the n.
  std::size_t quirk(std::size_t n) {
    const auto byte = take<std::uint8_t>();
    return byte < 192 ? 0 : byte % n;
  }
  std::string_view text(std::size_t bytes) {
    const std::string_view out = rest_.substr(0, bytes);
    rest_.remove_prefix(out.size());
    return out;
  }
  std::string_view rest() { return text(rest_.size()); }

 private:
  std::string_view rest_;
};

/// Runs what may refuse its input; true when it did not.
template <class F>
bool accepts(F&& body) {
  try {
    body();
    return true;
  } catch (const Error& e) {
    FADER_CHECK(e.what()[0] != '\0', "an error without a message");
    return false;
  }
}

/// Keeps the compiler from leaving out what was computed.
inline void look(std::uint64_t number) {
  [[maybe_unused]] static volatile std::uint64_t seen;
  seen = number;
}

/// Overwrites some of `bytes`: while `input` lasts, an offset (two bytes), a width (1, 2, 4 or 8) and the value.
inline void edit(std::string& bytes, Bytes& input) {
  while (!input.empty() && !bytes.empty()) {
    const std::size_t at = input.take<std::uint16_t>() % bytes.size();
    const std::size_t width = std::min(std::size_t{1} << input.below(4), bytes.size() - at);
    const auto value = input.text(width);
    value.copy(bytes.data() + at, value.size());
  }
}

/// A folder of this process, in memory where the system offers that.
class Scratch : public ScratchFolder {
 public:
  Scratch() : ScratchFolder(std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path()) {}
  /// Not synced to any disk, unlike the files of the program.
  std::filesystem::path write(const std::string& name, std::string_view bytes) const;
};

inline std::filesystem::path Scratch::write(const std::string& name, std::string_view bytes) const {
  const auto file = path() / name;
  std::FILE* out = std::fopen(file.c_str(), "wbe");
  FADER_CHECK(out && std::fwrite(bytes.data(), 1, bytes.size(), out) == bytes.size() && std::fclose(out) == 0, "{}", file.string());
  return file;
}

}  // namespace fader::fuzz
