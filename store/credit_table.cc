#include "store/credit_table.h"

#include <fmt/format.h>

#include <sstream>

#include "core/error.h"
#include "core/files.h"

namespace fader {
namespace {

constexpr const char* kStudy = "# study ";
constexpr const char* kHeader = "point\tinterval\tkind\tagent\tseed\tvalue\tstandard_error";

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, '\t');) cells.push_back(cell);
  return cells;
}

}  // namespace

CreditTable read_credit_table(const std::filesystem::path& file) {
  std::istringstream lines(read_file(file));
  std::string first, header;
  std::getline(lines, first);
  std::getline(lines, header);
  if (!first.starts_with(kStudy) || header != kHeader)
    throw DataError(fmt::format("{}: not the table of a credit study, whose second line names its columns", file.string()));
  CreditTable out{first.substr(std::string(kStudy).size()), {}};
  std::size_t number = 2;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const std::vector<std::string> c = cells_of(line);
    try {
      if (c.size() != 7) throw std::invalid_argument("cells");
      out.rows.push_back({c[0], std::stoll(c[1]), c[2], c[3], std::stoll(c[4]), std::stod(c[5]), std::stod(c[6])});
    } catch (const std::logic_error&) {  // std::stod's
      throw DataError(fmt::format("{}:{}: '{}' is not a line of a credit study", file.string(), number, line));
    }
  }
  return out;
}

void write_credit_table(const CreditTable& table, const std::filesystem::path& file) {
  std::string text = kStudy + table.study + "\n" + kHeader + "\n";
  for (const CreditRow& r : table.rows)
    text += fmt::format("{}\t{}\t{}\t{}\t{}\t{:.9g}\t{:.9g}\n", r.point, r.interval, r.kind, r.agent, r.seed, r.value, r.standard_error);
  write_atomically(file, text);
}

}  // namespace fader
