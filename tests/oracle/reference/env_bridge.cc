// An environment with a known answer for another process, over its standard input and output: what compares our learners with
// those of other libraries on the very same problem (sb3.py beside this file).
//
//   env_bridge KIND [key=value]...
//
// Numbers are little-endian. First it writes three int64: agents K, numbers of an observation d, decisions of an episode. Then it
// reads commands, one byte each:
//   'r' + uint64 seed      a new episode; writes d float64: the observation
//   's' + K float64        weights for one decision; writes d float64, the reward, and 1.0 at the end of the episode, else 0.0
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "env/registry.h"
#include "experiments/options_reader.h"
#include "experiments/toml_reader.h"

using namespace fader;

namespace {

bool read_all(void* to, std::size_t n) {
  auto* at = static_cast<char*>(to);
  while (n > 0) {
    const ssize_t got = ::read(0, at, n);
    if (got <= 0) return false;
    at += got;
    n -= static_cast<std::size_t>(got);
  }
  return true;
}

void write_all(const void* from, std::size_t n) {
  const auto* at = static_cast<const char*>(from);
  while (n > 0) {
    const ssize_t put = ::write(1, at, n);
    if (put <= 0) throw RunError("the other side is gone");
    at += put;
    n -= static_cast<std::size_t>(put);
  }
}

std::unique_ptr<Env> environment(const std::string& kind, const std::vector<std::string>& settings) {
  const auto& entry = environments().at(kind);
  const auto options = entry.options();
  Problems problems;
  TomlValue all;
  all.data = TomlTable{};
  for (std::size_t i = 0; i < settings.size(); ++i) merge(all, parse_assignment(settings[i], static_cast<int>(i), problems));
  OptionsReader(problems, {}).read(&all, "env", "env", *options, {}, Place{});
  problems.raise();
  if (dynamic_cast<const EnvOptions&>(*options).trains()) throw ConfigError(kind + " trains a model; a known-answer environment is expected");
  return entry.make(*options, EnvContext{});
}

void serve(Env& env) {
  const EnvSpec& spec = env.spec();
  const std::size_t k = spec.agents.size(), d = spec.observation_size();
  const std::array<std::int64_t, 3> shape = {static_cast<std::int64_t>(k), static_cast<std::int64_t>(d), spec.horizon};
  write_all(shape.data(), sizeof shape);
  const std::array<int, 1> slots = {0};
  Outcome out;
  std::vector<double> weights(k), reply(d + 2);
  char command = 0;
  while (read_all(&command, 1)) {
    out.fit(spec, 1);
    if (command == 'r') {
      std::array<std::uint64_t, 1> seed = {};
      if (!read_all(seed.data(), sizeof seed)) return;
      env.reset(slots, seed, out);
      write_all(out.observation[0].data(), d * sizeof(double));
    } else if (command == 's') {
      if (!read_all(weights.data(), k * sizeof(double))) return;
      env.step(slots, {weights.data(), 1, k}, out);
      std::copy(out.observation[0].begin(), out.observation[0].end(), reply.begin());
      reply[d] = out.reward[0][0];
      reply[d + 1] = out.end[0] == End::no ? 0.0 : 1.0;
      write_all(reply.data(), reply.size() * sizeof(double));
    } else {
      throw RunError("an unknown command");
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 2) throw ConfigError("usage: env_bridge KIND [key=value]...");
    const auto env = environment(argv[1], {argv + 2, argv + argc});
    serve(*env);
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "env_bridge: %s\n", error.what());
    return 2;
  }
}
