// A document as Markdown (CommonMark with tables). Numbers beside figures are links to their tables.
#pragma once
#include <string>

#include "analysis/document.h"

namespace fader {

std::string markdown(const ReportDocument& document);

}  // namespace fader
