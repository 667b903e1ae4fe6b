#include "experiments/comparison.h"

#include <fmt/format.h>

#include <algorithm>

#include "experiments/options_reader.h"

namespace fader {
namespace {

void check_baseline(const ExperimentTree& tree, Experiment& out, Problems& problems) {
  std::vector<std::string> names;
  for (const Point& point : out.points) names.push_back(point.policy.name);
  if (out.compare.baseline.empty()) {
    if (!names.empty()) out.compare.baseline = names[0];
  } else if (std::find(names.begin(), names.end(), out.compare.baseline) == names.end()) {
    const TomlValue* given = tree.root.find_path("compare.baseline");
    problems.add(given ? given->place : tree.file,
                  fmt::format("compare.baseline: the experiment has no policy '{}'{}", out.compare.baseline,
                              suggestion(out.compare.baseline, names)));
  }
}

void read_hypotheses(const ExperimentTree& tree, Experiment& out, Problems& problems) {
  const TomlValue* list = tree.root.find("hypotheses");
  if (!list) return;
  if (!list->list()) return problems.add(list->place, fmt::format("hypotheses is {}; write [[hypotheses]], in two brackets, once for each", list->found()));
  for (const TomlValue& element : *list->list()) {
    HypothesisOptions read;
    OptionsReader(problems, {}).read(&element, "hypotheses", "hypotheses", read, {}, element.place);
    Hypothesis& h = read.stated;
    if (h.against.empty()) h.against = out.compare.baseline;
    if (h.metric.empty()) h.metric = out.compare.metric;
    for (const std::string& name : {h.policy, h.against})
      if (std::none_of(out.points.begin(), out.points.end(), [&](const Point& p) { return p.policy.name == name || p.slug == name; }))
        problems.add(element.place, fmt::format("hypotheses: the experiment has no policy '{}', nor a point of that name", name));
    if (h.policy == h.against) problems.add(element.place, fmt::format("hypotheses: '{}' is compared with itself; say against what", h.policy));
    if (!h.cell.empty() && std::none_of(out.points.begin(), out.points.end(), [&](const Point& p) { return p.cell == h.cell; }))
      problems.add(element.place, fmt::format("hypotheses: the sweep has no cell '{}'; --dry-run shows which there are", h.cell));
    out.hypotheses.push_back(std::move(h));
  }
}

}  // namespace

void read_comparison(const ExperimentTree& tree, Experiment& out, Problems& problems) {
  check_baseline(tree, out, problems);
  read_hypotheses(tree, out, problems);
}

}  // namespace fader
