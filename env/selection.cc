#include "env/selection.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "env/strata.h"

namespace fader {

void SelectionOptions::selection_fields(Fields& f) {
  f("selection", selection, "how weights and scores become passages: each pick by one agent, drawn by weight; those with the greatest "
    "weighted sum of scores; drawn without replacement with weights exp(sum / tau); or of a random batch those with the greatest sum")
      .one_of(selection_methods().names());
  f("scores", scores, "where scores are summed: ranks on (0, 1), or the agents' scores as they are").one_of({"ranks", "raw"});
  f("repetition_decay", repetition_decay, "where scores are summed: a sum is divided by 1 + this times the passage's uses so far (the "
    "seed paper's code: 0.1)", 0, 1e6);
  f("tau", tau, "gumbel_top_k: temperature, in units of the summed scores; small: top_k, great: random", 1e-6, 1e6);
  f("filter_ratio", filter_ratio, "batch_filter: the random batch, as a multiple of what is needed", 1, 1e6);
  f("stratify", stratify, "'domain': every domain gets its share of the candidates' tokens, and passages are chosen within it; "
    "'domain_equally': every domain gets as much as any other").one_of({"none", "domain", "domain_equally"});
  f("exhausted", exhausted, "what becomes of the weight of an agent that calls none of the candidates left its own: it goes to the others "
    "in proportion (renormalise), it is spent on the next of its ranking whatever that is (continue), or the run ends (stop)")
      .one_of({"renormalise", "continue", "stop"});
}

void SelectionOptions::validate_selection(double candidates, std::int64_t epochs) const {
  if (!sums_scores() && raw())
    throw ConfigError("scores is 'raw' and selection is 'mixture_of_picks', which looks at ranks alone; set selection = \"top_k\", or "
                      "scores = \"ranks\"");
  if (!sums_scores() && repetition_decay > 0)
    throw ConfigError(fmt::format("repetition_decay is {:g} and selection is 'mixture_of_picks', which has no sum of scores to divide; set "
                                  "selection = \"top_k\", or leave it out", repetition_decay));
  if (repetition_decay > 0 && epochs == 1)
    throw ConfigError(fmt::format("repetition_decay is {:g} and nothing is repeated; set epochs to 2 or more, or leave it out",
                                  repetition_decay));
  const SelectionOptions usual;
  if (tau != usual.tau && selection != "gumbel_top_k")
    throw ConfigError(fmt::format("tau is {:g} and selection is '{}', which has no temperature; set selection = \"gumbel_top_k\", or leave it "
                                  "out", tau, selection));
  if (filter_ratio != usual.filter_ratio && selection != "batch_filter")
    throw ConfigError(fmt::format("filter_ratio is {:g} and selection is '{}', which draws no batch; set selection = \"batch_filter\", or leave "
                                  "it out", filter_ratio, selection));
  if (selection == "batch_filter" && candidates > 0 && filter_ratio > candidates)
    throw ConfigError(fmt::format("filter_ratio is {:g} and candidates is {:g}: the batch would be more than there is; raise candidates, or "
                                  "lower filter_ratio", filter_ratio, candidates));
}

SelectionRegistry& selection_methods() {
  static SelectionRegistry registry("selection");
  return registry;
}

std::unique_ptr<SelectionMethod> make_selection(const SelectionContext& context) {
  auto method = selection_methods().make_default(context.options.selection, context);
  if (context.options.stratify == "none") return method;
  return std::make_unique<Strata>(std::move(method), context.options.stratify == "domain_equally");
}

void share_weights(const Offer& offer, bool filters, Selected& out) {
  const std::size_t k = offer.weights.size();
  out.shares.assign(offer.weights.begin(), offer.weights.end());
  out.exhausted.assign(k, 0.0);
  if (!filters || offer.not_mine.empty()) return;
  double left = 0;
  for (std::size_t i = 0; i < k; ++i) {
    if (offer.weights[i] == 0) continue;
    std::size_t c = 0;
    while (c < offer.candidates && !offer.mine(i, c)) ++c;
    if (c == offer.candidates) out.exhausted[i] = 1;
    else left += offer.weights[i];
  }
  if (left == 0 || std::all_of(out.exhausted.begin(), out.exhausted.end(), [](double x) { return x == 0; })) return;
  for (std::size_t i = 0; i < k; ++i) out.shares[i] = out.exhausted[i] > 0 ? 0 : offer.weights[i] / left;
}

std::vector<double> inclusion_probabilities(SelectionMethod& method, const Offer& offer, std::int64_t draws, Rng rng) {
  FADER_CHECK(draws > 0, "{} draws", draws);
  std::vector<std::int64_t> times(offer.candidates, 0);
  Selected chosen;
  for (std::int64_t d = 0; d < draws; ++d) {
    method.select(offer, rng, chosen);
    for (const Pick& pick : chosen.picks) ++times[pick.candidate];
  }
  std::vector<double> out(times.size());
  for (std::size_t c = 0; c < times.size(); ++c) out[c] = static_cast<double>(times[c]) / static_cast<double>(draws);
  return out;
}

}  // namespace fader
