// domain, topic: agents that know a passage's label alone, and remember what each label was worth.
//
//   R_j <- mean over n probe passages x of sub-category j of <g_ref, g(x)>     one pooled backward pass      (4)
//   w_j <- (1 - eta) w_j + eta R_j                                             the memory                    (5)
//   S(x) = w_{j(x)}                                                            the score
//   R   = (1 / J) sum_j w_j R_j                                                the agent's own reward        (7)
//
// Bai et al., "Multi-Agent Collaborative Data Selection for Efficient LLM Pretraining", arXiv 2410.08102, section 3,
// without the Hessian of their equation 3 (their released code has none either). Before the first probes all w_j are
// equal, so the first interval trains on a random sample, as theirs does. In (7) the memory is the updated one.
// Status: checked against an oracle (tests/agents/lookup_test.cc).
#include <cmath>
#include <set>
#include <vector>

#include "agents/agent.h"

namespace fader {
namespace {

struct LookupOptions : Options {
  double eta = 0.5;
  std::int64_t probe_passages = 4;
  void fields(Fields& f) override {
    f("eta", eta, "how much of the memory a new measurement replaces", 0.0, 1.0);
    f("probe_passages", probe_passages, "passages of each sub-category that are probed after every interval", 1, 10000);
  }
};

/// `Label` maps a document to its sub-category, -1 for none.
template <int (*Label)(const Document&)>
class Lookup : public Agent {
 public:
  Lookup(const LookupOptions& options, const AgentContext& context, std::size_t categories)
      : options_(options), corpus_(context.corpus), members_(categories) {
    for (const PassageId id : corpus_->set(Set::pool))
      if (const int j = Label(corpus_->document(id)); j >= 0 && corpus_->passages()[id].bytes > 0)
        members_[static_cast<std::size_t>(j)].push_back(id);
    for (std::size_t j = 0; j < categories; ++j)
      if (!members_[j].empty()) probed_.push_back(j);
    memory_.assign(static_cast<std::size_t>(context.slots), std::vector<double>(categories, 0.0));
  }

  void begin(Slots slots, std::span<const std::uint64_t>) override {
    for (const int slot : slots) std::fill(memory(slot).begin(), memory(slot).end(), 0.0);
  }

  /// A passage without a label scores like the mean of the labels: nothing is known in its favour or against it.
  void score(std::span<ScoreJob> jobs, Trainer&) override {
    for (const ScoreJob& job : jobs) {
      const std::vector<double>& w = memory(job.slot);
      double mean = 0;
      for (const std::size_t j : probed_) mean += w[j] / static_cast<double>(probed_.size());
      for (std::size_t i = 0; i < job.passages.size(); ++i) {
        const int j = Label(corpus_->document(job.passages[i]));
        job.score[i] = static_cast<float>(j < 0 ? mean : w[static_cast<std::size_t>(j)]);
      }
    }
  }

  void probes(Slots slots, Streams streams, std::span<std::vector<ProbeGroup>> out) override {
    const auto n = static_cast<std::size_t>(options_.probe_passages);
    for (std::size_t i = 0; i < slots.size(); ++i)
      for (const std::size_t j : probed_) {
        const std::vector<PassageId>& all = members_[j];
        std::set<std::size_t> drawn;  // n_j distinct passages, uniformly
        while (drawn.size() < std::min(n, all.size())) drawn.insert(streams[i].below(all.size()));
        ProbeGroup& group = out[i].emplace_back();
        for (const std::size_t k : drawn) group.push_back(all[k]);
      }
  }

  void feedback(Slots slots, std::span<const std::span<const Probe>> measured, std::span<double> reward) override {
    for (std::size_t i = 0; i < slots.size(); ++i) {
      FADER_CHECK_EQ(measured[i].size(), probed_.size());
      std::vector<double>& w = memory(slots[i]);
      reward[i] = 0;
      for (std::size_t p = 0; p < probed_.size(); ++p) {
        const double r = measured[i][p].dot;
        double& weight = w[probed_[p]];
        weight = (1 - options_.eta) * weight + options_.eta * r;
        reward[i] += weight * r / static_cast<double>(probed_.size());
      }
    }
  }

  void state(Archive& archive) override {
    for (auto& w : memory_) archive.field("memory", std::span<double>(w));
  }
  void slot_state(Archive& archive, int slot) override { archive.field("memory", std::span<double>(memory(slot))); }

 private:
  std::vector<double>& memory(int slot) { return memory_[static_cast<std::size_t>(slot)]; }

  LookupOptions options_;
  std::shared_ptr<const Corpus> corpus_;
  std::vector<std::vector<PassageId>> members_;  // of each sub-category, in the pool
  std::vector<std::size_t> probed_;              // sub-categories that the pool has
  std::vector<std::vector<double>> memory_;      // [slot][sub-category]
};

int domain_of(const Document& d) { return d.domain; }
int topic_of(const Document& d) { return d.topic; }

class Domain final : public Lookup<domain_of> {
 public:
  Domain(const LookupOptions& options, const AgentContext& context) : Lookup(options, context, context.corpus->domains().size()) {}
};

class Topic final : public Lookup<topic_of> {
 public:
  Topic(const LookupOptions& options, const AgentContext& context) : Lookup(options, context, context.corpus->topics().size()) {
    if (context.corpus->topics().empty())
      throw ConfigError("agent 'topic' needs a topic field, and the corpus has none; name it in corpus.topic_field, or leave the agent out");
  }
};

REGISTER_AGENT("domain", Domain, LookupOptions, "what each domain's passages were worth to the reference set", "checked against an oracle");
REGISTER_AGENT("topic", Topic, LookupOptions, "what each topic's passages were worth to the reference set", "checked against an oracle");

}  // namespace
}  // namespace fader
