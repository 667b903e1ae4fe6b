#include "policies/head.h"

#include <algorithm>
#include <cmath>

#include "policies/bandit.h"
#include "policies/simplex.h"

namespace fader {
namespace {

constexpr double kLeastLogSigma = -5, kGreatestLogSigma = 2, kGreatestAction = 1e9;

class Categorical final : public Head {
 public:
  explicit Categorical(Vectors presets) : presets_(std::move(presets)), p_(presets_.size()) {}
  std::size_t parameters() const override { return presets_.size(); }
  std::size_t size() const override { return 1; }
  bool certain() const override { return presets_.size() == 1; }
  const Vectors& presets() const override { return presets_; }

  void draw(std::span<const float> f, Rng& rng, std::span<double> action) const override {
    probabilities(f, p_);
    action[0] = static_cast<double>(rng.choice(p_));
  }
  void best(std::span<const float> f, std::span<double> action) const override {
    action[0] = static_cast<double>(std::ranges::max_element(f) - f.begin());
  }
  void weights(std::span<const double> action, std::span<double> out) const override {
    std::ranges::copy(presets_[static_cast<std::size_t>(action[0])], out.begin());
  }
  void probabilities(std::span<const float> f, std::span<double> out) const override {
    std::ranges::copy(f, out.begin());
    softmax(out, out);
  }
  double log_density(std::span<const float> f, std::span<const double> action) const override {
    return static_cast<double>(f[static_cast<std::size_t>(action[0])]) - log_total(f);
  }
  double entropy(std::span<const float> f) const override {
    probabilities(f, p_);
    return simplex::entropy(p_);
  }
  double divergence(std::span<const float> f, std::span<const float> other) const override {
    probabilities(f, p_);
    double total = log_total(other) - log_total(f);
    for (std::size_t a = 0; a < f.size(); ++a) total += p_[a] * (static_cast<double>(f[a]) - static_cast<double>(other[a]));
    return total;
  }
  void slope(std::span<const float> f, std::span<const double> action, double log_density, double entropy,
             std::span<float> out) const override {
    probabilities(f, p_);
    const double h = entropy == 0 ? 0 : simplex::entropy(p_);
    for (std::size_t a = 0; a < f.size(); ++a) {
      const double played = static_cast<double>(a) == action[0] ? 1 : 0;
      double s = log_density * (played - p_[a]);
      if (entropy != 0 && p_[a] > 0) s -= entropy * p_[a] * (std::log(p_[a]) + h);
      out[a] = static_cast<float>(s);
    }
  }
  bool possible(std::span<const double> action) const override {
    return action[0] >= 0 && action[0] < static_cast<double>(presets_.size()) && std::floor(action[0]) == action[0];
  }

 private:
  static double log_total(std::span<const float> f) {  // ln sum exp(f)
    const auto top = static_cast<double>(*std::ranges::max_element(f));
    double total = 0;
    for (const float x : f) total += std::exp(static_cast<double>(x) - top);
    return top + std::log(total);
  }

  const Vectors presets_;
  mutable std::vector<double> p_;  // scratch
};

/// What the two densities have in common: a floor, no presets.
class Density : public Head {
 public:
  Density(std::size_t agents, double least) : agents_(agents), least_(least), floor_log_density_(simplex::floor_log_density(agents, least)) {}
  bool certain() const override { return agents_ == 1; }
  const Vectors& presets() const override { return none_; }
  void probabilities(std::span<const float>, std::span<double>) const override {}

 protected:
  void lift(std::span<double> w) const {
    if (least_ > 0) simplex::floor(w, least_);
  }
  const std::size_t agents_;
  const double least_, floor_log_density_;

 private:
  const Vectors none_;
};

class LogisticNormal final : public Density {
 public:
  LogisticNormal(std::size_t agents, double least, const HeadOptions& options)
      : Density(agents, least),
        log_sigma_(std::log(options.sigma)),
        one_sigma_(options.sigma_by == "nothing"),
        numbers_(4 * size()),
        by_(2 * size()) {}
  std::size_t parameters() const override { return 2 * size(); }
  std::size_t seeing() const override { return one_sigma_ ? size() : parameters(); }
  std::size_t size() const override { return agents_ - 1; }

  void draw(std::span<const float> f, Rng& rng, std::span<double> u) const override {
    simplex::logistic_normal::sample(read(f), rng, u);
    for (double& x : u) x = std::clamp(x, -kGreatestAction, kGreatestAction);
  }
  void best(std::span<const float> f, std::span<double> u) const override { std::ranges::copy(read(f).mean, u.begin()); }
  void weights(std::span<const double> u, std::span<double> out) const override {
    simplex::squash(u, out);
    lift(out);
  }
  double log_density(std::span<const float> f, std::span<const double> u) const override {
    return simplex::logistic_normal::log_density(read(f), u) + floor_log_density_;
  }
  double entropy(std::span<const float> f) const override { return simplex::logistic_normal::entropy(read(f)); }
  double divergence(std::span<const float> f, std::span<const float> other) const override {
    return simplex::logistic_normal::divergence(read(f), read(other, parameters()));
  }
  void slope(std::span<const float> f, std::span<const double> u, double log_density, double entropy, std::span<float> out) const override {
    std::ranges::fill(by_, 0.0);
    const simplex::logistic_normal::Slope by = {std::span(by_).first(size()), std::span(by_).last(size())};
    simplex::logistic_normal::log_density_slope(read(f), u, log_density, by);
    simplex::logistic_normal::entropy_slope(entropy, by);
    for (std::size_t i = 0; i < by_.size(); ++i) {
      const double raw = static_cast<double>(f[i]) + log_sigma_;
      const bool cut = i >= size() && (raw < kLeastLogSigma || raw > kGreatestLogSigma);
      out[i] = cut ? 0 : static_cast<float>(by_[i]);
    }
  }
  bool possible(std::span<const double> u) const override {
    return std::ranges::all_of(u, [](double x) { return std::abs(x) <= kGreatestAction; });
  }

 private:
  simplex::logistic_normal::Parameters read(std::span<const float> f, std::size_t at = 0) const {
    const std::span<double> to = std::span(numbers_).subspan(at, parameters());
    for (std::size_t i = 0; i < f.size(); ++i)
      to[i] = i < size() ? static_cast<double>(f[i]) : std::clamp(static_cast<double>(f[i]) + log_sigma_, kLeastLogSigma, kGreatestLogSigma);
    return {to.first(size()), to.last(size())};
  }

  const double log_sigma_;
  const bool one_sigma_;
  mutable std::vector<double> numbers_, by_;  // scratch; of two distributions
};

class Dirichlet final : public Density {
 public:
  Dirichlet(std::size_t agents, double least) : Density(agents, least), numbers_(2 * agents), by_(agents) {}
  std::size_t parameters() const override { return agents_; }
  std::size_t size() const override { return agents_; }

  void draw(std::span<const float> f, Rng& rng, std::span<double> a) const override { simplex::dirichlet::sample(read(f), rng, a); }
  void best(std::span<const float> f, std::span<double> a) const override {
    const std::span<const double> c = read(f);
    for (std::size_t k = 0; k < agents_; ++k) a[k] = std::max(c[k] - 1, 1e-12);
    simplex::normalise(a);
  }
  void weights(std::span<const double> a, std::span<double> out) const override {
    std::ranges::copy(a, out.begin());
    lift(out);
  }
  double log_density(std::span<const float> f, std::span<const double> a) const override {
    return simplex::dirichlet::log_density(read(f), a) + floor_log_density_;
  }
  double entropy(std::span<const float> f) const override { return simplex::dirichlet::entropy(read(f)) - floor_log_density_; }
  double divergence(std::span<const float> f, std::span<const float> other) const override {
    return simplex::dirichlet::divergence(read(f), read(other, agents_));
  }
  void slope(std::span<const float> f, std::span<const double> a, double log_density, double entropy, std::span<float> out) const override {
    std::ranges::fill(by_, 0.0);
    const std::span<const double> c = read(f);
    simplex::dirichlet::log_density_slope(c, a, log_density, by_);
    if (entropy != 0) simplex::dirichlet::entropy_slope(c, entropy, by_);
    for (std::size_t k = 0; k < agents_; ++k) out[k] = static_cast<float>(by_[k] / (1 + std::exp(-static_cast<double>(f[k]))));
  }
  bool possible(std::span<const double> a) const override {
    return simplex::is_on(a) && std::ranges::all_of(a, [](double x) { return x > 0; });
  }

 private:
  std::span<const double> read(std::span<const float> f, std::size_t at = 0) const {  // 1 + ln(1 + exp(f))
    const std::span<double> to = std::span(numbers_).subspan(at, agents_);
    for (std::size_t k = 0; k < agents_; ++k)
      to[k] = 1 + std::max(static_cast<double>(f[k]), 0.0) + std::log1p(std::exp(-std::abs(static_cast<double>(f[k]))));
    return to;
  }

  mutable std::vector<double> numbers_, by_;  // scratch; of two distributions
};

}  // namespace

void HeadOptions::fields(Fields& f) {
  f("distribution", distribution, "what is drawn: one of the presets, or weights from a density on the simplex")
      .one_of({"categorical", "logistic_normal", "dirichlet"});
  f("presets", presets, "of distribution categorical: the weights to choose among")
      .one_of({"vertices", "vertices_centre", "simplex", "lattice"});
  f("presets_list", presets_list, "of distribution categorical: the presets one by one, in place of presets", 0, 1);
  f("floor_passages", floor_passages, "passages that every agent gets in an interval, about; at most half of an even share", 0, 1e9);
  f("sigma", sigma, "of distribution logistic_normal: deviation of the logits at first", 0.01, 7);
  f("sigma_by", sigma_by, "of distribution logistic_normal: what that deviation depends on; nothing: one number for each logit")
      .one_of({"nothing", "observation"});
}

void HeadOptions::validate() const {
  if (!presets_list.empty() && presets != HeadOptions{}.presets)
    throw ConfigError(fmt::format("presets is '{}' and presets_list has {} rows; give one of the two", presets, presets_list.size()));
  if (!presets_list.empty() && distribution != "categorical")
    throw ConfigError(fmt::format("presets_list has {} rows and distribution is '{}', which draws any weights; leave one out",
                                  presets_list.size(), distribution));
}

std::unique_ptr<Head> make_head(const HeadOptions& options, const PolicyContext& context) {
  options.validate();
  const std::size_t agents = context.agents.size();
  FADER_CHECK(agents > 0, "no agents");
  const double least = floor_of(options.floor_passages, context);
  if (options.distribution == "logistic_normal") return std::make_unique<LogisticNormal>(agents, least, options);
  if (options.distribution == "dirichlet") return std::make_unique<Dirichlet>(agents, least);
  BanditOptions presets;
  presets.presets = options.presets;
  presets.presets_list = options.presets_list;
  presets.floor_passages = options.floor_passages;
  return std::make_unique<Categorical>(make_presets(presets, context));
}

}  // namespace fader
