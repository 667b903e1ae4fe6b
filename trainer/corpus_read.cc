#include "trainer/corpus_read.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "core/error.h"
#include "trainer/file_writer.h"
#include "trainer/ordered_map.h"

namespace fader {
namespace {

constexpr std::size_t kMostDomains = 4096;
constexpr std::size_t kMostTopics = 32767;  // Document::topic
constexpr std::size_t kMostExamples = 5;

/// Names in order of first appearance.
class Names {
 public:
  std::uint32_t index(const std::string& name) {
    const auto [it, fresh] = index_.emplace(name, static_cast<std::uint32_t>(names.size()));
    if (fresh) names.push_back(name);
    return it->second;
  }
  std::vector<std::string> names;

 private:
  std::unordered_map<std::string, std::uint32_t> index_;
};

/// Sorts names; returns the new index of each old one.
std::vector<std::size_t> sort_names(std::vector<std::string>& names) {
  std::vector<std::size_t> order(names.size()), place(names.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return names[a] < names[b]; });
  std::vector<std::string> sorted;
  for (std::size_t i = 0; i < order.size(); ++i) {
    place[order[i]] = i;
    sorted.push_back(std::move(names[order[i]]));
  }
  names = std::move(sorted);
  return place;
}

class Collector {
 public:
  Collector(const CorpusOptions& options, const std::filesystem::path& scratch) : options_(options), texts_(scratch) {
    raw_.ratings.resize(options.ratings.size());
  }

  void add(const InputFile& file, ParsedLines&& lines) {
    for (auto& record : lines.records) add(file, std::move(record));
    raw_.bad.records += lines.records.size() + lines.bad.size();
    raw_.bad.bad += lines.bad.size();
    for (const auto& [line, why] : lines.bad) {
      ++raw_.bad.reasons[why.reason];
      if (raw_.bad.first.size() < kMostExamples)
        raw_.bad.first.push_back(fmt::format("{}:{}: {}{}{}", file.path.string(), line, why.reason, why.detail.empty() ? "" : "; ",
                                             why.detail));
    }
  }
  std::uint64_t records() const { return raw_.bad.records; }
  std::uint64_t usable() const { return raw_.documents.size(); }
  const BadRecords& bad() const { return raw_.bad; }

  RawCorpus finish() {
    texts_.close();
    raw_.groups = std::move(groups_.names);
    raw_.domains = std::move(domains_.names);
    raw_.topics = std::move(topics_.names);
    const auto domain = sort_names(raw_.domains), topic = sort_names(raw_.topics);
    for (auto& d : raw_.documents) {
      d.label.domain = static_cast<std::uint16_t>(domain[d.label.domain]);
      if (d.label.topic >= 0) d.label.topic = static_cast<std::int16_t>(topic[static_cast<std::size_t>(d.label.topic)]);
    }
    return std::move(raw_);
  }

 private:
  void add(const InputFile& file, Record&& record) {
    RawDocument d;
    d.source = file.source;
    d.bytes = record.text.size();
    d.label.group = groups_.index(record.group);
    const auto domain = label(domains_, record.domain, kMostDomains, "domain_field", options_.domain_field, file);
    d.label.domain = static_cast<std::uint16_t>(domain);
    if (!record.topic.empty()) {
      const auto topic = label(topics_, record.topic, kMostTopics, "topic_field", options_.topic_field, file);
      d.label.topic = static_cast<std::int16_t>(topic);
    }
    d.label.quality = record.quality;
    d.label.reference = record.reference;
    raw_.without_quality += std::isnan(record.quality) ? 1 : 0;
    raw_.without_topic += record.topic.empty() ? 1 : 0;
    for (std::size_t i = 0; i < raw_.ratings.size(); ++i) raw_.ratings[i].push_back(record.ratings[i]);
    raw_.text_bytes += d.bytes;
    raw_.documents.push_back(d);
    texts_.write(record.text);
  }
  static std::uint32_t label(Names& names, const std::string& name, std::size_t most, const char* key, const std::string& field,
                             const InputFile& file) {
    const std::uint32_t index = names.index(name);
    if (index < most) return index;
    throw DataError(fmt::format("{}: '{}' (corpus.{}) takes more than {} values; it should name a few kinds of document",
                                file.path.string(), field, key, most));
  }

  const CorpusOptions& options_;
  FileWriter texts_;
  RawCorpus raw_;
  Names groups_, domains_, topics_;
};

std::string describe(const BadRecords& bad) {
  std::string out;
  for (const auto& [reason, count] : bad.reasons) out += fmt::format("\n  {} x {}", count, reason);
  out += "\nfirst:";
  for (const auto& line : bad.first) out += "\n  " + line;
  return out;
}

void check_share(const BadRecords& bad, double allowed) {
  if (static_cast<double>(bad.bad) <= allowed * static_cast<double>(bad.records)) return;
  const double percent = 100.0 * static_cast<double>(bad.bad) / static_cast<double>(bad.records);
  throw DataError(fmt::format("{}\n{} of {} records are unusable ({:.2g}%); corpus.bad_share allows {:g}%{}\n"
                              "mend the files, name the right fields (corpus.text_field, corpus.domain_field, ...), or raise "
                              "corpus.bad_share",
                              bad.first.front(), bad.bad, bad.records, percent, 100.0 * allowed, describe(bad)));
}

void check_labels(const RawCorpus& raw, const CorpusOptions& options) {
  for (const auto& domain : options.reference_domains)
    if (!std::binary_search(raw.domains.begin(), raw.domains.end(), domain))
      throw ConfigError(
          fmt::format("corpus.reference.domains: no record is of domain '{}'{}", domain, suggestion(domain, raw.domains)));
  const std::uint64_t all = raw.documents.size();
  if (!options.topic_field.empty() && raw.without_topic == all)
    throw ConfigError(
        fmt::format("corpus.topic_field: no record has '{}'; leave it out or name the right field", options.topic_field));
  if (!options.quality_field.empty() && raw.without_quality == all)
    throw ConfigError(
        fmt::format("corpus.quality_field: no record has '{}'; leave it out or name the right field", options.quality_field));
  for (std::size_t i = 0; i < raw.ratings.size(); ++i)
    if (std::all_of(raw.ratings[i].begin(), raw.ratings[i].end(), [](float x) { return std::isnan(x); }))
      throw ConfigError(
          fmt::format("corpus.ratings: no record has '{}'; leave it out or name the right field", options.ratings[i]));
}

}  // namespace

RecordFields record_fields(const CorpusOptions& options) {
  RecordFields fields;
  fields.text = options.text_field;
  fields.domain = options.domain_field;
  fields.topic = options.topic_field;
  fields.quality = options.quality_field;
  fields.ratings = options.ratings;
  fields.group_by = options.group_by;
  fields.reference_domains = options.reference_domains;
  fields.reference_where = options.reference_where;
  return fields;
}

RawCorpus read_corpus(const std::vector<InputFile>& files, const CorpusOptions& options, int threads,
                      const std::filesystem::path& scratch, Progress& progress) {
  const RecordFields fields = record_fields(options);
  Collector collector(options, scratch);
  double done = 0, total = 0;
  for (const auto& file : files) total += static_cast<double>(file.bytes);
  for (const auto& file : files) {
    const std::uint64_t records = collector.records(), usable = collector.usable();
    LineReader reader(open_bytes(file.path), file.path.string());
    ordered_map<Lines, ParsedLines>(
        threads, [&] { return reader.next(); }, [&](Lines&& lines) { return parse_lines(lines, fields); },
        [&](ParsedLines&& parsed) {
          progress.update("read corpus", (done + static_cast<double>(parsed.consumed)) / 1e6, total / 1e6, "MB");
          collector.add(file, std::move(parsed));
        });
    done += static_cast<double>(file.bytes);
    if (collector.records() == records) throw DataError(fmt::format("{}: holds no records, blank lines apart", file.path.string()));
    if (collector.usable() == usable)
      throw DataError(fmt::format("{}: none of its {} records is usable{}", file.path.string(), collector.records() - records,
                                  describe(collector.bad())));
  }
  RawCorpus raw = collector.finish();
  check_share(raw.bad, options.bad_share);
  check_labels(raw, options);
  if (!options.domain_field.empty() && raw.domains == std::vector<std::string>{std::string(kNoDomain)})
    progress.note(fmt::format("corpus.domain_field: no record has '{}'; all documents are of one domain", options.domain_field));
  return raw;
}

}  // namespace fader
