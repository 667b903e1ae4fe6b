// The experiment file, from bytes to resolved points, as a small language of whole lines:
//
//   --set KEY=VALUE    an override
//   --file NAME        what follows is another file beside the first, for `base`
//   anything else      a line of the file
//
// What is accepted must run again by itself: its resolved text loads to one point with the same hash.
#include <algorithm>
#include <cctype>

#include "experiments/config.h"
#include "tests/fuzz/fuzz.h"

using namespace fader;

namespace {

constexpr std::size_t kMostFiles = 4;

bool plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 16 && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '_'; });
}

struct Input {
  std::vector<std::pair<std::string, std::string>> files = {{"experiment.toml", ""}};  // name, text
  std::vector<std::string> overrides;

  explicit Input(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (line.starts_with("--set ") && overrides.size() < 8) overrides.emplace_back(line.substr(6));
      else if (line.starts_with("--file ") && files.size() < kMostFiles && plain_name(line.substr(7))) files.emplace_back(line.substr(7), "");
      else files.back().second.append(line).append("\n");
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Scratch scratch;
  const Input input(std::string_view(reinterpret_cast<const char*>(data), size));
  for (const auto& [name, text] : input.files) scratch.write(name, text);
  Experiment experiment;
  const bool accepted = fuzz::accepts([&] { experiment = load_experiment(scratch.path() / "experiment.toml", input.overrides); });
  if (accepted) {
    FADER_CHECK(!experiment.points.empty() && !experiment.name.empty());
    for (const Point& point : experiment.points) {
      const Experiment again = load_experiment(scratch.write("again.toml", point.toml), {});
      FADER_CHECK(again.points.size() == 1 && again.points[0].hash == point.hash && again.name == experiment.name);
    }
  }
  for (const auto& [name, text] : input.files) std::filesystem::remove(scratch.path() / name);
  return 0;
}
