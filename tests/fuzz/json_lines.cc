// JSON lines: bytes as a file, plain or compressed, through to records.
//
// The first byte says which fields mean what (2 bits), how the rest is stored (2 bits: as it is; gzip; zstd; gzip, then
// damaged) and in what blocks it is read (2 bits). Damage is the last three bytes of the input: where, and what.
#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "tests/fuzz/fuzz.h"
#include "trainer/json_lines.h"

using namespace fader;

namespace {

constexpr std::size_t kBlocks[] = {std::size_t{1} << 16, 1, 7, 64};

const std::vector<RecordFields>& fields() {
  static const std::vector<RecordFields> all = [] {
    std::vector<RecordFields> out(4);
    out[1].domain = "meta.redpajama_set_name";
    out[1].topic = "meta.topic";
    out[1].quality = "quality";
    out[2].text = "meta.text";
    out[2].domain = "d";
    out[2].group_by = {"meta.title", "id"};
    out[2].reference_domains = {"Book", "1"};
    out[3].domain = "d";
    out[3].ratings = {"scores", "meta.q"};
    out[3].reference_where = {{"meta.kind", {"book", "3", "true"}}, {"d", {"Book"}}};
    return out;
  }();
  return all;
}

std::string gzip(std::string_view text) {
  std::string out(compressBound(text.size()) + 64, '\0');
  z_stream stream{};
  FADER_CHECK(deflateInit2(&stream, 1, Z_DEFLATED, 9 + 16, 1, Z_DEFAULT_STRATEGY) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  FADER_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}
std::string zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
  return out;
}

std::string stored(std::string_view text, unsigned how) {
  if (how == 0) return std::string(text);
  if (how == 2) return zstd(text);
  std::string out = gzip(text);
  if (how == 3 && text.size() >= 3) {
    const auto end = text.substr(text.size() - 3);
    out[(static_cast<unsigned char>(end[0]) * 256u + static_cast<unsigned char>(end[1])) % out.size()] = end[2];
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes input(data, size);
  const auto choice = input.take<std::uint8_t>();
  const RecordFields& meaning = fields()[choice & 3];
  const std::string bytes = stored(input.rest(), choice >> 2 & 3);
  fuzz::accepts([&] {
    LineReader reader(open_bytes(bytes, "input"), "input", kBlocks[choice >> 4 & 3]);
    std::uint64_t line = 1;
    while (const auto lines = reader.next()) {
      FADER_CHECK(lines->first_line == line && lines->consumed <= bytes.size());
      line += static_cast<std::uint64_t>(std::count(lines->bytes.begin(), lines->bytes.end(), '\n'));
      const ParsedLines parsed = parse_lines(*lines, meaning);
      for (const Record& r : parsed.records) FADER_CHECK(!r.text.empty() && !r.domain.empty() && !r.group.empty());
      for (const auto& bad : parsed.bad) FADER_CHECK(!bad.why.reason.empty() && bad.line >= lines->first_line && bad.line <= line);
    }
  });
  return 0;
}
