#include "analysis/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cctype>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace fader {
namespace {

constexpr std::string_view kBlank = " \t\r\n";
/// Of a figure drawn for a page of 760 points, letters of 12 points are still read at this share of its size.
constexpr double kReadable = 0.84;

struct XmlAttribute {
  std::string name, value;  ///< the value as written, entities and all
};

struct Tag {
  std::string name;
  std::vector<XmlAttribute> attributes;
  bool closing = false, empty = false;
};

/// One pass over the file: elements are checked against each other and written again with what changes.
class Rewriter {
 public:
  Rewriter(const std::string& file, const std::string& prefix, const std::string& label) : in_(file), prefix_(prefix), label_(label) {}

  std::string svg() {
    at_ = in_.find("<svg");
    require(at_ != std::string_view::npos, "holds no <svg>");
    while (out_.empty() || !open_.empty()) {
      text();
      require(at_ < in_.size(), "ends within <" + (open_.empty() ? std::string("svg") : open_.back()) + ">");
      if (in_.substr(at_).starts_with("<!--"))
        skip_comment();
      else
        element();
    }
    require(in_.find_first_not_of(kBlank, at_) == std::string_view::npos, "goes on behind </svg>");
    return out_;
  }

 private:
  void require(bool holds, const std::string& otherwise) const {
    if (!holds) throw DataError(fmt::format("not a figure that can stand in a page: it {}", otherwise));
  }

  void skip_comment() {
    const std::size_t end = in_.find("-->", at_);
    require(end != std::string_view::npos, "has a comment without end");
    at_ = end + 3;
  }

  void text() {
    const std::size_t end = std::min(in_.find('<', at_), in_.size());
    const std::string_view words = in_.substr(at_, end - at_);
    check_entities(words);
    const bool indent =
        words.find_first_not_of(kBlank) == std::string_view::npos && (open_.empty() || (open_.back() != "text" && open_.back() != "tspan"));
    if (dropped_ == 0) out_ += indent ? (words.empty() ? "" : "\n") : words;
    at_ = end;
  }

  void check_entities(std::string_view words) const {
    for (std::size_t i = words.find('&'); i != std::string_view::npos; i = words.find('&', i + 1)) {
      const std::size_t end = words.find(';', i);
      require(end != std::string_view::npos && end - i < 12, "has a bare '&'");
      const std::string_view name = words.substr(i + 1, end - i - 1);
      require(name == "amp" || name == "lt" || name == "gt" || name == "quot" || name == "apos" || name.starts_with("#"),
              fmt::format("has the unknown entity &{};", name));
    }
  }

  void element() {
    const Tag tag = read_tag();
    if (tag.closing) {
      require(!open_.empty() && open_.back() == tag.name, fmt::format("closes </{}>, which is not open", tag.name));
      open_.pop_back();
      if (dropped_ == 0)
        out_ += fmt::format("</{}>", tag.name);
      else if (open_.size() < dropped_)
        dropped_ = 0;
      return;
    }
    require(tag.name != "script" && tag.name != "foreignObject" && tag.name != "iframe" && tag.name != "a", fmt::format("holds <{}>", tag.name));
    const bool drop = tag.name == "title" || tag.name == "desc";  // of the program that drew it
    if (dropped_ == 0 && !drop) write(tag);
    if (tag.empty) return;
    open_.push_back(tag.name);
    if (dropped_ == 0 && drop) dropped_ = open_.size();
  }

  Tag read_tag() {
    Tag tag;
    ++at_;
    tag.closing = take("/");
    tag.name = name();
    for (;;) {
      skip_blanks();
      require(at_ < in_.size(), fmt::format("ends within <{}>", tag.name));
      tag.empty = take("/");
      if (take(">")) return tag;
      require(!tag.empty && !tag.closing, fmt::format("has a tag <{}> that does not end", tag.name));
      XmlAttribute& attribute = tag.attributes.emplace_back();
      attribute.name = name();
      skip_blanks();
      require(take("="), fmt::format("has {} without a value in <{}>", attribute.name, tag.name));
      skip_blanks();
      const char quote = at_ < in_.size() ? in_[at_] : ' ';
      require(quote == '"' || quote == '\'', fmt::format("has {} without quotes in <{}>", attribute.name, tag.name));
      const std::size_t end = in_.find(quote, at_ + 1);
      require(end != std::string_view::npos, fmt::format("has {} without an end in <{}>", attribute.name, tag.name));
      attribute.value = in_.substr(at_ + 1, end - at_ - 1);
      require(attribute.value.find('<') == std::string::npos, fmt::format("has a bare '<' in <{}>", tag.name));
      check_entities(attribute.value);
      at_ = end + 1;
    }
  }

  void skip_blanks() { at_ = std::min(in_.find_first_not_of(kBlank, at_), in_.size()); }

  bool take(std::string_view word) {
    if (!in_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  std::string name() {
    const std::size_t begin = at_;
    while (at_ < in_.size() &&
           (std::isalnum(static_cast<unsigned char>(in_[at_])) || std::string_view("_-:.").find(in_[at_]) != std::string_view::npos))
      ++at_;
    require(at_ > begin, fmt::format("has a tag that begins with '{}'", in_.substr(begin, 1)));
    return std::string(in_.substr(begin, at_ - begin));
  }

  void write(const Tag& tag) {
    const bool root = open_.empty();
    out_ += "<" + tag.name;
    if (root) out_ += fmt::format(" role=\"img\" aria-label=\"{}\"", xml_escaped(label_));
    for (const XmlAttribute& a : tag.attributes) {
      require(!a.name.starts_with("on"), fmt::format("has the handler {}", a.name));
      if (root && a.name == "width")
        out_ += least_width(a.value);
      else if (root && (a.name == "height" || a.name.starts_with("xmlns")))
        continue;
      else
        out_ += fmt::format(" {}=\"{}\"", a.name == "xlink:href" ? "href" : a.name, value(a));
    }
    out_ += tag.empty ? "/>" : ">";
  }

  std::string least_width(const std::string& value) const {
    double width = 0;
    const auto [rest, error] = std::from_chars(value.data(), value.data() + value.size(), width);
    require(error == std::errc() && rest == value.data() + value.size() && width > 0, "has no width in points");
    return fmt::format(" style=\"min-width:{:.0f}px;max-width:{:.0f}px\"", kReadable * width, 1.2 * width);
  }

  std::string value(const XmlAttribute& a) const {
    std::string out = a.value;
    std::ranges::replace(out, '"', '\'');
    if (a.name == "id") return prefix_ + out;
    if (a.name == "href" || a.name == "xlink:href") {
      require(out.starts_with("#") || out.starts_with("data:image/png;"), "links out of itself");
      return out.starts_with("#") ? "#" + prefix_ + out.substr(1) : out;
    }
    for (std::size_t i = out.find("url("); i != std::string::npos; i = out.find("url(", i + 4)) {
      require(out.compare(i, 5, "url(#") == 0, "links out of itself");
      out.insert(i + 5, prefix_);
    }
    return out;
  }

  std::string_view in_;
  const std::string &prefix_, &label_;
  std::size_t at_ = 0, dropped_ = 0;  ///< dropped_: elements open when the one that is being left out began; 0: none
  std::vector<std::string> open_;
  std::string out_;
};

}  // namespace

std::string xml_escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += static_cast<unsigned char>(c) < ' ' || c == 0x7f ? ' ' : c;
    }
  }
  return out;
}

std::string inline_svg(const std::string& file, const std::string& prefix, const std::string& label) { return Rewriter(file, prefix, label).svg(); }

}  // namespace fader
