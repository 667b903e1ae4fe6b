#include "core/rng.h"

#include <catch2/catch.hpp>

using fader::Rng;

TEST_CASE("streams of equal root and path are equal, others are not") {
  Rng a(7, "env/pool"), b(7, "env/pool"), c(8, "env/pool"), d(7, "env/tie");
  const auto x = a.bits();
  CHECK(x == b.bits());
  CHECK(x != c.bits());
  CHECK(x != d.bits());
}
