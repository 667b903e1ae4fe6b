// Who plays which run, among any number of processes that share an experiment's folder.
//
// Whoever wants a run takes it in the journal, under its lock. A run that was taken is free again when its process says so, ends,
// or is not heard of for kPatience seconds on another machine; and not before nobody holds the run's own lock, which is the
// kernel's and goes with the process that plays: no run is ever played by two at a time. A run that failed is not tried again by
// the processes of one launch (one command, one mpirun, one job array); a later launch tries again.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "experiments/journal.h"
#include "experiments/outcome.h"

namespace fader {

inline constexpr double kBeat = 15, kPatience = 90;   ///< seconds between signs of life; without any, until a process counts as gone

struct RunKey {
  std::string point;   ///< its slug
  std::int64_t seed = 0;
  auto operator<=>(const RunKey&) const = default;
};

/// What the journal says of a run.
struct RunState {
  enum class Stage { open, taken, complete, failed };
  Stage stage = Stage::open;
  std::string worker, launch;       ///< of the last event
  std::string hash, corpus;         ///< complete: of its configuration and of its corpus's content
  std::uint64_t bytes = 0;          ///< complete: of run.h5
  RunOutcome outcome;                  ///< complete
  std::size_t ends = 0;             ///< how often it was played to its end
};

/// The journal as read so far.
class Board {
 public:
  struct Member {
    std::string launch, plan;
    double seen = 0;                ///< last sign of life
    bool left = false;
  };
  /// Returns the run that it is about, if any.
  std::optional<RunKey> read(const nlohmann::json& line);
  const RunState& of(const RunKey& run) const;   ///< open when nothing was said of it
  const std::map<std::string, Member>& members() const { return members_; }
  /// By its own word, its process or the time since its last one.
  bool is_there(const std::string& worker, double now) const;

 private:
  std::map<RunKey, RunState> runs_;
  std::map<std::string, Member> members_;
};

/// A run that is ours. The lock goes with the last process that has it: this one, or a child forked while it was held.
class Claim {
 public:
  Claim(std::size_t of, int descriptor) : run(of), descriptor_(descriptor) {}
  Claim(Claim&& other) noexcept : run(other.run), descriptor_(std::exchange(other.descriptor_, -1)) {}
  Claim& operator=(Claim&&) = delete;
  ~Claim() { release(); }
  void release();
  const std::size_t run;

 private:
  int descriptor_;
};

/// Not thread-safe.
class Claims {
 public:
  /// `folder`: of the experiment; journal.jsonl lies there, the locks beside the folder. `launch`: "" for one of this process's own.
  Claims(const std::filesystem::path& folder, std::string launch);

  /// Says that this process works here, on these runs of this plan.
  void join(const std::string& plan, std::vector<RunKey> runs, nlohmann::json facts);
  /// Another process that is there, one with another plan than `plan` first; nothing: we are alone.
  std::optional<Board::Member> other(const std::string& plan) const;
  bool of_this_launch() const;   ///< some process of this launch has been here

  enum class Standing { ready, waiting, out };   ///< may be played; its turn may come; will not be played
  using Standings = std::function<Standing(std::size_t run)>;
  /// Takes the first run that is free and ready.
  std::optional<Claim> next(const Standings& standing);
  /// Whether nothing is left to play or to wait for: every run is complete, has failed in this launch, or is out.
  bool all_ended(const Standings& standing);
  /// Runs that are complete or have failed in this launch, whoever played them.
  std::size_t ended() const { return ended_count_; }
  bool has_ended(std::size_t run) const { return ended_[run]; }
  const RunState& state(std::size_t run) const { return board_.of(runs_[run]); }

  void complete(std::size_t run, nlohmann::json facts);
  void failed(std::size_t run, int code, const std::string& message);
  void stopped(std::size_t run);                                 ///< somebody else may go on with it
  void note(std::size_t run, const std::string& event, const std::string& text);
  void beat();                                                   ///< writes when kBeat seconds have passed
  void leave(nlohmann::json facts);
  /// Whether this process is the first of its launch to say that all has ended.
  bool first_to_end(nlohmann::json facts);

  void refresh();                                                ///< reads what others wrote
  const Board& board() const { return board_; }
  const std::string& launch() const { return launch_; }
  Journal& journal() { return journal_; }

 private:
  void write(const std::string& event, std::size_t run, nlohmann::json facts);
  void take_note_of(std::size_t run);

  const std::filesystem::path locks_;    // a byte of it for every run
  const std::string worker_, launch_;
  Journal journal_;
  Board board_;
  std::vector<RunKey> runs_;
  std::map<RunKey, std::size_t> index_;
  std::vector<bool> ended_;
  std::size_t ended_count_ = 0;
  double last_beat_ = 0;
  bool end_seen_ = false;  // of this launch
};

/// The launch that this process belongs to: a job array of Slurm, an mpirun, else "" (its own).
std::string launch_of_environment(const std::function<std::string(const char*)>& environment);

}  // namespace fader
