// An SVG figure made fit to stand inside a page beside others.
#pragma once
#include <string>

namespace fader {

/// The <svg> element of a file, as part of an HTML page: what it says about itself to XML readers, titles and descriptions are left
/// out, every id and what points to it begins with `prefix` (letters, digits, '-'), the size is that of the box it is put in, but at
/// least as wide as is readable. `label` says what it shows to who cannot see it.
/// DataError when it is not well-formed, or holds what a figure has no need of: scripts, foreign elements, handlers of events, links
/// out of itself.
std::string inline_svg(const std::string& file, const std::string& prefix, const std::string& label);

/// Text as part of XML or HTML, also within quotes.
std::string xml_escaped(const std::string& text);

}  // namespace fader
