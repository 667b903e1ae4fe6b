#include "agents/text_scores.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "trainer/team.h"

namespace fader {
namespace {

/// Passages [first, last) of one document.
struct Range {
  PassageId first = 0, last = 0;
};

std::vector<Range> documents_of(const Corpus& corpus, std::span<const Set> sets) {
  std::vector<Range> out;
  for (const Set set : sets)
    for (const PassageId id : corpus.set(set)) {
      if (out.empty() || corpus.passages()[id].document != corpus.passages()[out.back().first].document) out.push_back({id, id});
      out.back().last = id + 1;
    }
  return out;
}

void read_document(const Corpus& corpus, const Range& document, bool whole, const TextReader& reader, std::string& text) {
  if (!whole) {
    for (PassageId id = document.first; id < document.last; ++id) reader(corpus.text(id), id, id + 1);
    return;
  }
  text.clear();
  for (PassageId id = document.first; id < document.last; ++id) text += corpus.text(id);
  reader(text, document.first, document.last);
}

constexpr bool kept(unsigned char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80; }

}  // namespace

void TextOptions::fields(Fields& f) {
  f("unit", unit, "what is scored: each passage, or whole documents, whose passages inherit the score").one_of({"passage", "document"});
}

void read_texts(const AgentContext& context, const std::string& what, const std::string& unit, std::span<const Set> sets,
                const std::function<TextReader()>& reader) {
  constexpr std::size_t kBlock = 32;  // documents
  const Corpus& corpus = *context.corpus;
  const std::vector<Range> documents = documents_of(corpus, sets);
  std::atomic<std::size_t> next{0};
  Team(std::max(1, context.machine.threads)).run([&](int) {
    const TextReader read = reader();
    std::string text;
    for (std::size_t at; (at = next.fetch_add(kBlock)) < documents.size();) {
      for (std::size_t i = at; i < std::min(at + kBlock, documents.size()); ++i)
        read_document(corpus, documents[i], unit == "document", read, text);
      context.progress.update(what, static_cast<double>(at), static_cast<double>(documents.size()), "documents");
    }
  });
}

Cost score_texts(const AgentContext& context, const std::string& agent, const std::string& unit, const std::function<TextScorer()>& scorer,
                 const std::string& advice, std::span<float> out) {
  const Corpus& corpus = *context.corpus;
  const Set sets[] = {Set::pool};
  read_texts(context, agent + " scores", unit, sets, [&]() -> TextReader {
    return [&out, score = scorer()](std::string_view text, PassageId first, PassageId last) {
      std::fill(out.begin() + first, out.begin() + last, score(text));
    };
  });
  const auto pool = corpus.set(Set::pool);
  if (!fill_with_mean(pool, out))
    throw ConfigError(fmt::format("agent '{}': of no {} of the pool can anything be said; {}", agent, unit, advice));
  Cost cost;
  for (const PassageId id : pool) cost.tokens += corpus.passages()[id].tokens;
  return cost;
}

bool fill_with_mean(std::span<const PassageId> ids, std::span<float> scores) {
  double sum = 0, n = 0;
  for (const PassageId id : ids)
    if (!std::isnan(scores[id])) {
      sum += static_cast<double>(scores[id]);
      ++n;
    }
  for (const PassageId id : ids)
    if (std::isnan(scores[id])) scores[id] = static_cast<float>(sum / n);
  return n > 0;
}

bool Words::next(std::string_view& word) {
  const auto byte = [&](std::size_t i) { return i < text_.size() ? static_cast<unsigned char>(text_[i]) : 0u; };
  // Bytes of the punctuation, or of the character that is a word of its own, that begins at i; 0: neither begins there.
  const auto mark = [&](std::size_t i) {
    return (byte(i) == 0xE2 && (byte(i + 1) & 0xFE) == 0x80) || (byte(i) == 0xE3 && byte(i + 1) == 0x80);
  };
  const auto alone = [&](std::size_t i) {
    return byte(i) >= 0xE3 && byte(i) <= 0xED && (byte(i + 1) & 0xC0) == 0x80 && (byte(i + 2) & 0xC0) == 0x80;
  };
  while (at_ < text_.size() && (mark(at_) || !kept(static_cast<unsigned char>(text_[at_])))) at_ += mark(at_) ? 3 : 1;
  if (at_ >= text_.size()) return false;
  const std::size_t first = at_;
  if (alone(at_)) at_ += 3;
  else
    while (at_ < text_.size() && kept(static_cast<unsigned char>(text_[at_])) && !mark(at_) && !alone(at_)) ++at_;
  word = text_.substr(first, at_ - first);
  return true;
}

std::uint64_t text_hash(std::string_view text, bool fold) {
  std::uint64_t hash = 0xcbf29ce484222325ull;  // FNV-1a, and a last stir: its low bits are weak
  for (const char c : text) {
    const auto b = static_cast<unsigned char>(c);
    hash = (hash ^ (fold && b >= 'A' && b <= 'Z' ? b | 0x20u : b)) * 0x100000001b3ull;
  }
  hash ^= hash >> 32;
  hash *= 0x9e3779b97f4a7c15ull;
  return hash ^ hash >> 29;
}

HashSet::Slot& HashSet::find(std::vector<Slot>& slots, std::uint64_t hash) const {
  const std::size_t mask = slots.size() - 1;
  std::size_t at = hash & mask;
  while (slots[at].round == round_ && slots[at].hash != hash) at = (at + 1) & mask;
  return slots[at];
}

bool HashSet::add(std::uint64_t hash) {
  Slot& slot = find(slots_, hash);
  if (slot.round == round_) return false;
  slot = {hash, round_};
  if (2 * ++size_ > slots_.size()) grow();
  return true;
}

void HashSet::grow() {
  std::vector<Slot> larger(2 * slots_.size());
  for (const Slot& slot : slots_)
    if (slot.round == round_) find(larger, slot.hash) = slot;
  slots_ = std::move(larger);
}

void HashSet::clear() {
  size_ = 0;
  if (++round_ != 0) return;
  std::fill(slots_.begin(), slots_.end(), Slot{});
  round_ = 1;
}

}  // namespace fader
