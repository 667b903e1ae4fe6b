// novelty: how little of a passage is in what was trained on.
//
//   S(x) = 1 - max over the passages y that the episode has trained on of J(x, y)
//
// J is the Jaccard similarity of the sets of token n-grams, estimated by MinHash with 128 hashes; only those y are looked at
// that share a band of hashes with x (minhash.h), so what is little similar counts as new. Near-duplicates are found so in the
// cleaning of pretraining corpora (Lee et al. 2022, arXiv 2107.06499); here they are left for later rather than thrown away, and
// what counts is what this episode has read. Before the first interval all scores are 1.
//
// The last `memory` passages are remembered, a slot at a time: about 0.9 KB each with 32 bands. What is the same as one of them
// takes no room. No model is asked.
// Status: checked against an oracle (tests/agents/novelty_test.cc, tests/agents/minhash_test.cc).
#include <algorithm>

#include "agents/agent.h"
#include "agents/minhash.h"

namespace fader {
namespace {

struct NoveltyOptions final : Options {
  std::int64_t shingle = 5, bands = 32, memory = 100000;
  void fields(Fields& f) override {
    f("shingle", shingle, "tokens of an n-gram", 1, 64);
    f("bands", bands, "of the 128 hashes, a power of 2: more bands find the less similar too, and take longer", 1, kHashes);
    f("memory", memory, "passages that are remembered, the last ones", 1, 1 << 29);
  }
  void validate() const override {
    if (kHashes % static_cast<std::size_t>(bands) != 0)
      throw ConfigError(fmt::format("bands is {}, which does not divide 128 hashes; try 16, 32 or 64", bands));
  }
};

class Novelty final : public Agent {
 public:
  Novelty(const NoveltyOptions& options, const AgentContext& context)
      : corpus_(context.corpus), shingle_(static_cast<std::size_t>(options.shingle)),
        seen_(static_cast<std::size_t>(context.slots),
              SeenSignatures(static_cast<std::size_t>(options.bands), static_cast<std::size_t>(options.memory))),
        memory_(static_cast<std::size_t>(options.memory)) {}

  void begin(Slots slots, std::span<const std::uint64_t>) override {
    for (const int slot : slots) seen(slot).clear();
  }
  void score(std::span<ScoreJob> jobs, Trainer&) override {
    for (const ScoreJob& job : jobs)
      for (std::size_t i = 0; i < job.passages.size(); ++i)
        job.score[i] = static_cast<float>(1 - seen(job.slot).nearest(signature(job.passages[i])));
  }
  void trained(std::span<const TrainedOn> slots) override {
    for (const TrainedOn& on : slots)
      for (const PassageId id : on.passages) seen(on.slot).add(signature(id), id);
  }
  void state(Archive& archive) override {
    for (std::size_t s = 0; s < seen_.size(); ++s) slot_state(archive, static_cast<int>(s));
  }
  void slot_state(Archive& archive, int slot) override {  // the passages; their signatures follow
    std::vector<PassageId> ids = archive.loading() ? std::vector<PassageId>() : seen(slot).names();
    archive.field("seen", ids);
    if (!archive.loading()) return;
    archive.expect(ids.size() <= memory_, "as many passages as are remembered");
    for (const PassageId id : ids) archive.expect(id < corpus_->passages().size(), "passages of this corpus");
    seen(slot).clear();
    for (const PassageId id : ids) seen(slot).add(signature(id), id);
    archive.expect(seen(slot).names().size() == ids.size(), "passages that differ");
  }

 private:
  SeenSignatures& seen(int slot) { return seen_[static_cast<std::size_t>(slot)]; }
  Signature signature(PassageId id) const { return minhash(corpus_->tokens(id), shingle_); }

  const std::shared_ptr<const Corpus> corpus_;
  const std::size_t shingle_;
  std::vector<SeenSignatures> seen_;  // [slot]
  const std::size_t memory_;
};

REGISTER_AGENT("novelty", Novelty, NoveltyOptions, "how little of a passage is in what was trained on (MinHash)",
               "checked against an oracle");

}  // namespace
}  // namespace fader
