// The saved state of a pretraining environment: language model, optimiser, pool, streams, agents' memories. What is edited
// (tests/fuzz/fuzz.h) is a right state of a tiny model, taken between two intervals or, when byte 0 is odd, in the middle of one.
// What is accepted is played on.
#include "env/pretrain.h"
#include "tests/fuzz/fuzz.h"
#include "tests/trainer/toy_corpus.h"

using namespace fader;

namespace {

class World {
 public:
  World() : corpus_(ToyCorpus::random(11, 120, 40, 8)), env_(make()) {
    const std::uint64_t seed = 1;
    fit();
    env_->reset(kSlot, {&seed, 1}, out_);
    env_->when_resting([this] {
      if (states_[1].empty()) states_[1] = saved();
    });
    step();
    states_[0] = saved();
  }

  const std::string& state(bool within) const { return states_[within]; }
  void load(const std::string& bytes) {
    Archive archive(bytes);
    env_->slot_state(archive, 0);
    archive.finish();
  }
  void step() {
    const std::vector<double> even(env_->spec().agents.size(), 1.0 / static_cast<double>(env_->spec().agents.size()));
    fit();
    env_->step(kSlot, {even.data(), 1, even.size()}, out_);
  }

 private:
  static constexpr int kSlot[] = {0};

  std::unique_ptr<Env> make() const {
    static NoProgress progress;
    ModelOptions model;
    model.vocabulary = corpus_->vocabulary();
    model.context = corpus_->context();
    model.width = 8;
    model.layers = 1;
    model.heads = 1;
    TrainOptions train;
    train.intervals = 3;
    train.steps_per_interval = 2;
    train.batch = 2;
    PretrainOptions options;
    options.candidates = 2;
    options.reference_passages = options.evaluation_passages = options.domain_passages = 4;
    EnvContext context;
    context.pretraining = std::make_shared<Pretraining>();
    context.pretraining->model = model;
    context.pretraining->train = train;
    context.pretraining->corpus = corpus_;
    context.pretraining->trainer = make_trainer(model, train, corpus_, 1, {1});
    for (const std::string kind : {"domain", "topic", "random"}) {
      context.pretraining->agents.push_back(agents().make_default(kind, AgentContext{corpus_, 1, progress}));
      context.pretraining->agent_names.push_back(kind);
    }
    return environments().at("pretrain-v0").make(options, context);
  }
  void fit() { out_.fit(env_->spec(), 1); }
  std::string saved() {
    Archive archive;
    env_->slot_state(archive, 0);
    return archive.bytes();
  }

  std::shared_ptr<const Corpus> corpus_;
  std::unique_ptr<Env> env_;
  Outcome out_;
  std::string states_[2];
};

bool flag(const std::string& bytes, const std::string& name) { return bytes.at(bytes.find(name) + name.size() + sizeof(std::uint64_t)) != 0; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  fuzz::Bytes input(data, size);
  const bool within = input.take<std::uint8_t>() & 1;
  std::string bytes = world.state(within);
  fuzz::edit(bytes, input);
  world.load(world.state(within));  // whatever the input before has left half-filled
  if (!fuzz::accepts([&] { world.load(bytes); })) return 0;
  if (flag(bytes, "playing")) fuzz::accepts([] { world.step(); });
  return 0;
}
