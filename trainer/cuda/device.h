// What the bank asks of a device, HostDevice or CudaDevice. Work is put in a queue and done in order; `wait` waits for all of it.
//
//   allocate(bytes), release(p)            device memory
//   allocate_staging(bytes), release_...   memory of the processor that copies go through
//   upload, download, copy(to, from, bytes), zero(p, bytes)
//   launch(blocks, kernel, scratch)        kernel(block, i) for i in [0, blocks), each block with `scratch` floats (block.h)
//   product(Product)
//   replay(key, work)                      does work(), which launches; may record it and repeat the record on a call with the same
//   key.
//                                          Equal keys promise equal launches. Any allocation drops all records.
//   scratch_limit()                        floats that a block may have
//   memory()                               bytes that are free
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "trainer/cuda/block.h"

namespace fader::cuda {

/// One matrix of each member, row-major.
template <class T>
struct Matrices {
  const T* data;
  Index rows, cols;  ///< as stored
  Index pitch;       ///< from one row to the next
  Index stride;      ///< from one member's to the next's
  bool transposed = false;
  Index height() const { return transposed ? cols : rows; }
  Index breadth() const { return transposed ? rows : cols; }
};

/// out = a b + addend, for each of `members` members; sums in float, rounded once. `addend`: null, or laid out as `out`, perhaps
/// `out` itself.
template <class T, class Out>
struct Product {
  Matrices<T> a, b;
  Out* out;
  Index pitch, stride;
  Index members;
  const Out* addend = nullptr;
};

/// A product as libraries for column-major matrices take it: out = first second. To them a row-major matrix is its own transpose, so
/// out^T = b^T a^T is computed, and b goes first.
struct ColumnMajor {
  std::int64_t rows, cols;  ///< as stored
  std::int64_t pitch;       ///< from one column to the next
  std::int64_t stride;
  bool transposed;
};
struct ColumnMajorProduct {
  ColumnMajor first, second, out;
};
template <class T, class Out>
ColumnMajorProduct column_major(const Product<T, Out>& p) {
  const auto swapped = [](const Matrices<T>& m) { return ColumnMajor{m.cols, m.rows, m.pitch, m.stride, m.transposed}; };
  return {swapped(p.b), swapped(p.a), {p.b.breadth(), p.a.height(), p.pitch, p.stride, false}};
}

/// What tells records apart.
using ReplayKey = std::array<std::int64_t, 4>;

/// An array in the memory of a device. Grows, and forgets what it held when it does.
template <class Device, class T>
class Array {
 public:
  explicit Array(Device& device) : device_(&device) {}
  Array(Array&& o) noexcept : device_(o.device_), data_(std::exchange(o.data_, nullptr)), size_(std::exchange(o.size_, 0)) {}
  Array& operator=(Array&&) = delete;
  ~Array() { release(); }

  T* data() const { return data_; }
  Index size() const { return size_; }
  T* at_least(Index n) {
    if (n <= size_) return data_;
    release();
    data_ = static_cast<T*>(device_->allocate(static_cast<std::size_t>(n) * sizeof(T)));
    size_ = n;
    return data_;
  }

 private:
  void release() {
    if (data_ != nullptr) device_->release(data_);
    data_ = nullptr;
    size_ = 0;
  }
  Device* device_;
  T* data_ = nullptr;
  Index size_ = 0;
};

/// An array of the device with its image in the memory of the processor, for tables that are written anew for each call.
template <class Device, class T>
class Table {
 public:
  explicit Table(Device& device) : device_(&device), far_(device) {}
  Table(const Table&) = delete;
  ~Table() {
    if (near_ != nullptr) device_->release_staging(near_);
  }

  T* device() const { return far_.data(); }
  std::span<T> rows() const { return {near_, static_cast<std::size_t>(size_)}; }
  /// The first n rows are to be used now. Only while no copy is under way.
  std::span<T> resize(Index n) {
    if (n > room_) {
      room_ = n + n / 2;
      if (near_ != nullptr) device_->release_staging(std::exchange(near_, nullptr));
      near_ = static_cast<T*>(device_->allocate_staging(static_cast<std::size_t>(room_) * sizeof(T)));
      far_.at_least(room_);
    }
    size_ = n;
    return rows();
  }
  void upload() { device_->upload(far_.data(), near_, static_cast<std::size_t>(size_) * sizeof(T)); }
  void download() { fetch(far_.data()); }
  /// From another array of the device.
  void fetch(const T* from) { device_->download(near_, from, static_cast<std::size_t>(size_) * sizeof(T)); }

 private:
  Device* device_;
  Array<Device, T> far_;
  T* near_ = nullptr;
  Index size_ = 0, room_ = 0;
};

}  // namespace fader::cuda
