// Options that describe themselves once.
//
// A struct of options derives from Options and lists its members in `fields`: name, member, help, range. Everything else
// reads that list: strict parsing, ranges, --explain, the resolved file, the hash, what a sweep may vary. The default
// of an option is its member's initialiser.
//
//   struct UcbOptions : Options {
//     double c = 1.0;
//     void fields(Fields& f) override { f("c", c, "width of the exploration bonus", 0.0, 100.0); }
//   };
#pragma once
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace fader {

using Vectors = std::vector<std::vector<double>>;
using Filters = std::map<std::string, std::vector<std::string>>;  ///< field = values

struct Option {
  using Target = std::variant<bool*, std::int64_t*, double*, std::string*, std::vector<double>*, std::vector<std::int64_t>*,
                              std::vector<std::string>*, Vectors*, Filters*>;
  std::string name;                  ///< dots make tables: "reference.domains"
  std::string help;
  Target target;
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();  ///< of numbers and elements, inclusive
  std::vector<std::string> allowed;  ///< of texts; empty: any
  bool is_path = false;              ///< relative ones are relative to where they were written
  bool in_hash = true;               ///< false: cannot change a result (verbosity, folders)

  std::string type() const;          ///< "number", "list of texts", ...
  std::string value() const;         ///< as TOML; reads back to the same bits
  std::string range() const;         ///< "0 to 100", "'a' or 'b'", or ""
  /// What is wrong with the present value, or "": out of range, not among the allowed, not finite (an infinite bound means
  /// none). Follows the name: "is 3; expected 0 to 1", "element 2 is 'x'; expected ...".
  std::string problem() const;
};

/// The list that `Options::fields` fills. Later calls may refine the last field: f("x", x, "...").path();
class Fields {
 public:
  static constexpr double kInf = std::numeric_limits<double>::infinity();
  template <class T>
  Fields& operator()(std::string name, T& member, std::string help, double low = -kInf, double high = kInf) {
    return add(std::move(name), &member, std::move(help), low, high);
  }
  Fields& one_of(std::vector<std::string> allowed);
  Fields& path();
  Fields& not_in_hash();
  std::vector<Option> options;

 private:
  Fields& add(std::string name, Option::Target target, std::string help, double low, double high);
};

struct Options {
  virtual ~Options() = default;
  virtual void fields(Fields& f) = 0;
  /// Relations between options, after all are set: throw ConfigError("low is 3 and high is 2; ...").
  virtual void validate() const {}

  std::vector<Option> list();
};
struct NoOptions final : Options {
  void fields(Fields&) override {}
};

/// Text as a TOML string, quoted and escaped.
std::string toml_quote(std::string_view text);

/// `c = 1.0  # width of the exploration bonus (a number, 0 to 100)` a line, for --explain.
std::string explain(Options& options);

}  // namespace fader
