#include "experiments/baselines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/options.h"

namespace fader {
namespace {

// What the point's run of this seed cost; without one, what its runs cost on average.
double flops(const Results& results, std::size_t point, std::int64_t seed) {
  double sum = 0, n = 0;
  for (const auto& [s, outcome] : results.outcomes(point)) {
    const auto value = outcome.find("flops");
    if (value == outcome.end() || !(value->second > 0)) continue;
    if (s == seed) return value->second;
    sum += value->second;
    ++n;
  }
  if (n == 0) throw RunError("no run of the console, or of random picks, is complete, whose FLOPs it is to match");
  return sum / n;
}

}  // namespace

std::vector<AddedBaseline> full_baselines(const BaselineScene& scene) {
  using From = AddedBaseline::From;
  const std::string at_random = "kind = \"uniform\"\nset = { agents = [{ kind = \"random\" }]";
  const std::size_t k = scene.agents.size();
  std::vector<AddedBaseline> out;
  const auto add = [&](const std::string& name, const std::string& toml, From from = From::itself) -> AddedBaseline& {
    return out.emplace_back(AddedBaseline{name, toml, from, "", "", ""});
  };
  if (scene.trains) {
    add("b0_random", at_random + " }\n");
    add("b1_random_equally", at_random + ", env.stratify = \"domain_equally\" }\n");
  }
  for (const std::string& agent : scene.agents) add("b2_" + agent, fmt::format("kind = \"one_hot\"\nagent = {}\n", toml_quote(agent)));
  if (k > 1) {
    add("b3_uniform", "kind = \"uniform\"\n");
    add("b4_tuned_fixed", "kind = \"fixed\"\n", From::search).over = fmt::format("weights = {{ dirichlet = 1, lattice = 4, size = {} }}\n", k);
    if (scene.trains) {
      AddedBaseline& epochs = add("b4_tuned_fixed_epochs", "kind = \"fixed\"\n", From::winner);
      epochs.of = "b4_tuned_fixed";
      epochs.settings = "env={pool=\"reservoir\",epochs=4}";
    }
    add("b4_tuned_two_phase", "kind = \"schedule\"\nshape = \"two_phase\"\n", From::search).over =
        fmt::format("from = {{ dirichlet = 1, lattice = 4, size = {0} }}\nto = {{ dirichlet = 1, lattice = 4, size = {0} }}\nwhen = {{ low = 0.1, high = 0.9 }}\n", k);
    add("b5_average", "kind = \"average\"\n", From::other_seed).of = scene.console;
    add("b6_replay", "kind = \"replay\"\n", From::other_seed).of = scene.console;
    add("b6_shuffled", "kind = \"replay\"\nshuffled = true\n", From::other_seed).of = scene.console;
    std::string corner;
    for (const std::string& agent : scene.agents) corner += fmt::format("{}{}", corner.empty() ? "" : ", ", agent == scene.quality ? 1 : 0);
    add("b7_hand_made", fmt::format("kind = \"schedule\"\nshape = \"linear\"\nto = [{}]\n", corner));
    add("b8_random_weights", "kind = \"dirichlet\"\n");
  }
  if (scene.trains) add("b9_random_same_flops", at_random + " }\n", From::same_flops).of = scene.console;
  if (scene.oracle) add("b10_oracle_greedy", "kind = \"oracle_greedy\"\n");
  return out;
}

std::string other_seed_setting(const std::string& policy, const Results& results, std::size_t console, std::int64_t seed) {
  const auto runs = results.outcomes(console);
  if (runs.empty()) throw RunError("no run of the console that it follows is complete");
  std::vector<std::int64_t> seeds;
  for (const auto& run : runs) seeds.push_back(run.first);
  std::sort(seeds.begin(), seeds.end());
  const auto next = std::upper_bound(seeds.begin(), seeds.end(), seed);
  const auto file = std::filesystem::absolute(results.run_file(console, next == seeds.end() ? seeds.front() : *next));
  return fmt::format("policies.{}.from={}", policy, toml_quote(file.string()));
}

std::string same_flops_setting(const Point& point, const Results& results, std::size_t console, std::size_t random, std::int64_t seed) {
  const double ratio = flops(results, console, seed) / flops(results, random, seed);
  return fmt::format("train.intervals={}", std::max<std::int64_t>(1, std::llround(static_cast<double>(point.train.intervals) * ratio)));
}

}  // namespace fader
