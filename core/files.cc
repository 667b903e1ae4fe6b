#include "core/files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "core/error.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

std::string reason() { return std::strerror(errno); }

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  explicit operator bool() const { return fd_ >= 0; }
  operator int() const { return fd_; }

 private:
  int fd_;
};

/// Removes the temporaries of this target that killed processes left: of a process that is gone, and not written for an hour, since
/// the process may be one of another machine.
void remove_abandoned(const fs::path& target) {
  const std::string prefix = fmt::format(".{}.", target.filename().string());
  std::error_code ignored;
  for (fs::directory_iterator it(target.has_parent_path() ? target.parent_path() : fs::path("."), ignored), end; !ignored && it != end; it.increment(ignored)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with(prefix) || !name.ends_with(".part")) continue;
    const int process = std::atoi(name.c_str() + prefix.size());
    const bool gone = process > 0 && ::kill(process, 0) != 0 && errno == ESRCH;
    std::error_code unknown;
    const auto written = fs::last_write_time(it->path(), unknown);
    if (gone && !unknown && fs::file_time_type::clock::now() - written > std::chrono::hours(1)) fs::remove(it->path(), unknown);
  }
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

}  // namespace

std::string read_file(const fs::path& path, std::uint64_t limit) {
  const Descriptor fd(path, O_RDONLY);
  struct stat info {};
  if (!fd || ::fstat(fd, &info) != 0) throw DataError(fmt::format("{}: cannot be read: {}", path.string(), reason()));
  if (S_ISDIR(info.st_mode)) throw DataError(fmt::format("{}: is a folder, not a file", path.string()));
  const auto check_size = [&](std::uint64_t size) {
    if (size > limit) throw DataError(fmt::format("{}: is larger than {} bytes", path.string(), limit));
  };
  check_size(static_cast<std::uint64_t>(info.st_size));
  std::string out;
  out.reserve(static_cast<std::size_t>(info.st_size));
  char buffer[1 << 16];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw DataError(fmt::format("{}: cannot be read: {}", path.string(), reason()));
    if (n == 0) return out;
    out.append(buffer, static_cast<std::size_t>(n));
    check_size(out.size());  // of what grows, or never had a size
  }
}

void sync_file(const fs::path& path) {
  const Descriptor fd(path, O_RDONLY);
  if (!fd || ::fsync(fd) != 0) throw RunError(fmt::format("{}: cannot be synced: {}", path.string(), reason()));
}

AtomicFile::AtomicFile(fs::path target) : target_(std::move(target)) {
  static std::atomic<unsigned> count{0};
  remove_abandoned(target_);
  temporary_ = folder_of(target_) / fmt::format(".{}.{}.{}.part", target_.filename().string(), ::getpid(), count++);
}

AtomicFile::~AtomicFile() {
  std::error_code ignored;
  if (!committed_) fs::remove(temporary_, ignored);
}

void AtomicFile::commit() {
  sync_file(temporary_);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) throw RunError(fmt::format("{}: cannot be written: {}", target_.string(), reason()));
  committed_ = true;
  sync_file(folder_of(target_));
}

void write_atomically(const fs::path& path, std::string_view bytes) {
  AtomicFile file(path);
  {
    const Descriptor fd(file.path(), O_WRONLY | O_CREAT | O_TRUNC);
    if (!fd) throw RunError(fmt::format("{}: cannot be written: {}", path.string(), reason()));
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw RunError(fmt::format("{}: cannot be written: {}", path.string(), reason()));
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  file.commit();
}

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (std::error_code ignored; !error && fs::is_directory(path, ignored)) return;
  fs::path culprit;
  for (const auto& part : path) {
    culprit /= part;
    std::error_code ignored;
    if (fs::exists(culprit, ignored) && !fs::is_directory(culprit, ignored))
      throw RunError(fmt::format("{}: the folder cannot be made: {} is not a folder", path.string(), culprit.string()));
  }
  throw RunError(fmt::format("{}: the folder cannot be made: {}", path.string(), error ? error.message() : "unknown reason"));
}

FileLock::FileLock(const fs::path& path, const std::function<void()>& waiting) {
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw RunError(fmt::format("{}: cannot be locked: {}", path.string(), reason()));
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  if (errno == EWOULDBLOCK && waiting) {
    try {
      waiting();
    } catch (...) {
      ::close(descriptor_);
      throw;
    }
  }
  while (::flock(descriptor_, LOCK_EX) != 0)
    if (errno != EINTR) {
      const std::string why = reason();
      ::close(descriptor_);
      throw RunError(fmt::format("{}: cannot be locked: {}", path.string(), why));
    }
}
FileLock::~FileLock() { ::close(descriptor_); }

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
};
Sha256::Sha256() : state_(std::make_unique<State>()) {
  FADER_CHECK(state_->context && EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}
Sha256::~Sha256() { EVP_MD_CTX_free(state_->context); }
void Sha256::add(std::string_view bytes) { FADER_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1); }
std::string Sha256::hex() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  FADER_CHECK(EVP_DigestFinal_ex(state_->context, digest, &length) == 1);
  std::string out;
  for (unsigned i = 0; i < length; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}
std::string sha256(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.hex();
}

MappedFile::MappedFile(const fs::path& path) {
  const Descriptor fd(path, O_RDONLY);
  struct stat info {};
  if (!fd || ::fstat(fd, &info) != 0) throw DataError(fmt::format("{}: cannot be read: {}", path.string(), reason()));
  if (!S_ISREG(info.st_mode)) throw DataError(fmt::format("{}: is not a regular file", path.string()));
  size_ = static_cast<std::size_t>(info.st_size);
  if (size_ == 0) return;
  void* data = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) throw DataError(fmt::format("{}: cannot be mapped: {}", path.string(), reason()));
  data_ = static_cast<const char*>(data);
}
MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<char*>(data_), size_);
}

}  // namespace fader
