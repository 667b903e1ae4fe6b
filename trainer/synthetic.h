// The synthetic corpus: JSON lines made from a seed, with known labels. See synthetic.cc for the generative model.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

namespace fader {

struct SyntheticOptions {
  std::int64_t seed = 0;
  double megabytes = 12;  ///< of text
  double supply = 1.0;    ///< cap on reference-like text as a share of what the generator would otherwise make of it
  double drift = 0.0;     ///< how far the domain shares move from the first document to the last, 0..1
};

/// Records in SlimPajama's schema, one call each, without the line end. Fields: text, meta.redpajama_set_name ("domain0".."3"),
/// meta.topic ("topic0".."3"), meta.quality (the noisy visible label), meta.true_quality (0..4, for tests and the reference
/// set only), meta.work (its own). Equal options, equal bytes.
void make_synthetic(const SyntheticOptions& options, const std::function<void(const std::string& line)>& sink);

}  // namespace fader
