// cluster_ucb: a bandit over clusters of the pool's texts (agents/clusters.h), after QUAD (Zhang et al. 2024, arXiv 2409.16986):
//
//   S(x) = I_c + alpha sqrt(2 ln(1 + sum_j T_j) / (1 + T_c))       c the cluster of x
//   I_c   mean influence measured in c, older measurements counting `discount` less with every interval
//   T_c   passages of c that were trained on, by whichever agent's choice; the ones keep a cluster never drawn finite
// A cluster of which nothing was measured has the mean of the others' I_c (0 before any); a passage without a cluster scores like
// the mean of all clusters. After every interval the `probe_clusters` clusters of highest score are measured, drawn by lot where
// they are equal, on `probe_passages` passages each, in one pooled backward pass:
//   n <- discount n for all clusters,   n_c <- n_c + 1,   I_c <- I_c + (r_c - I_c) / n_c
// r is the cosine of the gradient with that of the reference set, or their inner product. Differences: they precondition the influence
// with K-FAC curvature and drop documents below a threshold; ours is a score, and selection is env.selection's. The agent's own
// reward is that of agents/lookup.h, eq. (7): the mean of I_c r_c over what was probed.
// Status: checked against an oracle (tests/agents/cluster_ucb_test.cc).
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "agents/clusters.h"

namespace fader {
namespace {

struct ClusterUcbOptions final : ClusterOptions {
  double alpha = 0.1, discount = 0.9;
  std::int64_t probe_clusters = 8, probe_passages = 4;
  std::string influence = "cosine";
  ClusterUcbOptions() { clusters = 64; }
  void fields(Fields& f) override {
    f("alpha", alpha, "width of the bonus for clusters that little was drawn from, in units of the influence", 0.0, 1e6);
    f("discount", discount, "of what was measured, with every interval; 1: all of it counts alike, as in the paper", 0.0, 1.0);
    f("influence", influence, "of a cluster: cosine or inner product of its gradient with the reference gradient").one_of({"cosine", "dot"});
    f("probe_clusters", probe_clusters, "clusters that are measured after every interval, at most", 1, 100000);
    f("probe_passages", probe_passages, "passages of each", 1, 10000);
    ClusterOptions::fields(f);
  }
};

class ClusterUcb final : public Agent {
 public:
  ClusterUcb(const ClusterUcbOptions& options, const AgentContext& context)
      : options_(options), clusters_(cluster(options, context, "cluster_ucb")), members_(clusters_.count),
        memory_(static_cast<std::size_t>(context.slots), Memory(clusters_.count)) {
    for (const PassageId id : context.corpus->set(Set::pool))
      if (const int c = clusters_.label[id]; c >= 0 && context.corpus->passages()[id].bytes > 0)
        members_[static_cast<std::size_t>(c)].push_back(id);
  }

  void begin(Slots slots, std::span<const std::uint64_t>) override {
    for (const int slot : slots) at(slot) = Memory(clusters_.count);
  }

  void score(std::span<ScoreJob> jobs, Trainer&) override {
    for (const ScoreJob& job : jobs) {
      const std::vector<double> value = values(at(job.slot));
      const double mean = std::accumulate(value.begin(), value.end(), 0.0) / static_cast<double>(value.size());
      for (std::size_t i = 0; i < job.passages.size(); ++i) {
        const int c = clusters_.label[job.passages[i]];
        job.score[i] = static_cast<float>(c < 0 ? mean : value[static_cast<std::size_t>(c)]);
      }
    }
  }

  void trained(std::span<const TrainedOn> slots) override {
    for (const TrainedOn& row : slots)
      for (const PassageId id : row.passages)
        if (const int c = clusters_.label[id]; c >= 0) ++at(row.slot).drawn[static_cast<std::size_t>(c)];
  }

  void probes(Slots slots, Streams streams, std::span<std::vector<ProbeGroup>> out) override {
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const std::vector<double> value = values(at(slots[i]));
      std::vector<std::size_t> order;
      for (std::size_t c = 0; c < members_.size(); ++c)
        if (!members_[c].empty()) order.push_back(c);
      streams[i].shuffle(std::span(order));
      std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return value[a] > value[b]; });
      order.resize(std::min(order.size(), static_cast<std::size_t>(options_.probe_clusters)));
      for (const std::size_t c : order) {
        const std::vector<PassageId>& all = members_[c];
        std::set<std::size_t> drawn;
        while (drawn.size() < std::min(all.size(), static_cast<std::size_t>(options_.probe_passages)))
          drawn.insert(streams[i].below(all.size()));
        ProbeGroup& group = out[i].emplace_back();
        for (const std::size_t k : drawn) group.push_back(all[k]);
      }
    }
  }

  void feedback(Slots slots, std::span<const std::span<const Probe>> measured, std::span<double> reward) override {
    for (std::size_t i = 0; i < slots.size(); ++i) {
      Memory& m = at(slots[i]);
      for (double& n : m.measured) n *= options_.discount;
      double total = 0;
      for (const Probe& probe : measured[i]) {
        const auto c = static_cast<std::size_t>(clusters_.label[probe.passages.front()]);
        const auto r = static_cast<double>(options_.influence == "dot" ? probe.dot : probe.cosine);
        if (std::isfinite(r)) m.value[c] += (r - m.value[c]) / ++m.measured[c];
        total += m.value[c] * r;
      }
      reward[i] = measured[i].empty() ? std::nan("") : total / static_cast<double>(measured[i].size());
    }
  }

  Cost static_cost() const override { return clusters_.cost; }
  void state(Archive& archive) override { for (Memory& m : memory_) archive.field("memory", m); }
  void slot_state(Archive& archive, int slot) override { archive.field("memory", at(slot)); }

 private:
  /// What one slot knows of each cluster.
  struct Memory {
    explicit Memory(std::size_t n) : value(n), measured(n), drawn(n) {}
    std::vector<double> value, measured, drawn;  // I_c, n_c, T_c
    void state(Archive& archive) {
      archive.field("value", std::span<double>(value));
      archive.field("measured", std::span<double>(measured));
      archive.field("drawn", std::span<double>(drawn));
      if (!archive.loading()) return;
      const auto within = [](double low, double high) { return [low, high](double x) { return x >= low && x <= high; }; };
      constexpr double kMost = std::numeric_limits<float>::max(), kCount = 1e15;
      archive.expect(std::all_of(value.begin(), value.end(), within(-kMost, kMost)), "influences of clusters");
      archive.expect(std::all_of(measured.begin(), measured.end(), within(0, kCount)), "numbers of measurements");
      archive.expect(std::all_of(drawn.begin(), drawn.end(), within(0, kCount)), "numbers of passages trained on");
    }
  };
  Memory& at(int slot) { return memory_[static_cast<std::size_t>(slot)]; }

  std::vector<double> values(const Memory& m) const {
    double mean = 0, known = 0;
    for (std::size_t c = 0; c < clusters_.count; ++c)
      if (m.measured[c] > 0) {
        mean += m.value[c];
        ++known;
      }
    if (known > 0) mean /= known;
    const double all = std::accumulate(m.drawn.begin(), m.drawn.end(), 0.0);
    std::vector<double> out(clusters_.count);
    for (std::size_t c = 0; c < clusters_.count; ++c)
      out[c] = (m.measured[c] > 0 ? m.value[c] : mean) + options_.alpha * std::sqrt(2 * std::log(1 + all) / (1 + m.drawn[c]));
    return out;
  }

  const ClusterUcbOptions options_;
  const Clusters clusters_;
  std::vector<std::vector<PassageId>> members_;  // of each cluster, in the pool
  std::vector<Memory> memory_;                   // [slot]
};

REGISTER_AGENT("cluster_ucb", ClusterUcb, ClusterUcbOptions,
               "a bandit over clusters of texts: measured influence and a bonus for the seldom drawn",
               "checked against an oracle");

}  // namespace
}  // namespace fader
