#include "experiments/provenance.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <memory>

#include "core/files.h"

#ifndef FADER_VERSION
#error "CMakeLists.txt says which version this is"
#endif

namespace fader {
namespace {

/// What a command prints; nothing when it fails.
std::string output_of(const std::string& command) {
  const auto close = [](FILE* f) { ::pclose(f); };
  const std::unique_ptr<FILE, decltype(close)> pipe(::popen((command + " 2>/dev/null").c_str(), "r"), close);
  std::string out;
  if (!pipe) return out;
  std::array<char, 4096> bytes;
  for (std::size_t n; (n = std::fread(bytes.data(), 1, bytes.size(), pipe.get())) > 0;) out.append(bytes.data(), n);
  return out;
}

std::string shell_quote(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string git(const std::string& arguments) {
  std::string out = output_of("git -C " + shell_quote(FADER_SOURCE_DIR) + " " + arguments);
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return stamp;
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

}  // namespace

Attributes provenance(const std::vector<std::string>& command_line) {
  Attributes out;
  const std::string commit = git("rev-parse HEAD"), diff = git("diff HEAD");
  out["created"] = now_utc();
  out["host"] = host_name();
  out["command_line"] = fmt::format("{}", fmt::join(command_line, " "));
  out["git_commit"] = commit.empty() ? "unknown" : commit;
  out["git_dirty"] = !diff.empty();
  out["git_diff_sha256"] = diff.empty() ? "" : sha256(diff);
  out["version"] = std::string(FADER_VERSION);
  out["compiler"] = std::string(FADER_COMPILER);
  out["build_type"] = std::string(FADER_BUILD_TYPE);
  out["libtorch_version"] = std::string(FADER_LIBTORCH_VERSION);
  out["hdf5_version"] = std::string(FADER_HDF5_VERSION);
  return out;
}

std::string version_text() {
  const std::string commit = git("rev-parse HEAD");
  return fmt::format("fader {}\ncommit    {}{}\ncompiler  {}, {}\nLibTorch  {}\nHDF5      {}\n", FADER_VERSION, commit.empty() ? "unknown" : commit,
                     git("diff HEAD").empty() ? "" : " and uncommitted changes", FADER_COMPILER, FADER_BUILD_TYPE, FADER_LIBTORCH_VERSION,
                     FADER_HDF5_VERSION);
}

}  // namespace fader
