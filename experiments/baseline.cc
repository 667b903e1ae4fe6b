#include "experiments/baseline.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include "core/error.h"
#include "experiments/differences.h"
#include "store/store.h"

namespace fader {
namespace {

constexpr const char* kOption = "env.reward_baseline";

std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> out;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, '\t');) out.push_back(cell);
  return out;
}

Baseline read_table(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  while (std::getline(in, line) && (line.empty() || line[0] == '#')) {}
  const std::vector<std::string> names = cells(line);
  const auto column = [&](const std::string& name) { return static_cast<std::size_t>(std::ranges::find(names, name) - names.begin()); };
  const std::size_t loss = column("loss_reference"), tokens = column("tokens");
  if (loss == names.size())
    throw ConfigError(fmt::format("{}: {} has no column 'loss_reference' in its first line; expected names between tabs, or a run's folder",
                                  kOption, file.string()));
  Baseline out{file.string(), {}, {}};
  for (int number = 2; std::getline(in, line); ++number) {
    if (line.empty()) continue;
    const std::vector<std::string> row = cells(line);
    const auto value = [&](std::size_t at) {
      double x = 0;
      const std::string text = at < row.size() ? row[at] : "";
      const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), x);
      if (problem != std::errc() || end != text.data() + text.size())
        throw ConfigError(fmt::format("{}: {}: row {}, column '{}' is '{}'; expected a number", kOption, file.string(), number, names[at], text));
      return x;
    };
    out.loss.push_back(value(loss));
    if (tokens < names.size()) out.tokens.push_back(value(tokens));
  }
  return out;
}

/// What makes losses of two runs incomparable.
std::vector<std::string> mismatches(const std::filesystem::path& folder, const Point& point) {
  std::vector<std::string> out;
  for (const std::string& line : differences(load_resolved(folder / "config.toml").points.at(0), point))
    for (const char* start : {"model.", "train.", "env.reference_passages:", "corpus.reference"})
      if (line.starts_with(start)) out.push_back(line);
  return out;
}

Baseline read_run(const std::filesystem::path& file, const Point& point, const std::string& corpus_sha256) {
  const RunReader run(file);
  if (run.status() != RunStatus::complete)
    throw ConfigError(fmt::format("{}: {} is not complete; play it to its end first", kOption, file.string()));
  const auto of_corpus = run.root().find("corpus_sha256");
  const auto* sha = of_corpus == run.root().end() ? nullptr : std::get_if<std::string>(&of_corpus->second);
  if (!corpus_sha256.empty() && (!sha || *sha != corpus_sha256))
    throw ConfigError(fmt::format("{}: {} is of another corpus; compare with a run on the same text", kOption, file.string()));
  if (const auto found = mismatches(file.parent_path(), point); !found.empty())
    throw ConfigError(fmt::format("{}: {} is of another schedule, model or reference set:\n  {}\ncompare with a run that has these alike", kOption,
                                  file.string(), fmt::join(found, "\n  ")));
  Baseline out{file.string(), {}, run.read(0, "infos/tokens")};
  for (std::size_t e = 0; e < run.episodes(); ++e) {
    const std::vector<double> loss = run.read(e, "infos/loss_reference");
    if (e == 0) out.loss.assign(loss.size(), 0.0);
    if (loss.size() != out.loss.size())
      throw ConfigError(fmt::format("{}: {}: episode {} has {} reference losses, the first {}; compare with a run whose episodes all came to "
                                    "their end", kOption, file.string(), e, loss.size(), out.loss.size()));
    for (std::size_t t = 0; t < loss.size(); ++t) out.loss[t] += loss[t] / static_cast<double>(run.episodes());
  }
  return out;
}

}  // namespace

Baseline read_baseline(const std::filesystem::path& path, std::int64_t seed, const Point& point, const std::string& corpus_sha256) {
  const auto of_seed = path / fmt::format("seed-{}", seed);
  const std::filesystem::path found = std::filesystem::is_regular_file(path)                ? path
                                      : std::filesystem::is_regular_file(path / "run.h5")   ? path / "run.h5"
                                      : std::filesystem::is_regular_file(of_seed / "run.h5") ? of_seed / "run.h5"
                                                                                             : "";
  if (found.empty())
    throw ConfigError(fmt::format("{}: {} is no file, and has neither a run.h5 nor a seed-{}; name a run's folder, or the folder of its seeds, "
                                  "and play the baseline first", kOption, path.string(), seed));
  return found.extension() == ".h5" ? read_run(found, point, corpus_sha256) : read_table(found);
}

}  // namespace fader
