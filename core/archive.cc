#include "core/archive.h"

#include <fmt/format.h>

#include <cstring>

#include "core/error.h"

namespace fader {
namespace {
constexpr char kText = 's', kTexts = 't';
}

Archive::Scope::Scope(Archive& archive, std::string_view name) : archive_(archive), length_(archive.path_.size()) {
  archive_.path_.append(name).append("/");
}
Archive::Scope::~Scope() { archive_.path_.resize(length_); }

void Archive::fail(std::string_view name, const std::string& what) const {
  throw DataError(fmt::format("saved state, field '{}{}' at byte {}: {}", path_, name, at_, what));
}

void Archive::take(void* out, std::size_t n) {
  if (n > bytes_.size() - at_) fail("", fmt::format("{} bytes wanted, {} left; the state is cut short", n, bytes_.size() - at_));
  std::memcpy(out, bytes_.data() + at_, n);
  at_ += n;
}

void Archive::guard(std::uint64_t count) const {
  if (count > bytes_.size() - at_) fail("size", fmt::format("{} elements do not fit in the {} bytes left", count, bytes_.size() - at_));
}

std::size_t Archive::count_ahead(std::string_view name, char kind, std::size_t element) {
  const std::size_t start = at_;
  char found = 0;
  std::uint32_t length = 0;
  take(&found, 1);
  take(&length, sizeof length);
  if (length > bytes_.size() - at_) fail(name, "name is longer than the state");
  const std::string_view label(bytes_.data() + at_, length);
  if (label != name || found != kind) {
    const std::string what = fmt::format("found '{}' of kind '{}', expected kind '{}'", label, found, kind);
    at_ = start;
    fail(name, what);
  }
  at_ += length;
  std::uint64_t count = 0;
  take(&count, sizeof count);
  if (element > 0 && count > (bytes_.size() - at_) / element) fail(name, fmt::format("{} elements do not fit in the bytes left", count));
  at_ = start;
  return count;
}

void Archive::raw(std::string_view name, char kind, void* data, std::size_t element, std::size_t count) {
  if (loading_) {
    const std::size_t found = count_ahead(name, kind, element);
    if (found != count) fail(name, fmt::format("found {} elements, expected {}", found, count));
    at_ += 1 + sizeof(std::uint32_t) + name.size() + sizeof(std::uint64_t);
    if (count > 0) take(data, element * count);
    return;
  }
  const auto length = static_cast<std::uint32_t>(name.size());
  const auto n = static_cast<std::uint64_t>(count);
  bytes_.push_back(kind);
  bytes_.append(reinterpret_cast<const char*>(&length), sizeof length).append(name);
  bytes_.append(reinterpret_cast<const char*>(&n), sizeof n);
  if (count > 0) bytes_.append(static_cast<const char*>(data), element * count);
}

void Archive::field(std::string_view name, std::string& value) {
  if (loading_) value.resize(count_ahead(name, kText, 1));
  raw(name, kText, value.data(), 1, value.size());
}

void Archive::field(std::string_view name, std::vector<std::string>& values) {
  const Scope scope(*this, name);
  auto n = static_cast<std::uint64_t>(values.size());
  raw("size", kTexts, &n, sizeof n, 1);
  if (loading_) {
    guard(n);
    values.resize(n);
  }
  for (auto& v : values) field("", v);
}

void Archive::finish() const {
  if (at_ != bytes_.size()) fail("", fmt::format("{} bytes are left over", bytes_.size() - at_));
}

}  // namespace fader
