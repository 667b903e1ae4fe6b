#include "experiments/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "core/error.h"
#include "env/credit.h"
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

std::vector<Subject> things(const std::string& shelf) {
  std::vector<Subject> out;
  if (shelf == "agents") add_shelf(out, agents(), "agent", "[[agents]]");
  else if (shelf == "envs") add_shelf(out, environments(), "env", "[env]");
  else if (shelf == "policies") add_shelf(out, policies(), "policy", "[[policies]]");
  else if (shelf == "rewards") add_shelf(out, rewards(), "reward", "");
  else if (shelf == "credits") add_shelf(out, credit_estimators(), "credit", "");
  else throw ConfigError(fmt::format("no shelf '{}'{}", shelf, suggestion(shelf, shelf_names())));
  return out;
}

/// What a file chooses by `kind`, and the keys that are no tables.
struct Topic {
  std::vector<std::string> names;  ///< by which people ask for it
  std::string text;                ///< what it is and how it is written
  std::string shelf, prefix;       ///< what there is to choose from; "" when nothing is
};

/// Keys that every policy has.
std::string deployment_text() {
  Deployment deployment;
  return explain(deployment);
}

const std::vector<Topic>& topics() {
  static const std::vector<Topic> all = {
      {{"env", "envs", "environment", "environments"},
       "env: what the policies act upon; [corpus], [model], [train] and [[agents]] belong to an environment that trains\n\n"
       "[env]\nkind = \"...\"\n", "envs", "env"},
      {{"policy", "policies", "console", "consoles"},
       "policies: the consoles that are compared; [policy] when there is only one\n\n"
       "[[policies]]\nkind = \"...\"\nname = \"...\"                       # its kind, when not given\n"
       "set = { \"env.selection\" = \"...\" }  # what differs for this policy alone, below run, corpus, model, train, env, agents\n" + deployment_text(),
       "policies", "policy"},
      {{"agent", "agents"}, "agents: what scores passages, and what a policy weighs against each other\n\n"
       "[[agents]]\nkind = \"...\"\nname = \"...\"  # its kind, when not given\n", "agents", "agent"},
      {{"reward", "rewards"}, "rewards: what an interval was worth; env.reward and the reward of a policy name one\n", "rewards", "reward"},
      {{"credit", "credits"}, "credits: estimators of what each agent's picks are worth; env.credit lists some, and the credit of a policy names one\n",
       "credits", "credit"},
      {{"name"}, "name: of the experiment, and of the folder of its results; when not given, the name of the file\n\nname = \"...\"\n", "", ""},
      {{"base"}, "base: an experiment file to begin from, relative to this one: tables merge by key, lists replace, "
       "the name is not inherited\n\nbase = \"...\"\n", "", ""},
  };
  return all;
}

std::string whole(const Topic& topic) {
  if (topic.shelf.empty()) return topic.text;
  return fmt::format("{}\nkinds, more about each with --explain {}.<kind>:\n{}", topic.text, topic.prefix, list_text(topic.shelf));
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

// "policy.c", as a file writes it: of every kind of policy that has it.
std::string of_any_kind(const std::vector<Subject>& all, const std::string& name) {
  const std::size_t dot = name.find('.');
  std::string out;
  if (dot == std::string::npos) return out;
  for (const Subject& s : all) {
    if (s.name.rfind(name.substr(0, dot + 1), 0) != 0) continue;
    const auto options = s.options();
    for (const Option& o : options->list())
      if (o.name == name.substr(dot + 1)) out += (out.empty() ? "" : "\n") + one_option(s, o.name);
  }
  return out;
}

std::vector<Subject> subjects() {
  std::vector<Subject> out;
  for (const Section& s : sections()) out.push_back({s.name, s.name, s.summary, "", "[" + s.name + "]\n", s.options});
  out.push_back({"hypotheses", "hypotheses", "what is claimed before the runs, once for each claim", "", "[[hypotheses]]\n",
                 [] { return std::make_unique<HypothesisOptions>(); }});
  for (const std::string& shelf : shelf_names())
    for (Subject& s : things(shelf)) out.push_back(std::move(s));
  return out;
}

}  // namespace

const std::vector<Section>& sections() {
  static const std::vector<Section> all = {
      {"run", "how often and how it is run", [] { return std::make_unique<RunOptions>(); }},
      {"corpus", "the text; without `train` the synthetic corpus", [] { return std::make_unique<CorpusOptions>(); }},
      {"model", "the language model", [] { return std::make_unique<ModelOptions>(); }},
      {"train", "its pretraining: the budget and the optimiser", [] { return std::make_unique<TrainOptions>(); }},
      {"compare", "what the report compares", [] { return std::make_unique<CompareOptions>(); }},
      {"sweep", "how [sweep.over], what varies, becomes points", [] { return std::make_unique<SweepMethod>(); }},
  };
  return all;
}

std::vector<std::string> shelf_names() { return {"agents", "credits", "envs", "policies", "rewards"}; }

std::string list_text(const std::string& shelf) {
  const std::vector<Subject> list = things(shelf);
  std::size_t width = 0;
  for (const Subject& s : list) width = std::max(width, s.bare.size());
  std::string out;
  for (const Subject& s : list) out += fmt::format("{:<{}}  {}\n{:<{}}  ({})\n", s.bare, width, s.summary, "", width, s.status);
  return out;
}

std::string explain_text(const std::string& asked) {
  const auto first = asked.find_first_not_of('['), last = asked.find_last_not_of(']');
  const bool bracketed = first != std::string::npos && last != std::string::npos && first <= last;
  const std::string name = bracketed ? asked.substr(first, last - first + 1) : asked;  // "[train]", as it stands in a file
  for (const Topic& topic : topics())
    if (std::find(topic.names.begin(), topic.names.end(), name) != topic.names.end()) return whole(topic);
  const std::vector<Subject> all = subjects();
  std::vector<std::string> known;
  for (const Subject& s : all) {
    if (s.name == name) return whole(s);
    known.push_back(s.name);
  }
  std::vector<const Subject*> bare;
  for (const Subject& s : all)
    if (s.bare == name) bare.push_back(&s);
  if (bare.size() == 1) return whole(*bare[0]);
  if (bare.size() > 1) {
    std::vector<std::string> full;
    for (const Subject* s : bare) full.push_back(s->name);
    throw ConfigError(fmt::format("'{}' is {}; say which", name, fmt::join(full, " and ")));
  }
  for (const Subject& s : all)
    if (name.rfind(s.name + ".", 0) == 0) return one_option(s, name.substr(s.name.size() + 1));
  if (const std::string found = of_any_kind(all, name); !found.empty()) return found;
  for (const Topic& topic : topics()) known.insert(known.end(), topic.names.begin(), topic.names.end());
  std::vector<std::string> likely = known;
  for (const Subject& s : all) likely.push_back(s.bare);
  const std::string meant = nearest(name, likely);
  throw ConfigError(fmt::format("nothing is called '{}'{}", name,
                                meant.empty() ? suggestion(name, known) : fmt::format("; did you mean '{}'?", meant)));
}

}  // namespace fader
