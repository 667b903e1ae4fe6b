#include "trainer/inputs.h"

#include <fmt/ranges.h>
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>

#include "core/error.h"
#include "core/files.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

constexpr std::array<std::string_view, 3> kEndings = {".jsonl", ".jsonl.gz", ".jsonl.zst"};

bool is_corpus_file(const fs::path& path) {
  const std::string name = path.filename().string();
  return std::any_of(kEndings.begin(), kEndings.end(), [&](auto ending) { return name.ends_with(ending); });
}

std::vector<fs::path> files_below(const fs::path& folder, const char* key) {
  std::vector<fs::path> out;
  try {
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.is_regular_file() && is_corpus_file(entry.path())) out.push_back(entry.path());
  } catch (const fs::filesystem_error& e) {
    throw DataError(fmt::format("{}: the folder '{}' cannot be read: {}", key, folder.string(), e.code().message()));
  }
  if (out.empty())
    throw DataError(fmt::format("{}: the folder '{}' holds no file that ends in {}", key, folder.string(),
                                fmt::join(kEndings, ", ")));
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<fs::path> glob_matches(const std::string& pattern, const char* key) {
  glob_t found{};
  const std::unique_ptr<glob_t, decltype(&globfree)> cleanup(&found, globfree);
  const int status = ::glob(pattern.c_str(), 0, nullptr, &found);
  if (status != 0 && status != GLOB_NOMATCH) throw DataError(fmt::format("{}: the folders of '{}' cannot be read", key, pattern));
  std::vector<fs::path> out;
  for (std::size_t i = 0; i < found.gl_pathc; ++i)
    if (!fs::is_directory(found.gl_pathv[i])) out.emplace_back(found.gl_pathv[i]);
  if (out.empty()) throw DataError(fmt::format("{}: no file matches '{}'", key, pattern));
  std::sort(out.begin(), out.end());  // glob sorts by locale
  return out;
}

/// What is there in place of `path`, for the message: the folder that is missing, or a similar name.
std::string what_is_there(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code error;
  if (!fs::is_directory(folder, error)) return fmt::format("; there is no folder '{}' either", folder.string());
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder, error)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  const std::string similar = nearest(path.filename().string(), names);
  return similar.empty() ? "" : fmt::format("; did you mean '{}'?", similar);
}

struct stat status_of(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) throw DataError(fmt::format("{}: cannot be read: {}", path.string(), std::strerror(errno)));
  return info;
}

std::int64_t nanoseconds(const timespec& t) { return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec; }

/// Equal for a file that has not been touched. The change time cannot be set back by a program.
std::string identity(const fs::path& path) {
  const struct stat s = status_of(path);
  return fmt::format("{} {} {} {} {}", s.st_dev, s.st_ino, s.st_size, nanoseconds(s.st_mtim), nanoseconds(s.st_ctim));
}

/// A file changed within the last seconds may change again without its times showing it.
bool settled(const fs::path& path) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return nanoseconds(status_of(path).st_ctim) + 2'000'000'000 < std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

std::string hash_file(const InputFile& file, Progress& progress) {
  std::ifstream stream(file.path, std::ios::binary);
  Sha256 hash;
  std::vector<char> buffer(std::size_t{1} << 20);
  double done = 0;
  while (stream) {
    stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    hash.add({buffer.data(), static_cast<std::size_t>(stream.gcount())});
    done += static_cast<double>(stream.gcount());
    progress.update("hash " + file.path.filename().string(), done / 1e6, static_cast<double>(file.bytes) / 1e6, "MB");
  }
  if (!stream.eof()) throw DataError(fmt::format("{}: cannot be read: {}", file.path.string(), std::strerror(errno)));
  return hash.hex();
}

std::string remembered(const fs::path& memo, const std::string& now) {
  std::error_code ignored;
  if (!fs::is_regular_file(memo, ignored) || fs::file_size(memo, ignored) > 4096) return "";
  const std::string text = read_file(memo, 4096);
  const std::string hash = text.substr(0, 64);
  const bool plausible = hash.size() == 64 && hash.find_first_not_of("0123456789abcdef") == std::string::npos;
  return plausible && text.substr(64) == " " + now + "\n" ? hash : "";
}

void remember(const fs::path& memo, const std::string& text) {
  try {
    make_folder(memo.parent_path());
    write_atomically(memo, text);
  } catch (const RunError&) {
    // A cache that others fill may be read-only here: then the file is read again next time.
  }
}

}  // namespace

std::vector<InputFile> resolve_inputs(const std::vector<std::string>& names, InputSet source) {
  const char* key = kSourceNames[static_cast<std::size_t>(source)];
  std::vector<InputFile> out;
  for (const auto& name : names) {
    std::error_code ignored;
    std::vector<fs::path> paths;
    if (fs::is_directory(name, ignored)) paths = files_below(name, key);
    else if (fs::exists(name, ignored)) paths = {name};
    else if (name.find_first_of("*?[") != std::string::npos) paths = glob_matches(name, key);
    else throw DataError(fmt::format("{}: there is no file or folder '{}'{}", key, name, what_is_there(name)));
    for (auto& path : paths) out.push_back({path, source, static_cast<std::uint64_t>(status_of(path).st_size), ""});
  }
  return out;
}

void check_distinct(const std::vector<InputFile>& files) {
  std::map<std::pair<dev_t, ino_t>, const InputFile*> seen;
  for (const auto& file : files) {
    const struct stat s = status_of(file.path);
    const auto [it, fresh] = seen.emplace(std::pair{s.st_dev, s.st_ino}, &file);
    if (fresh) continue;
    const InputFile& first = *it->second;
    throw ConfigError(fmt::format("'{}' ({}) and '{}' ({}) are one file; name it once", first.path.string(),
                                  kSourceNames[static_cast<std::size_t>(first.source)], file.path.string(),
                                  kSourceNames[static_cast<std::size_t>(file.source)]));
  }
}

void hash_inputs(std::vector<InputFile>& files, const fs::path& memo, Progress& progress) {
  for (auto& file : files) {
    const fs::path note = memo / sha256(fs::absolute(file.path).string()).substr(0, 32);
    const std::string before = identity(file.path);
    file.hash = remembered(note, before);
    if (!file.hash.empty()) continue;
    file.hash = hash_file(file, progress);
    if (identity(file.path) != before)
      throw DataError(fmt::format("{}: changed while it was read; start again when it is complete", file.path.string()));
    if (settled(file.path)) remember(note, file.hash + " " + before + "\n");
  }
}

}  // namespace fader
