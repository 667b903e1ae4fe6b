// tool minari RUN... --out DIR [--id NAME-vN]: finished runs as a dataset that Python's minari opens.
#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <cstdio>

#include "core/error.h"
#include "experiments/guarded.h"
#include "experiments/tool.h"
#include "store/check.h"
#include "store/minari.h"
#include "store/store.h"

namespace fader {
namespace {

namespace po = boost::program_options;

/// Whether the run is complete. DataError when it is damaged.
bool is_complete_run(const std::filesystem::path& file) {
  const auto seen = guarded(file, [&] {
    const Checked checked = check_run(file);
    if (!checked.problems.empty())
      throw DataError(fmt::format("{}: is damaged ({}); repair it with `tool repair`, or leave it out", file.string(), plain_line(checked.problems.front().text)));
    return nlohmann::json(RunReader(file).status() == RunStatus::complete);
  });
  return seen.get<bool>();
}

}  // namespace

int export_runs(const std::vector<std::string>& arguments) {
  po::options_description options;
  options.add_options()("out", po::value<std::string>())("id", po::value<std::string>()->default_value(""));
  const auto given = read_tool("minari", options, arguments, 1, 1'000'000);
  const std::string id = given["id"].as<std::string>();
  if (given.count("out") == 0) throw ConfigError("tool minari: --out names the folder that datasets are in; Minari's own is ~/.minari/datasets");
  if (!id.empty()) require_minari_id(id);
  std::vector<std::filesystem::path> complete;
  std::size_t skipped = 0;
  for (const auto& file : run_files(inputs_of(given))) {
    if (is_complete_run(file)) {
      complete.push_back(file);
      continue;
    }
    fmt::print(stderr, "{}: skipped: the run is not complete\n", plain_line(file.string(), 4096));
    ++skipped;
  }
  if (complete.empty()) throw DataError(fmt::format("none of {} runs is complete, and there is nothing to export", skipped));
  const MinariDataset dataset = export_minari(complete, given["out"].as<std::string>(), id);
  fmt::print("{}: {} episodes, {} steps\n  MINARI_DATASETS_PATH={} python -c 'import minari; print(minari.load_dataset(\"{}\"))'\n", dataset.folder.string(),
             dataset.episodes, dataset.steps, given["out"].as<std::string>(), dataset.id);
  return static_cast<int>(Exit::done);
}

}  // namespace fader
