// domain: the labels that come with a corpus. topic: its topics, or, where it has none, clusters of its texts (agents/clusters.h).
// Status: checked against an oracle (tests/agents/lookup_test.cc, tests/agents/seed_code_test.cc).
#include "agents/lookup.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "agents/clusters.h"

namespace fader {
namespace {

constexpr double kFirstWeight = 10, kCodeRate = 0.1, kMemoryScale = 0.5, kValueScale = 0.6, kValueUnit = 100;  // of the released code

template <class Label>
std::vector<int> labels(const Corpus& corpus, const Label& of) {
  std::vector<int> out(corpus.passages().size());
  for (std::size_t id = 0; id < out.size(); ++id) out[id] = of(corpus.document(static_cast<PassageId>(id)));
  return out;
}

}  // namespace

void LookupOptions::fields(Fields& f) {
  f("memory", memory, "how the memory is kept: as in the paper, or as in its released code, with its defects").one_of({"paper", "code"});
  f("eta", eta, "paper: how much of the memory a new measurement replaces", 0.0, 1.0);
  f("probe_passages", probe_passages, "passages of each sub-category that are probed after every interval", 1, 10000);
}

Lookup::Lookup(const LookupOptions& options, const AgentContext& context, std::vector<int> label, std::size_t categories, int place)
    : code_(options.memory == "code"), options_(options), label_(std::move(label)), place_(place), members_(categories) {
  for (const PassageId id : context.corpus->set(Set::pool))
    if (const int j = label_[id]; j >= 0 && context.corpus->passages()[id].bytes > 0) members_[static_cast<std::size_t>(j)].push_back(id);
  for (std::size_t j = 0; j < categories; ++j)
    if (!members_[j].empty()) probed_.push_back(j);
  remark(lacking(*context.corpus, "label", code_ ? "score 0" : "score like the mean of the labels", [&](PassageId id) { return label_[id] >= 0; }));
  if (probed_.size() < 2) remark("the pool has fewer than two labels, which tells no passage from another: it picks at random");
  memory_.assign(static_cast<std::size_t>(context.slots), std::vector<double>(categories, 0.0));
  values_.resize(memory_.size());
}

void Lookup::begin(Slots slots, std::span<const std::uint64_t>) {
  for (const int slot : slots) std::fill(memory(slot).begin(), memory(slot).end(), code_ ? kFirstWeight : 0.0);
}

void Lookup::score(std::span<ScoreJob> jobs, Trainer&) {
  for (const ScoreJob& job : jobs) {
    const std::vector<double>& w = memory(job.slot);
    double unlabelled = 0;  // nothing is known in its favour or against it: the mean
    for (const std::size_t j : probed_) unlabelled += w[j] / static_cast<double>(probed_.size());
    if (code_) unlabelled = 0;
    for (std::size_t i = 0; i < job.passages.size(); ++i) {
      const int j = label_[job.passages[i]];
      job.score[i] = static_cast<float>(j < 0 ? unlabelled : w[static_cast<std::size_t>(j)]);
    }
  }
}

std::size_t Lookup::samples(std::size_t category) const {
  return std::min(static_cast<std::size_t>(options_.probe_passages), members_[category].size());
}

void Lookup::probes(Slots slots, Streams streams, std::span<std::vector<ProbeGroup>> out) {
  for (std::size_t i = 0; i < slots.size(); ++i)
    for (const std::size_t j : probed_) {
      const std::vector<PassageId>& all = members_[j];
      std::set<std::size_t> drawn;  // n_j distinct passages, uniformly; in the order of the corpus
      while (drawn.size() < samples(j)) drawn.insert(streams[i].below(all.size()));
      if (!code_) out[i].emplace_back();
      for (const std::size_t k : drawn) {
        if (code_) out[i].emplace_back();
        out[i].back().push_back(all[k]);
      }
    }
}

void Lookup::feedback(Slots slots, std::span<const std::span<const Probe>> measured, std::span<double> reward) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (code_) {
      remember_as_code(memory(slots[i]), measured[i], values_[static_cast<std::size_t>(slots[i])]);
      reward[i] = std::nan("");
    } else {
      reward[i] = remember(memory(slots[i]), measured[i]);
    }
  }
}

double Lookup::remember(std::vector<double>& w, std::span<const Probe> measured) const {
  FADER_CHECK_EQ(measured.size(), probed_.size());
  double reward = 0;
  for (std::size_t p = 0; p < probed_.size(); ++p) {
    const double r = measured[p].dot;
    double& weight = w[probed_[p]];
    weight = (1 - options_.eta) * weight + options_.eta * r;
    reward += weight * r / static_cast<double>(probed_.size());
  }
  return reward;
}

void Lookup::remember_as_code(std::vector<double>& w, std::span<const Probe> measured, std::vector<double>& values) const {
  values.clear();
  std::vector<double> last;
  double total = 0;
  std::size_t next = 0;
  for (const std::size_t j : probed_) {
    for (std::size_t n = samples(j); n > 0; --n, ++next) {
      FADER_CHECK(next < measured.size(), "{} probes", measured.size());
      w[j] = (1 - kCodeRate) * w[j] + kCodeRate * std::exp(kMemoryScale * static_cast<double>(measured[next].cosine));
    }
    last.push_back(measured[next - 1].cosine);
    total += w[j];
  }
  FADER_CHECK_EQ(next, measured.size());
  for (std::size_t p = 0; p < probed_.size(); ++p) {
    const std::size_t j = probed_[p];
    w[j] /= total;
    values.push_back(w[j] * (std::exp(kValueScale * last[p]) / kValueUnit - 1) / static_cast<double>(samples(j)));
  }
}

CategoryValues Lookup::category_values(int slot) const { return {place_, values_[static_cast<std::size_t>(slot)]}; }

void Lookup::memory_state(Archive& archive, std::vector<double>& w) const {
  archive.field("memory", std::span<double>(w));
  if (!archive.loading()) return;
  const double most = std::numeric_limits<float>::max();  // it becomes a score
  const bool scores = std::all_of(w.begin(), w.end(), [most](double x) { return std::abs(x) <= most; });
  archive.expect(scores, "what sub-categories were worth");
}
void Lookup::state(Archive& archive) {
  for (auto& w : memory_) memory_state(archive, w);
}
void Lookup::slot_state(Archive& archive, int slot) { memory_state(archive, memory(slot)); }

namespace {

class Domain final : public Lookup {
 public:
  Domain(const LookupOptions& options, const AgentContext& context)
      : Lookup(options, context, labels(*context.corpus, [](const Document& d) { return static_cast<int>(d.domain); }),
               context.corpus->domains().size(), 1) {}
};

struct TopicOptions final : LookupOptions {
  std::string source = "auto";
  ClusterOptions clusters;
  void fields(Fields& f) override {
    LookupOptions::fields(f);
    f("source", source, "the corpus's topic field, clusters of the pool's texts, or the field where there is one")
        .one_of({"auto", "field", "clusters"});
    clusters.fields(f);
  }
};

Clusters topics(const TopicOptions& options, const AgentContext& context) {
  const Corpus& corpus = *context.corpus;
  const bool field = !corpus.topics().empty();
  if (options.source == "field" && !field)
    throw ConfigError("agent 'topic' with source = \"field\" needs a topic field, and the corpus has none; name it in corpus.topic_field, or set "
                      "source = \"clusters\"");
  if (options.source == "clusters" || !field) return cluster(options.clusters, context, "topic");
  return {labels(corpus, [](const Document& d) { return static_cast<int>(d.topic); }), corpus.topics().size(), {}};
}

class Topic final : public Lookup {
 public:
  Topic(const TopicOptions& options, const AgentContext& context) : Topic(options, context, topics(options, context)) {}
  Cost static_cost() const override { return cost_; }

 private:
  Topic(const TopicOptions& options, const AgentContext& context, Clusters topics)
      : Lookup(options, context, std::move(topics.label), topics.count, 2), cost_(topics.cost) {
    if (options.source == "auto" && context.corpus->topics().empty())
      remark(fmt::format("the corpus has no topic field: topics are {} clusters of the pool's texts", topics.count));
  }
  Cost cost_;
};

REGISTER_AGENT("domain", Domain, LookupOptions, "what each domain's passages were worth to the reference set", "checked against an oracle");
REGISTER_AGENT("topic", Topic, TopicOptions, "what each topic's passages were worth to the reference set", "checked against an oracle");

}  // namespace
}  // namespace fader
