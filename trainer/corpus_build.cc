// How a corpus comes to be. The key is a hash of all that it depends on; the built form lies in the folder <cache>/<key>,
// which appears at once, complete, by a rename under a lock.
#include "trainer/corpus_build.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <optional>

#include "core/error.h"
#include "core/files.h"
#include "trainer/corpus_encode.h"
#include "trainer/corpus_file.h"
#include "trainer/corpus_read.h"
#include "trainer/corpus_summary.h"
#include "trainer/inputs.h"
#include "trainer/split.h"
#include "trainer/synthetic.h"
#include "trainer/tokenizer.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kShortHash = 16;
constexpr const char* kSyntheticName = "synthetic.jsonl";

/// Seconds since it was last asked.
class Stopwatch {
 public:
  double lap() {
    const auto now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_ = Clock::now();
};

/// A folder that is removed again unless it is renamed to what it was made for.
class BuildFolder {
 public:
  /// Under the lock of `target`: what earlier builds of it left behind is nobody's, and goes.
  explicit BuildFolder(const fs::path& target) : target_(target) {
    const std::string prefix = fmt::format(".building-{}-", target.filename().string());
    for (const auto& entry : fs::directory_iterator(target.parent_path()))
      if (entry.path().filename().string().starts_with(prefix)) fs::remove_all(entry.path());
    path_ = target.parent_path() / fmt::format("{}{}", prefix, ::getpid());
    make_folder(path_);
  }
  ~BuildFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  BuildFolder(const BuildFolder&) = delete;
  BuildFolder& operator=(const BuildFolder&) = delete;

  const fs::path& path() const { return path_; }
  void commit() {
    std::error_code error;
    fs::rename(path_, target_, error);
    if (error) throw RunError(fmt::format("{}: cannot be made: {}", target_.string(), error.message()));
  }

 private:
  fs::path target_, path_;
};

/// All that a build starts from.
struct Plan {
  CorpusOptions options;          ///< in effect
  std::vector<InputFile> files;   ///< none: synthetic
  std::optional<Tokenizer> tokenizer;
  std::string hash;
};

SyntheticOptions synthetic_options(const CorpusOptions& o) {
  return {o.synthetic_seed, o.synthetic_megabytes, o.synthetic_supply, o.synthetic_drift};
}

/// Everything that the bytes of a corpus depend on, as text: formats, sizes, contents, options. No path.
std::string describe(const Plan& plan, const CorpusBuild& build) {
  std::string out = fmt::format("format {}\nvocabulary {}\ncontext {}\n", kCorpusFormat, build.vocabulary, build.context);
  for (const auto& file : plan.files) out += fmt::format("{} {}\n", kSourceNames[static_cast<std::size_t>(file.source)], file.hash);
  if (plan.files.empty()) {
    Sha256 content;  // of what is generated, not of its options: the generator may change
    make_synthetic(synthetic_options(plan.options), [&](const std::string& line) {
      content.add(line);
      content.add("\n");
    });
    out += fmt::format("synthetic {}\n", content.hex());
  }
  if (plan.tokenizer) out += fmt::format("tokenizer {}\n", sha256(plan.tokenizer->model()));
  CorpusOptions options = plan.options;
  for (const auto& option : options.list())
    if (!option.is_path && !option.name.starts_with("synthetic.")) out += fmt::format("{} = {}\n", option.name, option.value());
  return out;
}

Tokenizer load_tokenizer(const CorpusOptions& options, int vocabulary) {
  Tokenizer tokenizer = Tokenizer::from_model(read_file(options.tokenizer, std::uint64_t{1} << 27), options.tokenizer);
  if (tokenizer.vocabulary() != vocabulary)
    throw ConfigError(fmt::format("corpus.tokenizer: '{}' has {} pieces and model.vocabulary is {}; set model.vocabulary = {}",
                                  options.tokenizer, tokenizer.vocabulary(), vocabulary, tokenizer.vocabulary()));
  return tokenizer;
}

Plan make_plan(const CorpusOptions& given, const CorpusBuild& build, Progress& progress) {
  given.validate();
  Plan plan;
  plan.options = given.effective();
  const CorpusOptions& o = plan.options;
  for (const auto& [names, source] : {std::pair{&o.train, InputSet::train}, {&o.heldout, InputSet::heldout}, {&o.test, InputSet::test}})
    for (auto& file : resolve_inputs(*names, source)) plan.files.push_back(std::move(file));
  check_distinct(plan.files);
  if (!o.tokenizer.empty()) plan.tokenizer = load_tokenizer(o, build.vocabulary);
  hash_inputs(plan.files, build.cache / "inputs", progress);
  plan.hash = sha256(describe(plan, build));
  return plan;
}

void write_synthetic(const CorpusOptions& options, const fs::path& path) {
  FileWriter file(path);
  make_synthetic(synthetic_options(options), [&](const std::string& line) {
    file.write(line);
    file.write("\n");
  });
  file.close();
}

void build_corpus(Plan& plan, const CorpusBuild& build, const fs::path& target, Progress& progress) {
  Stopwatch clock;
  BuildFolder folder(target);
  const fs::path scratch = folder.path() / "texts", synthetic = folder.path() / kSyntheticName;
  std::vector<InputFile> files = plan.files;
  if (files.empty()) {
    write_synthetic(plan.options, synthetic);
    files.push_back({synthetic, InputSet::train, fs::file_size(synthetic), ""});
  }
  RawCorpus raw = read_corpus(files, plan.options, build.threads, scratch, progress);
  const Duplicates left_out = split(raw, plan.options);
  check_sets(raw, plan.options);
  const double reading = clock.lap();

  if (!plan.tokenizer) {
    progress.update("train tokenizer", 0, 0, "");
    plan.tokenizer = train_tokenizer(raw, scratch, plan.options.tokenizer_megabytes, build.vocabulary);
    FADER_CHECK_EQ(plan.tokenizer->vocabulary(), build.vocabulary);
  }
  const double training = clock.lap();

  AtomicFile file(folder.path() / kCorpusFileName);
  CorpusWriter writer(file.path());
  CorpusContents contents = encode_corpus(raw, scratch, *plan.tokenizer, build.context, build.threads, writer, progress);
  const double encoding = clock.lap();

  contents.ratings = plan.options.ratings;
  contents.hash = plan.hash;
  contents.tokenizer_hash = sha256(plan.tokenizer->model());
  writer.finish(contents);
  file.commit();
  write_atomically(folder.path() / kTokenizerFileName, plan.tokenizer->model());
  write_atomically(folder.path() / "summary.json", summary_json(contents, raw, left_out, plan.files));
  fs::remove(scratch);
  fs::remove(synthetic);
  folder.commit();
  const double writing = clock.lap();
  for (const auto& line : summary_lines(contents, raw, left_out)) progress.note(line);
  progress.note(fmt::format("corpus built in {:.1f} s: reading {:.1f}, tokenizer {:.1f}, encoding {:.1f}, writing {:.1f}",
                            reading + training + encoding + writing, reading, training, encoding, writing));
}

}  // namespace

std::shared_ptr<const Corpus> open_or_build(const CorpusOptions& options, const CorpusBuild& build, Progress& progress) {
  FADER_CHECK(build.vocabulary > 0 && build.context > 0 && build.threads > 0 && !build.cache.empty());
  make_folder(build.cache);
  Plan plan = make_plan(options, build, progress);
  const fs::path folder = build.cache / plan.hash.substr(0, kShortHash);
  if (!fs::exists(folder)) {
    const FileLock lock(folder.string() + ".lock", [&] { progress.note("another process builds this corpus; waiting for it"); });
    if (!fs::exists(folder)) build_corpus(plan, build, folder, progress);
  }
  auto corpus = Corpus::open(folder);
  if (corpus->hash() != plan.hash || corpus->vocabulary() != build.vocabulary || corpus->context() != build.context)
    throw DataError(fmt::format("{}: is not the corpus that was asked for; delete the folder and start again", folder.string()));
  return corpus;
}

}  // namespace fader
