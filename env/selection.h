// From agents' scores and the console's weights to the passages that are trained on: the shelf of methods (env/selections/), one
// file each, and what all of them share.
//
// A method picks candidates, each at most once, until they hold the tokens that are demanded or there are none left. All
// randomness comes from one stream; equal offers and streams give equal picks for any number of threads. A method keeps its
// working memory: after the first call of a size nothing is allocated.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/options.h"
#include "core/registry.h"
#include "core/rng.h"
#include "env/ranking.h"

namespace fader {

struct Pick {
  std::uint32_t candidate = 0;
  std::uint16_t agent = 0;     ///< who drew it; where scores are summed: whose part of the sum is greatest
  /// Probability of this pick given the picks before it (of the same domain, where there are strata). The methods' files say how.
  double propensity = 0;
};

/// What there is to choose from, and by what.
struct Offer {
  std::span<const double> weights;                     ///< [K] on the simplex
  std::span<const std::span<const float>> scores;      ///< [K][N] finite; higher is better
  std::span<const std::uint64_t> keys;                 ///< [K] of the lots by which an agent's ties are broken
  std::span<const std::optional<float>> not_mine = {}; ///< [K] Agent::not_mine; empty: nobody has one
  std::span<const std::uint32_t> tokens = {};          ///< [N] that a candidate holds; empty: one each
  std::span<const std::uint16_t> used = {};            ///< [N] earlier uses; empty: none
  std::span<const std::uint16_t> domains = {};         ///< [N] for strata
  std::size_t candidates = 0;                          ///< N
  std::int64_t demand = 0;                             ///< tokens

  std::int64_t held(std::size_t candidate) const { return tokens.empty() ? 1 : tokens[candidate]; }
  bool mine(std::size_t agent, std::size_t candidate) const {
    return not_mine.empty() || !not_mine[agent] || scores[agent][candidate] != *not_mine[agent];
  }
};

struct Selected {
  std::vector<Pick> picks;
  /// [K] The weights that were really played: each pick's, averaged over the picks. Bitwise the offer's where nobody ran out.
  std::vector<double> shares;
  /// [K] Share of the picks that were made when the agent, which has weight, had nothing left that is its own.
  std::vector<double> exhausted;
};

/// Options of all methods, fields of [env].
struct SelectionOptions {
  std::string selection = "mixture_of_picks", scores = "ranks", stratify = "none", exhausted = "renormalise";
  double repetition_decay = 0, tau = 0.1, filter_ratio = 2;
  void selection_fields(Fields& f);
  /// Relations among them, and to those of the pool. `candidates`: of a stream, as a multiple of the expected picks; 0: a reservoir.
  void validate_selection(double candidates, std::int64_t epochs) const;
  bool sums_scores() const { return selection != "mixture_of_picks"; }
  bool raw() const { return scores == "raw"; }
  bool filters() const { return exhausted != "continue"; }   ///< candidates that are not an agent's own are not taken for it
};

class SelectionMethod {
 public:
  virtual ~SelectionMethod() = default;
  virtual void select(const Offer& offer, Rng& rng, Selected& out) = 0;
};

struct SelectionContext {
  const SelectionOptions& options;
  int threads = 1;
};

using SelectionRegistry = Registry<SelectionMethod, const SelectionContext&>;
SelectionRegistry& selection_methods();

/// The method that the options name, in strata where they say so.
std::unique_ptr<SelectionMethod> make_selection(const SelectionContext& context);

/// In the method's file, at namespace scope.
#define REGISTER_SELECTION(name, Class, summary, status) \
  [[maybe_unused]] const bool registered_##Class = ::fader::selection_methods().add<Class, ::fader::NoOptions>(name, summary, status)

/// Weights of an interval whose scores are summed: an agent with weight to which none of the candidates belongs is out, and its
/// weight goes to the others in proportion; if none is left they stay as they are. Fills `out.shares` and `out.exhausted`.
void share_weights(const Offer& offer, bool filters, Selected& out);

/// How likely each candidate is to be picked at all: its share of `draws` selections, standard error sqrt(p (1 - p) / draws). There
/// is no closed form for most methods. The agents' ties are as the offer has them.
std::vector<double> inclusion_probabilities(SelectionMethod& method, const Offer& offer, std::int64_t draws, Rng rng);

}  // namespace fader
