// One visitor that saves and loads everything with state.
//
// A class lists its fields once, in `state(Archive&)`; saving appends them, loading checks name, type and length of each
// against what is expected and then fills them in. A mismatch is a DataError that names the path of the field; lengths
// are checked against the bytes that are there before anything is allocated. Saving never changes the object; a load
// that throws may leave it half-filled, so load into a fresh object.
//
// Format: per field u8 kind, u32 name length, name, u64 count, count x element bytes, little-endian. A list of texts or of
// objects is a field "size" followed by its elements. Enumerations are saved as the integers that they are; whether a
// loaded one is known is for its owner to check. Not thread-safe.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/table.h"

namespace fader {

/// What a field holds as it lies in memory. A bool is not among them: a byte that is neither 0 nor 1 must be refused.
template <class T>
inline constexpr bool kFlat = (std::is_arithmetic_v<T> || std::is_enum_v<T>) && !std::is_same_v<T, bool> && sizeof(T) <= 8;

class Archive {
 public:
  Archive() = default;                                                            ///< saves
  explicit Archive(std::string bytes) : bytes_(std::move(bytes)), loading_(true) {}  ///< loads

  bool loading() const { return loading_; }
  const std::string& bytes() const { return bytes_; }

  template <class T>
    requires(kFlat<T>)
  void field(std::string_view name, T& value) {
    raw(name, kind<T>(), &value, sizeof(T), 1);
  }
  void field(std::string_view name, bool& value);
  template <class T>
    requires(kFlat<T>)
  void field(std::string_view name, std::vector<T>& values) {
    if (loading_) values.resize(count_ahead(name, kind<T>(), sizeof(T)));
    raw(name, kind<T>(), values.data(), sizeof(T), values.size());
  }
  /// Fixed length: what is loaded must have the length that is there.
  template <class T>
    requires(kFlat<T>)
  void field(std::string_view name, std::span<T> values) {
    raw(name, kind<T>(), values.data(), sizeof(T), values.size());
  }
  void field(std::string_view name, std::string& value);
  void field(std::string_view name, std::vector<std::string>& values);
  /// Anything with `state(Archive&)`.
  template <class T>
    requires requires(T& t, Archive& a) { t.state(a); }
  void field(std::string_view name, T& value) {
    const Scope scope(*this, name);
    value.state(*this);
  }
  /// A vector of such things, each with at least one field; elements are made by default.
  template <class T>
    requires requires(T& t, Archive& a) { t.state(a); }
  void field(std::string_view name, std::vector<T>& values) {
    const Scope scope(*this, name);
    const std::size_t n = list_size(values.size());
    if (loading_) values.resize(n);
    for (std::size_t i = 0; i < n; ++i) element(i, [&] { values[i].state(*this); });
  }

  /// Names what follows, for messages: "policy/statistics".
  class Scope {
   public:
    Scope(Archive& archive, std::string_view name);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Archive& archive_;
    std::size_t length_;
  };

  /// At the end of a load: DataError when bytes are left over.
  void finish() const;
  /// For what an object that is loaded knows of its values: DataError "... is not <what>" where the state is read.
  void expect(bool right, std::string_view what) const;

 private:
  template <class T>
  static constexpr char kind() {
    if constexpr (std::is_enum_v<T>) return kind<std::underlying_type_t<T>>();
    else if constexpr (std::is_floating_point_v<T>) return sizeof(T) == 4 ? 'f' : 'd';
    else if constexpr (std::is_signed_v<T>) return static_cast<char>('i' + sizeof(T));
    else return static_cast<char>('A' + sizeof(T));
  }
  void raw(std::string_view name, char kind, void* data, std::size_t element, std::size_t count);
  std::size_t count_ahead(std::string_view name, char kind, std::size_t element);
  std::size_t list_size(std::size_t present);
  void element(std::size_t index, const std::function<void()>& visit);
  void take(std::string_view name, void* out, std::size_t n);
  [[noreturn]] void fail(std::string_view name, const std::string& what) const;

  std::string bytes_, path_;
  std::size_t at_ = 0;
  bool loading_ = false;
};

template <class T>
void Grid<T>::state(Archive& archive) {
  auto rows = static_cast<std::uint64_t>(rows_), cols = static_cast<std::uint64_t>(cols_);
  archive.field("rows", rows);
  archive.field("cols", cols);
  archive.field("values", values_);
  if (archive.loading()) archive.expect(cols == 0 ? values_.empty() : values_.size() % cols == 0 && values_.size() / cols == rows, "a table");
  rows_ = rows;
  cols_ = cols;
}

/// What a resume needs: everything that the object's future depends on.
struct Stateful {
  virtual ~Stateful() = default;
  virtual void state(Archive& archive) = 0;
};

/// The part of it that belongs to one slot, alone: what branches, snapshots and moves of a member need.
struct PerSlot : Stateful {
  virtual void slot_state(Archive& archive, int slot) = 0;
};

}  // namespace fader
