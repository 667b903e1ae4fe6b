// Datasets and attributes of exported files: compressed with checksums, and text of variable length.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "store/hdf5.h"

namespace fader::h5 {
namespace {

constexpr std::size_t kChunkBytes = 1 << 18;
constexpr unsigned kDeflate = 4;  // readable everywhere, unlike faster filters

Handle open_text_type() {
  Handle type(check(H5Tcopy(H5T_C_S1), "make", "text type"));
  check(H5Tset_size(type, H5T_VARIABLE), "set the size of", "text type");
  check(H5Tset_cset(type, H5T_CSET_UTF8), "set the encoding of", "text type");
  return type;
}

void write_texts(hid_t object, const std::string& name, const std::vector<std::string>& texts, bool scalar) {
  std::vector<const char*> pointers;
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  const hsize_t n = texts.size();
  const Handle space(check(scalar ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &n, nullptr), "make", "shape"));
  const Handle type = open_text_type();
  const Handle attribute(check(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), "make attribute", name));
  if (n > 0) check(H5Awrite(attribute, type, pointers.data()), "write attribute", name);
}

Handle packed_properties(const Column& c, std::uint64_t rows) {
  Handle list(check(H5Pcreate(H5P_DATASET_CREATE), "make", "dataset properties"));
  const std::size_t width = std::max<std::size_t>(row_bytes(c), 1);
  const hsize_t chunk[2] = {std::clamp<hsize_t>(kChunkBytes / width, 1, std::max<hsize_t>(rows, 1)), std::max<hsize_t>(c.size, 1)};
  check(H5Pset_chunk(list, c.scalar ? 1 : 2, chunk), "chunk", c.path);
  if (c.type == Type::text) return list;  // what is stored there are references
  check(H5Pset_shuffle(list), "shuffle", c.path);
  check(H5Pset_deflate(list, kDeflate), "compress", c.path);
  check(H5Pset_fletcher32(list), "add a checksum to", c.path);
  return list;
}

}  // namespace

void write_open_attributes(hid_t object, const Attributes& attributes) {
  for (const auto& [name, value] : attributes) {
    const auto* text = std::get_if<std::string>(&value);
    const auto* texts = std::get_if<std::vector<std::string>>(&value);
    if (text) write_texts(object, name, {clean_text(*text)}, true);
    else if (texts) write_texts(object, name, *texts, false);
    else write_attribute(object, name, value);
  }
}

Handle write_packed(hid_t parent, const Column& c, std::uint64_t rows, const std::string& bytes) {
  if (const auto slash = c.path.rfind('/'); slash != std::string::npos) make_group(parent, c.path.substr(0, slash));
  const hsize_t now[2] = {rows, c.size}, most[2] = {H5S_UNLIMITED, std::max<hsize_t>(c.size, 1)};
  const Handle space(check(H5Screate_simple(c.scalar ? 1 : 2, now, most), "shape", c.path));
  const Handle type = c.type == Type::text ? open_text_type() : stored_type(c.type, c.size);
  Handle dataset(check(H5Dcreate2(parent, c.path.c_str(), type, space, H5P_DEFAULT, packed_properties(c, rows), H5P_DEFAULT), "make", c.path));
  if (rows == 0 || c.size == 0) return dataset;
  if (c.type != Type::text) {
    append_rows(dataset, c, 0, rows, bytes.data());
    return dataset;
  }
  std::vector<std::string> texts;
  std::vector<const char*> pointers;
  for (std::uint64_t r = 0; r < rows; ++r) texts.push_back(clean_text(bytes.substr(r * c.size, c.size).c_str()));
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), "write", c.path);
  return dataset;
}

std::string read_packed(hid_t parent, const Column& c, std::uint64_t count) {
  const Handle dataset = open_dataset(parent, c.path);
  if (rows(dataset) != count) throw Failure(fmt::format("'{}' has {} rows, {} expected", c.path, rows(dataset), count));
  std::string out(count * row_bytes(c), '\0');
  if (c.type != Type::text) read_rows(dataset, c, 0, count, out.data());
  if (c.type != Type::text || count == 0) return out;
  const Handle type = open_text_type(), space(check(H5Dget_space(dataset), "ask for the shape of", c.path));
  std::vector<char*> texts(count, nullptr);
  check(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts.data()), "read", c.path);
  for (std::uint64_t r = 0; r < count; ++r)
    if (texts[r]) std::memcpy(out.data() + r * c.size, texts[r], std::min(std::strlen(texts[r]), c.size));
  check(H5Dvlen_reclaim(type, space, H5P_DEFAULT, texts.data()), "let go of", c.path);
  return out;
}

}  // namespace fader::h5
