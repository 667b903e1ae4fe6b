#include "experiments/checkpoint.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"
#include "core/files.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kFormat = 1;
constexpr std::uint64_t kLargestManifest = 1 << 20, kLargestState = std::uint64_t{1} << 36;
constexpr const char *kManifest = "manifest.json", *kState = "state.bin", *kUnfinished = ".part";

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool plain = !text.empty() && text[0] != '-' && (text.size() == 1 || text[0] != '0');
  return error == std::errc() && end == text.data() + text.size() && plain ? std::optional(value) : std::nullopt;
}

std::optional<Moment> moment_named(const std::string& name) {
  const std::size_t dot = name.find('.');
  if (dot == std::string::npos) return std::nullopt;
  const auto interval = number(std::string_view(name).substr(0, dot)), step = number(std::string_view(name).substr(dot + 1));
  if (!interval || !step) return std::nullopt;
  return Moment{*interval, *step};
}

/// What a file of ours says, and a sentence where it does not.
class Facts {
 public:
  Facts(const nlohmann::json& json, std::string where) : json_(json), where_(std::move(where)) {}
  [[noreturn]] void fail(const std::string& what) const { throw DataError(fmt::format("{}: {}", where_, what)); }

  std::int64_t whole(const char* name) const {
    const auto& value = at(name);
    if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) || value.get<std::int64_t>() < 0)
      fail(fmt::format("'{}' is {}; expected a whole number that is not negative", name, shown(value)));
    return value.get<std::int64_t>();
  }
  std::string text(const char* name) const {
    if (!at(name).is_string()) fail(fmt::format("'{}' is {}; expected a text", name, shown(at(name))));
    return at(name).get<std::string>();
  }
  std::string sum(const char* name) const {
    const std::string out = text(name);
    const bool hex = std::all_of(out.begin(), out.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    if (out.size() != 64 || !hex) fail(fmt::format("'{}' is '{}'; expected 64 hexadecimal digits", name, out.substr(0, 80)));
    return out;
  }

 private:
  static std::string shown(const nlohmann::json& value) {
    return value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace).substr(0, 60);
  }
  const nlohmann::json& at(const char* name) const {
    const auto it = json_.find(name);
    if (it == json_.end()) fail(fmt::format("'{}' is missing; the checkpoint is damaged", name));
    return *it;
  }
  const nlohmann::json& json_;
  std::string where_;
};

/// Names of what is in a folder; none when it cannot be listed.
std::vector<fs::directory_entry> entries(const fs::path& folder) {
  std::vector<fs::directory_entry> out;
  std::error_code ignored;
  for (fs::directory_iterator it(folder, ignored), end; !ignored && it != end; it.increment(ignored)) out.push_back(*it);
  return out;
}

}  // namespace

std::string Moment::name() const { return fmt::format("{}.{}", interval, step); }

std::string manifest_text(const Manifest& m) {
  const nlohmann::json json = {{"format", kFormat},
                               {"interval", m.moment.interval},
                               {"step", m.moment.step},
                               {"seed", m.seed},
                               {"config_sha256", m.config_sha256},
                               {"corpus_sha256", m.corpus_sha256},
                               {"state_bytes", m.state_bytes},
                               {"state_sha256", m.state_sha256},
                               {"program", m.program}};
  return json.dump(2, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
}

Manifest parse_manifest(std::string_view text, const std::string& where) {
  // a depth that no manifest of ours has ends the parse: the parser recurses when it destroys what it read
  const auto shallow = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > 2) throw DataError("nested");
    return true;
  };
  nlohmann::json json;
  try {
    json = nlohmann::json::parse(text, shallow, false);
  } catch (const DataError&) {
    json = nlohmann::json::value_t::discarded;
  }
  if (json.is_discarded() || !json.is_object()) throw DataError(fmt::format("{}: is not the manifest of a checkpoint", where));
  const Facts facts(json, where);
  if (const auto format = facts.whole("format"); format != kFormat)
    facts.fail(fmt::format("has format {}, and this program reads format {}; use the program that wrote it", format, kFormat));
  Manifest m;
  m.moment = {facts.whole("interval"), facts.whole("step")};
  m.seed = facts.whole("seed");
  m.config_sha256 = facts.sum("config_sha256");
  m.corpus_sha256 = facts.text("corpus_sha256");
  m.state_bytes = static_cast<std::uint64_t>(facts.whole("state_bytes"));
  m.state_sha256 = facts.sum("state_sha256");
  if (const auto program = json.find("program"); program != json.end() && program->is_object())
    for (const auto& [name, value] : program->items())
      if (value.is_string()) m.program[name] = value.get<std::string>();
  return m;
}

void Checkpoints::remove_unfinished() const {
  for (const auto& entry : entries(folder_)) {
    std::error_code ignored;
    const std::string name = entry.path().filename().string();
    if (!name.starts_with('.') || !name.ends_with(kUnfinished)) continue;
    if (moment_named(name.substr(1, name.size() - 1 - std::strlen(kUnfinished)))) fs::remove_all(entry.path(), ignored);
  }
}

void Checkpoints::write(Manifest manifest, std::string_view state) const {
  manifest.state_bytes = state.size();
  manifest.state_sha256 = sha256(state);
  make_folder(folder_);
  remove_unfinished();
  const std::string name = manifest.moment.name();
  const fs::path target = folder_ / name, unfinished = folder_ / ("." + name + kUnfinished);
  std::error_code error;
  try {
    static_cast<void>(read(manifest.moment));
    return;  // of this very moment: the run was resumed from it
  } catch (const DataError&) {
    fs::remove_all(target, error);
  }
  try {
    make_folder(unfinished);
    write_atomically(unfinished / kState, state);
    write_atomically(unfinished / kManifest, manifest_text(manifest));
    fs::rename(unfinished, target, error);
    if (error) throw RunError(fmt::format("{}: cannot be written: {}", target.string(), error.message()));
    sync_file(folder_);
  } catch (...) {
    fs::remove_all(unfinished, error);
    throw;
  }
  std::int64_t newer = 0;
  for (const Moment moment : moments())
    if (!is_milestone(moment) && ++newer > kept_) fs::remove_all(folder_ / moment.name(), error);
}

std::vector<Moment> Checkpoints::moments() const {
  std::vector<Moment> out;
  for (const auto& entry : entries(folder_)) {
    const auto moment = moment_named(entry.path().filename().string());
    std::error_code ignored;
    if (moment && entry.symlink_status(ignored).type() == fs::file_type::directory) out.push_back(*moment);
  }
  std::sort(out.begin(), out.end(), std::greater<>());
  return out;
}

Checkpoint Checkpoints::read(Moment moment) const {
  Checkpoint out;
  out.folder = folder_ / moment.name();
  const auto content = [&](const char* name, std::uint64_t limit) {
    std::error_code ignored;
    const fs::path file = out.folder / name;
    const auto type = fs::symlink_status(file, ignored).type();
    if (type != fs::file_type::regular)
      throw DataError(fmt::format("{}: {}; the checkpoint is not whole", file.string(), type == fs::file_type::not_found ? "is missing" : "is not a plain file"));
    return read_file(file, limit);
  };
  out.manifest = parse_manifest(content(kManifest, kLargestManifest), (out.folder / kManifest).string());
  if (out.manifest.moment != moment)
    throw DataError(fmt::format("{}: speaks of moment {}; the folder was renamed", (out.folder / kManifest).string(), out.manifest.moment.name()));
  if (out.manifest.state_bytes > kLargestState) throw DataError(fmt::format("{}: {} bytes of state are more than any run has", (out.folder / kManifest).string(), out.manifest.state_bytes));
  out.state = content(kState, out.manifest.state_bytes);
  if (out.state.size() != out.manifest.state_bytes || sha256(out.state) != out.manifest.state_sha256)
    throw DataError(fmt::format("{}: is not what the manifest speaks of: {} bytes, {} expected, or another checksum", (out.folder / kState).string(),
                                out.state.size(), out.manifest.state_bytes));
  return out;
}

void Checkpoints::discard_after(Moment last) const {
  std::error_code ignored;
  for (const Moment moment : moments())
    if (moment > last) fs::remove_all(folder_ / moment.name(), ignored);
}

void Checkpoints::clear() const {
  std::error_code ignored;
  remove_unfinished();
  for (const Moment moment : moments())
    if (!is_milestone(moment)) fs::remove_all(folder_ / moment.name(), ignored);
  fs::remove(folder_, ignored);  // only when it is empty
}

}  // namespace fader
