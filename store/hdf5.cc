// Files, groups, datasets and rows; attributes are in hdf5_describe.cc.
#include "store/hdf5.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>

#include "core/error.h"

namespace fader::h5 {
namespace {

std::recursive_mutex& mutex() {
  static std::recursive_mutex m;
  return m;
}

/// "could not X: innermost reason", out of the library's error stack.
std::string explanation() {
  std::vector<std::string> lines;  // from the call that we made down to what went wrong
  const auto collect = [](unsigned, const H5E_error2_t* e, void* out) -> herr_t {
    if (e->desc && *e->desc) static_cast<std::vector<std::string>*>(out)->push_back(e->desc);
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, collect, &lines);
  H5Eclear2(H5E_DEFAULT);
  if (lines.empty()) return "HDF5 gives no reason";
  std::string inner = lines.back();
  static constexpr std::string_view kSystem = "error message = '";  // the system's own words, among numbers and flags
  if (const auto at = inner.find(kSystem); at != std::string::npos) {
    inner.erase(0, at + kSystem.size());
    inner.resize(std::min(inner.size(), inner.find('\'')));
  }
  return lines.size() == 1 ? inner : lines.front() + ": " + inner;
}

Handle access_properties() {
  Handle list(check(H5Pcreate(H5P_FILE_ACCESS), "make", "file access properties"));
  check(H5Pset_libver_bounds(list, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST), "set", "format");
  check(H5Pset_fclose_degree(list, H5F_CLOSE_STRONG), "set", "close degree");
  check(H5Pset_alignment(list, 1, 8), "set", "alignment");            // a counter never lies across two words
  check(H5Pset_sieve_buf_size(list, 0), "set", "sieve buffer");       // what is written is in the file,
  check(H5Pset_cache(list, 0, 1, 0, 0.0), "set", "chunk cache");      // and only metadata wait for a flush
  H5AC_cache_config_t cache{};                                        // a flush visits every object in it
  cache.version = H5AC__CURR_CACHE_CONFIG_VERSION;
  check(H5Pget_mdc_config(list, &cache), "ask for", "cache");
  cache.set_initial_size = true;
  cache.initial_size = cache.min_size = 1 << 19;
  check(H5Pset_mdc_config(list, &cache), "set", "cache");
#if H5_VERSION_GE(1, 10, 7)
  check(H5Pset_file_locking(list, 1, 1), "set", "locking");           // where a file system has no locks, go without
#endif
  return list;
}

Handle text_type(std::size_t bytes) {
  Handle type(check(H5Tcopy(H5T_C_S1), "make", "text type"));
  check(H5Tset_size(type, std::max<std::size_t>(bytes, 1)), "set the size of", "text type");
  check(H5Tset_strpad(type, H5T_STR_NULLPAD), "set the padding of", "text type");
  check(H5Tset_cset(type, H5T_CSET_UTF8), "set the encoding of", "text type");
  return type;
}

Handle boolean_type() {
  Handle type(check(H5Tenum_create(H5T_STD_I8LE), "make", "boolean type"));
  for (std::int8_t v = 0; v < 2; ++v) check(H5Tenum_insert(type, v ? "TRUE" : "FALSE", &v), "fill", "boolean type");
  return type;
}

Handle memory_type(Type type, std::size_t bytes) {
  if (type == Type::f64) return Handle(check(H5Tcopy(H5T_NATIVE_DOUBLE), "copy", "type"));
  if (type == Type::i64) return Handle(check(H5Tcopy(H5T_NATIVE_INT64), "copy", "type"));
  return stored_type(type, bytes);
}

/// Enough rows for about 2 KiB (of what is frequent 8): a short run stays small, a long one has few chunks.
hsize_t chunk_rows(const Column& c) {
  const std::size_t target = c.rows == Rows::step || c.rows == Rows::event ? 8192 : 2048;
  return std::max<hsize_t>(16, target / std::max<std::size_t>(row_bytes(c), 1));
}

constexpr const char* kRowNames[] = {"interval", "interval_plus", "step", "event", "once", "constant", "episode"};
bool grows(Rows rows) { return rows != Rows::once && rows != Rows::constant; }

Handle column_properties(const Column& c) {
  Handle list(check(H5Pcreate(H5P_DATASET_CREATE), "make", "dataset properties"));
  if (grows(c.rows)) {
    const hsize_t chunk[2] = {chunk_rows(c), std::max<hsize_t>(c.size, 1)};
    check(H5Pset_chunk(list, c.scalar ? 1 : 2, chunk), "chunk", c.path);
  } else {
    check(H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY), "allocate", c.path);
  }
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::int64_t none = -1;
  if (c.type == Type::f64) check(H5Pset_fill_value(list, H5T_NATIVE_DOUBLE, &nan), "fill", c.path);
  if (c.type == Type::i64) check(H5Pset_fill_value(list, H5T_NATIVE_INT64, &none), "fill", c.path);
  check(H5Pset_fill_time(list, H5D_FILL_TIME_ALLOC), "fill", c.path);
  return list;
}

}  // namespace

Session::Session() : lock_(mutex()) {
  [[maybe_unused]] static const bool once = (H5dont_atexit(), H5open(), true);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

template <class T>
T check(T result, std::string_view action, std::string_view name) {
  if (result < 0) throw Failure(fmt::format("cannot {} {} ({})", action, name, explanation()));
  return result;
}
template int check(int, std::string_view, std::string_view);
template hid_t check(hid_t, std::string_view, std::string_view);
template hssize_t check(hssize_t, std::string_view, std::string_view);

Handle::~Handle() {
  try {
    close();
  } catch (const Failure&) {  // whoever wants to know calls close()
  }
}
void Handle::close() {
  if (id_ < 0) return;
  const Session session;
  const hid_t id = std::exchange(id_, H5I_INVALID_HID);
  check(H5Iget_type(id) == H5I_FILE ? H5Fclose(id) : H5Idec_ref(id), "close", "object");
}

Handle create_file(const std::filesystem::path& path) {
  const Handle list(check(H5Pcreate(H5P_FILE_CREATE), "make", "file creation properties"));
  check(H5Pset_link_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED), "set", "creation order");
  return Handle(check(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, list, access_properties()), "create", "file"));
}
Handle open_to_append(const std::filesystem::path& path) {
  const hid_t id = H5Fopen(path.c_str(), H5F_ACC_RDWR | H5F_ACC_SWMR_WRITE, access_properties());
  return Handle(check(id, "open", "file"));
}
Handle open_to_read(const std::filesystem::path& path, unsigned attempts) {
  const Handle list = access_properties();
  check(H5Pset_metadata_read_attempts(list, attempts), "set", "attempts");
  hid_t id = H5Fopen(path.c_str(), H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, list);
  if (id < 0) {
    H5Eclear2(H5E_DEFAULT);  // a copy in an older format (h5repack makes one) is refused above
    id = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access_properties());
  }
  Handle file(check(id, "open", "file"));
  const Handle made(check(H5Fget_create_plist(file), "ask for the properties of", "file"));
  unsigned shared = 0;
  check(H5Pget_shared_mesg_nindexes(made, &shared), "ask for the properties of", "file");
  if (shared > 0)  // what is stored once would be read once an object: more than the file holds
    throw Failure("attributes and types are shared among objects, which nothing in a run does");
  return file;
}
void flush(hid_t file) { check(H5Fflush(file, H5F_SCOPE_LOCAL), "flush", "file"); }

void refuse_when_growing(hid_t object, const std::string& name) {
  const Handle file(check(H5Iget_file_id(object), "find the file of", name));
  unsigned intent = 0;
  check(H5Fget_intent(file, &intent), "ask for the mode of the file of", name);
  FADER_CHECK((intent & H5F_ACC_SWMR_WRITE) == 0, "'{}' is made after the file began to grow", name);
}

Handle stored_type(Type type, std::size_t bytes) {
  switch (type) {
    case Type::f64: return Handle(check(H5Tcopy(H5T_IEEE_F64LE), "copy", "type"));
    case Type::i64: return Handle(check(H5Tcopy(H5T_STD_I64LE), "copy", "type"));
    case Type::u8: return Handle(check(H5Tcopy(H5T_STD_U8LE), "copy", "type"));
    case Type::boolean: return boolean_type();
    case Type::text: return text_type(bytes);
  }
  throw Defect("unknown column type");
}

Handle make_group(hid_t parent, const std::string& path) {
  refuse_when_growing(parent, path);
  for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    Handle group;
    if (check(H5Lexists(parent, part.c_str(), H5P_DEFAULT), "look for", part) > 0) {
      group = open_group(parent, part);
    } else {
      const Handle list(check(H5Pcreate(H5P_GROUP_CREATE), "make", "group properties"));
      check(H5Pset_link_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED), "set", "creation order");
      check(H5Pset_attr_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED), "set", "creation order");
      group = Handle(check(H5Gcreate2(parent, part.c_str(), H5P_DEFAULT, list, H5P_DEFAULT), "make group", part));
    }
    if (end == std::string::npos) return group;
  }
}

void refuse_elsewhere(hid_t parent, const std::string& path) {
  for (std::size_t end = path.find('/', 1); path != "/"; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    H5L_info_t link;
    if (H5Lget_info(parent, part.c_str(), &link, H5P_DEFAULT) < 0) return H5Eclear2(H5E_DEFAULT), void();  // it cannot be opened either
    if (link.type != H5L_TYPE_HARD) throw Failure(fmt::format("'{}' leads elsewhere, which nothing in a run does", clean_text(part)));
    if (end == std::string::npos) return;
  }
}

Handle open_group(hid_t parent, const std::string& path) {
  refuse_elsewhere(parent, path);
  return Handle(check(H5Gopen2(parent, path.c_str(), H5P_DEFAULT), "open group", path));
}
Handle open_dataset(hid_t parent, const std::string& path) {
  refuse_elsewhere(parent, path);
  return Handle(check(H5Dopen2(parent, path.c_str(), H5P_DEFAULT), "open dataset", path));
}

Attributes attributes_of(const Column& c) {
  Attributes out = {{"rows", std::string(name_of(c.rows))}, {"axes", c.axes}};
  if (!c.unit.empty()) out["unit"] = c.unit;
  if (!c.note.empty()) out["note"] = c.note;
  if (!c.labels.empty()) out["labels"] = c.labels;
  if (c.type == Type::f64) out["missing"] = std::numeric_limits<double>::quiet_NaN();
  if (c.type == Type::i64) out["missing"] = std::int64_t{-1};
  if (c.is_volatile) out["volatile"] = std::int64_t{1};
  return out;
}

Handle make_column(hid_t parent, const Column& c) {
  refuse_when_growing(parent, c.path);
  if (const auto slash = c.path.rfind('/'); slash != std::string::npos) make_group(parent, c.path.substr(0, slash));
  const std::size_t constants = c.type == Type::text ? c.text.size() : c.value.size() / std::max<std::size_t>(c.size, 1);
  const hsize_t n = grows(c.rows) ? 0 : c.rows == Rows::once ? 1 : constants;
  const hsize_t now[2] = {n, c.size};
  const hsize_t most[2] = {grows(c.rows) ? H5S_UNLIMITED : n, grows(c.rows) ? std::max<hsize_t>(c.size, 1) : c.size};
  const Handle space(check(H5Screate_simple(c.scalar ? 1 : 2, now, most), "shape", c.path));
  const Handle type = stored_type(c.type, c.size);
  const Handle list = column_properties(c);
  Handle dataset(check(H5Dcreate2(parent, c.path.c_str(), type, space, H5P_DEFAULT, list, H5P_DEFAULT), "make", c.path));
  for (const auto& [name, value] : attributes_of(c)) write_attribute(dataset, name, value);
  return dataset;
}

Handle make_counter(hid_t parent, const std::string& name, bool single_byte, std::size_t count) {
  refuse_when_growing(parent, name);
  const hsize_t n = count;
  const Handle space(check(H5Screate_simple(1, &n, nullptr), "shape", name));
  const Handle list(check(H5Pcreate(H5P_DATASET_CREATE), "make", "dataset properties"));
  check(H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY), "allocate", name);
  const hid_t type = single_byte ? H5T_STD_U8LE : H5T_STD_U64LE;
  return Handle(check(H5Dcreate2(parent, name.c_str(), type, space, H5P_DEFAULT, list, H5P_DEFAULT), "make", name));
}

const char* name_of(Rows rows) { return kRowNames[static_cast<std::size_t>(rows)]; }
Rows rows_named(const std::string& name, const std::string& path) {
  const auto it = std::find(std::begin(kRowNames), std::end(kRowNames), name);
  if (it == std::end(kRowNames))
    throw Failure(fmt::format("'{}' does not say what its rows belong to (attribute rows: '{}')", path, name));
  return static_cast<Rows>(it - std::begin(kRowNames));
}

std::uint64_t rows(hid_t dataset) {
  const Handle space(check(H5Dget_space(dataset), "ask for the shape of", "dataset"));
  hsize_t extent[H5S_MAX_RANK] = {};
  check(H5Sget_simple_extent_dims(space, extent, nullptr), "ask for the shape of", "dataset");
  return extent[0];
}

std::size_t row_bytes(const Column& c) {
  const std::size_t one = c.type == Type::f64 || c.type == Type::i64 ? 8 : 1;
  return one * c.size;
}

void append_rows(hid_t dataset, const Column& c, std::uint64_t at, std::uint64_t count, const void* data) {
  const hsize_t extent[2] = {at + count, c.size}, first[2] = {at, 0}, block[2] = {count, c.size};
  if (grows(c.rows)) check(H5Dset_extent(dataset, extent), "extend", c.path);
  if (count * c.size == 0) return;
  const int rank = c.scalar ? 1 : 2;
  const Handle memory(check(H5Screate_simple(rank, block, nullptr), "shape", c.path));
  const Handle file(check(H5Dget_space(dataset), "ask for the shape of", c.path));
  check(H5Sselect_hyperslab(file, H5S_SELECT_SET, first, nullptr, block, nullptr), "select rows of", c.path);
  check(H5Dwrite(dataset, memory_type(c.type, c.size), memory, file, H5P_DEFAULT, data), "write", c.path);
}

void read_rows(hid_t dataset, const Column& c, std::uint64_t at, std::uint64_t count, void* data) {
  if (count * c.size == 0) return;
  const hsize_t first[2] = {at, 0}, block[2] = {count, c.size};
  const Handle memory(check(H5Screate_simple(c.scalar ? 1 : 2, block, nullptr), "shape", c.path));
  const Handle file(check(H5Dget_space(dataset), "ask for the shape of", c.path));
  check(H5Sselect_hyperslab(file, H5S_SELECT_SET, first, nullptr, block, nullptr), "select rows of", c.path);
  check(H5Dread(dataset, memory_type(c.type, c.size), memory, file, H5P_DEFAULT, data), "read", c.path);
}

std::uint64_t sound_rows(hid_t dataset, const Column& c, std::uint64_t count, std::uint64_t bytes) {
  const std::size_t width = row_bytes(c);
  if (count == 0 || width == 0) return count;
  const Handle list(check(H5Dget_create_plist(dataset), "ask for the properties of", c.path));
  const bool chunked = H5Pget_layout(list) == H5D_CHUNKED;
  hsize_t chunk[2] = {count, c.size};
  const int rank = c.scalar ? 1 : 2;
  if (chunked && (H5Pget_chunk(list, rank, chunk) != rank || (rank == 2 && chunk[1] != c.size))) return 0;
  std::string row;
  for (std::uint64_t at = 0; at < count; at += chunk[0]) {
    const std::uint64_t block = std::min<std::uint64_t>(chunk[0], count - at);
    const hsize_t first[2] = {at, 0};
    haddr_t address = HADDR_UNDEF;
    hsize_t size = 0;
    unsigned filters = 0;
    if (!chunked) address = H5Dget_offset(dataset);
    else if (H5Dget_chunk_info_by_coord(dataset, first, &filters, &address, &size) < 0) address = HADDR_UNDEF;
    const std::uint64_t there = address >= bytes ? 0 : std::min(block, (bytes - address) / width);  // HADDR_UNDEF: nowhere
    try {
      row.resize(there * width);
      read_rows(dataset, c, at, there, row.data());
    } catch (const Failure&) {
      return at;
    }
    if (there < block) return at + there;
  }
  return count;
}

void write_counter(hid_t dataset, const void* data, bool single_byte) {
  const hid_t type = single_byte ? H5T_NATIVE_UINT8 : H5T_NATIVE_UINT64;
  check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), "write", "counter");
}

}  // namespace fader::h5
