// times_seen: what was trained on less comes first.
//
//   S(x) = 1 / (1 + decay c(x))     c(x): passages that the episode has trained on, of x itself, its document or its group
//
// The released code of Bai et al. (arXiv 2410.08102, cal_score.py) has it as a factor of all scores, with decay = 0.1 and
// documents that may come again; here it is an agent that a console can weigh. Where a passage is used once (env.pool =
// "stream", or a reservoir with epochs = 1), c(x) of the passage is 0 for all candidates: by = "document" and "group" say how
// much of the same work was read. Costs nothing.
// Status: checked exactly (tests/agents/times_seen_test.cc).
#include <algorithm>

#include "agents/agent.h"

namespace fader {
namespace {

struct TimesSeenOptions final : Options {
  std::string by = "document";
  double decay = 0.1;
  void fields(Fields& f) override {
    f("by", by, "whose passages are counted: the passage's own, its document's, its group's").one_of({"passage", "document", "group"});
    f("decay", decay, "how much each of them takes away", 1e-6, 1e6);
  }
};

class TimesSeen final : public Agent {
 public:
  TimesSeen(const TimesSeenOptions& options, const AgentContext& context)
      : corpus_(context.corpus), by_(options.by), decay_(options.decay), seen_(static_cast<std::size_t>(context.slots)) {
    std::size_t keys = corpus_->passages().size();
    if (by_ == "document") keys = corpus_->documents().size();
    if (by_ == "group") {
      for (const Document& d : corpus_->documents()) groups_.push_back(d.group);
      std::sort(groups_.begin(), groups_.end());
      groups_.erase(std::unique(groups_.begin(), groups_.end()), groups_.end());
      keys = groups_.size();
    }
    for (auto& counts : seen_) counts.assign(keys, 0);
  }

  void begin(Slots slots, std::span<const std::uint64_t>) override {
    for (const int slot : slots) std::ranges::fill(seen(slot), 0u);
  }
  void score(std::span<ScoreJob> jobs, Trainer&) override {
    for (const ScoreJob& job : jobs)
      for (std::size_t i = 0; i < job.passages.size(); ++i)
        job.score[i] = static_cast<float>(1 / (1 + decay_ * seen(job.slot)[key(job.passages[i])]));
  }
  void trained(std::span<const TrainedOn> slots) override {
    for (const TrainedOn& on : slots)
      for (const PassageId id : on.passages) ++seen(on.slot)[key(id)];
  }
  void state(Archive& archive) override {
    for (std::size_t s = 0; s < seen_.size(); ++s) slot_state(archive, static_cast<int>(s));
  }
  void slot_state(Archive& archive, int slot) override {  // those that were seen, and how often
    std::vector<std::uint32_t>& counts = seen(slot);
    std::vector<std::uint32_t> keys, times;
    for (std::uint32_t k = 0; k < counts.size(); ++k)
      if (counts[k] > 0) {
        keys.push_back(k);
        times.push_back(counts[k]);
      }
    archive.field("seen", keys);
    archive.field("times", times);
    if (!archive.loading()) return;
    archive.expect(keys.size() == times.size(), "how often each was seen");
    std::ranges::fill(counts, 0u);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      archive.expect(keys[i] < counts.size() && (i == 0 || keys[i] > keys[i - 1]) && times[i] > 0, "what this corpus has, in order");
      counts[keys[i]] = times[i];
    }
  }

 private:
  std::vector<std::uint32_t>& seen(int slot) { return seen_[static_cast<std::size_t>(slot)]; }
  std::size_t key(PassageId id) const {
    if (by_ == "passage") return id;
    if (by_ == "document") return corpus_->passages()[id].document;
    return static_cast<std::size_t>(std::lower_bound(groups_.begin(), groups_.end(), corpus_->document(id).group) - groups_.begin());
  }

  const std::shared_ptr<const Corpus> corpus_;
  const std::string by_;
  const double decay_;
  std::vector<std::uint32_t> groups_;                // by = group: all there are, ascending
  std::vector<std::vector<std::uint32_t>> seen_;     // [slot][key]
};

REGISTER_AGENT("times_seen", TimesSeen, TimesSeenOptions, "what was trained on less comes first", "checked against an oracle");

}  // namespace
}  // namespace fader
