#include "env/credit_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "trainer/evaluation.h"

namespace fader {

CreditBook::CreditBook(const CreditContext& context, std::span<const PassageId> reference, std::int64_t horizon, Trainer& trainer, Ledger& ledger)
    : corpus_(context.corpus), options_(context.options), agents_(context.agents), reference_(reference.begin(), reference.end()),
      horizon_(horizon), trainer_(trainer), ledger_(ledger), pages_(static_cast<std::size_t>(context.slots)) {
  FADER_CHECK(!reference_.empty() && horizon_ > 0);
  for (const std::string& name : options_.names) estimators_.push_back(credit_estimators().make_default(name, context));
  for (Page& page : pages_) page.last.assign(agents_, {});
}

void CreditBook::begin(Slots slots, std::span<const std::uint64_t> seeds) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    at(slots[i]) = {};
    at(slots[i]).seed = seeds[i];
    at(slots[i]).found.assign(estimators_.size() * agents_, {});
    at(slots[i]).last.assign(agents_, {});
  }
  for (const auto& e : estimators_) e->begin(slots);
}

/// Rounded up, so that the first interval has one.
std::int64_t CreditBook::measurements_before(std::int64_t interval) const {
  return (interval * std::min(options_.measurements, horizon_) + horizon_ - 1) / horizon_;
}

template <class Which>
bool CreditBook::any(const Which& which) const {
  return std::ranges::any_of(estimators_, [&](const auto& e) { return which(e->needs()); });
}

std::vector<std::vector<std::uint32_t>> CreditBook::own_picks(const CreditScene& scene) const {
  const std::int64_t demand = trainer_.demand(scene.slot, scene.steps);
  std::vector<std::vector<std::uint32_t>> own(agents_);
  for (std::size_t a = 0; a < agents_; ++a) {
    std::int64_t left = demand;
    for (const std::uint32_t candidate : scene.rankings[a]) {
      if (left <= 0) break;
      own[a].push_back(candidate);
      left -= corpus_.passages()[scene.candidates[candidate]].tokens;
    }
  }
  return own;
}

/// The next of the reference passages in turn, from a place that the seed says; their order is such that any stretch holds all domains.
std::vector<PassageId> CreditBook::window(const Page& page, std::int64_t interval) const {
  const std::size_t n = reference_.size(), count = std::min(n, static_cast<std::size_t>(options_.reference));
  const auto turn = static_cast<std::size_t>(measurements_before(interval));
  const std::size_t first = Rng(page.seed, "env/credit/reference").below(n) + turn * count;
  std::vector<PassageId> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(reference_[(first + i) % n]);
  return out;
}

void CreditBook::before(CreditScene scene, std::int64_t interval, bool fresh, const Ranker& ranker) {
  if (estimators_.empty() || !measures(interval)) return;
  const Ledger::Scope scope(ledger_, Phase::probe);
  Page& page = at(scene.slot);
  page.rankings.clear();
  for (std::size_t a = 0; a < agents_; ++a) page.rankings.push_back(ranker(a));
  scene.rankings = page.rankings;
  page.own = own_picks(scene);
  page.influence.assign(scene.picks.size(), std::nanf(""));
  if (page.measured == interval) return;
  const std::vector<PassageId> reference = window(page, interval);
  const std::vector<float> weight = token_weights(corpus_, reference);
  scene.own = page.own;
  scene.reference = reference;
  scene.reference_weight = weight;
  page.found.assign(estimators_.size() * agents_, {});
  const auto ask_those = [&](bool replacing) {
    for (std::size_t e = 0; e < estimators_.size(); ++e)
      if (const CreditNeeds needs = estimators_[e]->needs(); !needs.after && needs.replaces == replacing)
        ask(e, scene, interval, std::span(page.found).subspan(e * agents_, agents_));
  };
  ask_those(true);
  const bool replaced = any([](const CreditNeeds& n) { return n.replaces; });
  if (any([](const CreditNeeds& n) { return n.gradient; }) && (!fresh || replaced)) take_gradient(scene);
  ask_those(false);
  page.measured = interval;
}

void CreditBook::after(CreditScene scene, std::int64_t interval, Estimate reward, std::span<double> credit, std::span<double> credit_se) {
  if (estimators_.empty()) return;
  const Ledger::Scope scope(ledger_, Phase::probe);
  Page& page = at(scene.slot);
  const bool measured = measures(interval) && page.measured == interval;
  scene.rankings = page.rankings;
  scene.own = page.own;
  scene.influence = page.influence;
  scene.reward = reward;
  for (std::size_t e = 0; e < estimators_.size(); ++e) {
    const CreditNeeds needs = estimators_[e]->needs();
    std::vector<Estimate> now(agents_);
    if (needs.after && (measured || needs.always)) ask(e, scene, interval, now);
    if (!needs.after && measured) std::copy_n(page.found.begin() + static_cast<std::ptrdiff_t>(e * agents_), agents_, now.begin());
    for (std::size_t a = 0; a < agents_; ++a) {
      credit[e * agents_ + a] = now[a].value;
      credit_se[e * agents_ + a] = now[a].standard_error;
    }
    if (e == 0 && std::ranges::any_of(now, [](const Estimate& x) { return !std::isnan(x.value); })) page.last = now;
  }
  page.rankings.clear();
  page.own.clear();
}

/// What is not finite was not found.
void CreditBook::ask(std::size_t estimator, const CreditScene& scene, std::int64_t interval, std::span<Estimate> credit) {
  const Rng rng(at(scene.slot).seed, fmt::format("env/credit/{}/{}", options_.names[estimator], interval));
  const Cost cost = estimators_[estimator]->estimate(scene, trainer_, rng, credit);
  ledger_.add(scene.slot, Phase::probe, cost.tokens, cost.flops);
  for (Estimate& e : credit) {
    if (!std::isfinite(e.value)) e = {};
    if (!std::isfinite(e.standard_error)) e.standard_error = std::nan("");
  }
}

void CreditBook::take_gradient(const CreditScene& scene) {
  LossJob job{.slot = scene.slot, .passages = scene.reference, .weight = scene.reference_weight};
  trainer_.set_reference({&job, 1});
  ledger_.add(scene.slot, Phase::probe, job.cost.tokens, job.cost.flops);
}

std::span<float> CreditBook::influence(int slot, std::int64_t interval) {
  if (!measures(interval) || !any([](const CreditNeeds& n) { return n.influence; })) return {};
  return at(slot).influence;
}

void CreditBook::slot_state(Archive& archive, int slot) {
  if (estimators_.empty()) return;
  const Archive::Scope scope(archive, "credit");
  Page& page = at(slot);
  std::vector<double> found, last;
  const auto flat = [](const std::vector<Estimate>& list, std::vector<double>& out) {
    for (const Estimate& e : list) out.insert(out.end(), {e.value, e.standard_error});
  };
  flat(page.found, found);
  flat(page.last, last);
  archive.field("seed", page.seed);
  archive.field("measured", page.measured);
  archive.field("found", found);
  archive.field("last", last);
  if (archive.loading()) {
    archive.expect(found.size() == 2 * agents_ * estimators_.size() || found.empty(), "credit of each agent by each estimator");
    archive.expect(last.size() == 2 * agents_, "credit of each agent");
    archive.expect(std::ranges::none_of(found, [](double x) { return std::isinf(x); }) &&
                       std::ranges::none_of(last, [](double x) { return std::isinf(x); }), "credit");
    const auto list = [](const std::vector<double>& values) {
      std::vector<Estimate> out;
      for (std::size_t i = 0; i < values.size(); i += 2) out.push_back({values[i], values[i + 1]});
      return out;
    };
    page.found = list(found);
    page.last = list(last);
    if (page.found.empty()) page.measured = -1;
  }
  for (std::size_t e = 0; e < estimators_.size(); ++e) {
    const Archive::Scope of(archive, options_.names[e]);
    estimators_[e]->slot_state(archive, slot);
  }
}

}  // namespace fader
