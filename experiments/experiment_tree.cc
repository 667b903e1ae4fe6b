#include "experiments/experiment_tree.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "core/error.h"
#include "core/files.h"

namespace fader {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestFile = 16 << 20;
constexpr int kFileRank = 100;  // parents lower, --set higher
constexpr int kMostParents = 50;

// Another experiment file of that folder with nearly this name.
std::string similar_file(const fs::path& file) {
  std::vector<std::string> names;
  std::error_code ignored;
  const fs::path folder = file.parent_path().empty() ? fs::path(".") : file.parent_path();
  for (fs::directory_iterator it(folder, ignored), end; !ignored && it != end; it.increment(ignored))
    if (it->path().extension() == ".toml") names.push_back(it->path().filename().string());
  std::sort(names.begin(), names.end());
  std::string wanted = file.filename().string();
  if (file.extension() != ".toml") wanted += ".toml";
  const std::string meant = nearest(wanted, names);
  return meant.empty() ? "" : fmt::format("; did you mean '{}'?", (file.parent_path() / meant).string());
}

std::optional<std::string> read_text(const fs::path& file, const Place& from, const std::string& what, Problems& problems) {
  std::error_code ignored;
  const auto status = fs::status(file, ignored);
  std::string problem;
  if (!fs::exists(status)) problem = what + "no such file" + similar_file(file);
  else if (fs::is_directory(status)) problem = what + "this is a folder; expected an experiment file, ending in .toml";
  else if (!fs::is_regular_file(status)) problem = what + "this is no ordinary file";
  else {
    try {
      return read_file(file, kLargestFile);
    } catch (const DataError& e) {
      problem = what + e.what();
    }
  }
  problems.add(from, problem);
  return std::nullopt;
}

std::string comment_on_first_line(const std::string& text) {
  std::size_t begin = text.rfind("\xEF\xBB\xBF", 0) == 0 ? 3 : 0;  // a byte order mark
  if (begin >= text.size() || text[begin] != '#') return "";
  const std::string line = text.substr(begin, text.find_first_of("\r\n", begin) - begin);
  const auto first = line.find_first_not_of("# \t"), last = line.find_last_not_of(" \t");
  return first == std::string::npos ? "" : line.substr(first, last - first + 1);
}

// For a comment: no control characters.
std::string printable(std::string text) {
  std::replace_if(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return text;
}

class Loader {
 public:
  Loader(const fs::path& file, Problems& problems, bool alone)
      : home_(fs::absolute(file).parent_path()), problems_(problems), alone_(alone) {}

  /// `from`: where this file is named; `what` begins what is said there.
  TomlValue load(const fs::path& file, const Place* from, const std::string& what, int depth) {
    const fs::path folder = fs::absolute(file).parent_path();
    Source about{file.string(), printable(fs::absolute(file).lexically_proximate(home_).string()), folder, kFileRank - depth};
    const auto source = std::make_shared<const Source>(std::move(about));
    const Place whole{source};
    const TomlValue nothing{TomlTable{}, whole, ""};
    const auto text = read_text(file, from ? *from : whole, what, problems_);
    complete = complete && text;
    if (!text) return nothing;
    if (depth == 0) question = comment_on_first_line(*text);
    chain_.push_back(file);
    const std::size_t before = problems_.size();
    TomlValue tree = parse_toml(*text, source, problems_);
    complete = complete && problems_.size() == before;
    one_form_of_policies(tree);
    return with_base(std::move(tree), file, depth);
  }

  std::string question;
  bool complete = true;

 private:
  TomlValue with_base(TomlValue child, const fs::path& file, int depth) {
    TomlTable& entries = *child.table();
    const auto base = std::find_if(entries.begin(), entries.end(), [](const TomlEntry& e) { return e.key == "base"; });
    if (base == entries.end()) return child;
    const TomlValue value = base->value;
    entries.erase(base);
    if (!value.text()) {
      problems_.add(value.place, fmt::format("base is {}; expected a text: the path of one experiment file", value.found()));
      return child;
    }
    if (alone_) {
      problems_.add(value.place, "base: a resolved file stands alone");
      complete = false;
      return child;
    }
    const fs::path parent_file = (file.parent_path() / *value.text()).lexically_normal();
    if (comes_back(parent_file) || depth >= kMostParents) {
      std::string way;
      for (const fs::path& f : chain_) way += f.string() + " -> ";
      problems_.add(value.place, fmt::format("base goes round in a circle: {}{}", way, parent_file.string()));
      complete = false;
      return child;
    }
    TomlValue parent = load(parent_file, &value.place, fmt::format("base '{}': ", *value.text()), depth + 1);
    TomlTable& inherited = *parent.table();
    std::erase_if(inherited, [&](const TomlEntry& e) {  // a name is not inherited; [[policies]] and [policy] replace each other
      return e.key == "name" || (e.key == "policies" && child.find("policy")) || (e.key == "policy" && child.find("policies"));
    });
    merge(parent, child);
    parent.place = child.place;
    return parent;
  }

  bool comes_back(const fs::path& file) const {
    return std::any_of(chain_.begin(), chain_.end(), [&](const fs::path& f) {
      std::error_code ignored;
      return f == file || fs::equivalent(f, file, ignored);
    });
  }

  void one_form_of_policies(TomlValue& tree) {
    TomlTable& entries = *tree.table();
    const auto one = std::find_if(entries.begin(), entries.end(), [](const TomlEntry& e) { return e.key == "policy"; });
    const TomlValue* many = tree.find("policies");
    if (one == entries.end() || !many) return;
    problems_.add(one->place, fmt::format("both [policy] and [[policies]], at {}; give one of them", many->place.shown()));
    entries.erase(one);
  }

  fs::path home_;
  Problems& problems_;
  const bool alone_;
  std::vector<fs::path> chain_;
};

// [policy] is a list of one.
void make_list(TomlValue& root, Problems& problems) {
  for (TomlEntry& entry : *root.table()) {
    if (entry.key != "policy") continue;
    if (!entry.value.table())
      problems.add(entry.value.place, fmt::format("policy is {}; expected a table, [policy], or several, [[policies]]",
                                                  entry.value.found()));
    TomlValue one = std::move(entry.value);
    const Place place = one.place;
    entry = {"policies", entry.place, {TomlList{}, place, ""}};
    if (one.table()) entry.value.list()->push_back(std::move(one));
  }
}

}  // namespace

ExperimentTree read_experiment(const fs::path& file, Problems& problems, bool alone) {
  Loader loader(file, problems, alone);
  ExperimentTree out;
  out.root = loader.load(file, nullptr, "", 0);
  make_list(out.root, problems);
  out.file = out.root.place;
  out.file.line = out.file.column = 1;
  out.question = loader.question;
  out.complete = loader.complete;
  return out;
}

void apply_override(TomlValue& root, const TomlValue& assignment, Problems& problems) {
  if (assignment.table()->empty()) return;
  const TomlEntry& entry = assignment.table()->front();
  if (entry.key == "base") return problems.add(entry.place, "base can be given in a file only");
  if (entry.key != "policy") return merge_named(root, assignment, problems);

  if (!entry.value.table())
    return problems.add(entry.place, fmt::format("policy is {}; did you mean policy.kind?", entry.value.found()));
  TomlValue* list = root.find("policies");
  if (!list) root.table()->push_back({"policies", entry.place, {TomlList{entry.value}, entry.place, ""}});
  else if (list->list() && list->list()->size() == 1) merge_named(list->list()->front(), entry.value, problems);
  else if (list->list()) {
    std::vector<std::string> names;
    for (const TomlValue& policy : *list->list()) names.push_back("policies." + name_of(policy));
    problems.add(entry.place, fmt::format("there are {} policies; say which: {}", names.size(), fmt::join(names, ", ")));
  }
}

}  // namespace fader
