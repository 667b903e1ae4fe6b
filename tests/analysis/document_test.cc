// A document in its two forms, and figures made fit to stand in a page.
#include "analysis/document.h"

#include <catch2/catch.hpp>
#include <set>

#include "analysis/html.h"
#include "analysis/markdown.h"
#include "analysis/report_document.h"
#include "analysis/svg.h"
#include "core/error.h"

using namespace fader;
using Catch::Matchers::Contains;

namespace {

const std::string kFigure = R"svg(<?xml version="1.0" encoding="utf-8"?>
<svg
 width="760" height="720" viewBox="0 0 760 720" xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">
<title>Gnuplot</title>
<desc>Produced by <b/> something</desc>
<g id="canvas"><!-- <g> --><defs><circle id='dot' r='0.5'/></defs>
<use xlink:href='#dot' stroke = 'black'/><g clip-path="url(#canvas)"><text><tspan>a &lt; b</tspan> <tspan>c</tspan></text></g></g>
</svg>
)svg";

ReportDocument sample() {
  ReportDocument d;
  d.title = "Does <it> work?";
  d.heading(2, "Verdict");
  d.blocks.push_back(Paragraph{"a_b beats *c*.", true});
  d.say("# not a heading, 1 < 2 & 3 > 2, [0.1, 0.2]");
  d.blocks.push_back(Bullets{{"- one", "two"}});
  d.blocks.push_back(CellRows{{{"policy", "mean", "reading"}, {"a|b", "1", "better"}}, {2}});
  d.blocks.push_back(Picture{"figures/a b", "What it shows.", {{"tables/x.tsv", "all 1 rows", {{{"policy", "mean"}, {"u", "1"}}, {}}}}});
  d.blocks.push_back(Code{{"gnuplot -c '<x>'"}});
  return d;
}

std::string figure(const std::string&) { return kFigure; }

std::string body(const std::string& page) {
  const std::size_t begin = page.find("<body>");
  return page.substr(begin, page.find("</body>") - begin);
}

/// What is open at the end, or what was closed without being open: "" for a page whose elements are in each other.
std::string unbalanced(const std::string& page) {
  static const std::set<std::string> empty = {"meta", "!DOCTYPE"};
  std::vector<std::string> open;
  for (std::size_t i = page.find('<'); i != std::string::npos; i = page.find('<', i + 1)) {
    const std::size_t end = page.find('>', i);
    if (end == std::string::npos) return "a tag without an end";
    const bool closing = page[i + 1] == '/';
    const std::size_t begin = i + 1 + closing;
    const std::string name = page.substr(begin, std::min(page.find_first_of(" />", begin), end) - begin);
    if (empty.contains(name) || page[end - 1] == '/') continue;
    if (!closing)
      open.push_back(name);
    else if (open.empty() || open.back() != name)
      return "</" + name + ">";
    else
      open.pop_back();
  }
  return open.empty() ? "" : "<" + open.back() + ">";
}

}  // namespace

TEST_CASE("a document as Markdown, to the letter") {
  CHECK(markdown(sample()) == R"(# Does \<it> work?

## Verdict

**a_b beats \*c\*.**

\# not a heading, 1 \< 2 & 3 > 2, [0.1, 0.2]

- \- one
- two

| policy | mean | reading |
|---|---:|---|
| a\|b | 1 | better |

![a b](figures/a%20b.svg)

What it shows. Also as [PNG](figures/a%20b.png) and [PDF](figures/a%20b.pdf). Its numbers: [tables/x.tsv](tables/x.tsv).

```
gnuplot -c '<x>'
```
)");
}

TEST_CASE("a document as HTML, to the letter of its body") {
  const std::string page = html(sample(), figure);
  CHECK(body(page) == R"page(<body>
<h1>Does &lt;it&gt; work?</h1>
<h2 id="s1">Verdict</h2>
<p class="verdict">a_b beats *c*.</p>
<p># not a heading, 1 &lt; 2 &amp; 3 &gt; 2, [0.1, 0.2]</p>
<ul>
<li>- one</li>
<li>two</li>
</ul>
<div class="wide" tabindex="0"><table>
<thead><tr><th>policy</th><th>mean</th><th class="w">reading</th></tr></thead>
<tbody>
<tr><td>a|b</td><td>1</td><td class="w">better</td></tr>
</tbody></table></div>
<figure>
<div class="card" tabindex="0"><svg role="img" aria-label="What it shows." style="min-width:638px;max-width:912px" viewBox="0 0 760 720">


<g id="f1-canvas"><defs><circle id="f1-dot" r="0.5"/></defs>
<use href="#f1-dot" stroke="black"/><g clip-path="url(#f1-canvas)"><text><tspan>a &lt; b</tspan> <tspan>c</tspan></text></g></g>
</svg></div>
<figcaption>What it shows. <a href="figures/a%20b.svg">SVG</a> <a href="figures/a%20b.png">PNG</a> <a href="figures/a%20b.pdf">PDF</a></figcaption>
<details><summary>The numbers: tables/x.tsv</summary>
<p><a href="tables/x.tsv">tables/x.tsv</a>, all 1 rows</p>
<div class="wide" tabindex="0"><table>
<thead><tr><th>policy</th><th>mean</th></tr></thead>
<tbody>
<tr><td>u</td><td>1</td></tr>
</tbody></table></div>
</details>
</figure>
<pre>gnuplot -c &#39;&lt;x&gt;&#39;
</pre>
)page");
  CHECK(unbalanced(page.substr(page.find("</style>") + 8)) == "</head>");  // that was opened before the style
  CHECK(unbalanced(body(page) + "</body>").empty());
  CHECK(html(sample(), figure) == page);
  CHECK_THAT(page, Contains("prefers-color-scheme: dark") && Contains("width=device-width") && !Contains("<script") && !Contains("http"));
}

TEST_CASE("two figures in a page share no id") {
  ReportDocument d;
  d.title = "two";
  for (int i = 0; i < 2; ++i) d.blocks.push_back(Picture{"figures/x", "c", {}});
  const std::string page = html(d, figure);
  for (const std::string id : {"id=\"f1-dot\"", "id=\"f2-dot\"", "href=\"#f2-dot\"", "url(#f2-canvas)"}) {
    CHECK_THAT(page, Contains(id));
    CHECK(page.find(id) == page.rfind(id));
  }
}

TEST_CASE("names that look like markup are text in both forms") {
  const std::string hostile = "<script>alert('1')</script>\"&amp;[x](javascript:alert(1))|`rm`*_\n# x";
  ReportDocument d;
  d.title = hostile;
  d.heading(2, hostile);
  d.say(hostile);
  d.blocks.push_back(Bullets{{hostile}});
  d.blocks.push_back(CellRows{{{hostile, "b"}, {hostile, "1"}}, {}});
  d.blocks.push_back(Code{{hostile, "```"}});
  d.blocks.push_back(Picture{"figures/" + hostile, hostile, {{"tables/" + hostile, hostile, {{{hostile}, {hostile}}, {}}}}});
  const std::string page = html(d, figure);
  CHECK_THAT(page, !Contains("<script") && !Contains("alert('1')") && !Contains("\"javascript:") &&
                       Contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"));
  CHECK(unbalanced(body(page) + "</body>").empty());
  const std::string text = markdown(d);
  CHECK_THAT(text,
             Contains("\\<script>") && Contains("[x]\\(javascript") && Contains("\\&amp;") && Contains("\\`rm\\`\\*\\_ # x") && Contains("\\|"));
  const std::string before_code = text.substr(0, text.find("````"));
  CHECK_THAT(before_code, !Contains("\n# x") && !Contains("](javascript"));
  CHECK_THAT(text, Contains("\n````\n") && Contains("\n```\n````\n"));  // a fence longer than any within
  CHECK(link_path("figures/a b<\"'>%.svg") == "figures/a%20b%3C%22%27%3E%25.svg");
}

TEST_CASE("a figure that is no figure, or more than one, is refused by name and reason") {
  const auto refusal = [](const std::string& file) -> std::string {
    try {
      inline_svg(file, "p-", "x");
      return "";
    } catch (const DataError& error) {
      return error.what();
    }
  };
  const auto with = [](const std::string& inside) { return "<svg width=\"10\" viewBox=\"0 0 1 1\">" + inside + "</svg>"; };
  CHECK(refusal(kFigure).empty());
  CHECK(refusal(with("<image href='data:image/png;base64,AA'/>")).empty());
  CHECK_THAT(refusal("no figure"), Contains("holds no <svg>"));
  CHECK_THAT(refusal(with("<g>")), Contains("closes </svg>, which is not open"));
  CHECK_THAT(refusal("<svg width=\"10\"><g>"), Contains("ends within <g>"));
  CHECK_THAT(refusal(kFigure.substr(0, kFigure.size() / 2)), Contains("ends within"));
  CHECK_THAT(refusal(with("<g x=1/>")), Contains("x without quotes"));
  CHECK_THAT(refusal(with("<g x='1/>")), Contains("x without an end"));
  CHECK_THAT(refusal(with("a & b")), Contains("bare '&'"));
  CHECK_THAT(refusal(with("&nbsp;")), Contains("unknown entity &nbsp;"));
  CHECK_THAT(refusal(with("") + "<p>"), Contains("goes on behind </svg>"));
  CHECK_THAT(refusal("<svg viewBox='0 0 1 1' width='wide'></svg>"), Contains("no width"));
  CHECK_THAT(refusal(with("<script>x</script>")), Contains("holds <script>"));
  CHECK_THAT(refusal(with("<foreignObject/>")), Contains("holds <foreignObject>"));
  CHECK_THAT(refusal(with("<g onload='x'/>")), Contains("handler onload"));
  CHECK_THAT(refusal(with("<use href='x.svg#a'/>")), Contains("links out of itself"));
  CHECK_THAT(refusal(with("<use xlink:href='javascript:x'/>")), Contains("links out of itself"));
  CHECK_THAT(refusal(with("<g fill='url(x.svg#a)'/>")), Contains("links out of itself"));
  // the page says so, and goes on
  ReportDocument d;
  d.title = "x";
  d.blocks.push_back(Picture{"figures/x", "c", {}});
  d.say("the rest");
  const std::string page = html(d, [](const std::string&) { return std::string("<svg"); });
  CHECK_THAT(page, Contains("figures/x.svg cannot be shown here: not a figure") && Contains("the rest"));
  CHECK(unbalanced(body(page) + "</body>").empty());
}

TEST_CASE("numbers beside a figure: all of few rows, of many the last of each curve or evenly spread ones") {
  const Numbers few = numbers_beside("tables/a.tsv", "# said\npolicy\tx\ty\nu\t1\t0.123456789\nu\t20000000\tNaN\n\n\nv\t2\tword\n");
  CHECK(few.note == "all 3 rows");
  CHECK(few.shown.rows ==
        std::vector<std::vector<std::string>>{{"policy", "x", "y"}, {"u", "1", "0.123457"}, {"u", "20000000", "n/a"}, {"v", "2", "word"}});
  CHECK(few.shown.words == std::vector<std::size_t>{0});
  std::string curves = "policy\tx\n", one = "x\n";
  for (int p = 0; p < 2; ++p) {
    for (int i = 0; i < 100; ++i) curves += fmt::format("p{}\t{}\n", p, i);
    curves += "\n\n";
  }
  for (int i = 0; i < 1000; ++i) one += fmt::format("{}\n", i);
  const Numbers last = numbers_beside("c", curves), spread = numbers_beside("o", one);
  CHECK(last.note == "of its 200 rows the last of each curve");
  CHECK(last.shown.rows == std::vector<std::vector<std::string>>{{"policy", "x"}, {"p0", "99"}, {"p1", "99"}});
  CHECK(spread.note == "of its 1000 rows 120 spread evenly");
  CHECK(spread.shown.rows.size() == 121);
  CHECK(spread.shown.rows[1][0] == "0");
  CHECK(spread.shown.rows.back()[0] == "999");
  CHECK(numbers_beside("e", "# nothing\n").note == "which is empty");
}
