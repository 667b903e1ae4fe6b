// A document as one HTML page: figures stand in it as SVG, nothing is loaded from elsewhere, no script runs.
#pragma once
#include <functional>
#include <string>

#include "analysis/document.h"

namespace fader {

/// `read` gives the text of a figure's file ("figures/curves.svg"). A figure that cannot be read or stand in a page (DataError) is
/// named in its place, with the reason. Equal documents and files give equal bytes.
std::string html(const ReportDocument& document, const std::function<std::string(const std::string& file)>& read);

}  // namespace fader
