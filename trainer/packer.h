// Packs token sequences into batches: pure bookkeeping, no model.
//
// A segment of n tokens t[0..n) takes n positions: inputs are begin, t[0], ..., t[n-2], targets t[0], ..., t[n-1]. A model
// sees the positions of one segment alone, causally, counted from zero; so a batch is a flat list of positions with the
// borders of its segments, and rows matter only for where a sequence is cut in two. Not thread-safe.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace fader {

struct Batch {
  std::vector<std::uint32_t> input, target;  ///< of each position
  std::vector<std::int32_t> begin;           ///< first position of each segment, then the number of positions
  std::vector<std::int32_t> owner;           ///< of each segment: the caller's number for its sequence
  std::vector<const std::uint32_t*> source;  ///< of each segment: the caller's tokens that it was made from

  std::int64_t positions() const { return static_cast<std::int64_t>(input.size()); }
  std::size_t segments() const { return owner.size(); }
  std::int64_t length(std::size_t segment) const { return begin[segment + 1] - begin[segment]; }
  /// Sum over positions of how many positions each attends to, itself included.
  double attended() const;
  void clear();
  void reserve(std::int64_t positions);  ///< so that so many need no more memory, however they are cut into segments
  /// Appends one segment of at least one token.
  void add(std::span<const std::uint32_t> tokens, std::uint32_t begin_mark, std::int32_t owner_number);
};

/// Lays sequences one after another into rows; what crosses a row's end goes on in the next one as a new segment.
class Packer {
 public:
  Packer(std::int64_t context, std::uint32_t begin_mark) : context_(context), begin_mark_(begin_mark) {}

  /// Queues a sequence. Its tokens are looked at until they are packed. An empty one is passed over.
  void add(std::span<const std::uint32_t> tokens, std::int32_t owner);
  std::int64_t waiting() const { return waiting_; }  ///< tokens queued
  /// Replaces `batch` by `rows` full rows. Defect when too few tokens wait.
  void fill(std::int64_t rows, Batch& batch);
  struct Sequence {
    std::span<const std::uint32_t> tokens;
    std::int32_t owner;
  };
  /// What is still queued, to be carried over.
  std::span<const Sequence> rest() const { return std::span(queue_).subspan(next_); }

 private:
  std::int64_t context_;
  std::uint32_t begin_mark_;
  std::vector<Sequence> queue_;
  std::size_t next_ = 0;  // of the queue: what lies before is packed
  std::int64_t waiting_ = 0;
};

}  // namespace fader
