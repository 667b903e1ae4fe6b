#include "agents/static_column.h"

#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/error.h"

namespace fader {
namespace {

struct Header {
  std::array<char, 8> magic{'f', 'a', 'd', 'c', 'o', 'l', '0', '1'};
  std::uint64_t count = 0;
  std::int64_t tokens = 0;
  double flops = 0;
};

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
  for (const float v : out.values)
    if (!std::isfinite(v)) return false;
  return true;
}

}  // namespace

StaticColumn static_column(const Corpus& corpus, const std::string& name, const std::string& key, Progress& progress,
                           const std::function<Cost(std::span<float>)>& compute) {
  const std::filesystem::path folder = corpus.folder() / "columns";
  make_folder(folder);
  const std::filesystem::path path = folder / fmt::format("{}-{}.f32", name, sha256(key).substr(0, 16));
  const std::size_t count = corpus.passages().size();
  StaticColumn column;
  if (open_column(path, count, column)) return column;

  const FileLock lock(folder / ".lock", [&] { progress.note(fmt::format("{}: another process is computing scores; waiting", folder.string())); });
  if (open_column(path, count, column)) return column;
  std::vector<float> values(count);
  const Cost cost = compute(values);
  for (const float v : values) FADER_CHECK(std::isfinite(v), "column {}: score {}", name, v);
  Header header;
  header.count = count;
  header.tokens = cost.tokens;
  header.flops = cost.flops;
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append(reinterpret_cast<const char*>(values.data()), count * sizeof(float));
  write_atomically(path, bytes);
  if (!open_column(path, count, column)) throw RunError(fmt::format("{}: was written and cannot be read back", path.string()));
  return column;
}

}  // namespace fader
