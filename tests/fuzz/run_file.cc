// Our schema inside valid HDF5: the input says what the library is told to build, ordinary or odd, and a file that it built is
// never malformed. (Raw bytes are not given to it here: its own parser has open memory errors on those.)
//
// Zeros, and an input that is used up, mean a run as we write it; each byte of 192 and more means something odd: other types,
// shapes, layouts, filters, links, counters, attributes. What is accepted must read in full and have nothing in it that leads
// out of the file; every eighth must be equal to itself, which takes as long as all else.
#include <array>
#include <bit>
#include <cmath>

#include "store/hdf5.h"
#include "tests/fuzz/fuzz.h"

using namespace fader;

namespace {

constexpr hsize_t kOddSizes[] = {0, 1, 2, 3, 100, 5000, hsize_t{1} << 33, hsize_t{1} << 62};

class Builder {
 public:
  Builder(fuzz::Bytes& input, const std::filesystem::path& folder) : in_(input), folder_(folder) {}

  /// False when even the ordinary parts could not be built.
  bool build() {
    const h5::Handle access(H5Pcreate(H5P_FILE_ACCESS)), creation(H5Pcreate(H5P_FILE_CREATE));
    H5Pset_libver_bounds(access, in_.quirk(2) ? H5F_LIBVER_EARLIEST : H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    if (in_.quirk(2) == 0) H5Pset_link_creation_order(creation, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    if (in_.quirk(4) == 1) {
      H5Pset_shared_mesg_nindexes(creation, 1);
      H5Pset_shared_mesg_index(creation, 0, H5O_SHMESG_ALL_FLAG, 16);
    }
    h5::Handle root(H5Fcreate((folder_ / "run.h5").c_str(), H5F_ACC_TRUNC, creation, access));
    if (root < 0) return false;
    text_attribute(root, "schema", in_.quirk(3) == 1 ? "other" : kSchemaName);
    text_attribute(root, "schema_version", std::array{"1.1", "2.0", "1.9", "x"}[in_.quirk(4)]);
    text_attribute(root, "experiment", "e");
    for (auto n = in_.quirk(4); n > 0; --n) odd_attribute(root);
    counter(root, "status", 1, H5T_STD_U8LE);
    counter(root, "commit", 3, H5T_STD_U64LE);
    const std::size_t episodes = 1 + in_.quirk(4);
    for (std::size_t i = 0; i < episodes; ++i) episode(root, i);
    for (auto n = in_.quirk(4); n > 0; --n) odd_link(root, root);
    if (in_.quirk(4) != 1) summary(root);
    return true;
  }

  bool leads_out = false;  ///< something was built that a run never has

 private:
  static std::array<std::uint64_t, 3> committed() { return {2, 4, 1}; }

  h5::Handle space(int rank, const hsize_t* now, const hsize_t* most = nullptr) { return h5::Handle(H5Screate_simple(rank, now, most)); }

  h5::Handle odd_type() {
    switch (in_.below(14)) {
      case 0: return h5::Handle(H5Tcopy(H5T_IEEE_F32LE));
      case 1: return h5::Handle(H5Tcopy(H5T_STD_I32BE));
      case 2: return h5::Handle(H5Tcopy(H5T_STD_U64BE));
      case 3: return h5::Handle(H5Tcopy(H5T_IEEE_F64BE));
      case 4: {
        h5::Handle text(H5Tcopy(H5T_C_S1));
        H5Tset_size(text, in_.below(4) == 0 ? 1u << 20 : 1 + in_.below(20));
        return text;
      }
      case 5: {
        h5::Handle text(H5Tcopy(H5T_C_S1));
        H5Tset_size(text, H5T_VARIABLE);
        return text;
      }
      case 6: return h5::Handle(H5Tvlen_create(H5T_STD_I8LE));
      case 7: {
        h5::Handle pair(H5Tcreate(H5T_COMPOUND, 16));
        H5Tinsert(pair, "a", 0, H5T_STD_I64LE);
        H5Tinsert(pair, "b", 8, H5T_IEEE_F64LE);
        return pair;
      }
      case 8: return enumeration(H5T_STD_I8LE, "FALSE", "TRUE", 0, 1);
      case 9: return enumeration(H5T_STD_U8LE, "FALSE", "TRUE", 0, in_.take<std::int8_t>());
      case 10: return enumeration(H5T_STD_I8LE, "NO", "YES", 0, 1);
      case 11: {
        const hsize_t three = 3;
        return h5::Handle(H5Tarray_create2(H5T_STD_I8LE, 1, &three));
      }
      case 12: {
        h5::Handle narrow(H5Tcopy(H5T_STD_I64LE));
        H5Tset_precision(narrow, 1 + in_.below(64));
        return narrow;
      }
      default: {
        h5::Handle opaque(H5Tcreate(H5T_OPAQUE, 1 + in_.below(16)));
        H5Tset_tag(opaque, "tag");
        return opaque;
      }
    }
  }
  static h5::Handle enumeration(hid_t base, const char* no, const char* yes, std::int8_t zero, std::int8_t one) {
    h5::Handle type(H5Tenum_create(base));
    H5Tenum_insert(type, no, &zero);
    H5Tenum_insert(type, yes, &one);
    return type;
  }

  void text_attribute(hid_t object, const char* name, std::string text) {
    if (in_.quirk(16) == 1) return odd_attribute(object, name);
    const h5::Handle type = h5::stored_type(Type::text, text.size());
    const h5::Handle one(H5Screate(H5S_SCALAR));
    const h5::Handle attribute(H5Acreate2(object, name, type, one, H5P_DEFAULT, H5P_DEFAULT));
    if (attribute >= 0) H5Awrite(attribute, type, text.data());
  }
  void odd_attribute(hid_t object, const char* name = nullptr) {
    static constexpr const char* kNames[] = {"extra", "rows", "axes", "labels", "volatile", "missing", "a name that is longer than most"};
    if (!name) name = kNames[in_.below(std::size(kNames))];
    const h5::Handle type = odd_type();
    const hsize_t sizes[2] = {in_.below(4), 1 + in_.below(3)};
    const std::size_t shape = in_.below(4);
    const h5::Handle where = shape == 0 ? h5::Handle(H5Screate(H5S_SCALAR)) : shape == 1 ? h5::Handle(H5Screate(H5S_NULL)) : space(static_cast<int>(shape) - 1, sizes);
    const h5::Handle attribute(H5Acreate2(object, name, type, where, H5P_DEFAULT, H5P_DEFAULT));
    write(attribute, type, where, H5Awrite);
  }
  /// Numbers of any kind; what holds pointers is left unwritten.
  template <class Write>
  void write(hid_t object, hid_t type, hid_t where, Write&& into) {
    constexpr std::size_t kMostBytes = 1 << 20;
    const hssize_t n = H5Sget_simple_extent_npoints(where);
    const bool pointers = H5Tdetect_class(type, H5T_VLEN) > 0 || H5Tis_variable_str(type) > 0;
    if (object < 0 || n <= 0 || pointers || static_cast<std::size_t>(n) > kMostBytes / H5Tget_size(type)) return;
    std::string bytes(static_cast<std::size_t>(n) * H5Tget_size(type), static_cast<char>(in_.take<std::uint8_t>()));
    into(object, type, bytes.data());
  }
  static herr_t write_rows(hid_t dataset, hid_t type, const void* data) { return H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data); }

  void counter(hid_t parent, const char* name, hsize_t count, hid_t type) {
    if (in_.quirk(16) == 1) return odd_link(parent, parent, name);
    std::array<std::uint64_t, 8> values{};
    if (std::string_view(name) == "status") values[0] = in_.quirk(5);
    else if (count == 1) values[0] = in_.quirk(4) == 1 ? in_.take<std::uint64_t>() : 1;  // of the one row that a summary has here
    else
      for (std::size_t i = 0; i < 3; ++i) values[i] = in_.quirk(4) == 1 ? in_.take<std::uint64_t>() : committed()[i];
    const h5::Handle odd = odd_type_or(type);
    if (in_.quirk(8) == 1) count = in_.below(9);
    const h5::Handle where = space(1, &count);
    const h5::Handle dataset(H5Dcreate2(parent, name, odd, where, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    if (dataset >= 0 && H5Tget_class(odd) == H5T_INTEGER && count <= values.size()) write_rows(dataset, H5T_NATIVE_UINT64, values.data());
  }
  h5::Handle odd_type_or(hid_t type) { return in_.quirk(8) == 1 ? odd_type() : h5::Handle(H5Tcopy(type)); }

  void episode(hid_t file, std::size_t number) {
    const std::string name = "episode_" + std::to_string(number);
    if (in_.quirk(16) == 1) return odd_link(file, file, name.c_str());
    const h5::Handle list(H5Pcreate(H5P_GROUP_CREATE));
    if (in_.quirk(2) == 0) H5Pset_link_creation_order(list, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    const h5::Handle group(H5Gcreate2(file, name.c_str(), H5P_DEFAULT, list, H5P_DEFAULT));
    const h5::Handle inner(H5Gcreate2(group, "train", H5P_DEFAULT, list, H5P_DEFAULT));
    if (in_.quirk(4) == 1) odd_attribute(group);
    column(group, {.path = "observations", .rows = Rows::interval_plus, .size = 2, .scalar = false});
    column(group, {.path = "rewards"});
    column(group, {.path = "ended", .type = Type::boolean});
    column(inner, {.path = "step", .rows = Rows::step, .type = Type::i64});
    column(group, {.path = "kind", .rows = Rows::event, .type = Type::text, .size = 16, .is_volatile = true});
    column(group, {.path = "loss", .rows = Rows::once});
    column(group, {.path = "names", .rows = Rows::constant, .type = Type::text, .size = 8});
    column(group, {.path = "presets", .rows = Rows::constant, .size = 2, .scalar = false});
    counter(group, "commit", 3, H5T_STD_U64LE);
    for (auto n = in_.quirk(4); n > 0; --n) odd_link(in_.below(2) ? group : inner, file);
  }

  void summary(hid_t file) {
    if (in_.quirk(16) == 1) return odd_link(file, file, "summary");
    const h5::Handle group(H5Gcreate2(file, "summary", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    const h5::Handle inner(H5Gcreate2(group, "final", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    column(group, {.path = "episode", .rows = Rows::episode, .type = Type::i64});
    column(group, {.path = "failed", .rows = Rows::episode, .type = Type::boolean});
    column(group, {.path = "return", .rows = Rows::episode});
    column(inner, {.path = "loss", .rows = Rows::episode});
    if (in_.quirk(4) == 1) odd_attribute(group);
    counter(group, "commit", 1, H5T_STD_U64LE);
    for (auto n = in_.quirk(4); n > 0; --n) odd_link(in_.below(2) ? group : inner, file);
  }

  static hsize_t rows_of(Rows rows) {
    const auto [intervals, steps, events] = committed();
    return rows == Rows::interval ? intervals : rows == Rows::interval_plus ? intervals + 1 : rows == Rows::step ? steps : rows == Rows::event ? events : 1;
  }

  /// A dataset as make_column makes it, unless the input wants it otherwise.
  void column(hid_t parent, const Column& c) {
    if (in_.quirk(24) == 1) return odd_link(parent, parent, c.path.c_str());
    const h5::Handle type = in_.quirk(12) == 1 ? odd_type() : h5::stored_type(c.type, c.size);
    int rank = c.scalar || c.type == Type::text ? 1 : 2;
    hsize_t now[3] = {rows_of(c.rows), c.type == Type::text ? 1 : c.size, 1};
    hsize_t most[3] = {c.rows == Rows::constant || c.rows == Rows::once ? now[0] : H5S_UNLIMITED, now[1], 1};
    if (in_.quirk(12) == 1) rank = static_cast<int>(in_.below(4));
    for (int i = 0; i < 2; ++i)
      if (in_.quirk(12) == 1) now[i] = most[i] = kOddSizes[in_.below(std::size(kOddSizes))];
    const h5::Handle where = rank == 0 ? h5::Handle(H5Screate(H5S_SCALAR)) : space(rank, now, most);
    const h5::Handle list(H5Pcreate(H5P_DATASET_CREATE));
    layout(list, rank, now, most, H5Tget_size(type));
    const h5::Handle dataset(H5Dcreate2(parent, c.path.c_str(), type, where, H5P_DEFAULT, list, H5P_DEFAULT));
    if (dataset < 0) return;
    leads_out = leads_out || H5Pget_external_count(list) > 0 || H5Pget_layout(list) == H5D_VIRTUAL;
    if (in_.quirk(8) != 1) write(dataset, type, where, write_rows);
    text_attribute(dataset, "rows", in_.quirk(8) == 1 ? h5::name_of(static_cast<Rows>(in_.below(7))) : h5::name_of(c.rows));
    text_attribute(dataset, "axes", "interval");
    for (auto n = in_.quirk(3); n > 0; --n) odd_attribute(dataset);
  }

  void layout(hid_t list, int rank, const hsize_t* now, const hsize_t* most, std::size_t bytes) {
    const std::size_t odd = in_.quirk(12);
    if (odd == 1) {
      H5Pset_external(list, (folder_ / "outside.bin").c_str(), 0, H5F_UNLIMITED);
    } else if (odd == 2) {
      const h5::Handle where = rank > 0 ? space(rank, now, most) : h5::Handle(H5Screate(H5S_SCALAR));
      H5Pset_virtual(list, where, (folder_ / "outside.h5").c_str(), "rewards", where);
    } else if (odd == 3) {
      H5Pset_layout(list, H5D_COMPACT);
    } else if (rank > 0 && (odd >= 4 || most[0] == H5S_UNLIMITED)) {
      const hsize_t chunk[3] = {std::min<hsize_t>(16, most[0]), std::max<hsize_t>(1, std::min<hsize_t>(now[1], 64)), 1};
      H5Pset_chunk(list, rank, chunk);
      if (odd == 4) H5Pset_deflate(list, 1);
      if (odd == 5) H5Pset_fletcher32(list);
      if (odd == 6) H5Pset_shuffle(list);
    }
    if (bytes <= 8 && in_.quirk(8) == 1) H5Pset_alloc_time(list, H5D_ALLOC_TIME_LATE);
  }

  /// A member that is no group and no dataset of its own.
  void odd_link(hid_t parent, hid_t root, const char* name = nullptr) {
    static constexpr const char* kNames[] = {"link", "rewards2", "episode_1", "deep", "a\x1b[31m"};
    if (!name) name = kNames[in_.below(std::size(kNames))];
    switch (in_.below(8)) {
      case 0: leads_out = H5Lcreate_external((folder_ / "outside.h5").c_str(), "/status", parent, name, H5P_DEFAULT, H5P_DEFAULT) >= 0 || leads_out; break;
      case 1: leads_out = H5Lcreate_soft("/episode_0/rewards", parent, name, H5P_DEFAULT, H5P_DEFAULT) >= 0 || leads_out; break;
      case 2: leads_out = H5Lcreate_soft("nowhere", parent, name, H5P_DEFAULT, H5P_DEFAULT) >= 0 || leads_out; break;
      case 3: alias(parent, ".", parent, name, root); break;
      case 4: alias(root, "status", parent, name, root); break;
      case 5: {
        const h5::Handle type = odd_type();
        H5Tcommit2(parent, name, type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        break;
      }
      case 6: {
        h5::Handle group(H5Gcreate2(parent, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        for (auto depth = in_.below(16); depth > 0 && group >= 0; --depth)
          group = h5::Handle(H5Gcreate2(group, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        break;
      }
      default:
        for (auto n = 1 + in_.below(6); n > 0; --n) alias(root, "/", parent, name + std::to_string(n), root);
    }
  }
  /// A second name of what is there. Beside the episodes nobody looks.
  void alias(hid_t from, const char* what, hid_t parent, const std::string& name, hid_t root) {
    const bool made = H5Lcreate_hard(from, what, parent, name.c_str(), H5P_DEFAULT, H5P_DEFAULT) >= 0;
    leads_out = leads_out || (made && parent != root);
  }

  fuzz::Bytes& in_;
  const std::filesystem::path& folder_;
};

void read_all(const std::filesystem::path& file, bool compared) {
  const RunReader reader(file);
  std::uint64_t numbers = 0;
  for (std::size_t e = 0; e < reader.episodes(); ++e)
    for (const Column& c : reader.columns()) {
      const std::uint64_t rows = reader.rows(e, c.path);
      FADER_CHECK(c.rows == Rows::constant || rows <= reader.committed(e).intervals + 1 || rows == reader.committed(e).steps ||
                  rows == reader.committed(e).events);
      if (c.type == Type::text) numbers += reader.read_text(e, c.path).size();
      else FADER_CHECK_EQ(reader.read(e, c.path).size(), rows * c.size);
      numbers += reader.labels(c.path).size() + reader.episode(e).size();
    }
  for (const Column& c : reader.summary_columns()) FADER_CHECK_EQ(reader.summary(c.path).size(), reader.summary_rows());
  fuzz::look(numbers);
  if (!compared) return;
  const auto differences = compare_runs(file, file);
  FADER_CHECK(differences.empty(), "a run differs from itself: {}", differences.front());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Scratch scratch;
  const auto file = scratch.path() / "run.h5";
  fuzz::Bytes input(data, size);
  Builder builder(input, scratch.path());
  bool built = false;
  {
    const h5::Session session;
    built = builder.build();
    H5Eclear2(H5E_DEFAULT);
  }
  if (!built) return 0;
  const bool accepted = fuzz::accepts([&] { read_all(file, size % 8 == 7); });
  FADER_CHECK(!accepted || !builder.leads_out, "a file with links that lead elsewhere, or data kept elsewhere, is accepted");
  return 0;
}
