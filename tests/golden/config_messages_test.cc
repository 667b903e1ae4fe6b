// Wrong experiment files and what is said of them: config_messages/<case>.toml and <case>.expected, compared byte for byte.
//
// Lines "#: key=value" of a case are its --set. In an expectation {policies}, {agents}, {environments} and {rewards} stand for
// what is on the shelf, {model}, {train}, {corpus} and {run} for the options of a section, so that a new entry changes none.
// FADER_UPDATE_GOLDEN=1 writes the expectations anew: read the difference before keeping it.
#include <catch2/catch.hpp>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/error.h"
#include "core/files.h"
#include "env/reward.h"
#include "experiments/config.h"

using namespace fader;
namespace fs = std::filesystem;

namespace {

std::string names_of(std::vector<Option> options) {
  std::vector<std::string> names;
  for (const Option& o : options) names.push_back(o.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::vector<std::pair<std::string, std::string>> placeholders() {
  const auto joined = [](const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); };
  return {{"{policies}", joined(policies().names())},     {"{agents}", joined(agents().names())},
          {"{environments}", joined(environments().names())}, {"{rewards}", joined(rewards().names())},
          {"{model}", names_of(ModelOptions().list())},   {"{train}", names_of(TrainOptions().list())},
          {"{corpus}", names_of(CorpusOptions().list())}, {"{run}", names_of(RunOptions().list())}};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) text.replace(at, from.size(), to);
  return text;
}

std::vector<std::string> overrides_of(const std::string& file) {
  std::vector<std::string> out;
  std::istringstream lines(file);
  for (std::string line; std::getline(lines, line);)
    if (line.rfind("#: ", 0) == 0) out.push_back(line.substr(3));
  return out;
}

std::string messages_of(const fs::path& file) {
  try {
    load_experiment(file, overrides_of(read_file(file)));
  } catch (const ConfigError& e) {
    return std::string(e.what()) + "\n";
  }
  return "no error\n";
}

class InFolder {
 public:
  explicit InFolder(const fs::path& folder) : before_(fs::current_path()) { fs::current_path(folder); }
  ~InFolder() { fs::current_path(before_); }

 private:
  fs::path before_;
};

}  // namespace

TEST_CASE("wrong experiment files get the messages that are on record") {
  const InFolder here(fs::path(FADER_SOURCE_DIR) / "tests/golden/config_messages");
  const bool update = std::getenv("FADER_UPDATE_GOLDEN") != nullptr;
  std::vector<fs::path> cases;
  for (const auto& entry : fs::directory_iterator("."))
    if (entry.path().extension() == ".toml") cases.push_back(entry.path().filename());
  std::sort(cases.begin(), cases.end());
  REQUIRE(cases.size() >= 90);

  for (const fs::path& file : cases) {
    const fs::path record = fs::path(file).replace_extension(".expected");
    std::string found = messages_of(file);
    if (update) {
      for (const auto& [mark, text] : placeholders()) found = replaced(found, ": " + text, ": " + mark);
      std::ofstream(record) << found;
      continue;
    }
    std::string expected = read_file(record);
    for (const auto& [mark, text] : placeholders()) expected = replaced(expected, mark, text);
    INFO(file.string());
    CHECK(found == expected);
  }
}
