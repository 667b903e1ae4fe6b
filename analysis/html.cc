#include "analysis/html.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/svg.h"
#include "core/error.h"

namespace fader {
namespace {

/// Light and dark by what the reader's screen asks for; figures stand on white cards and scroll sideways within them where the screen
/// is narrower than their letters can bear; so do tables.
constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --ink: #1a1c20; --soft: #555b66; --paper: #ffffff; --line: #d8dce3; --shade: #f4f6f9; --link: #00609a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e6ea; --soft: #a4abb8; --paper: #15171b; --line: #353a44; --shade: #1e2127; --link: #6db9ec; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem 1rem 4rem; max-width: 62rem; background: var(--paper); color: var(--ink); -webkit-text-size-adjust: 100%;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0.5rem 0 1rem; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 0.6rem; padding-top: 0.6rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.08rem; margin: 1.6rem 0 0.5rem; }
h4 { font-size: 1rem; margin: 1.2rem 0 0.4rem; }
p, ul { margin: 0.6rem 0; }
ul { padding-left: 1.3rem; }
a { color: var(--link); }
nav { font-size: 0.9rem; color: var(--soft); }
nav a { display: inline-block; margin-right: 0.9rem; padding: 0.15rem 0; }
.verdict { padding: 0.7rem 0.9rem; border-left: 4px solid var(--link); background: var(--shade); }
.wide { overflow-x: auto; width: fit-content; max-width: 100%; margin: 0.7rem 0; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; font-size: 0.88rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th, td { padding: 0.3rem 0.7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { background: var(--shade); font-weight: 600; }
tr:last-child td { border-bottom: 0; }
th:first-child, td:first-child, .w { text-align: left; }
td:first-child, td.w { white-space: normal; max-width: 22rem; }
td:first-child { overflow-wrap: anywhere; min-width: 9rem; }
th:first-child, td:first-child { position: sticky; left: 0; max-width: min(22rem, 40vw); }
td:first-child { background: var(--paper); }
figure { margin: 1.4rem 0; }
.card { overflow-x: auto; background: #ffffff; color: #000000; border: 1px solid var(--line); border-radius: 6px; padding: 0.4rem; }
.card svg { display: block; width: 100%; height: auto; margin: 0 auto; }
.card text { font-family: "DejaVu Sans", Verdana, sans-serif; }
figcaption { font-size: 0.9rem; color: var(--soft); margin-top: 0.45rem; }
details { font-size: 0.9rem; margin-top: 0.3rem; }
details .wide { max-height: 24rem; overflow-y: auto; }
summary { cursor: pointer; color: var(--link); padding: 0.25rem 0; }
pre { overflow-x: auto; padding: 0.7rem; background: var(--shade); border: 1px solid var(--line); border-radius: 6px; font-size: 0.82rem; }
@media print { .card, .wide { overflow: visible; border: 0; } body { max-width: none; } }
)";

/// Long names may be broken behind their underscores, where a screen is too narrow for them.
std::string breakable(const std::string& name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    out += name[i];
    if (name[i] == '_' && i > 0 && i + 1 < name.size()) out += "<wbr/>";
  }
  return out;
}

class Page {
 public:
  explicit Page(const std::function<std::string(const std::string&)>& read) : read_(read) {}
  std::string out;

  void operator()(const Heading& h) {
    out += fmt::format("<h{0}{2}>{1}</h{0}>\n", h.level, xml_escaped(h.text), h.level == 2 ? fmt::format(" id=\"s{}\"", ++sections_) : "");
  }
  void operator()(const Paragraph& p) { out += fmt::format("<p{}>{}</p>\n", p.important ? " class=\"verdict\"" : "", xml_escaped(p.text)); }
  void operator()(const Bullets& b) {
    out += "<ul>\n";
    for (const std::string& item : b.items) out += fmt::format("<li>{}</li>\n", xml_escaped(item));
    out += "</ul>\n";
  }
  void operator()(const Code& code) {
    out += "<pre>";
    for (const std::string& line : code.lines) out += xml_escaped(line) + "\n";
    out += "</pre>\n";
  }
  void operator()(const CellRows& table) {
    out += "<div class=\"wide\" tabindex=\"0\"><table>\n";
    for (std::size_t r = 0; r < table.rows.size(); ++r) {
      const char* kind = r == 0 ? "th" : "td";
      out += r == 0 ? "<thead><tr>" : "<tr>";
      for (std::size_t i = 0; i < table.rows[r].size(); ++i) {
        const bool words = std::ranges::find(table.words, i) != table.words.end();
        const std::string text = xml_escaped(table.rows[r][i]);
        out += fmt::format("<{0}{2}>{1}</{0}>", kind, i == 0 && r > 0 ? breakable(text) : text, words ? " class=\"w\"" : "");
      }
      out += r == 0 ? "</tr></thead>\n<tbody>\n" : "</tr>\n";
    }
    out += "</tbody></table></div>\n";
  }
  void operator()(const Picture& p) {
    const std::string to = xml_escaped(link_path(p.file));
    out += "<figure>\n";
    try {
      const std::string svg = inline_svg(read_(p.file + ".svg"), fmt::format("f{}-", ++figures_), p.caption);
      out += fmt::format("<div class=\"card\" tabindex=\"0\">{}</div>\n", svg);
    } catch (const DataError& error) {
      out += fmt::format("<p>{} cannot be shown here: {}</p>\n", xml_escaped(p.file + ".svg"), xml_escaped(error.what()));
    }
    out += fmt::format("<figcaption>{} <a href=\"{}.svg\">SVG</a> <a href=\"{}.png\">PNG</a> <a href=\"{}.pdf\">PDF</a></figcaption>\n",
                       xml_escaped(p.caption), to, to, to);
    for (const Numbers& numbers : p.numbers) {
      out += fmt::format("<details><summary>The numbers: {}</summary>\n<p><a href=\"{}\">{}</a>, {}</p>\n", xml_escaped(numbers.file),
                         xml_escaped(link_path(numbers.file)), xml_escaped(numbers.file), xml_escaped(numbers.note));
      (*this)(numbers.shown);
      out += "</details>\n";
    }
    out += "</figure>\n";
  }

 private:
  const std::function<std::string(const std::string&)>& read_;
  std::size_t sections_ = 0, figures_ = 0;
};

/// Where the sections are; nothing for a page of a few.
std::string contents(const ReportDocument& document) {
  std::string out;
  std::size_t n = 0;
  for (const Block& block : document.blocks)
    if (const Heading* h = std::get_if<Heading>(&block); h && h->level == 2)
      out += fmt::format("<a href=\"#s{}\">{}</a>\n", ++n, xml_escaped(h->text));
  return n < 3 ? "" : "<nav>\n" + out + "</nav>\n";
}

}  // namespace

std::string html(const ReportDocument& document, const std::function<std::string(const std::string&)>& read) {
  Page page(read);
  page.out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{0}</title>\n<style>{1}</style>\n"
      "</head>\n<body>\n<h1>{0}</h1>\n{2}",
      xml_escaped(document.title), kStyle, contents(document));
  for (const Block& block : document.blocks) std::visit(page, block);
  return page.out + "</body>\n</html>\n";
}

}  // namespace fader
