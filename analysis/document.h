// A document without a form: what a report says, in order. markdown.h and html.h give it one.
//
// All text is plain: it is shown as it stands, whatever marks, names or code it holds. Line ends in it are blanks. UTF-8.
#pragma once
#include <string>
#include <variant>
#include <vector>

namespace fader {

struct Heading {
  int level = 2;                 ///< 2 to 4; the title alone is 1
  std::string text;
};

struct Paragraph {
  std::string text;
  bool important = false;        ///< a verdict
};

struct Bullets {
  std::vector<std::string> items;
};

/// Lines to be typed, as they stand.
struct Code {
  std::vector<std::string> lines;
};

/// Rows of equal length, the first one being names of columns. The first column is to be read from the left, the others are numbers.
struct CellRows {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> words;   ///< further columns of words
};

/// The numbers that a figure is drawn from.
struct Numbers {
  std::string file;              ///< relative to the document: "tables/curves.tsv"
  std::string note;              ///< what is shown of it: "all 12 rows"
  CellRows shown;
};

struct Picture {
  std::string file;              ///< relative, without ending: "figures/curves"; there are .svg, .png and .pdf
  std::string caption;
  std::vector<Numbers> numbers;
};

using Block = std::variant<Heading, Paragraph, Bullets, Code, CellRows, Picture>;

struct ReportDocument {
  std::string title;
  std::vector<Block> blocks;

  void heading(int level, std::string text) { blocks.push_back(Heading{level, std::move(text)}); }
  void say(std::string text) { blocks.push_back(Paragraph{std::move(text)}); }
};

/// A relative path as part of a link: all but letters, digits and - . _ ~ / is written as %XX.
std::string link_path(const std::string& path);

}  // namespace fader
