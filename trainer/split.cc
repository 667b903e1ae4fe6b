#include "trainer/split.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

#include "core/error.h"
#include "core/rng.h"

namespace fader {
namespace {

constexpr std::size_t kSources = 3;

struct Group {
  std::uint64_t hash = 0;
  std::uint16_t domain = 0;               // of its first document
  bool reference = false;                 // any of its documents
  std::array<bool, kSources> in{};        // which sources it was read from
  InputSet source = InputSet::train;          // where it is kept
  Set set = Set::pool;
};

std::vector<Group> gather(const RawCorpus& raw) {
  std::vector<Group> groups(raw.groups.size());
  std::vector<bool> seen(groups.size());
  for (const auto& d : raw.documents) {
    Group& g = groups[d.label.group];
    if (!seen[d.label.group]) {
      seen[d.label.group] = true;
      g.domain = d.label.domain;
      g.hash = stream_key(0, "corpus/split/" + raw.groups[d.label.group]);
    }
    g.reference = g.reference || d.label.reference;
    g.in[static_cast<std::size_t>(d.source)] = true;
    g.source = std::max(g.source, d.source);
  }
  return groups;
}

std::string readable(std::string key) {
  for (std::size_t at = 0; (at = key.find('\x1f', at)) != std::string::npos;) key.replace(at, 1, " / ");
  return key;
}

void check_overlap(const RawCorpus& raw, const std::vector<Group>& groups, const CorpusOptions& options) {
  std::size_t shared = 0;
  std::string examples;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    std::vector<std::string> where;
    for (std::size_t s = 0; s < kSources; ++s)
      if (groups[i].in[s]) where.push_back(kSourceNames[s]);
    if (where.size() < 2 || ++shared > 3) continue;
    examples += fmt::format("\n  '{}' is in {}", readable(raw.groups[i]), fmt::join(where, " and "));
  }
  if (shared == 0) return;
  throw DataError(fmt::format("the sets overlap: {} of {} groups (corpus.group_by = {}) are in more than one of them{}{}\nwhat is "
                              "trained on would be tested on; keep all documents of a group in one file, or name another field",
                              shared, groups.size(), fmt::join(options.group_by, ", "), examples, shared > 3 ? "\n  ..." : ""));
}

/// Groups of a source still in the pool, reference kind or not, in an order that spreads domains and forgets the files.
std::vector<Group*> in_order(std::vector<Group>& groups, InputSet source, bool reference) {
  std::vector<Group*> out;
  for (auto& g : groups)
    if (g.source == source && g.reference == reference && g.set == Set::pool) out.push_back(&g);
  std::stable_sort(out.begin(), out.end(),
                   [](const Group* a, const Group* b) { return std::tie(a->domain, a->hash) < std::tie(b->domain, b->hash); });
  return out;
}

/// Gives `count` of the groups, evenly spaced, to `set`.
void take(const std::vector<Group*>& from, std::size_t count, Set set) {
  for (std::size_t i = 0; i < from.size(); ++i)
    if ((i + 1) * count / from.size() > i * count / from.size()) from[i]->set = set;
}

std::size_t share_of(std::size_t groups, double share) {
  return static_cast<std::size_t>(std::lround(share * static_cast<double>(groups)));
}

void carve(std::vector<Group>& groups, const std::vector<Set>& sets, const CorpusOptions& options) {
  const auto at_least_one = [&](double share, std::size_t all, std::size_t left) {
    return share > 0 ? std::min(std::max<std::size_t>(share_of(all, share), 1), left / 2) : 0;
  };
  const std::size_t references = in_order(groups, InputSet::train, true).size();
  const std::size_t others = in_order(groups, InputSet::train, false).size();
  for (const Set set : sets) {
    const auto reference = in_order(groups, InputSet::train, true), other = in_order(groups, InputSet::train, false);
    take(reference, at_least_one(options.heldout_share, references, reference.size()), set);
    take(other, std::min(share_of(others, options.heldout_share), other.size() / 2), set);
  }
  const auto reference = in_order(groups, InputSet::train, true);
  take(reference, at_least_one(options.anchor_share, reference.size(), reference.size()), Set::anchor);
}

void halve_heldout(std::vector<Group>& groups) {
  auto all = in_order(groups, InputSet::heldout, true);
  const auto other = in_order(groups, InputSet::heldout, false);
  all.insert(all.end(), other.begin(), other.end());
  for (std::size_t i = 0; i < all.size(); ++i) all[i]->set = i % 2 == 0 ? Set::reward : Set::validation;
}

}  // namespace

Duplicates split(RawCorpus& raw, const CorpusOptions& options) {
  auto groups = gather(raw);
  if (!options.group_by.empty()) check_overlap(raw, groups, options);
  halve_heldout(groups);
  for (auto& g : groups)
    if (g.source == InputSet::test) g.set = Set::test;
  std::vector<Set> carved;
  if (options.heldout.empty()) carved = {Set::reward, Set::validation};
  if (options.test.empty()) carved.push_back(Set::test);
  carve(groups, carved, options);

  Duplicates left_out;
  for (auto& d : raw.documents) {
    const Group& g = groups[d.label.group];
    d.label.set = g.set;
    d.kept = d.source == g.source;
    if (!d.kept) ++(d.source == InputSet::train ? left_out.train : left_out.heldout);
  }
  return left_out;
}

}  // namespace fader
