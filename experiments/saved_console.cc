#include "experiments/saved_console.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"
#include "core/files.h"

namespace fader {
namespace {

constexpr const char* kName = "console.bin";

std::filesystem::path file_of(const std::filesystem::path& given) {
  return std::filesystem::is_directory(given) ? given / kName : given;
}

std::string bytes_of(const std::filesystem::path& given) {
  const std::filesystem::path file = file_of(given);
  if (!std::filesystem::exists(file))
    throw DataError(fmt::format("{}: there is no such console; a run leaves {} in its folder once it is complete, if its policy learns",
                                file.string(), kName));
  return read_file(file);
}

void fields(Archive& archive, ConsoleIdentity& identity) {
  archive.field("kind", identity.kind);
  archive.field("agents", identity.agents);
  archive.field("options", identity.options);
}

/// Lines of one that the other has not.
std::string differences(const ConsoleIdentity& saved, const ConsoleIdentity& here) {
  std::string out;
  for (const std::string& line : saved.options)
    if (std::ranges::find(here.options, line) == here.options.end()) out += "\n  saved with " + line;
  for (const std::string& line : here.options)
    if (std::ranges::find(saved.options, line) == saved.options.end()) out += "\n  here is    " + line;
  return out;
}

}  // namespace

void save_console(const std::filesystem::path& file, const ConsoleIdentity& identity, Policy& policy) {
  Archive archive;
  ConsoleIdentity copy = identity;
  fields(archive, copy);
  policy.learned(archive);
  write_atomically(file, archive.bytes());
}

void load_console(const std::filesystem::path& given, const ConsoleIdentity& identity, Policy& policy) {
  const std::string file = file_of(given).string();
  Archive archive(bytes_of(given));
  ConsoleIdentity saved;
  try {
    fields(archive, saved);
  } catch (const DataError& error) {
    throw DataError(fmt::format("{}: is no console: {}", file, error.what()));
  }
  if (saved.kind != identity.kind)
    throw ConfigError(fmt::format("init_from: {} is a '{}', and the policy is a '{}'; choose the same kind", file, saved.kind, identity.kind));
  if (saved.agents != identity.agents)
    throw ConfigError(fmt::format("init_from: {} mixes the agents {}, and here are {}; expected the same, in the same order", file,
                                  fmt::join(saved.agents, ", "), fmt::join(identity.agents, ", ")));
  try {
    policy.learned(archive);
    archive.finish();
  } catch (const DataError& error) {
    throw DataError(fmt::format("{}: what it has learned does not fit here: {}{}", file, error.what(), differences(saved, identity)));
  }
}

std::string console_sha256(const std::filesystem::path& file) { return sha256(bytes_of(file)); }

}  // namespace fader
