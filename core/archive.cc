#include "core/archive.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "core/error.h"

namespace fader {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is what lies in memory");
constexpr char kBool = 'b', kText = 's', kList = 't';
constexpr std::size_t kFieldBytes = sizeof(char) + sizeof(std::uint32_t) + sizeof(std::uint64_t);  // of an empty one without a name

std::string_view kind_name(char kind) {
  switch (kind) {
    case kBool: return "true or false";
    case kText: return "text";
    case kList: return "list";
    case 'f': return "float32";
    case 'd': return "float64";
    case 'j': return "int8";
    case 'k': return "int16";
    case 'm': return "int32";
    case 'q': return "int64";
    case 'B': return "uint8";
    case 'C': return "uint16";
    case 'E': return "uint32";
    case 'I': return "uint64";
    default: return "an unknown kind";
  }
}

// A name out of a foreign file, fit for a message.
std::string printable(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::string out(text.substr(0, kLongest));
  for (char& c : out)
    if (c < 0x20 || c > 0x7e) c = '?';
  return text.size() > kLongest ? out + "..." : out;
}

}  // namespace

Archive::Scope::Scope(Archive& archive, std::string_view name) : archive_(archive), length_(archive.path_.size()) {
  archive_.path_.append(name).append("/");
}
Archive::Scope::~Scope() { archive_.path_.resize(length_); }

void Archive::fail(std::string_view name, const std::string& what) const {
  throw DataError(fmt::format("saved state, field '{}{}' at byte {}: {}", path_, name, at_, what));
}

void Archive::take(std::string_view name, void* out, std::size_t n) {
  if (n > bytes_.size() - at_) fail(name, fmt::format("{} bytes expected, {} left; the state is cut short", n, bytes_.size() - at_));
  std::memcpy(out, bytes_.data() + at_, n);
  at_ += n;
}

// Reads the head of the next field and steps back: how many elements follow, known to be there.
std::size_t Archive::count_ahead(std::string_view name, char kind, std::size_t element) {
  const std::size_t start = at_;
  char found = 0;
  std::uint32_t length = 0;
  take(name, &found, sizeof found);
  take(name, &length, sizeof length);
  if (length > bytes_.size() - at_) fail(name, fmt::format("found a name of {} bytes, {} left", length, bytes_.size() - at_));
  const std::string_view label(bytes_.data() + at_, length);
  if (label != name || found != kind) {
    at_ = start;
    fail(name, fmt::format("found '{}' ({}), expected '{}' ({})", printable(label), kind_name(found), name, kind_name(kind)));
  }
  at_ += length;
  std::uint64_t count = 0;
  take(name, &count, sizeof count);
  if (count > (bytes_.size() - at_) / element) fail(name, fmt::format("{} elements do not fit in the {} bytes left", count, bytes_.size() - at_));
  at_ = start;
  return count;
}

void Archive::raw(std::string_view name, char kind, void* data, std::size_t element, std::size_t count) {
  if (loading_) {
    const std::size_t found = count_ahead(name, kind, element);
    if (found != count) fail(name, fmt::format("found {} elements, expected {}", found, count));
    at_ += kFieldBytes + name.size();
    if (count > 0) take(name, data, element * count);
    return;
  }
  const auto length = static_cast<std::uint32_t>(name.size());
  const auto n = static_cast<std::uint64_t>(count);
  bytes_.push_back(kind);
  bytes_.append(reinterpret_cast<const char*>(&length), sizeof length).append(name);
  bytes_.append(reinterpret_cast<const char*>(&n), sizeof n);
  if (count > 0) bytes_.append(static_cast<const char*>(data), element * count);
}

void Archive::field(std::string_view name, bool& value) {
  char byte = value ? 1 : 0;
  raw(name, kBool, &byte, 1, 1);
  if (byte != 0 && byte != 1) fail(name, fmt::format("found {}, expected 0 or 1", static_cast<int>(byte)));
  if (loading_) value = byte == 1;
}

void Archive::field(std::string_view name, std::string& value) {
  if (loading_) value.resize(count_ahead(name, kText, 1));
  raw(name, kText, value.data(), 1, value.size());
}

void Archive::field(std::string_view name, std::vector<std::string>& values) {
  const Scope scope(*this, name);
  const std::size_t n = list_size(values.size());
  if (loading_) values.resize(n);
  for (std::size_t i = 0; i < n; ++i) element(i, [&] { field("", values[i]); });
}

// How many elements the list has; those of a loaded one may be there, as each takes the bytes of a field at least.
std::size_t Archive::list_size(std::size_t present) {
  auto n = static_cast<std::uint64_t>(present);
  raw("size", kList, &n, sizeof n, 1);
  if (loading_ && n > (bytes_.size() - at_) / kFieldBytes) fail("size", fmt::format("{} elements do not fit in the {} bytes left", n, bytes_.size() - at_));
  return n;
}

void Archive::element(std::size_t index, const std::function<void()>& visit) {
  const Scope scope(*this, fmt::format("{}", index));
  const std::size_t before = bytes_.size();
  visit();
  FADER_CHECK(loading_ || bytes_.size() > before, "element {} of a list has no field", path_);
}

void Archive::expect(bool right, std::string_view what) const {
  if (!right) fail("", fmt::format("what was read is not {}", what));
}

void Archive::finish() const {
  if (loading_ && at_ != bytes_.size()) fail("", fmt::format("{} bytes are left over", bytes_.size() - at_));
}

}  // namespace fader
