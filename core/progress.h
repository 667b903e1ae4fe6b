// How long work reports how far it is. Whoever watches decides what is shown; nothing here changes a result.
#pragma once
#include <string_view>

namespace fader {

/// May be called from several threads at once.
struct Progress {
  virtual ~Progress() = default;
  /// `done` of `total` (0: unknown) in `unit`; called as often as convenient.
  virtual void update(std::string_view what, double done, double total, std::string_view unit) = 0;
  /// A line worth keeping: "3 of 25124 records of train.jsonl skipped".
  virtual void note(std::string_view line) = 0;
};

struct NoProgress final : Progress {
  void update(std::string_view, double, double, std::string_view) override {}
  void note(std::string_view) override {}
};

}  // namespace fader
