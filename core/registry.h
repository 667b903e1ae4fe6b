// A shelf: names and what makes the thing. Ordered, so that listings never change from run to run; a name taken twice is
// refused. Filled before main() by one registration line in each file of the shelf, read-only afterwards.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/options.h"

namespace fader {

template <class Base, class... Context>
class Registry {
 public:
  struct Entry {
    std::string name;
    std::string summary;  ///< one line, for --list
    std::string status;   ///< "checked against an oracle", "reproduces a published figure", "runs", "known problem: ..."
    std::function<std::unique_ptr<Options>()> options;
    std::function<std::unique_ptr<Base>(const Options&, Context...)> make;
  };

  explicit Registry(std::string noun) : noun_(std::move(noun)) {}

  /// Class is made by Class(const OptionsType&, Context...).
  template <class Class, class OptionsType>
  bool add(std::string name, std::string summary, std::string status) {
    Entry entry{name, std::move(summary), std::move(status), [] { return std::make_unique<OptionsType>(); },
                [](const Options& options, Context... context) -> std::unique_ptr<Base> {
                  return std::make_unique<Class>(dynamic_cast<const OptionsType&>(options), context...);
                }};
    FADER_CHECK(entries_.emplace(name, std::move(entry)).second, "{} '{}' is registered twice", noun_, name);
    return true;
  }

  /// ConfigError with a suggestion when there is none of that name.
  const Entry& at(const std::string& name) const {
    if (const auto it = entries_.find(name); it != entries_.end()) return it->second;
    const auto known = names();
    throw ConfigError(fmt::format("no {} '{}'{}", noun_, name, suggestion(name, known)));
  }
  bool has(const std::string& name) const { return entries_.count(name) > 0; }

  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [name, entry] : entries_) out.push_back(name);
    return out;
  }
  const std::string& noun() const { return noun_; }

  /// With default options, for contract tests.
  std::unique_ptr<Base> make_default(const std::string& name, Context... context) const {
    const Entry& entry = at(name);
    return entry.make(*entry.options(), context...);
  }

 private:
  std::string noun_;
  std::map<std::string, Entry> entries_;
};

}  // namespace fader
