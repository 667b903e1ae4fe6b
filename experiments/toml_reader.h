// TOML as a tree in which every key and value knows where it was written, and the list of what is wrong with it.
//
// The only view of TOML that the rest of the program has; the parser stays behind toml_reader.cc. Dots in a quoted key
// separate as they do in a bare one: "policy.c" = 1 and policy.c = 1 are the same. Nothing here knows what keys mean.
// Not thread-safe.
#pragma once
#include <compare>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

namespace fader {

/// A file, or one --set.
struct Source {
  std::string shown;              ///< in messages: "experiments/bandit_ucb.toml", "--set policy.c=2"
  std::string origin;             ///< in resolved files: the path relative to the experiment file's folder, or "--set"
  std::filesystem::path folder;   ///< relative paths written there are relative to it
  int rank = 0;                   ///< order of messages: parents, the file, --set
};

/// Where something was written. Without a line: the whole source.
struct Place {
  std::shared_ptr<const Source> source;
  unsigned line = 0, column = 0;

  std::string shown() const;      ///< "experiments/bandit_ucb.toml:23:1"
  std::string origin() const;     ///< "bandit_ucb.toml:23"
};

struct TomlEntry;
struct TomlValue;
using TomlList = std::vector<TomlValue>;
using TomlTable = std::vector<TomlEntry>;  ///< in the order of the text
struct TomlDate {};                        ///< dates and times: nothing here takes one

struct TomlValue {
  std::variant<bool, std::int64_t, double, std::string, TomlDate, TomlList, TomlTable> data;
  Place place;
  std::string raw;                ///< of a --set: as typed, for options that are texts

  TomlTable* table() { return std::get_if<TomlTable>(&data); }
  TomlList* list() { return std::get_if<TomlList>(&data); }
  const TomlTable* table() const { return std::get_if<TomlTable>(&data); }
  const TomlList* list() const { return std::get_if<TomlList>(&data); }
  const std::string* text() const { return std::get_if<std::string>(&data); }
  TomlValue* find(std::string_view key);   ///< of a table; null when absent
  const TomlValue* find(std::string_view key) const;
  const TomlValue* find_path(std::string_view path) const;   ///< "train.batch": a key of a table of a table
  std::string found() const;      ///< "the text 'abc'", "the whole number 3", "a list"
};

struct TomlEntry {
  std::string key;                ///< one segment: no dots but in odd quoted keys
  Place place;
  TomlValue value;
};

/// What is wrong, collected so that one run shows it all.
class Problems {
 public:
  void add(const Place& place, const std::string& message);
  bool empty() const { return lines_.empty(); }
  std::size_t size() const { return lines_.size(); }
  /// ConfigError with a line for each, sorted by place, none twice. Nothing happens when there are none.
  void raise() const;

 private:
  using Line = std::tuple<int, std::string, unsigned, unsigned, std::string>;  // rank, source, line, column, message
  std::vector<Line> lines_;
};

/// The table that a text is. A syntax error is a problem, and the table then empty.
TomlValue parse_toml(std::string_view text, const std::shared_ptr<const Source>& source, Problems& problems);

/// `policies.ucb.c=0.5` as nested tables. What is not TOML after the equals sign is a bare word.
TomlValue parse_assignment(const std::string& assignment, int rank, Problems& problems);

/// Puts `from` over `into`: tables merge by key, everything else replaces.
void merge(TomlValue& into, const TomlValue& from);

/// As merge, and a table put over a list of tables goes to the elements whose `name`, or else `kind`, is its key.
/// `noun` of a list is its key without the last letter: "agents" holds an agent.
void merge_named(TomlValue& into, const TomlValue& from, Problems& problems);

/// `name`, else `kind` of a table in such a list; "" when it has neither.
std::string name_of(const TomlValue& element);

}  // namespace fader
