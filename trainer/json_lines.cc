#include "trainer/json_lines.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"

namespace fader {
namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 64;                 // of objects and lists within a record
constexpr std::size_t kMostValues = 1 << 20;  // in a record
constexpr std::size_t kTextKeyBytes = 15;    // of a hash: 120 bits, and within a short string

struct Unusable {
  BadRecord why;
};
[[noreturn]] void unusable(std::string reason, std::string detail = "") {
  throw Unusable{{std::move(reason), std::move(detail)}};
}

/// Safe to print, and short.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 60)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  while (text.size() > 60 && !out.empty() && (out.back() & 0x80)) out.pop_back();  // perhaps half a character
  return text.size() > 60 ? out + "..." : out;
}

Json parse_json(std::string_view line) {
  std::size_t values = 0;
  const auto bounded = [&values](int depth, Json::parse_event_t, Json&) {
    if (depth > kDeepest) unusable("nested too deep", fmt::format("more than {} levels", kDeepest));
    if (++values > kMostValues) unusable("too many values", fmt::format("more than {}", kMostValues));
    return true;
  };
  try {
    return Json::parse(line.begin(), line.end(), bounded);
  } catch (const Json::parse_error& e) {
    const std::string_view what = e.what();
    const auto says = [&](const char* words) { return what.find(words) != std::string_view::npos; };
    if (says("UTF-8")) unusable("invalid UTF-8", fmt::format("at byte {} of the line", e.byte));
    if (says("surrogate")) unusable("half a surrogate pair", fmt::format("a \\u escape before byte {} of the line", e.byte));
    if (e.byte > line.size()) unusable("not JSON", "the line ends before its record does");
    unusable("not JSON", fmt::format("at byte {} of the line, near '{}'", e.byte,
                                     shown(line.substr(e.byte > 10 ? e.byte - 10 : 0, 20))));
  } catch (const Json::out_of_range&) {
    unusable("not JSON", "a number is too large");
  }
}

/// The value that a name means, or null: the key as it stands first, then the shortest first part that leads somewhere.
const Json* find(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  if (const auto it = object.find(name); it != object.end()) return &*it;
  for (std::size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1))
    if (const auto it = object.find(name.substr(0, dot)); it != object.end())
      if (const Json* found = find(*it, name.substr(dot + 1))) return found;
  return nullptr;
}
/// Null and absent are one.
const Json* present(const Json& object, const std::string& name) {
  if (name.empty()) return nullptr;
  const Json* value = find(object, name);
  return value && !value->is_null() ? value : nullptr;
}

std::string fields_of(const Json& record) {
  std::string out;
  const auto add = [&out](const std::string& name) {
    if (out.size() < 200) out += (out.empty() ? "" : ", ") + shown(name);
  };
  for (const auto& [key, value] : record.items()) {
    if (!value.is_object()) add(key);
    else
      for (const auto& [inner, unused] : value.items()) add(key + "." + inner);
  }
  return out.empty() ? "the record has no fields" : "its fields: " + out;
}

/// A label: text, number, true or false.
std::optional<std::string> as_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  return std::nullopt;
}
std::string label(const Json& record, const std::string& name, const char* noun) {
  const Json* value = present(record, name);
  if (!value) return "";
  auto text = as_text(*value);
  if (!text) unusable(fmt::format("{} '{}' is neither text nor number", noun, name), fmt::format("it is {}", value->type_name()));
  return std::move(*text);
}

std::optional<double> to_number(std::string_view text) {
  double x = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), x);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return x;
}

std::optional<double> as_number(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return to_number(value.get_ref<const std::string&>());
  return std::nullopt;
}
/// Of a list that is not empty, none of whose elements is anything but a number.
std::optional<double> mean_of(const Json& list) {
  double sum = 0;
  for (const Json& element : list) {
    const auto x = as_number(element);
    if (!x) return std::nullopt;
    sum += *x / static_cast<double>(list.size());
  }
  return sum;
}

float number(const Json& record, const std::string& name, const char* noun, bool lists) {
  const Json* value = present(record, name);
  const bool list = value && lists && value->is_array();
  if (!value || (list && value->empty())) return std::numeric_limits<float>::quiet_NaN();
  const std::optional<double> x = list ? mean_of(*value) : as_number(*value);
  if (!x || !std::isfinite(static_cast<float>(*x)))
    unusable(fmt::format("{} '{}' is not a finite number", noun, name), fmt::format("it is {}", shown(value->dump(-1, ' ', true))));
  return static_cast<float>(*x);
}

bool equals(const Json& value, const std::string& wanted) {
  if (value.is_array())
    return std::any_of(value.begin(), value.end(), [&](const Json& v) { return !v.is_array() && equals(v, wanted); });
  if (value.is_number())
    if (const auto x = to_number(wanted)) return *x == value.get<double>();
  const auto text = as_text(value);
  return text && *text == wanted;
}

bool is_reference(const Json& record, const std::string& domain, const RecordFields& fields) {
  const auto& domains = fields.reference_domains;
  if (!domains.empty() && std::find(domains.begin(), domains.end(), domain) == domains.end()) return false;
  return std::all_of(fields.reference_where.begin(), fields.reference_where.end(), [&](const auto& filter) {
    const Json* value = present(record, filter.first);
    return value && std::any_of(filter.second.begin(), filter.second.end(), [&](const auto& v) { return equals(*value, v); });
  });
}

std::string group(const Json& record, const std::string& text, const RecordFields& fields) {
  if (fields.group_by.empty()) return sha256(text).substr(0, kTextKeyBytes);
  std::string key;
  for (const auto& name : fields.group_by) {
    std::string part = label(record, name, "group");
    if (part.empty()) unusable(fmt::format("no group '{}'", name), fields_of(record));
    key += (key.empty() ? "" : "\x1f") + part;
  }
  return key;
}

Record take_record(Json& record, const RecordFields& fields) {
  if (!record.is_object()) unusable("not an object", fmt::format("the line holds {}", record.type_name()));
  Record out;
  const Json* text = present(record, fields.text);
  if (!text) unusable(fmt::format("no text '{}'", fields.text), fields_of(record));
  if (!text->is_string()) unusable(fmt::format("text '{}' is not text", fields.text), fmt::format("it is {}", text->type_name()));
  if (text->get_ref<const std::string&>().empty()) unusable(fmt::format("text '{}' is empty", fields.text));
  out.domain = label(record, fields.domain, "domain");
  if (out.domain.empty()) {
    if (!fields.reference_domains.empty()) unusable(fmt::format("no domain '{}'", fields.domain), fields_of(record));
    out.domain = kNoDomain;
  }
  out.topic = label(record, fields.topic, "topic");
  out.quality = number(record, fields.quality, "quality", false);
  for (const std::string& name : fields.ratings) out.ratings.push_back(number(record, name, "rating", true));
  out.reference = is_reference(record, out.domain, fields);
  out.group = group(record, text->get_ref<const std::string&>(), fields);
  out.text = std::move(const_cast<Json*>(text)->get_ref<std::string&>());  // last: the record is ours, and falls apart here
  return out;
}

}  // namespace

std::variant<Record, BadRecord> parse_record(std::string_view line, const RecordFields& fields) {
  try {
    Json record = parse_json(line);
    return take_record(record, fields);
  } catch (const Unusable& e) {
    return e.why;
  }
}

LineReader::LineReader(std::unique_ptr<ByteSource> source, std::string name, std::size_t block)
    : source_(std::move(source)), name_(std::move(name)), block_(block) {}

std::optional<Lines> LineReader::next() {
  Lines out;
  out.bytes = std::move(rest_);
  rest_.clear();
  std::size_t searched = out.bytes.size();  // no line end before here
  for (std::size_t last = std::string::npos; !ended_ && last == std::string::npos;) {
    if (searched > kLongestLine)
      throw DataError(fmt::format("{}:{}: the line is longer than {} MiB; expected one JSON record a line", name_, line_,
                                  kLongestLine >> 20));
    out.bytes.resize(searched + block_);
    const std::size_t n = source_->read(std::span(out.bytes).subspan(searched));
    out.bytes.resize(searched + n);
    ended_ = n == 0;
    last = std::string_view(out.bytes).substr(searched).rfind('\n');
    if (last != std::string::npos) {
      rest_ = out.bytes.substr(searched + last + 1);
      out.bytes.resize(searched + last + 1);
    } else {
      searched = out.bytes.size();
    }
  }
  if (out.bytes.empty()) return std::nullopt;
  out.first_line = line_;
  out.consumed = source_->consumed();
  line_ += static_cast<std::uint64_t>(std::count(out.bytes.begin(), out.bytes.end(), '\n'));
  return out;
}

ParsedLines parse_lines(const Lines& lines, const RecordFields& fields) {
  ParsedLines out;
  out.consumed = lines.consumed;
  std::string_view bytes = lines.bytes;
  for (std::uint64_t number = lines.first_line; !bytes.empty(); ++number) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto parsed = parse_record(line, fields);
    if (auto* record = std::get_if<Record>(&parsed)) out.records.push_back(std::move(*record));
    else out.bad.push_back({number, std::get<BadRecord>(std::move(parsed))});
  }
  return out;
}

}  // namespace fader
