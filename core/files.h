// Files that are whole or absent, and what identifies their content.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace fader {

/// The whole file. DataError naming path and reason when it cannot be read, or is larger than `limit` bytes.
std::string read_file(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 32);

/// Waits until what was written to the file (by whomever) is on the disk, or, of a folder, the names in it. RunError.
void sync_file(const std::filesystem::path& path);

/// Writes beside the target under a temporary name, syncs file and folder, renames: a reader sees the old file or the new
/// one, never half of one. RunError naming path and reason; the temporary is removed. What processes that were killed left of
/// the same target is removed an hour later.
void write_atomically(const std::filesystem::path& path, std::string_view bytes);

/// The same for content that is written in pieces: write to `path()`, then commit(). Without commit nothing remains.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  const std::filesystem::path& path() const { return temporary_; }
  void commit();  ///< the writer has closed path() before

 private:
  std::filesystem::path target_, temporary_;
  bool committed_ = false;
};

/// Makes the folder and its parents. RunError naming the part that is in the way.
void make_folder(const std::filesystem::path& path);

/// Holds an exclusive lock on `path` (made when absent) among processes of this machine until destroyed.
class FileLock {
 public:
  /// Waits; `waiting` is called once when somebody else holds it, and may throw to give up.
  explicit FileLock(const std::filesystem::path& path, const std::function<void()>& waiting = {});
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_ = -1;
};

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void add(std::string_view bytes);
  std::string hex();  ///< ends it

 private:
  struct State;
  std::unique_ptr<State> state_;
};
std::string sha256(std::string_view bytes);

/// A file mapped read-only for as long as the object lives. DataError when it cannot be.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::string_view bytes() const { return {data_, size_}; }

 private:
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace fader
