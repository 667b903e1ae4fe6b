// What a policy that reads observations makes of them: the fields it wants, one after another, over the last few decisions.
//
// Fields counted by domain are left out unless they are named: another corpus has other domains, and a policy that was
// learned on one experiment shall be readable on another. So are those that say so themselves (Field::asked_for). Histories belong to slots; `begin` forgets them. Not thread-safe.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "policies/policy.h"

namespace fader {

struct FeatureOptions {
  std::vector<std::string> observe;   ///< names of fields; empty: all but those counted by domain and those to be asked for
  std::int64_t stack = 1;             ///< decisions seen at once, the newest first; zeros before the first
  void fields(Fields& f);
};

class Features {
 public:
  /// ConfigError for a field that the environment does not show.
  Features(const FeatureOptions& options, const PolicyContext& context);

  std::size_t size() const { return stack_ * width_; }
  /// New episodes.
  void begin(Slots slots);
  /// What slot sees now: x [d] becomes the newest of its history. Fills out, [size()].
  void see(int slot, std::span<const double> x, std::span<double> out);
  /// What it saw last, and what it will have seen once it sees x; the history stays as it is.
  void last(int slot, std::span<double> out) const;
  void next(int slot, std::span<const double> x, std::span<double> out) const;

  void state(Archive& archive);

 private:
  void pick(std::span<const double> x, std::span<double> out) const;
  std::span<double> history(int slot) { return std::span(history_).subspan(static_cast<std::size_t>(slot) * size(), size()); }
  std::span<const double> history(int slot) const { return std::span(history_).subspan(static_cast<std::size_t>(slot) * size(), size()); }

  std::vector<Field> picked_;
  std::size_t stack_, width_ = 0;
  std::vector<double> history_;  // [slot][stack][width], the newest first
};

}  // namespace fader
