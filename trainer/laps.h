// Where a training step's time goes: a clock that is read at the border of two parts, and only when somebody wants to know.
#pragma once
#include <array>
#include <chrono>
#include <cstddef>

namespace fader {

enum class StepPart { embedding, norms, rounding, products, rotation, attention, activation, cross_entropy, by_product };
inline constexpr std::array<const char*, 9> kPartNames = {"embedding", "norms",     "rounding",   "products",
                                                          "rotation",  "attention", "activation", "cross-entropy", "by-product"};
using PartSeconds = std::array<double, kPartNames.size()>;

class Laps {
 public:
  bool on = false;
  PartSeconds seconds{};

  void start() {
    if (on) last_ = Clock::now();
  }
  /// What has passed since the last border was `part`.
  void end(StepPart part) {
    if (!on) return;
    const Clock::time_point now = Clock::now();
    seconds[static_cast<std::size_t>(part)] += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_;
};

}  // namespace fader
