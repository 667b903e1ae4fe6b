// How a network's numbers become weights: the distributions that stochastic consoles draw from.
//
//   categorical       over presets, softmax of one number a preset; the action is its index
//   logistic_normal   w = floor(softmax([u, 0])), u normal: K - 1 means, K - 1 logarithms of deviations; the action is u
//   dirichlet         w = floor(a), a ~ Dirichlet(1 + softplus(numbers)): K numbers, one mode; the action is a
//
// Densities are those of the executed weights, with respect to their first K - 1 components. Numbers of the network are `f`;
// f = 0 is an even share, or every preset alike.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/options.h"
#include "policies/presets.h"

namespace fader {

struct HeadOptions {
  std::string distribution = "categorical";
  std::string presets = "vertices";
  Vectors presets_list;
  double floor_passages = 8;
  double sigma = 1;               ///< of logistic_normal: deviation of u where f = 0
  std::string sigma_by = "nothing";
  void fields(Fields& f);
  void validate() const;          ///< ConfigError
};

class Head {
 public:
  virtual ~Head() = default;
  virtual std::size_t parameters() const = 0;         ///< numbers of the network
  virtual std::size_t seeing() const { return parameters(); }  ///< the first so many depend on what is observed, the others are learned
  virtual std::size_t size() const = 0;               ///< numbers that an action is
  virtual bool certain() const = 0;                   ///< there is only one action
  virtual const Vectors& presets() const = 0;         ///< empty where there is a density

  virtual void draw(std::span<const float> f, Rng& rng, std::span<double> action) const = 0;
  /// The greatest probability, or density (of u: its mean).
  virtual void best(std::span<const float> f, std::span<double> action) const = 0;
  virtual void weights(std::span<const double> action, std::span<double> out) const = 0;
  /// Of every preset; for densities there are none.
  virtual void probabilities(std::span<const float> f, std::span<double> out) const = 0;

  virtual double log_density(std::span<const float> f, std::span<const double> action) const = 0;
  virtual double entropy(std::span<const float> f) const = 0;
  /// Sum of p ln(p / q), p by f, q by other.
  virtual double divergence(std::span<const float> f, std::span<const float> other) const = 0;
  /// out = log_density * (its gradient by f) + entropy * (that of the entropy).
  virtual void slope(std::span<const float> f, std::span<const double> action, double log_density, double entropy,
                     std::span<float> out) const = 0;
  /// Whether a loaded action is one.
  virtual bool possible(std::span<const double> action) const = 0;
};

std::unique_ptr<Head> make_head(const HeadOptions& options, const PolicyContext& context);

}  // namespace fader
