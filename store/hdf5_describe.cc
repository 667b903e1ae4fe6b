// Attributes, and what a dataset says of itself. Everything read here is checked before anything is allocated for it.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "store/hdf5.h"

namespace fader::h5 {
namespace {

constexpr std::size_t kMostAttributes = 1000, kMostMembers = 100'000, kMostTextBytes = 1 << 16;

Handle scalar_space() { return Handle(check(H5Screate(H5S_SCALAR), "make", "shape")); }
Handle list_space(hsize_t n) { return Handle(check(H5Screate_simple(1, &n, nullptr), "make", "shape")); }

void put(hid_t object, const std::string& name, hid_t type, hid_t memory, hid_t space, const void* data) {
  const Handle attribute(check(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), "make attribute", name));
  if (H5Sget_simple_extent_npoints(space) > 0) check(H5Awrite(attribute, memory, data), "write attribute", name);
}

void put_texts(hid_t object, const std::string& name, const std::vector<std::string>& texts, hid_t space) {
  std::vector<std::string> clean;
  std::size_t width = 1;
  for (const auto& text : texts) width = std::max(width, clean.emplace_back(clean_text(text)).size());
  std::string bytes;
  for (auto& text : clean) {
    text.resize(width, '\0');
    bytes += text;
  }
  const Handle type = stored_type(Type::text, width);
  put(object, name, type, type, space, bytes.data());
}

struct Writer {
  hid_t object;
  const std::string& name;
  void operator()(std::int64_t v) const { put(object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, scalar_space(), &v); }
  void operator()(std::uint64_t v) const { put(object, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, scalar_space(), &v); }
  void operator()(double v) const { put(object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, scalar_space(), &v); }
  void operator()(bool v) const {
    const std::int8_t byte = v;
    const Handle type = stored_type(Type::boolean, 1);
    put(object, name, type, type, scalar_space(), &byte);
  }
  void operator()(const std::string& v) const { put_texts(object, name, {v}, scalar_space()); }
  void operator()(const std::vector<std::string>& v) const { put_texts(object, name, v, list_space(v.size())); }
  void operator()(const std::vector<double>& v) const {
    put(object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, list_space(v.size()), v.data());
  }
};

bool is_boolean(hid_t type) {
  if (H5Tget_size(type) != 1 || H5Tget_nmembers(type) != 2) return false;
  std::int8_t no = -1, yes = -1;
  return H5Tenum_valueof(type, "FALSE", &no) >= 0 && H5Tenum_valueof(type, "TRUE", &yes) >= 0 && no == 0 && yes == 1;
}
bool is_fixed_text(hid_t type) { return H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0; }

std::vector<std::string> get_texts(hid_t attribute, const std::string& name, std::size_t width, std::size_t n) {
  std::string bytes(width * n, '\0');
  const Handle type = stored_type(Type::text, width);
  if (n > 0) check(H5Aread(attribute, type, bytes.data()), "read attribute", name);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < n; ++i) out.push_back(clean_text(bytes.substr(i * width, width).c_str()));
  return out;
}

Attribute get(hid_t attribute, const std::string& name, std::uint64_t limit) {
  const Handle type(check(H5Aget_type(attribute), "ask for the type of attribute", name));
  const Handle space(check(H5Aget_space(attribute), "ask for the shape of attribute", name));
  const hssize_t n = H5Sget_simple_extent_npoints(space);
  const int rank = H5Sget_simple_extent_ndims(space);
  const std::size_t width = H5Tget_size(type);
  if (n < 0 || rank < 0 || rank > 1 || width == 0)
    throw Failure(fmt::format("attribute '{}' has a shape that is not known here", name));
  if (static_cast<std::uint64_t>(n) > limit / width) throw Failure(fmt::format("attribute '{}' is larger than the file", name));
  const auto count = static_cast<std::size_t>(n);
  if (is_fixed_text(type)) {
    auto texts = get_texts(attribute, name, width, count);
    if (rank == 1) return texts;
    if (count == 1) return texts.front();
  }
  const auto read = [&](hid_t memory, void* out) { check(H5Aread(attribute, memory, out), "read attribute", name); };
  const H5T_class_t kind = H5Tget_class(type);
  if (kind == H5T_FLOAT && rank == 1) {
    std::vector<double> out(count);
    if (count > 0) read(H5T_NATIVE_DOUBLE, out.data());
    return out;
  }
  if (rank == 0 && count == 1 && width <= 8) {
    const auto one = [&]<class T>(hid_t memory, T v) {
      read(memory, &v);
      return Attribute(v);
    };
    if (kind == H5T_FLOAT) return one(H5T_NATIVE_DOUBLE, 0.0);
    if (kind == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_NONE) return one(H5T_NATIVE_UINT64, std::uint64_t{0});
    if (kind == H5T_INTEGER) return one(H5T_NATIVE_INT64, std::int64_t{0});
    if (kind == H5T_ENUM && is_boolean(type)) {
      std::int8_t byte = 0;
      read(type, &byte);
      return byte != 0;
    }
  }
  throw Failure(fmt::format("attribute '{}' has a type that is not known here", name));
}

Type column_type(hid_t type, const std::string& path) {
  const H5T_class_t kind = H5Tget_class(type);
  const std::size_t width = H5Tget_size(type);
  if (kind == H5T_FLOAT && width == 8) return Type::f64;
  if (kind == H5T_INTEGER && width == 8 && H5Tget_sign(type) == H5T_SGN_2) return Type::i64;
  if (kind == H5T_INTEGER && width == 1 && H5Tget_sign(type) == H5T_SGN_NONE) return Type::u8;
  if (kind == H5T_ENUM && is_boolean(type)) return Type::boolean;
  if (is_fixed_text(type) && width <= kMostTextBytes) return Type::text;
  throw Failure(fmt::format("'{}' has a type that is not known here", path));
}

/// Stored plainly in this file: no filter that could blow up, no other file that would be followed.
void require_plain(hid_t dataset, const std::string& path) {
  const Handle list(check(H5Dget_create_plist(dataset), "ask for the properties of", path));
  const H5D_layout_t layout = H5Pget_layout(list);
  if (H5Pget_nfilters(list) != 0 || H5Pget_external_count(list) != 0 || (layout != H5D_CHUNKED && layout != H5D_CONTIGUOUS))
    throw Failure(fmt::format("'{}' is compressed or kept in another file, which a run never is", path));
}

template <class T>
T taken(Attributes& attributes, const std::string& name, const std::string& path, T fallback) {
  const auto it = attributes.find(name);
  if (it == attributes.end()) return fallback;
  if (const T* value = std::get_if<T>(&it->second)) return *value;
  throw Failure(fmt::format("attribute '{}' of '{}' has another type than ours", name, path));
}

/// Runs `read`; where `lost` is given, what it fails with is noted there.
template <class F>
void tolerating(std::vector<std::string>* lost, F read) {
  try {
    read();
  } catch (const Failure& e) {
    if (!lost) throw;
    lost->emplace_back(e.what());
  }
}

}  // namespace

void write_attribute(hid_t object, const std::string& name, const Attribute& value) {
  refuse_when_growing(object, name);
  std::visit(Writer{object, name}, value);
}

Attributes read_attributes(hid_t object, std::uint64_t limit, std::vector<std::string>* lost) {
  H5O_info_t info;
  check(H5Oget_info2(object, &info, H5O_INFO_NUM_ATTRS), "count attributes of", "object");
  if (info.num_attrs > kMostAttributes)
    throw Failure(fmt::format("an object has {} attributes, at most {} are expected", info.num_attrs, kMostAttributes));
  Attributes out;
  for (hsize_t i = 0; i < info.num_attrs; ++i)
    tolerating(lost, [&] {
      const hid_t id = H5Aopen_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_INC, i, H5P_DEFAULT, H5P_DEFAULT);
      const Handle attribute(check(id, "open", "attribute"));
      char name[256] = {};
      check(static_cast<hssize_t>(H5Aget_name(attribute, sizeof name, name)), "read the name of", "attribute");
      out[clean_text(name)] = get(attribute, name, limit);
    });
  return out;
}

Column read_shape(hid_t dataset, const std::string& path, std::uint64_t limit) {
  require_plain(dataset, path);
  const Handle type(check(H5Dget_type(dataset), "ask for the type of", path));
  const Handle space(check(H5Dget_space(dataset), "ask for the shape of", path));
  const int rank = check(H5Sget_simple_extent_ndims(space), "ask for the shape of", path);
  Column c{.path = path, .type = column_type(type, path)};
  if (rank < 1 || rank > (c.type == Type::text ? 1 : 2)) throw Failure(fmt::format("'{}' has {} dimensions", path, rank));
  hsize_t extent[2] = {0, 1};
  check(H5Sget_simple_extent_dims(space, extent, nullptr), "ask for the shape of", path);
  if (extent[1] > limit) throw Failure(fmt::format("'{}' has {} numbers a row, more than the file holds", path, extent[1]));
  c.scalar = rank == 1;
  c.size = c.type == Type::text ? H5Tget_size(type) : extent[1];
  return c;
}

Column read_column(hid_t dataset, const std::string& path, std::uint64_t limit) {
  Column c = read_shape(dataset, path, limit);
  Attributes attributes = read_attributes(dataset, limit);
  const auto text = [&](const char* name) { return taken<std::string>(attributes, name, path, ""); };
  c.rows = rows_named(text("rows"), path);
  c.axes = text("axes");
  c.unit = text("unit");
  c.note = text("note");
  c.labels = taken<std::vector<std::string>>(attributes, "labels", path, {});
  c.is_volatile = taken<std::int64_t>(attributes, "volatile", path, 0) != 0;
  if (!c.labels.empty() && c.labels.size() != c.size)
    throw Failure(fmt::format("'{}' has {} labels for {} numbers a row", path, c.labels.size(), c.size));
  return c;
}

namespace {
H5O_info_t about(hid_t parent, const std::string& name) {
  H5O_info_t info;
  check(H5Oget_info_by_name2(parent, name.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT), "look at", name);
  return info;
}
}  // namespace

bool is_group(hid_t parent, const std::string& name) { return about(parent, name).type == H5O_TYPE_GROUP; }
std::uint64_t address(hid_t parent, const std::string& name) { return about(parent, name).addr; }

std::vector<std::string> members(hid_t group, std::vector<std::string>* lost) {
  H5G_info_t info;
  check(H5Gget_info(group, &info), "list", "group");
  if (info.nlinks > kMostMembers)
    throw Failure(fmt::format("a group has {} members, at most {} are expected", info.nlinks, kMostMembers));
  // in the order in which they were made where that is known
  const Handle list(check(H5Gget_create_plist(group), "ask for the properties of", "group"));
  unsigned order = 0;
  check(H5Pget_link_creation_order(list, &order), "ask for the order of", "group");
  const H5_index_t index = (order & H5P_CRT_ORDER_INDEXED) ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
  std::vector<std::string> out;
  for (hsize_t i = 0; i < info.nlinks; ++i)
    tolerating(lost, [&] {
      char name[256] = {};
      const auto length = H5Lget_name_by_idx(group, ".", index, H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT);
      check(static_cast<hssize_t>(length), "list", "group");
      refuse_elsewhere(group, name);
      out.emplace_back(name);
    });
  return out;
}

std::vector<std::uint64_t> read_counter(hid_t parent, const std::string& name, std::size_t count) {
  const Handle dataset = open_dataset(parent, name);
  require_plain(dataset, name);
  const Handle space(check(H5Dget_space(dataset), "ask for the shape of", name));
  const Handle type(check(H5Dget_type(dataset), "ask for the type of", name));
  if (H5Sget_simple_extent_npoints(space) != static_cast<hssize_t>(count) || H5Tget_class(type) != H5T_INTEGER)
    throw Failure(fmt::format("'{}' is not made of {} whole numbers", name, count));
  std::vector<std::uint64_t> out(count);
  check(H5Dread(dataset, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, out.data()), "read", name);
  return out;
}

namespace {

/// Bytes of the well-formed character that `text` starts with, or 0.
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead == 0) return 0;
  if (lead < 0x80) return 1;
  const std::size_t length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xED && byte(1) >= 0xA0, beyond = lead == 0xF4 && byte(1) >= 0x90;
  return overlong || surrogate || beyond ? 0 : length;
}

}  // namespace

std::string clean_text(std::string_view text, std::size_t bytes) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = character(text);
    const std::string_view piece = length > 0 ? text.substr(0, length) : std::string_view("?");
    if (piece.size() > bytes - out.size()) break;
    out += piece;
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace fader::h5
