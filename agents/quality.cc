// quality: how much a passage resembles text that is known to be good.
//
// Where the corpus has a quality field (corpus.quality_field), the score is that number: S(x) = q(x). Documents without one
// score just below the lowest. Elsewhere the score is the log-odds of a fastText classifier,
//   S(x) = ln p(anchor | x) - ln p(pool | x),
// an averaged bag of hashed word 1,2-grams, linear, softmax, trained on passages of the anchor set against as many of the
// pool: Joulin et al. 2017, arXiv 1607.01759; used as a pretraining filter by Li et al. 2024 (DCLM, arXiv 2406.11794,
// section 4.4). It sees no reward, validation or test text. One training thread, so that it repeats.
//
// With memory = "paper" or "code" that score only says which bin a passage is in, and the agent remembers what each bin was
// worth (lookup.h): the quality agent of Bai et al., arXiv 2410.08102, whose five bins are [0, 1), ..., [4, 5).
// Status: checked against an oracle (tests/agents/quality_test.cc, tests/agents/seed_code_test.cc).
#include <fasttext/fasttext.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <vector>

#include "agents/examples.h"
#include "agents/lookup.h"
#include "agents/static_agent.h"
#include "agents/text_scores.h"

namespace fader {
namespace {

struct ScoreOptions : TextOptions {
  std::string source = "auto";
  std::int64_t examples = 4000, dimension = 16, epochs = 5, word_ngrams = 2, buckets = 200000;
  double learning_rate = 0.5;
  ScoreOptions() { unit = "passage"; }
  void fields(Fields& f) override {
    f("source", source, "the corpus's quality field, a classifier of anchor-set text, or the field where there is one")
        .one_of({"auto", "field", "fasttext"});
    TextOptions::fields(f);
    f("examples", examples, "fasttext: passages of each class to train on, at most", 10, 1000000);
    f("dimension", dimension, "fasttext: of the word vectors", 1, 1024);
    f("epochs", epochs, "fasttext: passes over the examples", 1, 1000);
    f("word_ngrams", word_ngrams, "fasttext: longest word n-gram", 1, 5);
    f("buckets", buckets, "fasttext: hash buckets of n-grams", 1000, 100000000);
    f("learning_rate", learning_rate, "fasttext: of the first example, falling to zero", 1e-4, 10.0);
  }
};

struct QualityOptions final : ScoreOptions {
  LookupOptions lookup;
  std::vector<double> bins;
  QualityOptions() { lookup.memory = "none"; }
  void fields(Fields& f) override {
    ScoreOptions::fields(f);
    f("memory", lookup.memory, "none: the score itself; paper, code: what its bin was worth, remembered as in the seed paper or as in its "
      "released code")
        .one_of({"none", "paper", "code"});
    f("bins", bins, "memory: borders of the bins, ascending: a bin holds its lower one; outside of them is no bin; empty: five bins with "
      "equally many passages of the pool");
    f("eta", lookup.eta, "memory = paper: how much of it a new measurement replaces", 0.0, 1.0);
    f("probe_passages", lookup.probe_passages, "memory: passages of each bin that are probed after every interval", 1, 10000);
  }
  void validate() const override {
    if (bins.size() == 1) throw ConfigError("bins: one border makes no bin; give two or more, or none");
    for (std::size_t i = 1; i < bins.size(); ++i)
      if (!(bins[i - 1] < bins[i]))
        throw ConfigError(fmt::format("bins: {} comes before {}; expected ascending borders", bins[i - 1], bins[i]));
    if (!bins.empty() && lookup.memory == "none")
      throw ConfigError("bins: without a memory there are none; set memory = \"paper\", or leave bins out");
  }
};

constexpr const char* kLabel = "__fader__";
constexpr const char* kAnchor = "__fader__anchor";

/// One line that fastText reads as words: no line ends, and no word that it would take for a label.
std::string as_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  for (std::size_t at = 0; (at = text.find(kLabel, at)) != std::string::npos; at += 2) text.insert(at, 1, '"');
  return text;
}

class Classifier {
 public:
  Classifier(const ScoreOptions& options, const Corpus& corpus, Progress& progress) {
    const auto limit = static_cast<std::size_t>(options.examples);
    const auto anchor = anchor_examples(corpus, "quality", limit, 10, "name a quality field in corpus.quality_field");
    const auto pool = examples(corpus, Set::pool, anchor.size());
    progress.note(fmt::format("quality: training a classifier on {} anchor and {} pool passages", anchor.size(), pool.size()));
    const AtomicFile file(corpus.folder() / "quality-examples.txt");  // never committed: fastText reads examples from a file only
    write_examples(file.path(), corpus, anchor, pool);

    fasttext::Args args;
    args.input = file.path().string();
    args.model = fasttext::model_name::sup;
    args.loss = fasttext::loss_name::softmax;
    args.label = kLabel;
    args.minCount = 1;
    args.minn = args.maxn = 0;
    args.dim = static_cast<int>(options.dimension);
    args.epoch = static_cast<int>(options.epochs);
    args.wordNgrams = static_cast<int>(options.word_ngrams);
    args.bucket = static_cast<int>(options.buckets);
    args.lr = options.learning_rate;
    args.thread = 1;
    args.seed = 1;
    args.verbose = 0;
    model_.train(args);
    anchor_label_ = model_.getDictionary()->getLabel(0) == kAnchor ? 0 : 1;
    grams_per_pass_ = 2.0 * static_cast<double>(options.dimension) * static_cast<double>(options.word_ngrams);
    for (const auto& ids : {anchor, pool})
      for (const PassageId id : ids) {  // forward and backward of every example and epoch
        cost_.tokens += options.epochs * corpus.passages()[id].tokens;
        cost_.flops += 3.0 * grams_per_pass_ * static_cast<double>(options.epochs) * corpus.passages()[id].tokens;
      }
  }

  /// Thread-safe.
  float log_odds(const std::string& text) const {
    std::istringstream line(as_line(text) + "\n");
    std::vector<std::int32_t> words, labels;
    model_.getDictionary()->getLine(line, words, labels);
    fasttext::Predictions predictions;
    model_.predict(2, words, predictions, 0.0f);
    float odds = 0;  // nothing known: no word of it was seen
    for (const auto& [log_probability, label] : predictions) odds += label == anchor_label_ ? log_probability : -log_probability;
    return odds;
  }

  const Cost& training_cost() const { return cost_; }
  double flops_per_token() const { return grams_per_pass_; }

 private:
  static void write_examples(const std::filesystem::path& path, const Corpus& corpus, const std::vector<PassageId>& anchor,
                             const std::vector<PassageId>& pool) {
    std::ofstream out(path, std::ios::binary);
    for (std::size_t i = 0; i < std::max(anchor.size(), pool.size()); ++i) {  // alternating: the learning rate falls with time
      if (i < anchor.size()) out << kAnchor << ' ' << as_line(corpus.text(anchor[i])) << '\n';
      if (i < pool.size()) out << kLabel << "pool " << as_line(corpus.text(pool[i])) << '\n';
    }
    out.close();
    if (!out) throw RunError(fmt::format("{}: cannot be written", path.string()));
  }

  fasttext::FastText model_;
  int anchor_label_ = 0;
  double grams_per_pass_ = 0;
  Cost cost_;
};

class Quality final : public StaticAgent {
 public:
  Quality(const QualityOptions& options, const AgentContext& context) : StaticAgent(*context.corpus, scores(options, context)), corpus_(context.corpus) {
    const bool field = corpus_->has_quality() && options.source != "fasttext";
    if (field) remark(lacking(*corpus_, "quality", "rank last", [&](PassageId id) { return !std::isnan(corpus_->document(id).quality); }));
    if (!field && options.source == "auto") remark("the corpus has no quality field: the score is likeness to text of the anchor set");
    if (options.lookup.memory == "none") return;
    const std::vector<double> borders = options.bins.empty() ? even_borders() : options.bins;
    lookup_ = std::make_unique<Lookup>(options.lookup, context, bin_of_each(borders), borders.size() - 1, 0);
  }

  void begin(Slots slots, std::span<const std::uint64_t> seeds) override {
    if (lookup_) lookup_->begin(slots, seeds);
  }
  void score(std::span<ScoreJob> jobs, Trainer& trainer) override {
    if (lookup_) return lookup_->score(jobs, trainer);
    StaticAgent::score(jobs, trainer);
  }
  void probes(Slots slots, Streams streams, std::span<std::vector<ProbeGroup>> out) override {
    if (lookup_) lookup_->probes(slots, streams, out);
  }
  void feedback(Slots slots, std::span<const std::span<const Probe>> measured, std::span<double> reward) override {
    if (lookup_) lookup_->feedback(slots, measured, reward);
    else Agent::feedback(slots, measured, reward);
  }
  CategoryValues category_values(int slot) const override { return lookup_ ? lookup_->category_values(slot) : CategoryValues{}; }
  void state(Archive& archive) override {
    if (lookup_) lookup_->state(archive);
  }
  void slot_state(Archive& archive, int slot) override {
    if (lookup_) lookup_->slot_state(archive, slot);
  }

 private:
  static StaticColumn scores(ScoreOptions options, const AgentContext& context) {
    const Corpus& corpus = *context.corpus;
    if (options.source == "field" && !corpus.has_quality())
      throw ConfigError("agent 'quality' with source = \"field\" needs a quality field; name it in corpus.quality_field");
    if (options.source == "field" || (options.source == "auto" && corpus.has_quality()))
      return static_column(corpus, "quality", "field", context.progress, [&](std::span<float> out) { return from_field(corpus, out); });
    return static_column(corpus, "quality", column_key("fasttext", options.list()), context.progress,
                         [&](std::span<float> out) { return from_classifier(options, context, out); });
  }

  /// Borders between five parts of the pool with equally many passages each.
  std::vector<double> even_borders() const {
    constexpr std::size_t kBins = 5;
    std::vector<double> sorted;
    for (const PassageId id : corpus_->set(Set::pool)) sorted.push_back(column().values[id]);
    std::sort(sorted.begin(), sorted.end());
    const double infinity = std::numeric_limits<double>::infinity();
    std::vector<double> borders = {-infinity};
    for (std::size_t i = 1; i < kBins; ++i) borders.push_back(sorted[i * sorted.size() / kBins]);
    borders.push_back(infinity);
    return borders;
  }

  std::vector<int> bin_of_each(const std::vector<double>& borders) const {
    std::vector<int> bin;
    for (const float q : column().values) {
      const auto above = std::upper_bound(borders.begin(), borders.end(), static_cast<double>(q));
      bin.push_back(above == borders.end() ? -1 : static_cast<int>(above - borders.begin()) - 1);
    }
    return bin;
  }

  static Cost from_field(const Corpus& corpus, std::span<float> out) {
    for (std::size_t id = 0; id < out.size(); ++id) out[id] = corpus.document(static_cast<PassageId>(id)).quality;
    FADER_CHECK(rank_missing_last(out), "a quality field without a number");
    return {};
  }

  static Cost from_classifier(const ScoreOptions& options, const AgentContext& context, std::span<float> out) {
    const Classifier classifier(options, *context.corpus, context.progress);
    const auto scorer = [&]() -> TextScorer {
      return [&](std::string_view text) { return classifier.log_odds(std::string(text)); };
    };
    Cost cost = score_texts(context, "quality", options.unit, scorer, "give the pool some text", out);
    cost.flops += classifier.flops_per_token() * static_cast<double>(cost.tokens);
    return cost += classifier.training_cost();
  }

  std::shared_ptr<const Corpus> corpus_;
  std::unique_ptr<Lookup> lookup_;  // none: the score itself
};

REGISTER_AGENT("quality", Quality, QualityOptions, "the corpus's quality field, else likeness to anchor-set text (fastText)",
               "checked against an oracle");

}  // namespace
}  // namespace fader
