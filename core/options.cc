#include "core/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace fader {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;  // Clang before 17 does not find this out

std::string number(double x) {
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", x);  // shortest that reads back to the same bits
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

template <class T, class F>
std::string list_of(const std::vector<T>& items, F print) {
  std::string out = "[";
  for (std::size_t i = 0; i < items.size(); ++i) out += (i ? ", " : "") + print(items[i]);
  return out + "]";
}

// A bound as a person writes it: 3, not 3.0.
std::string bound(double x) { return fmt::format("{}", x); }

std::string outside(double x, const Option& o) {
  if (std::isfinite(x) && x >= o.low && x <= o.high) return "";
  const std::string range = o.range();
  return fmt::format("is {}; expected {}", x, range.empty() ? "a finite number" : range);
}

std::string not_among(const std::string& text, const Option& o) {
  if (o.allowed.empty() || std::find(o.allowed.begin(), o.allowed.end(), text) != o.allowed.end()) return "";
  const std::string meant = nearest(text, o.allowed);
  return fmt::format("is '{}'; expected {}{}", text, o.range(), meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant));
}

template <class T, class F>
std::string first_problem(const std::vector<T>& items, F check) {
  for (std::size_t i = 0; i < items.size(); ++i)
    if (std::string p = check(items[i]); !p.empty()) return fmt::format("element {} {}", i + 1, p);
  return "";
}

// "element 2 of row 3 is -1; expected 0 to 1"
template <class F>
std::string first_problem_of_rows(const Vectors& rows, F check) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < rows[i].size(); ++j)
      if (std::string p = check(rows[i][j]); !p.empty()) return fmt::format("element {} of row {} {}", j + 1, i + 1, p);
  return "";
}

}  // namespace

std::string toml_quote(std::string_view text) {
  std::string out = "\"";
  for (const unsigned char c : text) {
    if (c == '"' || c == '\\') (out += '\\') += static_cast<char>(c);
    else if (c == '\n') out += "\\n";
    else if (c == '\t') out += "\\t";
    else if (c < 0x20 || c == 0x7f) out += fmt::format("\\u{:04X}", c);
    else out += static_cast<char>(c);
  }
  return out + "\"";
}

std::string Option::type() const {
  return std::visit(Overloaded{[](bool*) { return "true or false"; }, [](std::int64_t*) { return "a whole number"; },
                               [](double*) { return "a number"; }, [](std::string*) { return "a text"; },
                               [](std::vector<double>*) { return "a list of numbers"; },
                               [](std::vector<std::int64_t>*) { return "a list of whole numbers"; },
                               [](std::vector<std::string>*) { return "a list of texts"; },
                               [](Vectors*) { return "a list of lists of numbers"; },
                               [](Filters*) { return "a table of field = list of values"; }},
                    target);
}

std::string Option::value() const {
  return std::visit(
      Overloaded{[](bool* v) -> std::string { return *v ? "true" : "false"; },
                 [](std::int64_t* v) { return fmt::format("{}", *v); }, [](double* v) { return number(*v); },
                 [](std::string* v) { return toml_quote(*v); }, [](std::vector<double>* v) { return list_of(*v, number); },
                 [](std::vector<std::int64_t>* v) { return list_of(*v, [](std::int64_t x) { return fmt::format("{}", x); }); },
                 [](std::vector<std::string>* v) { return list_of(*v, [](const std::string& x) { return toml_quote(x); }); },
                 [](Vectors* v) { return list_of(*v, [](const std::vector<double>& row) { return list_of(row, number); }); },
                 [](Filters* v) {
                   std::string out = "{";
                   for (const auto& [field, values] : *v)
                     out += (out.size() > 1 ? ", " : " ") + toml_quote(field) + " = " +
                            list_of(values, [](const std::string& x) { return toml_quote(x); });
                   return out + (out.size() > 1 ? " }" : "}");
                 }},
      target);
}

std::string Option::range() const {
  if (!allowed.empty()) return fmt::format("'{}'", fmt::join(allowed, "' or '"));
  const bool below = std::isfinite(low), above = std::isfinite(high);
  if (below && above) return fmt::format("{} to {}", bound(low), bound(high));
  if (below) return fmt::format("at least {}", bound(low));
  if (above) return fmt::format("at most {}", bound(high));
  return "";
}

std::string Option::problem() const {
  const auto check_number = [this](double x) { return outside(x, *this); };
  const auto check_whole = [this](std::int64_t x) { return outside(static_cast<double>(x), *this); };
  const auto check_text = [this](const std::string& x) { return not_among(x, *this); };
  return std::visit(Overloaded{[](bool*) -> std::string { return ""; }, [&](std::int64_t* v) { return check_whole(*v); },
                               [&](double* v) { return check_number(*v); }, [&](std::string* v) { return check_text(*v); },
                               [&](std::vector<double>* v) { return first_problem(*v, check_number); },
                               [&](std::vector<std::int64_t>* v) { return first_problem(*v, check_whole); },
                               [&](std::vector<std::string>* v) { return first_problem(*v, check_text); },
                               [&](Vectors* v) { return first_problem_of_rows(*v, check_number); },
                               [](Filters*) -> std::string { return ""; }},
                    target);
}

Fields& Fields::add(std::string name, Option::Target target, std::string help, double low, double high) {
  for (const auto& o : options) FADER_CHECK(o.name != name, "option '{}' is described twice", name);
  Option o;
  o.name = std::move(name);
  o.help = std::move(help);
  o.target = target;
  o.low = low;
  o.high = high;
  options.push_back(std::move(o));
  return *this;
}
Fields& Fields::one_of(std::vector<std::string> allowed) {
  options.back().allowed = std::move(allowed);
  return *this;
}
Fields& Fields::path() {
  options.back().is_path = true;
  return *this;
}
Fields& Fields::not_in_hash() {
  options.back().in_hash = false;
  return *this;
}

std::vector<Option> Options::list() {
  Fields f;
  fields(f);
  return std::move(f.options);
}

std::string explain(Options& options) {
  std::size_t width = 0;
  const auto list = options.list();
  for (const auto& o : list) width = std::max(width, o.name.size() + 3 + o.value().size());
  std::string out;
  for (const auto& o : list) {
    const std::string range = o.range();
    out += fmt::format("{:<{}}  # {}{}\n", o.name + " = " + o.value(), width, o.help,
                       range.empty() ? fmt::format(" ({})", o.type()) : fmt::format(" ({}, {})", o.type(), range));
  }
  return out;
}

}  // namespace fader
