#include "analysis/text_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace fader {
namespace {

std::string markdown_cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string aligned(const Cells& rows) {
  const auto width_of = [](const std::string& s) {
    return static_cast<std::size_t>(std::ranges::count_if(s, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
  };
  std::vector<std::size_t> width(rows[0].size(), 0);
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], width_of(row[i]));
  std::string out;
  for (const auto& row : rows) {
    std::string line = "  ";
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string blanks(width[i] - width_of(row[i]), ' ');
      line += (i > 0 ? "   " : "") + (i > 0 ? blanks + row[i] : row[i] + blanks);
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

std::string as_markdown(const Cells& rows) {
  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (const std::string& cell : rows[r]) out += fmt::format("| {} ", markdown_cell(cell));
    out += "|\n";
    if (r > 0) continue;
    out += "|---|";
    for (std::size_t i = 1; i < rows[0].size(); ++i) out += "---:|";
    out += '\n';
  }
  return out;
}

}  // namespace fader
