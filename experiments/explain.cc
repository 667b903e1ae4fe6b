#include "experiments/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "core/error.h"
#include "env/reward.h"
#include "experiments/config.h"

namespace fader {
namespace {

/// Something that has options: an entry of a shelf, or a section of the experiment file.
struct Subject {
  std::string name;     ///< "policy.ucb", "train"
  std::string bare;     ///< "ucb", "train"
  std::string summary, status;
  std::string header;   ///< as it stands in a file: "[[policies]]\nkind = \"ucb\"\n"
  std::function<std::unique_ptr<Options>()> options;
};

template <class Shelf>
void add_shelf(std::vector<Subject>& out, const Shelf& shelf, const std::string& prefix, const std::string& header) {
  for (const std::string& name : shelf.names()) {
    const auto& entry = shelf.at(name);
    out.push_back({prefix + "." + name, name, entry.summary, entry.status,
                   header.empty() ? "" : fmt::format("{}\nkind = {}\n", header, toml_quote(name)), entry.options});
  }
}

template <class Section>
void add_section(std::vector<Subject>& out, const std::string& name, const std::string& summary) {
  out.push_back({name, name, summary, "", "[" + name + "]\n", [] { return std::make_unique<Section>(); }});
}

std::vector<Subject> things(const std::string& shelf) {
  std::vector<Subject> out;
  if (shelf == "agents") add_shelf(out, agents(), "agent", "[[agents]]");
  else if (shelf == "envs") add_shelf(out, environments(), "env", "[env]");
  else if (shelf == "policies") add_shelf(out, policies(), "policy", "[[policies]]");
  else if (shelf == "rewards") add_shelf(out, rewards(), "reward", "");
  else throw ConfigError(fmt::format("no shelf '{}'{}", shelf, suggestion(shelf, shelf_names())));
  return out;
}

std::vector<Subject> sections() {
  std::vector<Subject> out;
  add_section<RunOptions>(out, "run", "how often and how it is run");
  add_section<CorpusOptions>(out, "corpus", "the text; without `train` the synthetic corpus");
  add_section<ModelOptions>(out, "model", "the language model");
  add_section<TrainOptions>(out, "train", "its pretraining: the budget and the optimiser");
  add_section<CompareOptions>(out, "compare", "what the report compares");
  return out;
}

std::string whole(const Subject& subject) {
  const auto options = subject.options();
  std::string out = fmt::format("{}: {}\n", subject.name, subject.summary);
  if (!subject.status.empty()) out += fmt::format("status: {}\n", subject.status);
  const std::string list = explain(*options);
  return out + "\n" + subject.header + (list.empty() ? "# no options\n" : list);
}

// "policy.ucb.c", "train.batch"
std::string one_option(const Subject& subject, const std::string& option) {
  const auto options = subject.options();
  std::vector<std::string> names;
  for (const Option& o : options->list()) {
    if (o.name == option) {
      const std::string range = o.range();
      return fmt::format("{}.{} = {}\n{}\n{}{}{}\n", subject.name, o.name, o.value(), o.help, o.type(),
                         range.empty() ? "" : ", ", range);
    }
    names.push_back(subject.name + "." + o.name);
  }
  const std::string name = subject.name + "." + option;
  throw ConfigError(fmt::format("'{}' has no option '{}'{}", subject.name, option, suggestion(name, names)));
}

}  // namespace

std::vector<std::string> shelf_names() { return {"agents", "envs", "policies", "rewards"}; }

std::string list_text(const std::string& shelf) {
  const std::vector<Subject> list = things(shelf);
  std::size_t width = 0;
  for (const Subject& s : list) width = std::max(width, s.bare.size());
  std::string out;
  for (const Subject& s : list) out += fmt::format("{:<{}}  {}\n{:<{}}  ({})\n", s.bare, width, s.summary, "", width, s.status);
  return out;
}

std::string explain_text(const std::string& name) {
  std::vector<Subject> all = sections();
  for (const std::string& shelf : shelf_names())
    for (Subject& s : things(shelf)) all.push_back(std::move(s));
  std::vector<std::string> known;
  for (const Subject& s : all) {
    if (s.name == name) return whole(s);
    known.push_back(s.name);
  }
  std::vector<const Subject*> bare;
  for (const Subject& s : all)
    if (s.bare == name) bare.push_back(&s);
  if (bare.size() == 1) return whole(*bare[0]);
  for (const Subject& s : all)
    if (name.rfind(s.name + ".", 0) == 0) return one_option(s, name.substr(s.name.size() + 1));
  throw ConfigError(fmt::format("nothing is called '{}'{}", name, suggestion(name, known)));
}

}  // namespace fader
