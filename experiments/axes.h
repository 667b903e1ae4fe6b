// What a sweep varies: the axes of [sweep.over], and the combinations of their values that become points.
//
//   [sweep.over]
//   train.batch = [4, 8, 16]                                  # a list of values
//   policies.ucb.c = { low = 0.1, high = 10, scale = "log" }  # a range, to draw from
//   policies.fixed.weights = { lattice = 4 }                  # all weights with whole quarters; { dirichlet = 1 }: drawn; both: every other draw
//   agents = [["quality", "domain"], ["quality"]]             # which agents are there; "subsets": all but none
//   interval = [{ train.intervals = 40, train.steps_per_interval = 5 }, { ... }]   # several keys at once, under a name of their own
//
// An axis whose keys all belong to one policy is that policy's; any other is of the environment, and holds for all policies.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/toml_reader.h"

namespace fader {

/// One value of one axis.
struct Choice {
  std::string axis;                                   ///< its name
  std::string text;                                   ///< the value, short, as people read it: "0.5", "quality+domain"
  std::vector<TomlValue> assignments;                 ///< as --set: tables of one entry
  std::optional<std::vector<std::string>> agents;     ///< those that stay, in the order of the file
  std::string shown() const { return axis + "=" + text; }
};
using Combination = std::vector<Choice>;              ///< one of each axis

class SweepAxis {
 public:
  const std::string& name() const { return name_; }
  const std::string& policy() const { return policy_; }   ///< whose it is; "": of the environment
  const Place& place() const { return place_; }
  bool is_list() const { return !range_; }
  const std::vector<Choice>& choices() const { return choices_; }
  /// A value by chance, the same for equal (seed, index), whatever else is drawn. Numbers have four significant digits.
  Choice draw(std::uint64_t seed, std::size_t index) const;

 private:
  friend class AxesReader;
  struct Range {
    double low = 0, high = 1;
    bool logarithmic = false, whole = false;
    double dirichlet = 0;                             // above 0: weights of `size` agents
    std::size_t size = 0;
    std::size_t lattice = 0;                          // above 0: every other draw is of whole parts of so many
  };
  TomlValue drawn(double value) const;
  std::string name_, policy_;
  Place place_;
  std::optional<Range> range_;
  std::vector<Choice> choices_;
};

/// `over`: the table; `root`: the experiment, for the names of policies and agents. What is wrong becomes problems.
std::vector<SweepAxis> read_axes(const TomlValue& over, const TomlValue& root, Problems& problems);

/// All combinations of lists, the last axis fastest; one empty combination of no axes.
std::vector<Combination> all_combinations(const std::vector<const SweepAxis*>& axes);
/// `samples` by chance; one empty combination of no axes. Those that come twice are left out.
std::vector<Combination> drawn_combinations(const std::vector<const SweepAxis*>& axes, std::size_t samples, std::uint64_t seed);

/// "train.batch=8,policies.ucb.c=0.5"
std::string shown(const Combination& combination);

}  // namespace fader
