#include "agents/static_column.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/error.h"

namespace fader {
namespace {

struct Header {
  std::array<char, 8> magic{'f', 'a', 'd', 'c', 'o', 'l', '0', '3'};
  std::uint64_t count = 0;
  std::int64_t tokens = 0;
  double flops = 0, seconds = 0;
  std::uint64_t crc = 0;  // of the header with a zero here, and of the scores

  std::uint64_t sum(std::span<const float> values) const {
    Header plain = *this;
    plain.crc = 0;
    const auto head = crc32_z(0, reinterpret_cast<const Bytef*>(&plain), sizeof plain);
    return crc32_z(head, reinterpret_cast<const Bytef*>(values.data()), values.size_bytes());
  }
};
static_assert(sizeof(Header) == 48);

bool open_column(const std::filesystem::path& path, std::size_t count, StaticColumn& out) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  out.file = std::make_shared<const MappedFile>(path);
  const std::string_view bytes = out.file->bytes();
  Header header;
  if (bytes.size() != sizeof header + count * sizeof(float)) return false;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != Header{}.magic || header.count != count) return false;
  out.values = {reinterpret_cast<const float*>(bytes.data() + sizeof header), count};
  out.cost = {header.tokens, header.flops};
  out.seconds = header.seconds;
  return header.crc == header.sum(out.values) && std::all_of(out.values.begin(), out.values.end(), [](float v) { return std::isfinite(v); });
}

}  // namespace

StaticColumn static_column(const Corpus& corpus, const std::string& name, const std::string& key, Progress& progress,
                           const std::function<Cost(std::span<float>)>& compute, std::size_t width) {
  const std::filesystem::path folder = corpus.folder() / "columns";
  make_folder(folder);
  const std::filesystem::path path = folder / fmt::format("{}-{}.f32", name, sha256(key).substr(0, 16));
  const std::size_t count = corpus.passages().size() * width;
  StaticColumn column;
  if (open_column(path, count, column)) return column;

  const FileLock lock(folder / fmt::format(".{}.lock", name), [&] { progress.note(fmt::format("{}: another process is computing scores; waiting", folder.string())); });
  if (open_column(path, count, column)) return column;
  std::vector<float> values(count);
  const auto begun = std::chrono::steady_clock::now();
  const Cost cost = compute(values);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  for (const float v : values) FADER_CHECK(std::isfinite(v), "column {}: score {}", name, v);
  Header header;
  header.count = count;
  header.tokens = cost.tokens;
  header.flops = cost.flops;
  header.seconds = took.count();
  header.crc = header.sum(values);
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append(reinterpret_cast<const char*>(values.data()), count * sizeof(float));
  write_atomically(path, bytes);
  if (!open_column(path, count, column)) throw RunError(fmt::format("{}: was written and cannot be read back", path.string()));
  return column;
}

std::string column_key(std::string_view method, const std::vector<Option>& options) {
  std::string text(method);
  for (const Option& o : options) text += fmt::format("\n{} = {}", o.name, o.value());
  return text;
}

}  // namespace fader
