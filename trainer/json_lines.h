// JSON lines: a file, decompressed, as pieces of whole lines; a line as a record. Both are functions over bytes, made to be
// given hostile ones: what a line may cost is bounded by its length and a number of values.
#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/options.h"
#include "trainer/byte_source.h"

namespace fader {

/// A line longer than this ends the reading: the file is something else than one record a line.
inline constexpr std::size_t kLongestLine = std::size_t{1} << 26;

/// Which fields of a record mean what. A name is a key of the record as it stands ("attr-fineweb-edu", "meta.x"); failing
/// that, its dots descend into objects ("meta.redpajama_set_name"). Empty: there is no such field.
struct RecordFields {
  std::string text = "text", domain, topic, quality;
  std::vector<std::string> ratings;            ///< numbers; of a list of numbers the mean
  std::vector<std::string> group_by;           ///< joined; empty: records of equal text are one group
  std::vector<std::string> reference_domains;  ///< empty: all
  Filters reference_where;                     ///< a field is one of the values, compared as text; a list: any of it is
};

inline constexpr std::string_view kNoDomain = "(none)";  ///< of a record without the field, when no domain is asked for

struct Record {
  std::string text, domain, topic;  ///< topic empty: none
  std::string group;                ///< what records of one group share, as bytes; readable when group_by is given
  float quality = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> ratings;       ///< of each name; NaN: none
  bool reference = false;
};
/// Why a line is no record: `reason` is one of a few texts, for counting; `detail` is for a person who looks at the line.
struct BadRecord {
  std::string reason, detail;
};
std::variant<Record, BadRecord> parse_record(std::string_view line, const RecordFields& fields);

/// Some whole lines of a file.
struct Lines {
  std::string bytes;
  std::uint64_t first_line = 1;  ///< number of the first, from 1
  std::uint64_t consumed = 0;    ///< bytes of the file used so far, for progress
};

/// Not thread-safe.
class LineReader {
 public:
  LineReader(std::unique_ptr<ByteSource> source, std::string name, std::size_t block = std::size_t{1} << 20);
  /// Nothing at the end. DataError as ByteSource::read, and for a line that is too long.
  std::optional<Lines> next();

 private:
  std::unique_ptr<ByteSource> source_;
  std::string name_, rest_;
  std::size_t block_;
  std::uint64_t line_ = 1;
  bool ended_ = false;
};

struct ParsedLines {
  struct Bad {
    std::uint64_t line;
    BadRecord why;
  };
  std::vector<Record> records;
  std::vector<Bad> bad;
  std::uint64_t consumed = 0;
};
/// Blank lines are passed over.
ParsedLines parse_lines(const Lines& lines, const RecordFields& fields);

}  // namespace fader
