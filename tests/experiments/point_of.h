// A point from the text of an experiment with a single [policy].
#pragma once
#include <memory>
#include <string>

#include "experiments/point_reader.h"

namespace fader::testing {

/// ConfigError as for a file.
inline Point point_of(const std::string& text) {
  const auto source = std::make_shared<const Source>(Source{"test", "test", ".", 0});
  Problems problems;
  const TomlValue root = parse_toml(text, source, problems);
  Point point = read_point(root, root.find("policy"), "policy", Place{source, 0, 0}, problems);
  problems.raise();
  return point;
}

}  // namespace fader::testing
