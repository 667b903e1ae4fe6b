#include "trainer/corpus_summary.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"

namespace fader {
namespace {

struct Counts {
  std::uint64_t documents = 0, passages = 0, tokens = 0, bytes = 0, reference = 0, reference_tokens = 0;
  std::set<std::uint32_t> groups;

  nlohmann::ordered_json json() const {
    return {{"documents", documents}, {"groups", groups.size()}, {"passages", passages}, {"tokens", tokens},
            {"bytes", bytes}, {"reference_documents", reference}, {"reference_tokens", reference_tokens}};
  }
};

struct SetCounts {
  Counts all;
  std::vector<Counts> domains;
};

std::array<SetCounts, kSets> count(const CorpusContents& contents) {
  std::array<SetCounts, kSets> sets;
  for (auto& set : sets) set.domains.resize(contents.domains.size());
  const auto each = [&](const Document& d, auto change) {
    SetCounts& set = sets[static_cast<std::size_t>(d.set)];
    change(set.all);
    change(set.domains[d.domain]);
  };
  for (const Document& d : contents.documents)
    each(d, [&](Counts& c) {
      ++c.documents;
      c.reference += d.reference ? 1 : 0;
      c.groups.insert(d.group);
    });
  for (const Passage& p : contents.passages) {
    const Document& d = contents.documents[p.document];
    each(d, [&](Counts& c) {
      ++c.passages;
      c.tokens += p.tokens;
      c.bytes += p.bytes;
      c.reference_tokens += d.reference ? p.tokens : 0;
    });
  }
  return sets;
}

nlohmann::ordered_json rating_json(const std::vector<float>& of_documents) {
  std::uint64_t documents = 0;
  float lowest = std::numeric_limits<float>::infinity(), highest = -lowest;
  for (const float x : of_documents)
    if (!std::isnan(x)) {
      ++documents;
      lowest = std::min(lowest, x);
      highest = std::max(highest, x);
    }
  nlohmann::ordered_json out = {{"documents", documents}};
  if (documents > 0) {
    out["lowest"] = lowest;
    out["highest"] = highest;
  }
  return out;
}

double millions(std::uint64_t n) { return static_cast<double>(n) / 1e6; }

}  // namespace

std::string summary_json(const CorpusContents& contents, const RawCorpus& raw, const Duplicates& left_out,
                         const std::vector<InputFile>& files) {
  nlohmann::ordered_json out;
  out["format"] = kCorpusFormat;
  out["hash"] = contents.hash;
  out["tokenizer_hash"] = contents.tokenizer_hash;
  out["vocabulary"] = contents.vocabulary;
  out["context"] = contents.context;
  const auto sets = count(contents);
  for (std::size_t s = 0; s < kSets; ++s) {
    auto& set = out["sets"][kSetNames[s]];
    set = sets[s].all.json();
    for (std::size_t d = 0; d < contents.domains.size(); ++d)
      if (sets[s].domains[d].documents > 0) set["domains"][contents.domains[d]] = sets[s].domains[d].json();
  }
  out["topics"] = contents.topics;
  for (std::size_t i = 0; i < contents.ratings.size(); ++i) out["ratings"][contents.ratings[i]] = rating_json(contents.rating[i]);
  out["without_quality"] = raw.without_quality;
  out["without_topic"] = raw.without_topic;
  out["left_out_as_duplicates"] = {{"train", left_out.train}, {"heldout", left_out.heldout}};
  out["bad_records"] = {{"records", raw.bad.records}, {"bad", raw.bad.bad}, {"reasons", raw.bad.reasons}, {"first", raw.bad.first}};
  for (const auto& file : files)
    out["inputs"].push_back({{"key", kSourceNames[static_cast<std::size_t>(file.source)]},
                             {"file", file.path.string()}, {"bytes", file.bytes}, {"sha256", file.hash}});
  return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::vector<std::string> summary_lines(const CorpusContents& contents, const RawCorpus& raw, const Duplicates& left_out) {
  std::vector<std::string> out;
  const auto sets = count(contents);
  for (std::size_t s = 0; s < kSets; ++s) {
    const Counts& c = sets[s].all;
    out.push_back(fmt::format("{:<10} {:>8} documents {:>8} groups {:>9} passages {:>9.3f} M tokens ({:.3f} M reference)",
                              kSetNames[s], c.documents, c.groups.size(), c.passages, millions(c.tokens),
                              millions(c.reference_tokens)));
  }
  if (raw.bad.bad > 0)
    out.push_back(fmt::format("{} of {} records skipped; the first: {}", raw.bad.bad, raw.bad.records, raw.bad.first.front()));
  if (left_out.train + left_out.heldout > 0)
    out.push_back(fmt::format("left out because a set held out has the same text: {} documents of corpus.train, "
                              "{} of corpus.heldout", left_out.train, left_out.heldout));
  return out;
}

void check_sets(const RawCorpus& raw, const CorpusOptions& options) {
  std::array<std::uint64_t, kSets> documents{}, reference{};
  for (const auto& d : raw.documents) {
    if (!d.kept) continue;
    ++documents[static_cast<std::size_t>(d.label.set)];
    reference[static_cast<std::size_t>(d.label.set)] += d.label.reference ? 1 : 0;
  }
  std::string missing;
  if (documents[static_cast<std::size_t>(Set::pool)] == 0) missing = "no document is left for the pool";
  for (const Set set : {Set::reward, Set::validation, Set::test})
    if (missing.empty() && reference[static_cast<std::size_t>(set)] == 0)
      missing = fmt::format("no reference document is in the {} set", kSetNames[static_cast<std::size_t>(set)]);
  if (missing.empty()) return;

  std::string counts;
  for (std::size_t s = 0; s < kSets; ++s)
    counts += fmt::format("\n  {:<10} {} documents, {} of them reference", kSetNames[s], documents[s], reference[s]);
  std::string where = fmt::format("{}", fmt::join(options.reference_domains, " or "));
  if (where.empty()) where = "any";
  for (const auto& [field, values] : options.reference_where) where += fmt::format(", {} = {}", field, fmt::join(values, " or "));
  throw DataError(fmt::format("the corpus is too small or too narrow: {}{}\nreference text is of domain {}; give more text with "
                              "more groups, files for corpus.heldout and corpus.test, or a wider corpus.reference",
                              missing, counts, where));
}

}  // namespace fader
