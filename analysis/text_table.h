// Small tables in words: rows of cells, the first row being the header. Cells are UTF-8; as many in each row.
#pragma once
#include <string>
#include <vector>

namespace fader {

using Cells = std::vector<std::vector<std::string>>;

/// To lines for a terminal: the first column to the left, the others to the right; two blanks before, three between.
std::string aligned(const Cells& rows);

}  // namespace fader
