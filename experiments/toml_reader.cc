#include "experiments/toml_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"

// The parser (3.3.0) trusts some of its input: "[[\x" breaks an assertion, which in a release build would be an assumption,
// and what follows undefined. So its assertions are on in every build, and throw.
namespace {
struct TrustBroken {};
[[noreturn]] void trust_broken() { throw TrustBroken(); }
}  // namespace
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_EXCEPTIONS 1
#define TOML_ASSERT(expression) \
  if (!(expression)) trust_broken()
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

namespace fader {
namespace {

// "a.b" as {"a", "b"}; a key with an empty part stays whole, and will be unknown.
std::vector<std::string> segments_of(std::string_view key) {
  std::vector<std::string> out(1);
  for (const char c : key) {
    if (c == '.') out.emplace_back();
    else out.back() += c;
  }
  const bool odd = std::any_of(out.begin(), out.end(), [](const std::string& s) { return s.empty(); });
  return odd ? std::vector<std::string>{std::string(key)} : out;
}

class Converter {
 public:
  Converter(const std::shared_ptr<const Source>& source, Problems& problems) : source_(source), problems_(problems) {}

  TomlValue convert(const toml::node& node) {
    TomlValue out;
    out.place = place(node.source());
    if (const auto* table = node.as_table()) out.data = convert_table(*table);
    else if (const auto* array = node.as_array()) {
      TomlList list;
      for (const auto& element : *array) list.push_back(convert(element));
      out.data = std::move(list);
    } else if (const auto* text = node.as_string()) out.data = text->get();
    else if (const auto* whole = node.as_integer()) out.data = whole->get();
    else if (const auto* number = node.as_floating_point()) out.data = number->get();
    else if (const auto* truth = node.as_boolean()) out.data = truth->get();
    else out.data = TomlDate{};
    return out;
  }

 private:
  Place place(const toml::source_region& region) const { return {source_, region.begin.line, region.begin.column}; }

  TomlTable convert_table(const toml::table& table) {
    std::vector<std::pair<const toml::key*, const toml::node*>> ordered;
    for (const auto& [key, node] : table) ordered.emplace_back(&key, &node);
    std::sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
      const auto x = a.first->source().begin, y = b.first->source().begin;
      return std::tie(x.line, x.column) < std::tie(y.line, y.column);
    });
    TomlTable out;
    for (const auto& [key, node] : ordered) {
      TomlValue value = convert(*node);
      const auto segments = segments_of(key->str());
      for (std::size_t i = segments.size() - 1; i > 0; --i)
        value = TomlValue{TomlTable{{segments[i], place(key->source()), value}}, value.place, ""};
      insert(out, {segments[0], place(key->source()), std::move(value)}, segments[0]);
    }
    return out;
  }

  // "a.b" = 1 beside a table [a] is fine, beside another a.b it is an error that the parser cannot see.
  void insert(TomlTable& table, TomlEntry entry, const std::string& path) {
    const auto same = std::find_if(table.begin(), table.end(), [&](const TomlEntry& e) { return e.key == entry.key; });
    if (same == table.end()) {
      table.push_back(std::move(entry));
    } else if (TomlTable *into = same->value.table(), *from = entry.value.table(); into && from) {
      for (TomlEntry& inner : *from) insert(*into, inner, path + "." + inner.key);
    } else {
      problems_.add(entry.place, fmt::format("'{}' is given twice; the other is at {}", path, same->place.shown()));
    }
  }

  std::shared_ptr<const Source> source_;
  Problems& problems_;
};

struct SyntaxError {
  std::string text;
  unsigned line = 0, column = 0;
};

// The parser speaks of itself ("Error while parsing array: ..."); people want to know what is wrong with the text.
std::string reworded(std::string text) {
  if (const auto twice = text.find("cannot redefine existing "); twice != std::string::npos) {
    const std::size_t name = std::min(text.find('\'', twice), text.size()), end = text.find('\'', name + 1);
    return fmt::format("{} is given twice; write it once", text.substr(name, end == std::string::npos ? end : end + 1 - name));
  }
  if (text.find("invalid utf-8") != std::string::npos)
    return "here is a byte that is not of UTF-8; expected a text file, saved as UTF-8";
  if (text.find("unescaped control characters") != std::string::npos)
    return "in a text: the line ends, or a control character stands, before the closing quotes";
  if (const std::string lead = "Error while parsing "; text.rfind(lead, 0) == 0) text = "in a " + text.substr(lead.size());
  static const std::pair<std::string, std::string> kWords[] = {
      {"in a array", "in a list"},
      {"in a integer", "in a whole number"},
      {"in a floating-point", "in a number"},
      {"in a boolean", "in a true or false"},
      {"in a string", "in a text"},
      {"in a decimal integer", "in a whole number"},
      {"is not representable in 64 bits", "does not fit into 64 bits"},
      {"decimal digit", "a digit"},
      {"a comment or whitespace", "the end of the line"},
      {"in a root table: expected keys, tables, whitespace or comments", "expected a key, a [table] or a comment, which begins with #"},
      {"encountered end-of-file", "it ends too early"},
      {"saw '\\n'", "found the end of the line"},
      {"saw '", "found '"},
      {"could not determine value type", "this is no value; texts need quotes"}};
  for (const auto& [from, to] : kWords)
    if (const auto at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
  std::replace(text.begin(), text.end(), '\n', ' ');
  if (text.find("unknown escape sequence") != std::string::npos) text += "; between single quotes a backslash is a backslash";
  return text;
}

bool breaks_trust(std::string_view text) {
  try {
    (void)toml::parse(text);
  } catch (const toml::parse_error&) {
  } catch (const TrustBroken&) {
    return true;
  }
  return false;
}

// An assertion knows no place, but the parser reads on from the front: the shortest text that breaks it ends there.
unsigned line_of_broken_trust(std::string_view text) {
  std::size_t fine = 0, broken = text.size();
  while (broken - fine > 1) {
    const std::size_t middle = fine + (broken - fine) / 2;
    (breaks_trust(text.substr(0, middle)) ? broken : fine) = middle;
  }
  const auto before = text.substr(0, broken == 0 ? 0 : broken - 1);
  return 1 + static_cast<unsigned>(std::count(before.begin(), before.end(), '\n'));
}

std::variant<TomlValue, SyntaxError> try_parse(std::string_view text, const std::shared_ptr<const Source>& source,
                                               Problems& problems) {
  try {
    return Converter(source, problems).convert(toml::parse(text));
  } catch (const toml::parse_error& e) {
    return SyntaxError{reworded(std::string(e.description())), e.source().begin.line, e.source().begin.column};
  } catch (const TrustBroken&) {
    return SyntaxError{"something here is no key, table or value", line_of_broken_trust(text), 1};
  }
}

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

// The first equals sign outside quotes.
std::size_t equals_sign(std::string_view text) {
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quote != 0) quote = text[i] == quote ? 0 : quote;
    else if (text[i] == '"' || text[i] == '\'') quote = text[i];
    else if (text[i] == '=') return i;
  }
  return std::string_view::npos;
}

// Within brackets a comment or a second assignment cannot hide behind the value.
std::variant<TomlValue, SyntaxError> parse_value(const std::string& text, const std::shared_ptr<const Source>& source) {
  Problems twice;
  auto parsed = try_parse("v = [" + text + "]", source, twice);
  if (auto* error = std::get_if<SyntaxError>(&parsed)) return *error;
  TomlList& list = *std::get<TomlValue>(parsed).find("v")->list();
  if (list.size() != 1 || text.back() == ',' || !twice.empty()) return SyntaxError{"expected one value"};
  return std::move(list[0]);
}

bool valid_utf8(std::string_view text) {
  static constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};  // by length; less is an overlong form
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = byte < 0x80 ? 1 : byte >> 5 == 6 ? 2 : byte >> 4 == 14 ? 3 : byte >> 3 == 30 ? 4 : 0;
    if (length == 0 || i + length > text.size()) return false;
    std::uint32_t point = length == 1 ? byte : byte & (0x7fU >> length);
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if (next >> 6 != 2) return false;
      point = point << 6 | (next & 0x3fU);
    }
    if (point < kLeast[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
    i += length;
  }
  return true;
}

// Everything of a --set is at the --set, without line and column.
void place_at(TomlValue& value, const Place& place, const std::string& raw) {
  value.place = place;
  value.raw = raw;
  if (auto* list = value.list())
    for (auto& element : *list) place_at(element, place, "");
  if (auto* table = value.table())
    for (auto& entry : *table) {
      entry.place = place;
      place_at(entry.value, place, "");
    }
}

void collect_names(const TomlList& list, std::vector<std::string>& names) {
  for (const auto& element : list)
    if (const std::string name = name_of(element); !name.empty()) names.push_back(name);
}

// {ucb = {c = 1}} over [{kind = "ucb"}, ...]
void merge_into_list(TomlList& list, const TomlTable& from, const std::string& key, Problems& problems) {
  std::vector<std::string> names;
  collect_names(list, names);
  const std::string noun = key == "policies" ? "policy" : key.substr(0, key.size() - 1);
  for (const auto& entry : from) {
    const auto element = std::find_if(list.begin(), list.end(), [&](const TomlValue& e) { return name_of(e) == entry.key; });
    if (element == list.end())
      problems.add(entry.place, fmt::format("the experiment has no {} '{}'{}", noun, entry.key, suggestion(entry.key, names)));
    else if (!entry.value.table())
      problems.add(entry.place, fmt::format("{}.{} is {}; name one of its options: {}.{}.<option> = <value>", key, entry.key,
                                            entry.value.found(), key, entry.key));
    else merge_named(*element, entry.value, problems);
  }
}

}  // namespace

std::string Place::shown() const {
  return line == 0 ? source->shown : fmt::format("{}:{}:{}", source->shown, line, column);
}
std::string Place::origin() const { return line == 0 ? source->origin : fmt::format("{}:{}", source->origin, line); }

const TomlValue* TomlValue::find(std::string_view key) const {
  if (const TomlTable* entries = table())
    for (const TomlEntry& entry : *entries)
      if (entry.key == key) return &entry.value;
  return nullptr;
}
TomlValue* TomlValue::find(std::string_view key) { return const_cast<TomlValue*>(std::as_const(*this).find(key)); }

std::string TomlValue::found() const {
  struct Say {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return fmt::format("the whole number {}", v); }
    std::string operator()(double v) const {
      const bool whole = v == std::trunc(v) && std::abs(v) < 1e15;
      return whole ? fmt::format("the number {:.1f}", v) : fmt::format("the number {}", v);  // 16.0 is not 16
    }
    std::string operator()(const std::string& v) const {
      return v.size() <= 60 ? fmt::format("the text '{}'", v) : fmt::format("a text of {} characters", v.size());
    }
    std::string operator()(TomlDate) const { return "a date or time"; }
    std::string operator()(const TomlList&) const { return "a list"; }
    std::string operator()(const TomlTable&) const { return "a table"; }
  };
  return std::visit(Say{}, data);
}

void Problems::add(const Place& place, const std::string& message) {
  lines_.emplace_back(place.source->rank, place.source->shown, place.line, place.column,
                      fmt::format("{}: error: {}", place.shown(), message));
}

void Problems::raise() const {
  const std::set<Line> sorted(lines_.begin(), lines_.end());
  std::string all;
  for (const Line& line : sorted) all += (all.empty() ? "" : "\n") + std::get<4>(line);
  if (!all.empty()) throw ConfigError(all);
}

TomlValue parse_toml(std::string_view text, const std::shared_ptr<const Source>& source, Problems& problems) {
  auto parsed = try_parse(text, source, problems);
  if (auto* value = std::get_if<TomlValue>(&parsed)) return std::move(*value);
  const auto& error = std::get<SyntaxError>(parsed);
  problems.add({source, error.line, error.column}, "this is not TOML: " + error.text);
  return {TomlTable{}, {source, 1, 1}, ""};
}

TomlValue parse_assignment(const std::string& assignment, int rank, Problems& problems) {
  const auto source = std::make_shared<const Source>(
      Source{fmt::format("--set {}", assignment), "--set", std::filesystem::current_path(), rank});
  const Place place{source};
  const TomlValue nothing{TomlTable{}, place, ""};
  if (!valid_utf8(assignment)) return problems.add(place, "this is not valid UTF-8"), nothing;
  const std::size_t equals = equals_sign(assignment);
  const std::string key = trimmed(std::string_view(assignment).substr(0, equals));
  const std::string text = equals == std::string::npos ? "" : trimmed(std::string_view(assignment).substr(equals + 1));
  if (equals == std::string::npos || key.empty() || text.empty())
    return problems.add(place, "expected key=value, as in --set train.batch=8; an empty text is written key='\"\"'"), nothing;

  auto nested = try_parse(key + " = 0", source, problems);
  if (std::holds_alternative<SyntaxError>(nested) || key.find_first_of("\n#[") != std::string::npos)
    return problems.add(place, fmt::format("'{}' is not a key; write it as in --set train.batch=8", key)), nothing;
  TomlValue& root = std::get<TomlValue>(nested);

  auto parsed = parse_value(text, source);
  TomlValue value;
  if (auto* error = std::get_if<SyntaxError>(&parsed)) {
    if (std::string("[{\"'").find(text[0]) != std::string::npos)
      return problems.add(place, fmt::format("this is not TOML: {}", error->text)), nothing;
    value.data = text;
  } else {
    value = std::move(std::get<TomlValue>(parsed));
  }
  place_at(root, place, "");
  TomlValue* leaf = &root;
  while (leaf->table()) leaf = &leaf->table()->front().value;
  *leaf = std::move(value);
  place_at(*leaf, place, leaf->text() ? "" : text);
  return std::move(root);
}

void merge(TomlValue& into, const TomlValue& from) {
  if (!into.table() || !from.table()) {
    into = from;
    return;
  }
  for (const TomlEntry& entry : *from.table()) {
    if (TomlValue* present = into.find(entry.key)) merge(*present, entry.value);
    else into.table()->push_back(entry);
  }
}

void merge_named(TomlValue& into, const TomlValue& from, Problems& problems) {
  if (!into.table() || !from.table()) {
    into = from;
    return;
  }
  for (const TomlEntry& entry : *from.table()) {
    TomlValue* present = into.find(entry.key);
    if (!present) into.table()->push_back(entry);
    else if (present->list() && entry.value.table()) merge_into_list(*present->list(), *entry.value.table(), entry.key, problems);
    else merge_named(*present, entry.value, problems);
  }
}

std::string name_of(const TomlValue& element) {
  for (const char* key : {"name", "kind"})
    if (const TomlValue* value = element.find(key); value && value->text()) return *value->text();
  return "";
}

}  // namespace fader
