// The tests are written to the common subset of Catch2's versions 2 (Debian 12) and 3 (Ubuntu 24.04) and include version 2's
// header. With version 3 this folder is on the include path, and this file stands in for it.
#pragma once
#include <catch2/catch_all.hpp>
#include <string>
#include <type_traits>

using Catch::Approx;

// Version 3 has Contains for elements and calls the one for texts ContainsSubstring.
namespace Catch::Matchers {
template <class Text>
  requires std::is_convertible_v<Text, std::string>
StringContainsMatcher Contains(Text&& part) {
  return ContainsSubstring(part);
}
}  // namespace Catch::Matchers

// Version 2 has them here as well.
namespace Catch {
using Matchers::Contains;
using Matchers::EndsWith;
using Matchers::Equals;
using Matchers::StartsWith;
using Matchers::VectorContains;
}  // namespace Catch
