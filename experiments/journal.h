// journal.jsonl: what becomes of the runs of an experiment. One line an event, appended by any number of processes, never changed.
//
//   {"event":"sweep","worker":W,"launch":L,"plan":sha256,"runs":300,"file":"..."}      a process begins to work here
//   {"event":"start","worker":W,"launch":L,"point":slug,"seed":3}                      it takes a run
//   {"event":"complete",...,"hash":sha256,"corpus":sha256,"bytes":n,"values":{...}}    the run is whole; what it came to
//   {"event":"failed",...,"code":4,"message":"..."}  {"event":"stopped",...}           it is not, or not yet
//   {"event":"beat","worker":W}  {"event":"leave","worker":W}                          it is still there; it has gone
//
// and whatever else happened to a run ("resume", "checkpoint failed"). All lines have "time", UTC. Whoever reads and then writes
// holds the lock in between; a line that is half-written, or none of ours, is passed over. No line is waited for to reach the
// disk: after a power cut the runs' own files say what is complete.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/files.h"

namespace fader {

/// A process that works on an experiment: "host:4711:1234567", the last its start in ticks since boot, so that another process
/// with its number is not taken for it.
struct Worker {
  std::string host;
  std::int64_t process = 0;
  std::uint64_t started = 0;
  std::string text() const;
};
Worker this_worker();
/// Nothing when `text` is none.
std::optional<Worker> read_worker(const std::string& text);
/// Whether a worker of this host still runs; nothing of one of another host, about which only its beats tell.
std::optional<bool> is_running(const Worker& worker);

/// Seconds since 1970 of a line's "time"; 0 when there is none.
double time_of(const nlohmann::json& line);
double now_in_seconds();

/// Not thread-safe.
class Journal {
 public:
  /// `lock`: the file that guards it. RunError when either cannot be opened.
  Journal(std::filesystem::path file, std::filesystem::path lock);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Held while one reads and then writes by what was read. Waits for other holders.
  class Lock {
   public:
    explicit Lock(Journal& journal);
    ~Lock();
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    Journal& journal_;
  };

  /// Lines that were not read before, in order. Those that this object wrote are among them.
  std::vector<nlohmann::json> news();
  /// Appends a line, with its time. RunError when the disk refuses. Takes the lock unless it is held.
  void write(const std::string& event, nlohmann::json facts);

 private:
  void append(const std::string& line);

  const std::filesystem::path file_, lock_file_;
  int descriptor_ = -1;
  std::unique_ptr<FileLock> lock_;
  std::uint64_t read_ = 0;   // bytes, up to the end of a line
};

}  // namespace fader
