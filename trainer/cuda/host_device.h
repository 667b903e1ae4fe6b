// A device for tests: this processor, one block after another, each by one lane or by threads as lanes. The threads meet where a
// GPU's do, at sum, max and sync, so that a missing one shows as a wrong number or to a race detector. Fresh memory holds what is
// not a number.
#pragma once
#include <barrier>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <new>
#include <thread>
#include <vector>

#include "core/error.h"
#include "trainer/buffer.h"
#include "trainer/cuda/device.h"

namespace fader::cuda {

/// The lanes of one block.
class HostBlock {
 public:
  struct Shared {
    explicit Shared(int n) : meeting(n), values(static_cast<std::size_t>(n)) {}
    std::barrier<> meeting;
    std::vector<double> values;
  };
  HostBlock(int lane, int lanes, float* scratch, Shared& shared) : lane_(lane), lanes_(lanes), scratch_(scratch), shared_(shared) {}

  int lane() const { return lane_; }
  int lanes() const { return lanes_; }
  float* scratch() const { return scratch_; }
  void sync() {
    if (lanes_ > 1) shared_.meeting.arrive_and_wait();
  }
  template <class Real>
  Real sum(Real x) {
    return fold(x, [](Real a, Real b) { return a + b; });
  }
  float max(float x) {
    return fold(x, [](float a, float b) { return a < b ? b : a; });
  }

 private:
  template <class Real, class Fold>
  Real fold(Real x, Fold both) {
    if (lanes_ == 1) return x;
    shared_.values[static_cast<std::size_t>(lane_)] = static_cast<double>(x);
    sync();
    auto all = static_cast<Real>(shared_.values[0]);
    for (std::size_t l = 1; l < shared_.values.size(); ++l) all = both(all, static_cast<Real>(shared_.values[l]));
    sync();
    return all;
  }
  int lane_, lanes_;
  float* scratch_;
  Shared& shared_;
};

class HostDevice {
 public:
  /// `memory`: what it says is free.
  explicit HostDevice(int lanes, std::size_t memory) : lanes_(lanes), memory_(memory) {}

  void* allocate(std::size_t bytes) {
    void* p = ::operator new(bytes, std::align_val_t(kCacheLine));
    std::memset(p, 0xff, bytes);
    sizes_[p] = bytes;
    return p;
  }
  void release(void* p) {
    sizes_.erase(p);
    ::operator delete(p, std::align_val_t(kCacheLine));
  }
  /// Bytes of its memory that are in use.
  std::size_t allocated() const {
    std::size_t all = 0;
    for (const auto& [p, bytes] : sizes_) all += bytes;
    return all;
  }
  void* allocate_staging(std::size_t bytes) { return ::operator new(bytes); }
  void release_staging(void* p) { ::operator delete(p); }
  void upload(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes); }
  void download(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes); }
  void copy(void* to, const void* from, std::size_t bytes) {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  void zero(void* p, std::size_t bytes) { std::memset(p, 0, bytes); }
  void wait() {}
  int scratch_limit() const { return 12 * 1024; }
  std::size_t memory() const { return memory_; }

  template <class Kernel>
  void launch(Index blocks, const Kernel& kernel, int scratch = 0) {
    scratch_.resize(static_cast<std::size_t>(scratch));
    HostBlock::Shared shared(lanes_);
    const auto lane = [&](int l) {
      HostBlock block(l, lanes_, scratch_.data(), shared);
      for (Index i = 0; i < blocks; ++i) {
        if (scratch > 0) {  // one block's at a time
          block.sync();
          if (l == 0) std::fill(scratch_.begin(), scratch_.end(), std::numeric_limits<float>::quiet_NaN());
          block.sync();
        }
        kernel(block, i);
      }
    };
    std::vector<std::jthread> others;
    for (int l = 1; l < lanes_; ++l) others.emplace_back(lane, l);
    lane(0);
  }

  template <class T, class Out>
  void product(const Product<T, Out>& p) {
    const Index rows = p.a.height(), cols = p.b.breadth(), depth = p.a.breadth();
    FADER_CHECK_EQ(depth, p.b.height());
    sums_.resize(static_cast<std::size_t>(cols));
    const auto a = [](const Matrices<T>& m, Index member, Index i, Index j) {
      return wide(m.data[member * m.stride + (m.transposed ? j * m.pitch + i : i * m.pitch + j)]);
    };
    for (Index m = 0; m < p.members; ++m)
      for (Index i = 0; i < rows; ++i) {
        std::fill(sums_.begin(), sums_.end(), 0.0f);
        for (Index k = 0; k < depth; ++k) {
          const float left = a(p.a, m, i, k);
          for (Index j = 0; j < cols; ++j) sums_[static_cast<std::size_t>(j)] += left * a(p.b, m, k, j);
        }
        const Index at = m * p.stride + i * p.pitch;
        for (Index j = 0; j < cols; ++j) {
          const float sum = sums_[static_cast<std::size_t>(j)];
          p.out[at + j] = narrow<Out>(p.addend != nullptr ? wide(p.addend[at + j]) + sum : sum);
        }
      }
  }

  template <class Work>
  void replay(const ReplayKey&, const Work& work) {
    work();
  }

 private:
  int lanes_;
  std::size_t memory_;
  std::map<void*, std::size_t> sizes_;
  std::vector<float> scratch_, sums_;
};

}  // namespace fader::cuda
