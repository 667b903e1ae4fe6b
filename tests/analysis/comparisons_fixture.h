// Inputs, and what SciPy, statsmodels, rliable and arch say about them: tests/oracle/reference/comparisons.py wrote them.
#pragma once
#include <catch2/catch.hpp>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "analysis/aggregate.h"
#include "analysis/stats.h"
#include "core/files.h"

namespace fader::testing {

/// A key that stands on several lines has several lists.
class Case {
 public:
  std::string name;
  std::map<std::string, std::vector<std::vector<double>>> lines;

  const stats::Scores& lists(const std::string& key) const { return lines.at(key); }
  const std::vector<double>& list(const std::string& key) const { return lists(key).at(0); }
  double number(const std::string& key) const { return list(key).at(0); }
  stats::Interval interval(const std::string& key) const { return {list(key).at(0), list(key).at(1)}; }
};

/// The cases whose names begin with `prefix`; at least one.
inline std::vector<Case> cases(const std::string& prefix) {
  std::istringstream file(read_file(FADER_SOURCE_DIR "/tests/oracle/reference/comparisons.txt"));
  std::vector<Case> found;
  bool wanted = false;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key, number;
    words >> key;
    if (key == "case") {
      std::string name;
      words >> name;
      wanted = name.rfind(prefix, 0) == 0;
      if (wanted) found.push_back({name, {}});
    } else if (wanted && !key.empty()) {
      auto& list = found.back().lines[key].emplace_back();
      while (words >> number) list.push_back(std::stod(number));
    }
  }
  REQUIRE_FALSE(found.empty());
  return found;
}

/// To 1e-9 of `x`, and of `scale` where x is about zero.
inline Approx close_to(double x, double scale = 0) { return Approx(x).epsilon(1e-9).margin(1e-9 * scale); }

inline void check_close(const stats::Interval& ours, const stats::Interval& theirs, double scale = 0) {
  CHECK(ours.low == close_to(theirs.low, scale));
  CHECK(ours.high == close_to(theirs.high, scale));
}

}  // namespace fader::testing
