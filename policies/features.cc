#include "policies/features.h"

#include <algorithm>
#include <cmath>

namespace fader {
namespace {

constexpr double kMost = 1e100;  // of a loaded number: squares of such are finite

}  // namespace

void FeatureOptions::fields(Fields& f) {
  f("observe", observe, "fields of the observation that it reads; empty: all but those counted by domain and those that are to be asked for");
  f("stack", stack, "decisions whose observations it sees at once, the newest first", 1, 1000);
}

Features::Features(const FeatureOptions& options, const PolicyContext& context) : stack_(static_cast<std::size_t>(options.stack)) {
  std::vector<std::string> known;
  for (const Field& field : context.observation) known.push_back(field.name);
  for (const std::string& name : options.observe)
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw ConfigError(fmt::format("observe: the environment shows no '{}'{}", name, suggestion(name, known)));
  for (const Field& field : context.observation) {
    const bool named = std::find(options.observe.begin(), options.observe.end(), field.name) != options.observe.end();
    if (!named && (!options.observe.empty() || field.axis == "domain" || field.asked_for)) continue;
    picked_.push_back(field);
    width_ += field.size;
  }
  history_.assign(static_cast<std::size_t>(context.slots) * size(), 0.0);
}

void Features::begin(Slots slots) {
  for (const int slot : slots) std::ranges::fill(history(slot), 0.0);
}

void Features::see(int slot, std::span<const double> x, std::span<double> out) {
  next(slot, x, out);
  std::ranges::copy(out, history(slot).begin());
}

void Features::last(int slot, std::span<double> out) const { std::ranges::copy(history(slot), out.begin()); }

void Features::next(int slot, std::span<const double> x, std::span<double> out) const {
  const std::span<const double> before = history(slot);
  std::copy(before.begin(), before.end() - static_cast<std::ptrdiff_t>(width_), out.begin() + static_cast<std::ptrdiff_t>(width_));
  pick(x, out.first(width_));
}

void Features::pick(std::span<const double> x, std::span<double> out) const {
  auto to = out.begin();
  for (const Field& field : picked_) to = std::ranges::copy(x.subspan(field.offset, field.size), to).out;
}

void Features::state(Archive& archive) {
  archive.field("history", std::span(history_));
  archive.expect(std::all_of(history_.begin(), history_.end(), [](double x) { return std::abs(x) <= kMost; }), "a history of observations");
}

}  // namespace fader
