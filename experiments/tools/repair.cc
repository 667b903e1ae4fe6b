// tool repair FILE [--out FILE]: a whole, closed file out of one that is damaged or was left behind by a killed writer.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "core/error.h"
#include "core/files.h"
#include "experiments/guarded.h"
#include "experiments/tool.h"
#include "store/check.h"
#include "store/repair.h"

namespace fader {
namespace fs = std::filesystem;
namespace po = boost::program_options;
namespace {

constexpr std::size_t kMostLines = 200;

/// Whether another process of this machine has the file open for writing; false where the file system cannot tell.
bool is_being_written(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const auto before = ::signal(SIGIO, SIG_IGN);  // what a lease is broken with
  const bool writer = ::fcntl(fd, F_SETLEASE, F_RDLCK) != 0 && errno == EAGAIN;  // a lease on reading is refused while somebody writes
  ::close(fd);
  ::signal(SIGIO, before);
  return writer;
}

/// Gives `file` the first free of the names file.damaged, file.damaged-1, ... as well.
fs::path keep_damaged(const fs::path& file) {
  for (int i = 0;; ++i) {
    const fs::path name = file.string() + (i == 0 ? ".damaged" : fmt::format(".damaged-{}", i));
    if (::link(file.c_str(), name.c_str()) == 0) return name;
    if (errno != EEXIST)
      throw RunError(fmt::format("{}: cannot be kept as {}: {}; try --out", file.string(), name.filename().string(), std::strerror(errno)));
  }
}

/// Copies what is left into `part`; what became of it, in lines.
nlohmann::json salvaged(const fs::path& file, const fs::path& part) {
  return guarded(file, [&] {
    const Salvage salvage = salvage_run(file, part);
    nlohmann::json lost = nlohmann::json::array();
    for (const std::string& line : salvage.lost) {
      if (lost.size() == kMostLines) break;
      lost.push_back(plain_line(line));
    }
    return nlohmann::json{{"kept", salvage.kept}, {"lost", lost}, {"more", salvage.lost.size() - lost.size()}};
  });
}

bool is_fine(const fs::path& file) {
  const auto seen = guarded(file, [&] {
    const Checked checked = check_run(file);
    return nlohmann::json(checked.problems.empty() && checked.closed);
  });
  return seen.get<bool>();
}

void print(const fs::path& file, const nlohmann::json& salvage, const fs::path& to, const fs::path& damaged) {
  fmt::print("{}: repaired{}; kept: {}\n", file.string(), to == file ? "" : " as " + to.string(), salvage["kept"].get<std::string>());
  for (const std::string line : salvage["lost"]) fmt::print("  lost: {}\n", line);
  if (salvage["more"] > 0) fmt::print("  and {} more\n", salvage["more"].get<std::size_t>());
  if (!damaged.empty()) fmt::print("  the file as it was is {}\n", damaged.string());
}

}  // namespace

int repair_run(const std::vector<std::string>& arguments) {
  po::options_description options;
  options.add_options()("out", po::value<std::string>());
  const auto given = read_tool("repair", options, arguments, 1, 1);
  const fs::path named = inputs_of(given)[0];
  std::error_code error;
  if (!fs::is_regular_file(named, error))
    throw DataError(fmt::format("{}: {}", named.string(), fs::exists(named, error) ? "is not a file" : "there is no such file"));
  const fs::path file = fs::canonical(named, error).empty() ? named : fs::canonical(named, error);  // a link stays one
  const bool beside = given.count("out") > 0;
  const fs::path to = beside ? fs::path(given["out"].as<std::string>()) : file;
  if (beside && fs::exists(fs::symlink_status(to, error)))
    throw ConfigError(fmt::format("tool repair: --out: {} is there already, and nothing is overwritten; name another", to.string()));
  if (beside && to.has_parent_path() && !fs::is_directory(to.parent_path(), error))
    throw ConfigError(fmt::format("tool repair: --out: {} is not a folder", to.parent_path().string()));
  if (is_being_written(file))
    throw DataError(fmt::format("{}: another process is writing it at this moment; stop that first", named.string()));
  if (is_fine(file)) {
    fmt::print("{}: nothing to repair\n", named.string());
    return static_cast<int>(Exit::done);
  }
  AtomicFile part(to);
  const fs::path padded = part.path().string() + ".padded";
  nlohmann::json salvage;
  try {
    salvage = salvaged(file, part.path());
  } catch (...) {
    fs::remove(padded, error);  // when the child did not live to do it
    throw;
  }
  const fs::path damaged = beside ? fs::path() : keep_damaged(file);
  try {
    part.commit();
  } catch (...) {
    if (!beside) fs::remove(damaged, error);
    throw;
  }
  print(named, salvage, beside ? to : named, damaged.empty() ? damaged : named.parent_path() / damaged.filename());
  return static_cast<int>(Exit::done);
}

}  // namespace fader
