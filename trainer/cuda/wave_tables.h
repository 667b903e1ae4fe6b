// The tables of a wave: who takes part, with which segments. Filled by the processor, sent in one go.
#pragma once
#include <algorithm>
#include <functional>
#include <span>
#include <vector>

#include "trainer/cuda/device.h"
#include "trainer/cuda/tables.h"
#include "trainer/packer.h"

namespace fader::cuda {

template <class Device>
class WaveTables {
 public:
  /// `corpus`: the tokens that the device holds; those of a batch that are not among them go along.
  WaveTables(Device& device, std::span<const std::uint32_t> corpus)
      : corpus_(corpus), far_members_(device), far_segments_(device), far_loose_(device) {}

  void clear() {
    members_.clear();
    segments_.clear();
    loose_.clear();
  }
  /// The next member. `direction`: null where segments are not compared with one. weight(s): of segment s.
  template <class Weight>
  void add(const Batch& batch, const float* weights, const float* direction, const Weight& weight) {
    members_.push_back({weights, direction, static_cast<std::int32_t>(segments_.size()), static_cast<std::int32_t>(batch.segments()),
                        static_cast<std::int32_t>(batch.positions())});
    for (std::size_t s = 0; s < batch.segments(); ++s) segments_.push_back({source(batch, s), batch.begin[s], weight(s)});
  }
  void upload() {
    send(members_, far_members_);
    send(segments_, far_segments_);
    send(loose_, far_loose_);
  }

  const Member* members() const { return far_members_.device(); }
  const Segment* segments() const { return far_segments_.device(); }
  const std::uint32_t* loose() const { return far_loose_.device(); }

 private:
  std::int64_t source(const Batch& batch, std::size_t s) {
    const std::uint32_t* from = batch.source[s];
    const auto n = static_cast<std::size_t>(batch.length(s));
    const auto before = std::less<const std::uint32_t*>();
    const std::uint32_t *begin = corpus_.data(), *end = begin + corpus_.size();
    if (from != nullptr && !before(from, begin) && before(from, end) && n <= static_cast<std::size_t>(end - from))
      return from - begin;
    const auto at = static_cast<std::int64_t>(loose_.size());
    const auto first = batch.target.begin() + batch.begin[s];
    loose_.insert(loose_.end(), first, first + static_cast<std::ptrdiff_t>(n));
    return -1 - at;
  }
  template <class Row>
  static void send(const std::vector<Row>& rows, Table<Device, Row>& table) {
    const auto near = table.resize(std::max<Index>(1, static_cast<Index>(rows.size())));
    std::copy(rows.begin(), rows.end(), near.begin());
    table.upload();
  }

  std::span<const std::uint32_t> corpus_;
  std::vector<Member> members_;
  std::vector<Segment> segments_;
  std::vector<std::uint32_t> loose_;
  Table<Device, Member> far_members_;
  Table<Device, Segment> far_segments_;
  Table<Device, std::uint32_t> far_loose_;
};

}  // namespace fader::cuda
