// The tests are written to the common subset of Catch2's versions 2 (Debian 12) and 3 (Ubuntu 24.04) and include version 2's
// header. With version 3 this folder is on the include path, and this file stands in for it.
#pragma once
#include <catch2/catch_all.hpp>

using Catch::Approx;

namespace Catch {
using Matchers::Equals;
// version 2 called it so
inline auto Contains(const std::string& part) { return Matchers::ContainsSubstring(part); }
}  // namespace Catch
