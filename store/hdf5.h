// A thin layer over HDF5's C API: ids that close themselves, errors that explain themselves, the few kinds of objects that
// a run file has. Only store/ includes this header.
//
// The library is told not to print its error stack; what it has to say is in Failure::what(). It is also told not to tidy up
// when the process exits: whatever is still open then belongs to a process that failed, and must not be written any more.
#pragma once
#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/schema.h"
#include "store/store.h"

namespace fader::h5 {

/// A call that the library refused: what was tried, and the library's explanation.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Held while the library is in use: it is not thread-safe everywhere. Reentrant.
class Session {
 public:
  Session();

 private:
  std::lock_guard<std::recursive_mutex> lock_;
};

/// Owns one id of any kind.
class Handle {
 public:
  Handle() = default;
  explicit Handle(hid_t id) : id_(id) {}
  Handle(Handle&& o) noexcept : id_(std::exchange(o.id_, H5I_INVALID_HID)) {}
  Handle& operator=(Handle&& o) noexcept {
    std::swap(id_, o.id_);
    return *this;
  }
  ~Handle();
  void close();  ///< Failure when the library cannot, for instance when a file's last writes fail
  operator hid_t() const { return id_; }

 private:
  hid_t id_ = H5I_INVALID_HID;
};

/// The id or status of a call, or Failure("cannot <action> <name> (<explanation>)").
template <class T>
T check(T result, std::string_view action, std::string_view name);

// Files. Always the newest format and strong closing: closing a file closes everything in it.
Handle create_file(const std::filesystem::path& path);
Handle open_to_append(const std::filesystem::path& path);  ///< single writer, many readers
/// Finished, growing, or left behind by a killed writer. What has a wrong checksum is read again, since a writer may be at work on
/// it, after a pause that doubles each time, from a nanosecond: 27 attempts take an eighth of a second, and the library's own
/// 100, in a file that is damaged, for ever.
Handle open_to_read(const std::filesystem::path& path, unsigned attempts = 27);
void flush(hid_t file);  ///< numbers are in the file once written; this brings what says where they are

/// How a column's values are stored; `bytes` of a text.
Handle stored_type(Type type, std::size_t bytes);
/// The attribute `rows` of a dataset. Failure when it is none of ours.
const char* name_of(Rows rows);
Rows rows_named(const std::string& name, const std::string& path);
/// Defect once the file of `object` grows: readers would not see what is made then, and after a crash nobody would.
void refuse_when_growing(hid_t object, const std::string& name);

// Objects. Defect once the file is open to append: such objects appear to be made and are missing after a crash.
Handle make_group(hid_t parent, const std::string& path);  ///< with the groups above it; opens what is there
/// Failure unless all links of the path are of objects of this very file: no other kind is ever followed.
void refuse_elsewhere(hid_t parent, const std::string& path);
Handle open_group(hid_t parent, const std::string& path);
Handle open_dataset(hid_t parent, const std::string& path);
Handle make_column(hid_t parent, const Column& column);    ///< dataset with attributes; constants are filled
Handle make_counter(hid_t parent, const std::string& name, bool single_byte, std::size_t count);
void write_attribute(hid_t object, const std::string& name, const Attribute& value);

/// Of one object; at most `limit` bytes each, so that a hostile file cannot make us allocate without bound. What cannot be read
/// is a Failure, or is left out and named in `lost` where that is given.
Attributes read_attributes(hid_t object, std::uint64_t limit, std::vector<std::string>* lost = nullptr);
/// path, type, size and scalar of a dataset. Failure: not one of ours (compressed, kept in another file, of another type, with
/// rows of more numbers than `limit`).
Column read_shape(hid_t dataset, const std::string& path, std::uint64_t limit);
/// What make_column was told, without the values of constants: the shape and what the attributes say.
Column read_column(hid_t dataset, const std::string& path, std::uint64_t limit);
/// Names of the members of a group that are stored in this very file. Links that lead elsewhere, or cannot be read, are a
/// Failure, or are left out and named in `lost`.
std::vector<std::string> members(hid_t group, std::vector<std::string>* lost = nullptr);
bool is_group(hid_t parent, const std::string& name);
/// Two names of one object have the same.
std::uint64_t address(hid_t parent, const std::string& name);
std::uint64_t rows(hid_t dataset);

/// Bytes of a row as they are exchanged: f64 double, i64 std::int64_t, u8 and boolean std::uint8_t, text `size` bytes padded
/// by NULs.
std::size_t row_bytes(const Column& column);
void append_rows(hid_t dataset, const Column& column, std::uint64_t at, std::uint64_t count, const void* data);
void read_rows(hid_t dataset, const Column& column, std::uint64_t first, std::uint64_t count, void* data);
/// How many of the first `count` rows are there to be read: stored within the first `bytes` bytes of the file, and not refused
/// by the disk. A row that lies beyond the end of a file would be read as zeros.
std::uint64_t sound_rows(hid_t dataset, const Column& column, std::uint64_t count, std::uint64_t bytes);
/// In the file when it returns, after everything that was flushed before: counters are not buffered.
void write_counter(hid_t dataset, const void* data, bool single_byte);
/// Failure unless the dataset has exactly `count` numbers.
std::vector<std::uint64_t> read_counter(hid_t parent, const std::string& name, std::size_t count);

// For export: compressed, and text of any length, which Python reads as text.
/// What a dataset says of a column: rows, axes, unit, note, labels, missing, volatile.
Attributes attributes_of(const Column& column);
/// Texts of variable length.
void write_open_attributes(hid_t object, const Attributes& attributes);
/// Makes a dataset of these rows, extensible along them: shuffled, deflated, with a checksum; texts as they are.
Handle write_packed(hid_t parent, const Column& column, std::uint64_t rows, const std::string& bytes);
/// The rows of such a dataset in the form in which they were given. Failure when it has another number of them.
std::string read_packed(hid_t parent, const Column& column, std::uint64_t rows);

/// Valid UTF-8 without NULs, at most `bytes` long; what is not is replaced by '?', what is too long is cut between characters.
std::string clean_text(std::string_view text, std::size_t bytes = std::string::npos);

}  // namespace fader::h5
