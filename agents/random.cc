// random: the control. Every passage gets u ~ U(0, 1), a hash of (run seed, passage), so that the agent alone is
// training on a random sample of the candidates, and the same one for every console under the same seed.
// Status: checked against an oracle (tests/agents/random_test.cc).
#include <vector>

#include "agents/agent.h"

namespace fader {
namespace {

class Random final : public Agent {
 public:
  Random(const NoOptions&, const AgentContext& context) : key_(static_cast<std::size_t>(context.slots), 0) {}

  void begin(Slots slots, std::span<const std::uint64_t> seeds) override {
    for (std::size_t i = 0; i < slots.size(); ++i) key_[static_cast<std::size_t>(slots[i])] = stream_key(seeds[i], "agents/random");
  }

  void score(std::span<ScoreJob> jobs, Trainer&) override {
    for (const ScoreJob& job : jobs) {
      const std::uint64_t key = key_[static_cast<std::size_t>(job.slot)];
      for (std::size_t i = 0; i < job.passages.size(); ++i)
        job.score[i] = static_cast<float>(random_bits(key, job.passages[i]) >> 40) * 0x1.0p-24f;
    }
  }

  void state(Archive& archive) override { archive.field("key", key_); }
  void slot_state(Archive& archive, int slot) override { archive.field("key", key_[static_cast<std::size_t>(slot)]); }

 private:
  std::vector<std::uint64_t> key_;
};

REGISTER_AGENT("random", Random, NoOptions, "a random number a passage: the control", "checked against an oracle");

}  // namespace
}  // namespace fader
