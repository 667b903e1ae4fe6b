// What ddpg, td3 and sac have in common that can be checked exactly: values at ends, targets, densities.
#pragma once
#include <cstring>

#include "tests/oracle/learned_play.h"

namespace fader::testing {

/// What a console with a critic says that its decisions are worth, where each earns one and is the last of its episode; `how` it ends.
/// With discount 1/2: 1 where that is the problem's end, 2 where an observer stopped looking at what would have gone on.
inline double learned_value(const std::string& policy, End how, std::uint64_t seed, const std::function<void(Options&)>& set) {
  auto context = context_of(2, 4);
  context.seed = seed;
  const auto console = make_policy(policy, context, [&](Options& o) {
    set_option(o, "hidden", std::vector<std::int64_t>{16});
    set_option(o, "gamma", 0.5);
    set(o);
  });
  const std::vector<int> slots = {0, 1, 2, 3};
  const Grid<double> x(4, 3, 0.5), none(4, 0);
  const std::vector<double> reward(4, 1.0), se(4, 0.1);
  const std::vector<End> end(4, how);
  std::vector<Rng> streams;
  for (const int slot : slots) streams.emplace_back(seed, "slot/" + std::to_string(slot));
  Rng learner(seed, "learn");
  Decisions decided;
  decided.fit(console->spec(), 2, 4);
  for (int t = 0; t < 300; ++t) {
    console->begin(slots, streams);
    console->decide({slots, x.view()}, streams, decided);
    console->learn({{slots, x.view()}, decided, reward, se, none.view(), none.view(), x.view(), end}, learner);
  }
  return decided.value[0];
}

/// Where the numbers of the n-th field of that name stand in a saved state, and how many they are.
inline std::pair<std::size_t, std::uint64_t> numbers_of(const std::string& bytes, const std::string& name, int n) {
  std::string mark = "f";
  const auto length = static_cast<std::uint32_t>(name.size());
  mark.append(reinterpret_cast<const char*>(&length), sizeof length).append(name);
  std::size_t at = bytes.find(mark);
  for (; n > 0 && at != std::string::npos; --n) at = bytes.find(mark, at + 1);
  FADER_CHECK(at != std::string::npos, "no field '{}'", name);
  at += mark.size();
  std::uint64_t count = 0;
  std::memcpy(&count, bytes.data() + at, sizeof count);
  return {at + sizeof count, count};
}

/// These, of 32 bits: all zero but the last.
inline void set_constant(std::string& bytes, const std::string& name, int n, float last) {
  const auto [at, count] = numbers_of(bytes, name, n);
  std::memset(bytes.data() + at, 0, count * sizeof(float));
  std::memcpy(bytes.data() + at + (count - 1) * sizeof(float), &last, sizeof last);
}

/// The error of critics that say 0, after an update from one transition that earned one and does not end, where the targets of
/// the critics say these numbers: (1 + next / 2)^2, next their least.
inline double squared_target(const std::string& policy, const std::vector<float>& targets, const std::function<void(Options&)>& set) {
  const auto context = context_of(2, 1);
  const auto make = [&] {
    return make_policy(policy, context, [&](Options& o) {
      set_option(o, "gamma", 0.5);
      set_option<std::int64_t>(o, "batch", 4);
      set_option<std::int64_t>(o, "warm_up", 0);
      set(o);
    });
  };
  Archive archive;
  make()->state(archive);
  std::string bytes = archive.bytes();
  for (std::size_t c = 0; c < targets.size(); ++c) {
    set_constant(bytes, "theta", static_cast<int>(c) + 1, 0);  // the first is the actor's
    set_constant(bytes, "target", static_cast<int>(c), targets[c]);
  }
  auto console = make();
  Archive loading(bytes);
  console->state(loading);
  Console played(std::move(console), context, 3);
  played.decide();
  played.learn({1.0});
  const auto row = played.decide().diagnostics[0];
  const auto& names = played.policy().spec().diagnostics;
  return row[static_cast<std::size_t>(std::find(names.begin(), names.end(), "critic_loss") - names.begin())];
}

/// The area of a box of weights, estimated from the draws that fall into it and their logged densities: 0.01 if these are right.
inline double area_by_density(const std::string& policy, std::int64_t warm_up, const std::function<void(Options&)>& set) {
  const auto context = context_of(3, 1, 100);  // least weight 0.08
  Console console(make_policy(policy, context, [&](Options& o) {
                    set_option(o, "hidden", std::vector<std::int64_t>{4});
                    set_option<std::int64_t>(o, "warm_up", warm_up);
                    set(o);
                  }),
                  context, 5);
  double area = 0;
  constexpr int kDraws = 200'000;
  for (int i = 0; i < kDraws; ++i) {
    const Decisions& d = console.decide();
    if (std::abs(d.weights[0][0] - 0.3) < 0.05 && std::abs(d.weights[0][1] - 0.35) < 0.05) area += std::exp(-d.log_density[0]) / kDraws;
  }
  return area;
}

}  // namespace fader::testing
