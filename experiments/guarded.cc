#include "experiments/guarded.h"

#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <new>

#include "core/error.h"
#include "experiments/child.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMemory = std::uint64_t{1} << 30, kMemoryPerByte = 8, kSeconds = 120, kBytesPerSecond = 1 << 18;

/// Address space of this process in bytes.
std::uint64_t memory_in_use() {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void set_limit(__rlimit_resource_t what, std::uint64_t amount) {
  const rlimit limit{amount, amount};
  ::setrlimit(what, &limit);
}

void set_limits(std::uint64_t bytes) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // these need far more addresses than memory
  set_limit(RLIMIT_AS, memory_in_use() + kMemory + kMemoryPerByte * bytes);
#endif
  set_limit(RLIMIT_CPU, kSeconds + bytes / kBytesPerSecond);
  set_limit(RLIMIT_CORE, 0);
}

/// What the child says: its result, or the error that it ended with.
nlohmann::json told(const std::function<nlohmann::json()>& work) {
  const auto failed = [](Exit code, const std::string& what) { return nlohmann::json{{"code", static_cast<int>(code)}, {"what", what}}; };
  try {
    return {{"result", work()}};
  } catch (const Error& error) {
    return failed(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return failed(Exit::data, "");
  } catch (const std::exception& error) {
    return failed(Exit::defect, error.what());
  }
}

}  // namespace

nlohmann::json guarded(const fs::path& file, const std::function<nlohmann::json()>& work) {
  std::error_code unknown;
  const auto size = fs::file_size(file, unknown);
  Child child([&](const Child::Report& report) {
    set_limits(unknown ? 0 : size);
    report(told(work));
  });
  nlohmann::json said;
  while (!child.ended()) {
    pollfd ready{child.descriptor(), POLLIN, 0};
    ::poll(&ready, 1, -1);
    for (auto& message : child.receive()) said = std::move(message);
  }
  if (said.contains("result")) return said["result"];
  std::string what = said.is_object() ? said.value("what", "") : child.ended()->message;
  if (!said.is_object() || what.empty())
    throw DataError(fmt::format("{}: is damaged beyond reading: {}", file.string(), what.empty() ? "it asks for more memory than its size allows" : what));
  const int code = said.value("code", 1);
  if (code == static_cast<int>(Exit::defect)) throw Defect(what);
  throw Error(static_cast<Exit>(code), what);
}

std::string plain_line(const std::string& text, std::size_t most) {
  std::string out = text.size() <= most ? text : text.substr(0, most) + "...";
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = c == '\n' ? ' ' : '?';
  return out;
}

std::vector<fs::path> run_files(const std::vector<std::string>& inputs) {
  std::vector<fs::path> out;
  for (const std::string& input : inputs) {
    std::error_code error;
    if (!fs::is_directory(input, error)) {
      out.emplace_back(input);
      continue;
    }
    std::vector<fs::path> found;
    fs::recursive_directory_iterator it(input, error), end;
    for (; !error && it != end; it.increment(error))
      if (it->path().filename() == "run.h5" && it->symlink_status().type() == fs::file_type::regular) found.push_back(it->path());
    if (error) throw DataError(fmt::format("{}: cannot be searched: {}", input, error.message()));
    if (found.empty()) throw DataError(fmt::format("{}: no run.h5 is in it or below it", input));
    std::sort(found.begin(), found.end());
    out.insert(out.end(), found.begin(), found.end());
  }
  return out;
}

}  // namespace fader
