// The bytes of a file, decompressed as they are read: plain, gzip (all members) or zstd (all frames), told apart by the
// first bytes. Nothing larger than a buffer is held. Not thread-safe.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace fader {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Up to out.size() bytes; 0 at the end. DataError naming the file when it cannot be read, is damaged or is cut short.
  virtual std::size_t read(std::span<char> out) = 0;
  /// Bytes of the file, as stored, that were used so far.
  virtual std::uint64_t consumed() const = 0;
};

/// DataError when the file is missing, unreadable, empty, or not what the end of its name (.gz, .zst) says.
std::unique_ptr<ByteSource> open_bytes(const std::filesystem::path& path);
/// The same from memory, which has to outlive the source; `name` stands for the file in messages.
std::unique_ptr<ByteSource> open_bytes(std::string_view bytes, const std::string& name);

}  // namespace fader
