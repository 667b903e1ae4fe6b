#include "trainer/corpus.h"

#include "core/error.h"
#include "core/files.h"
#include "trainer/corpus_file.h"
#include "trainer/tokenizer.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kLargestModel = std::uint64_t{1} << 27;

class MappedCorpus final : public Corpus {
 public:
  explicit MappedCorpus(const fs::path& folder)
      : folder_(folder),
        file_(folder / kCorpusFileName),
        view_(view_corpus(file_.bytes(), (folder / kCorpusFileName).string())),
        hash_(view_.header.hash.begin(), view_.header.hash.end()),
        tokenizer_(load_tokenizer()) {}

  std::span<const Passage> passages() const override { return view_.passages; }
  std::span<const Document> documents() const override { return view_.documents; }
  std::span<const std::uint32_t> tokens() const override { return view_.tokens; }
  std::span<const PassageId> set(Set set) const override { return view_.sets[static_cast<std::size_t>(set)]; }
  const std::vector<std::string>& domains() const override { return view_.domains; }
  const std::vector<std::string>& topics() const override { return view_.topics; }
  bool has_quality() const override { return view_.has_quality; }
  std::span<const std::string> ratings() const override { return view_.ratings; }
  std::span<const float> rating(std::size_t index) const override { return view_.rating.at(index); }
  const fs::path& folder() const override { return folder_; }
  const std::string& hash() const override { return hash_; }
  int vocabulary() const override { return static_cast<int>(view_.header.vocabulary); }
  int context() const override { return static_cast<int>(view_.header.context); }
  std::uint32_t begin_mark() const override { return view_.header.begin_mark; }
  std::uint32_t end_mark() const override { return view_.header.end_mark; }
  std::string text(PassageId id) const override { return tokenizer_.decode(Corpus::tokens(id)); }

 private:
  Tokenizer load_tokenizer() const {
    const fs::path path = folder_ / kTokenizerFileName;
    std::string model = read_file(path, kLargestModel);
    const auto& expected = view_.header.tokenizer_hash;
    if (sha256(model) != std::string_view(expected.data(), expected.size()))
      throw DataError(fmt::format("{}: is damaged: it is not the tokenizer that the corpus beside it was built with", path.string()));
    Tokenizer tokenizer = Tokenizer::from_model(std::move(model), path.string());
    if (tokenizer.vocabulary() != vocabulary() || tokenizer.begin_mark() != begin_mark() || tokenizer.end_mark() != end_mark())
      throw DataError(fmt::format("{}: its vocabulary or marks are not those of the corpus beside it", path.string()));
    return tokenizer;
  }

  fs::path folder_;
  MappedFile file_;
  CorpusView view_;
  std::string hash_;
  Tokenizer tokenizer_;
};

}  // namespace

std::shared_ptr<const Corpus> Corpus::open(const fs::path& folder) {
  try {
    return std::make_shared<MappedCorpus>(folder);
  } catch (const DataError& e) {
    throw DataError(fmt::format("{}; delete the folder '{}' and start again, it will be built anew", e.what(), folder.string()));
  }
}

}  // namespace fader
