// The arrows between the rooms: walks the includes of the whole tree, and fails when one turns round.
//
//   core <- trainer <- agents <- env <- experiments          core <- env/env.h <- policies <- experiments
//   core <- store <- experiments, analysis
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "core/files.h"

using namespace fader;
namespace fs = std::filesystem;

namespace {

const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"core", {}},
    {"store", {"core"}},
    {"trainer", {"core"}},
    {"agents", {"core", "trainer"}},
    {"env", {"core", "trainer", "agents"}},
    {"policies", {"core", "env/env.h"}},
    {"experiments", {"core", "trainer", "agents", "env", "policies", "store"}},
    {"analysis", {"core", "store"}},
};
// Headers that others may see across a wall, held to less than their room: policies see env/env.h.
const std::map<std::string, std::set<std::string>> kMayIncludeFile = {{"env/env.h", {"core"}}};
// Where LibTorch's headers may stand, besides the .cc files of trainer/.
const std::set<std::string> kTorchFiles = {"policies/network.cc"};

std::string room_of(const std::string& path) { return path.substr(0, path.find('/')); }
bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

struct Include {
  std::string path;
  bool own = false;  // in quotes
  int line = 0;
};

// `#include "x"` and `#include <x>` at the beginning of a line, white space or not.
std::vector<Include> includes(const std::string& content) {
  std::vector<Include> found;
  std::istringstream lines(content);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::istringstream words(line);
    char hash = 0;
    std::string directive;
    if (!(words >> hash) || hash != '#' || !(words >> directive) || directive.rfind("include", 0) != 0) continue;
    const auto open = line.find_first_of("\"<");
    const auto close = open == std::string::npos ? open : line.find_first_of("\">", open + 1);
    if (close == std::string::npos) continue;
    found.push_back({line.substr(open + 1, close - open - 1), line[open] == '"', number});
  }
  return found;
}

// What is wrong with an include of `file`, or "".
std::string complaint(const std::string& file, const Include& include) {
  const std::string room = room_of(file), target = room_of(include.path);
  if (target == "ATen" || target == "torch" || target == "c10" || target == "caffe2") {
    if (include.path == "torch/torch.h" || include.path == "torch/extension.h" || include.path == "torch/script.h")
      return "takes a minute to compile";
    const bool allowed = (room == "trainer" && ends_with(file, ".cc")) || kTorchFiles.count(file) > 0;
    return allowed ? "" : "LibTorch stays in the .cc files of trainer/";
  }
  if (!kMayInclude.count(target)) return include.own ? "own headers are named from the root" : "";
  if (!include.own) return "own headers stand in quotes";
  const auto special = kMayIncludeFile.find(file);
  const auto& allowed = special != kMayIncludeFile.end() ? special->second : kMayInclude.at(room);
  const bool at_home = target == room && special == kMayIncludeFile.end();
  return at_home || allowed.count(target) || allowed.count(include.path) ? "" : "the arrow turns round";
}

std::vector<std::string> complaints(const std::string& file, const std::string& content) {
  std::vector<std::string> found;
  for (const Include& include : includes(content))
    if (const std::string what = complaint(file, include); !what.empty())
      found.push_back(file + ":" + std::to_string(include.line) + ": " + include.path + ": " + what);
  return found;
}

// Path from the root -> content, of every source of the rooms.
std::map<std::string, std::string> sources() {
  std::map<std::string, std::string> found;
  const fs::path root = FADER_SOURCE_DIR;
  for (const auto& [room, allowed] : kMayInclude) {
    if (!fs::exists(root / room)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
      const auto extension = entry.path().extension();
      if (extension == ".h" || extension == ".cc") found[entry.path().lexically_relative(root).string()] = read_file(entry.path());
    }
  }
  return found;
}

}  // namespace

TEST_CASE("no include goes against the arrows") {
  const auto files = sources();
  CHECK(files.count("core/rng.h") == 1);  // the walk finds something
  for (const auto& [file, content] : files)
    for (const std::string& what : complaints(file, content)) FAIL_CHECK(what);
}

TEST_CASE("every own header that is included exists") {
  const auto files = sources();
  for (const auto& [file, content] : files)
    for (const Include& include : includes(content))
      if (include.own && !files.count(include.path)) FAIL_CHECK(file << ":" << include.line << ": there is no " << include.path);
}

TEST_CASE("every header is guarded against being read twice") {
  for (const auto& [file, content] : sources())
    if (ends_with(file, ".h") && content.find("#pragma once") == std::string::npos) FAIL_CHECK(file << " lacks #pragma once");
}

TEST_CASE("every test case has a name that CTest can hold") {
  // CMake takes brackets and semicolons for marks of a list, and the tests between them would be lost without a word
  const std::regex name("TEST_CASE\\(\"([^\"]*)\"");
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(FADER_SOURCE_DIR) / "tests")) {
    if (entry.path().extension() != ".cc") continue;
    const std::string content = read_file(entry.path());
    for (std::sregex_iterator at(content.begin(), content.end(), name), end; at != end; ++at)
      if ((*at)[1].str().find_first_of("[];\\") != std::string::npos) FAIL_CHECK(entry.path().string() << ": " << (*at)[1].str());
  }
}

TEST_CASE("the walk sees what it is there to see") {
  const auto wrong = [](const std::string& file, const std::string& line) { return complaints(file, line).size() == 1; };
  CHECK(wrong("core/rng.cc", "#include \"trainer/trainer.h\""));
  CHECK(wrong("trainer/trainer.cc", "#include \"agents/agent.h\""));
  CHECK(wrong("trainer/trainer.cc", "#include \"env/env.h\""));
  CHECK(wrong("agents/agent.h", "  #  include \"env/env.h\""));
  CHECK(wrong("env/rewards/drop.cc", "#include \"policies/policy.h\""));
  CHECK(wrong("env/env.h", "#include \"trainer/trainer.h\""));
  CHECK(wrong("env/env.h", "#include \"env/registry.h\""));
  CHECK(wrong("policies/ucb.cc", "#include \"env/registry.h\""));
  CHECK(wrong("policies/ucb.cc", "#include \"trainer/corpus.h\""));
  CHECK(wrong("policies/ucb.cc", "#include \"store/store.h\""));
  CHECK(wrong("store/writer.cc", "#include \"trainer/trainer.h\""));
  CHECK(wrong("analysis/report.cc", "#include \"experiments/config.h\""));
  CHECK(wrong("experiments/run.cc", "#include \"analysis/report.h\""));
  CHECK(wrong("experiments/run.cc", "#include <core/rng.h>"));
  CHECK(wrong("experiments/run.cc", "#include \"config.h\""));
  CHECK(wrong("trainer/model.h", "#include <ATen/ATen.h>"));
  CHECK(wrong("agents/quality.cc", "#include <torch/csrc/autograd/variable.h>"));
  CHECK(wrong("policies/ucb.cc", "#include <c10/util/Exception.h>"));
  CHECK(wrong("trainer/model.cc", "#include <torch/torch.h>"));
  const auto right = [](const std::string& file, const std::string& line) { return complaints(file, line).empty(); };
  CHECK(right("trainer/model.cc", "#include <ATen/ATen.h>"));
  CHECK(right("policies/network.cc", "#include <ATen/ATen.h>"));
  CHECK(right("policies/ucb.cc", "#include \"env/env.h\""));
  CHECK(right("env/env.h", "#include \"core/table.h\""));
  CHECK(right("env/rewards/drop.cc", "#include \"env/reward.h\""));
  CHECK(right("experiments/run.cc", "#include \"store/store.h\""));
  CHECK(right("core/rng.cc", "#include <vector>\n// #include \"trainer/trainer.h\""));
}
