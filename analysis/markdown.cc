#include "analysis/markdown.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

namespace fader {
namespace {

bool is_letter(char c) { return std::isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80; }

/// Marks that would mean something get a backslash; those that mean nothing where they stand (snake_case, [1, 2]) keep their looks.
std::string escaped(const std::string& text, bool in_table = false) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i], before = i > 0 ? text[i - 1] : ' ', after = i + 1 < text.size() ? text[i + 1] : ' ';
    const bool marks = std::string_view("\\`*<").find(c) != std::string_view::npos || (c == '_' && !(is_letter(before) && is_letter(after))) ||
                       (c == '(' && before == ']') || (c == ':' && before == ']') || (c == '[' && before == ']') || (c == '~' && after == '~') ||
                       (c == '&' && (is_letter(after) || after == '#')) || (c == '|' && in_table);
    if (marks) out += '\\';
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out;
}

/// The same where a line begins: "# x", "- x", "1. x" and "> x" are text.
std::string line(const std::string& text) {
  std::string out = escaped(text);
  const std::size_t digits = std::min(out.find_first_not_of("0123456789"), out.size());
  const bool number = digits > 0 && digits < out.size() && (out[digits] == '.' || out[digits] == ')');
  if (number)
    out.insert(digits, "\\");
  else if (!out.empty() && std::string_view("#>-+=|").find(out[0]) != std::string_view::npos)
    out.insert(0, "\\");
  return out;
}

struct Writer {
  std::string out;

  void operator()(const Heading& h) { out += fmt::format("\n{} {}\n", std::string(static_cast<std::size_t>(h.level), '#'), escaped(h.text)); }
  void operator()(const Paragraph& p) { out += fmt::format("\n{0}{1}{0}\n", p.important ? "**" : "", p.important ? escaped(p.text) : line(p.text)); }
  void operator()(const Bullets& b) {
    out += '\n';
    for (const std::string& item : b.items) out += fmt::format("- {}\n", line(item));
  }
  void operator()(const Code& code) {
    std::string fence = "```";
    for (const std::string& text : code.lines)
      while (text.find(fence) != std::string::npos) fence += '`';
    out += fmt::format("\n{}\n{}\n{}\n", fence, fmt::join(code.lines, "\n"), fence);
  }
  void operator()(const CellRows& table) {
    out += '\n';
    for (std::size_t r = 0; r < table.rows.size(); ++r) {
      for (const std::string& cell : table.rows[r]) out += fmt::format("| {} ", escaped(cell, true));
      out += "|\n";
      if (r > 0) continue;
      out += "|---|";
      for (std::size_t i = 1; i < table.rows[0].size(); ++i) out += std::ranges::find(table.words, i) != table.words.end() ? "---|" : "---:|";
      out += '\n';
    }
  }
  void operator()(const Picture& p) {
    const std::string to = link_path(p.file);
    out += fmt::format("\n![{}]({}.svg)\n\n{} Also as [PNG]({}.png) and [PDF]({}.pdf).", escaped(p.file.substr(p.file.rfind('/') + 1)), to,
                       line(p.caption), to, to);
    for (std::size_t i = 0; i < p.numbers.size(); ++i)
      out += fmt::format("{}[{}]({})", i == 0 ? " Its numbers: " : ", ", escaped(p.numbers[i].file), link_path(p.numbers[i].file));
    out += p.numbers.empty() ? "\n" : ".\n";
  }
};

}  // namespace

std::string link_path(const std::string& path) {
  std::string out;
  for (const char c : path) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) || std::string_view("-._~/").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string markdown(const ReportDocument& document) {
  Writer writer{"# " + escaped(document.title) + "\n"};
  for (const Block& block : document.blocks) std::visit(writer, block);
  return writer.out;
}

}  // namespace fader
