// From a TOML table to an Options struct, strictly: every key must be an option, every value of its type and in its range.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "core/options.h"
#include "experiments/toml_reader.h"

namespace fader {

class OptionsReader {
 public:
  /// `elsewhere`: full names of options of other sections, "train.intervals", to point at when a key is in the wrong one.
  OptionsReader(Problems& problems, std::vector<std::string> elsewhere)
      : problems_(problems), elsewhere_(std::move(elsewhere)) {}

  /// Reads `table` (null: absent, all defaults) into `options` and checks relations between them. `shown` is how people call
  /// the table, "policies.ucb"; `path` is its canonical name, under which places are noted. `skip`: keys that somebody else
  /// reads. `absent`: the place of complaints about what is not there.
  void read(const TomlValue* table, const std::string& shown, const std::string& path, Options& options,
            const std::vector<std::string>& skip, const Place& absent);

  /// "; did you mean 'train.intervals'?" when `key` is an option of another section, else "".
  std::string hint_elsewhere(const std::string& key) const;

  /// Where values were written, by canonical path "policy.c"; a value that is a default has no place.
  const std::map<std::string, Place>& places() const { return places_; }
  void note(const std::string& path, const Place& place) { places_[path] = place; }

 private:
  struct Section;
  void read_table(const TomlTable& table, const std::string& prefix, Section& section);
  void unknown(const TomlEntry& entry, const std::string& name, const Section& section);

  Problems& problems_;
  std::vector<std::string> elsewhere_;
  std::map<std::string, Place> places_;
};

/// Sets one option; what is wrong with the value is a problem at its place, and the option then unchanged.
void read_option(const Option& option, const TomlValue& value, const std::string& shown, Problems& problems);

}  // namespace fader
