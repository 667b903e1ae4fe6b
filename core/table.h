// Views and words that every room shares.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

namespace fader {

class Archive;

/// Row-major view of a matrix that somebody else owns; row i belongs to the i-th slot of a call.
template <class T>
struct Table {
  T* data = nullptr;
  std::size_t rows = 0, cols = 0;

  std::span<T> operator[](std::size_t i) const { return {data + i * cols, cols}; }
  std::span<T> flat() const { return {data, rows * cols}; }
  operator Table<const T>() const requires(!std::is_const_v<T>) { return {data, rows, cols}; }
};

/// Owns what a Table looks at.
template <class T>
class Grid {
 public:
  Grid() = default;
  Grid(std::size_t rows, std::size_t cols, T fill = T{}) : values_(rows * cols, fill), rows_(rows), cols_(cols) {}
  /// Every number becomes `fill`. Memory is kept.
  void resize(std::size_t rows, std::size_t cols, T fill = T{}) {
    values_.assign(rows * cols, fill);
    rows_ = rows;
    cols_ = cols;
  }
  Table<T> view() { return {values_.data(), rows_, cols_}; }
  Table<const T> view() const { return {values_.data(), rows_, cols_}; }
  std::span<T> operator[](std::size_t i) { return {values_.data() + i * cols_, cols_}; }
  std::span<const T> operator[](std::size_t i) const { return {values_.data() + i * cols_, cols_}; }
  std::size_t rows() const { return rows_; }
  std::size_t cols() const { return cols_; }
  void state(Archive& archive);  ///< core/archive.h defines it

 private:
  std::vector<T> values_;
  std::size_t rows_ = 0, cols_ = 0;
};

/// The slots that a call serves, in any order, each at most once.
using Slots = std::span<const int>;

/// A piece of a document no longer than the context: the unit that is scored, selected and credited.
using PassageId = std::uint32_t;

}  // namespace fader
