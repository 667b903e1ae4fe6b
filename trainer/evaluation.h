// Which passages a loss is taken on, and what the loss of a set is.
#pragma once
#include <span>
#include <vector>

#include "trainer/corpus.h"

namespace fader {

/// At most `count` passages of `set`: domains in turn, within a domain its groups in turn, within a group in corpus order.
/// The order of groups is a function of the corpus alone, so every run looks at the same items, and fewer items are the
/// beginning of more. `reference_only`: of the reference kind. Passages without text are left out.
std::vector<PassageId> evaluation_items(const Corpus& corpus, Set set, bool reference_only, std::size_t count);

/// Losses of a set: a domain's is summed nats over summed tokens, the macro average is the plain mean over the domains that
/// have items (NaN without any item).
struct SetLoss {
  double nats_per_token = 0, bits_per_byte = 0;                 ///< macro averages
  std::vector<double> domain_nats_per_token, domain_bits_per_byte;  ///< per Corpus::domains(); NaN: no item of it
};
/// `loss[i]`, nats per token, belongs to `items[i]`.
SetLoss summarise(const Corpus& corpus, std::span<const PassageId> items, std::span<const float> loss);

/// The weight of a token of each item that makes the weighted sum of nats equal to SetLoss::nats_per_token.
std::vector<float> token_weights(const Corpus& corpus, std::span<const PassageId> items);

}  // namespace fader
