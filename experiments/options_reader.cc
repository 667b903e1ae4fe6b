#include "experiments/options_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "core/error.h"

namespace fader {
namespace {

// An absolute path stays, "" means none.
std::string absolute_path(const std::string& text, const Place& place) {
  if (text.empty()) return text;
  return (place.source->folder / text).lexically_normal().string();
}

// "env.reward is 'x'; expected 'a' or 'b'", "policy.c: nan is not a finite number"
std::string complaint(const std::string& shown, const std::string& problem) {
  return problem.rfind("is ", 0) == 0 ? shown + " " + problem : shown + ": " + problem;
}

// Reads one value of the option's type, or one element of it.
class ValueReader {
 public:
  ValueReader(const Option& option, Problems& problems) : option_(option), problems_(problems) {}

  bool read(const TomlValue& value, const std::string& shown, bool& out) {
    return get<bool>(value, shown, "true or false", out);
  }
  bool read(const TomlValue& value, const std::string& shown, std::int64_t& out) {
    if (const auto* number = std::get_if<double>(&value.data); number && *number == std::trunc(*number) && std::abs(*number) < 1e15) {
      problems_.add(value.place, fmt::format("{} is {}; expected a whole number: write {:.0f}", shown, value.found(), *number));
      return false;
    }
    return get<std::int64_t>(value, shown, "a whole number", out) && in_range(value, shown, &out);
  }
  bool read(const TomlValue& value, const std::string& shown, double& out) {
    if (const auto* whole = std::get_if<std::int64_t>(&value.data)) out = static_cast<double>(*whole);
    else if (!get<double>(value, shown, "a number", out)) return false;
    return in_range(value, shown, &out);
  }
  bool read(const TomlValue& value, const std::string& shown, std::string& out) {
    if (!value.raw.empty() && !value.list() && !value.table()) out = value.raw;  // --set corpus.tokenizer=2024
    else if (!get<std::string>(value, shown, "a text", out)) return false;
    if (!in_range(value, shown, &out)) return false;
    if (option_.is_path) out = absolute_path(out, value.place);
    return true;
  }
  template <class T>
  bool read(const TomlValue& value, const std::string& shown, std::vector<T>& out) {
    const TomlList* list = value.list();
    if (std::is_same_v<T, std::string> && !list && !value.table()) {  // one text is a list of one
      out.resize(1);
      return read(value, shown, out[0]);
    }
    if (!list) return wrong_type(value, shown, is_row<T>() ? "a list of numbers" : option_.type());
    out.resize(list->size());
    bool fine = true;
    for (std::size_t i = 0; i < list->size(); ++i)
      fine &= read((*list)[i], fmt::format("{} {} of {}", std::is_same_v<T, std::vector<double>> ? "row" : "element", i + 1, shown), out[i]);
    return fine;
  }
  bool read(const TomlValue& value, const std::string& shown, Filters& out) {
    if (!value.table()) return wrong_type(value, shown, option_.type());
    return read_filters(*value.table(), "", shown, out);
  }

 private:
  // Tables within are fields within: { meta = { kind = [...] } } is "meta.kind".
  bool read_filters(const TomlTable& table, const std::string& prefix, const std::string& shown, Filters& out) {
    bool fine = true;
    for (const TomlEntry& entry : table) {
      const std::string field = prefix + entry.key;
      if (const TomlTable* inner = entry.value.table()) fine &= read_filters(*inner, field + ".", shown, out);
      else fine &= read(entry.value, fmt::format("{}.{}", shown, field), out[field]);
    }
    return fine;
  }

  template <class T>
  bool get(const TomlValue& value, const std::string& shown, const std::string& expected, T& out) {
    const T* found = std::get_if<T>(&value.data);
    if (!found) return wrong_type(value, shown, expected);
    out = *found;
    return true;
  }
  bool wrong_type(const TomlValue& value, const std::string& shown, const std::string& expected) {
    const std::string range = option_.range();
    problems_.add(value.place, fmt::format("{} is {}; expected {}{}", shown, value.found(), expected,
                                           range.empty() ? "" : ", " + range));
    return false;
  }
  bool in_range(const TomlValue& value, const std::string& shown, Option::Target element) {
    Option one = option_;
    one.target = element;
    const std::string problem = one.problem();
    if (!problem.empty()) problems_.add(value.place, complaint(shown, problem));
    return problem.empty();
  }

  template <class T>
  bool is_row() const {
    return std::is_same_v<T, double> && std::holds_alternative<Vectors*>(option_.target);
  }

  const Option& option_;
  Problems& problems_;
};

bool mentions(const std::string& text, const std::string& word) {
  const auto is_part = [&](std::size_t i) {
    return i < text.size() && (std::isalnum(static_cast<unsigned char>(text[i])) || text[i] == '_');
  };
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    if ((at == 0 || !is_part(at - 1)) && !is_part(at + word.size())) return true;
  return false;
}

std::string last_segment(const std::string& name) { return name.substr(name.rfind('.') + 1); }

}  // namespace

struct OptionsReader::Section {
  const std::string& shown;
  const std::string& path;
  const std::vector<Option>& options;
  const std::vector<std::string>& skip;
  std::map<std::string, Place> given = {};  ///< by option name
};

void read_option(const Option& option, const TomlValue& value, const std::string& shown, Problems& problems) {
  std::visit(
      [&](auto* target) {
        std::decay_t<decltype(*target)> read{};
        if (ValueReader(option, problems).read(value, shown, read)) *target = std::move(read);
      },
      option.target);
}

std::string OptionsReader::hint_elsewhere(const std::string& key) const {
  for (const std::string& name : elsewhere_)
    if (last_segment(name) == key) return fmt::format("; did you mean '{}'?", name);
  return "";
}

void OptionsReader::unknown(const TomlEntry& entry, const std::string& name, const Section& section) {
  std::vector<std::string> names;
  for (const Option& o : section.options) names.push_back(o.name);
  std::vector<std::string> all = names;
  all.insert(all.end(), section.skip.begin(), section.skip.end());
  std::string meant = nearest(name, all);
  for (const std::string& known : all) {
    if (!meant.empty()) break;
    const bool inner = last_segment(known) == name;                            // `domains` for `reference.domains`
    const bool longer = known.size() + 1 == name.size() && name.rfind(known, 0) == 0;  // `cc` for `c`
    if (inner || longer) meant = known;
  }
  std::string advice = meant.empty() ? hint_elsewhere(name) : fmt::format("; did you mean '{}.{}'?", section.shown, meant);
  if (advice.empty()) {
    advice = names.empty() ? fmt::format("; {} has no options", section.shown)
                           : fmt::format("; known in {}: {}", section.shown, fmt::join(names, ", "));
  }
  problems_.add(entry.place, fmt::format("unknown key '{}.{}'{}", section.shown, name, advice));
}

void OptionsReader::read_table(const TomlTable& table, const std::string& prefix, Section& section) {
  for (const TomlEntry& entry : table) {
    const std::string name = prefix + entry.key;
    if (std::find(section.skip.begin(), section.skip.end(), name) != section.skip.end()) continue;
    const auto option = std::find_if(section.options.begin(), section.options.end(),
                                     [&](const Option& o) { return o.name == name; });
    std::vector<std::string> below;
    for (const Option& o : section.options)
      if (o.name.rfind(name + ".", 0) == 0) below.push_back(o.name.substr(name.size() + 1));
    if (option != section.options.end()) {
      section.given[name] = entry.value.place;
      places_[section.path + "." + name] = entry.value.place;
      read_option(*option, entry.value, section.shown + "." + name, problems_);
    } else if (below.empty()) {
      unknown(entry, name, section);
    } else if (entry.value.table()) {
      read_table(*entry.value.table(), name + ".", section);
    } else {
      problems_.add(entry.value.place, fmt::format("{}.{} is {}; expected a table with {}", section.shown, name,
                                                   entry.value.found(), fmt::join(below, ", ")));
    }
  }
}

void OptionsReader::read(const TomlValue* table, const std::string& shown, const std::string& path, Options& options,
                         const std::vector<std::string>& skip, const Place& absent) {
  const std::size_t before = problems_.size();
  const std::vector<Option> list = options.list();
  Section section{shown, path, list, skip};
  const Place place = table ? table->place : absent;
  if (table && !table->table())
    return problems_.add(place, fmt::format("{} is {}; expected a table, [{}]", shown, table->found(), shown));
  if (table) read_table(*table->table(), "", section);
  for (const Option& o : list)
    if (!section.given.count(o.name) && !o.problem().empty())
      problems_.add(place, fmt::format("{}.{} must be given; expected {}{}{}", shown, o.name, o.type(),
                                       o.range().empty() ? "" : ", ", o.range()));
  if (problems_.size() != before) return;
  try {
    options.validate();
  } catch (const ConfigError& e) {
    const std::string message = e.what();
    const auto begins_with = [&](const std::string& name) {
      return message.rfind(name + " ", 0) == 0 || message.rfind(name + ":", 0) == 0;
    };
    // At what the message begins with, else at the first value in the file that it speaks of.
    Place at = place;
    bool named = false;
    for (auto o = list.rbegin(); o != list.rend(); ++o)
      if (const auto given = section.given.find(o->name); given != section.given.end() && mentions(message, o->name))
        at = given->second;
    for (const Option& o : list) {
      if (!begins_with(o.name)) continue;
      named = true;
      if (const auto given = section.given.find(o.name); given != section.given.end()) at = given->second;
    }
    const bool in_full = message.rfind(shown + ".", 0) == 0;
    problems_.add(at, in_full ? message : fmt::format("{}{}{}", shown, named ? "." : ": ", message));
  }
}

}  // namespace fader
