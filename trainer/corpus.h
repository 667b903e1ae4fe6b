// A corpus as the trainer sees it: tokens cut into passages, labels of documents, and the sets.
//
// Built once from JSON lines (or by the synthetic generator), kept as a cache beside the runs under a name that hashes
// content and options, memory-mapped, safe when two processes build it at once. See corpus_build.h for the way there.
// A passage is at most `context` tokens of one document; the last passage of a document ends with the end mark.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/options.h"
#include "core/progress.h"
#include "core/table.h"

namespace fader {

/// Which part of the corpus a document belongs to. Disjoint by group.
///   pool        may be trained on
///   anchor      teaches agents that need examples: reference-like text carved out of the training files
///   reward      gives the reward          validation  tunes baselines          test  is only ever reported
enum class Set : std::uint8_t { pool, anchor, reward, validation, test };
inline constexpr std::size_t kSets = 5;

struct Document {
  std::uint32_t group = 0;     ///< the file or work that it came from; its own when nothing is said
  std::uint16_t domain = 0;    ///< index into Corpus::domains()
  std::int16_t topic = -1;     ///< index into Corpus::topics(); -1: no topic
  float quality = 0;           ///< NaN: no quality
  Set set = Set::pool;
  bool reference = false;      ///< of the kind that the reward is about (corpus.reference.*)
};

struct Passage {
  std::uint64_t first = 0;     ///< index of its first token
  std::uint32_t tokens = 0;    ///< 1..context, end mark included
  std::uint32_t bytes = 0;     ///< of text; 0 only for a passage that is nothing but an end mark
  std::uint32_t document = 0;
};

/// Immutable and thread-safe once open.
class Corpus {
 public:
  /// DataError naming the file when something is missing, cut short, of another version or inconsistent: all offsets and
  /// indices are checked here, so that nothing below reads outside.
  static std::shared_ptr<const Corpus> open(const std::filesystem::path& folder);
  virtual ~Corpus() = default;

  virtual std::span<const Passage> passages() const = 0;     ///< indexed by PassageId
  virtual std::span<const Document> documents() const = 0;
  virtual std::span<const std::uint32_t> tokens() const = 0;
  virtual std::span<const PassageId> set(Set set) const = 0; ///< in corpus order
  virtual const std::vector<std::string>& domains() const = 0;
  virtual const std::vector<std::string>& topics() const = 0;  ///< empty: no topic field
  virtual bool has_quality() const = 0;
  virtual std::span<const std::string> ratings() const { return {}; }  ///< names of corpus.ratings, in its order
  /// A number of each document, of the rating ratings()[index]; NaN: it has none, else finite. Some document has one.
  virtual std::span<const float> rating(std::size_t index) const {
    static_cast<void>(index);
    return {};
  }
  virtual const std::filesystem::path& folder() const = 0;   ///< static score columns are kept here too
  virtual const std::string& hash() const = 0;               ///< of content and options
  virtual int vocabulary() const = 0;
  virtual int context() const = 0;
  virtual std::uint32_t begin_mark() const = 0;              ///< starts every segment, never scored
  virtual std::uint32_t end_mark() const = 0;
  /// The text of a passage, byte for byte (the end mark has none). Thread-safe.
  virtual std::string text(PassageId id) const = 0;

  std::span<const std::uint32_t> tokens(PassageId id) const {
    const Passage& p = passages()[id];
    return tokens().subspan(p.first, p.tokens);
  }
  const Document& document(PassageId id) const { return documents()[passages()[id].document]; }
};

}  // namespace fader
