#include "experiments/claims.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "core/error.h"

namespace fader {
namespace {

using nlohmann::json;

std::string text_of(const json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_string() ? found->get<std::string>() : "";
}

RunOutcome outcome_in(const json& line) {
  RunOutcome out;
  const auto values = line.find("values");
  if (values == line.end() || !values->is_object()) return out;
  for (const auto& [name, value] : values->items()) out[name] = value.is_number() ? value.get<double>() : std::nan("");
  return out;
}

/// Which byte of the file of locks is a run's.
off_t byte_of(const RunKey& run) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : fmt::format("{}/{}", run.point, run.seed)) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return static_cast<off_t>(hash >> 2);
}

/// A lock of the open file, not of the process: children that are forked share it, and it goes with the last of them. -1: taken.
int lock_byte(const std::filesystem::path& file, off_t byte) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) throw RunError(fmt::format("{}: cannot be locked: {}", file.string(), std::strerror(errno)));
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = byte;
  range.l_len = 1;
  if (::fcntl(descriptor, F_OFD_SETLK, &range) == 0) return descriptor;
  const int why = errno;
  ::close(descriptor);
  if (why == EAGAIN || why == EACCES) return -1;
  throw RunError(fmt::format("{}: cannot be locked: {}", file.string(), std::strerror(why)));
}

std::filesystem::path beside(const std::filesystem::path& folder, const char* ending) {
  return folder.parent_path() / fmt::format(".{}.{}", folder.filename().string(), ending);
}

}  // namespace

std::optional<RunKey> Board::read(const json& line) {
  const std::string event = text_of(line, "event"), worker = text_of(line, "worker");
  if (!worker.empty()) {
    Member& member = members_[worker];
    member.seen = std::max(member.seen, time_of(line));
    member.left = event == "leave";
    if (event == "sweep") {
      member.launch = text_of(line, "launch");
      member.plan = text_of(line, "plan");
    }
  }
  using Stage = RunState::Stage;
  static const std::map<std::string, Stage> kStages = {
      {"start", Stage::taken}, {"complete", Stage::complete}, {"failed", Stage::failed}, {"stopped", Stage::open}};
  const auto stage = kStages.find(event);
  const auto seed = line.find("seed");
  if (stage == kStages.end() || seed == line.end() || !seed->is_number_integer()) return std::nullopt;
  const RunKey key{text_of(line, "point"), seed->get<std::int64_t>()};
  RunState& run = runs_[key];
  run.stage = stage->second;
  run.worker = worker;
  run.launch = text_of(line, "launch");
  if (run.stage != Stage::complete) return key;
  const auto bytes = line.find("bytes"), found = line.find("found");
  run.hash = text_of(line, "hash");
  run.corpus = text_of(line, "corpus");
  run.bytes = bytes != line.end() && bytes->is_number_unsigned() ? bytes->get<std::uint64_t>() : 0;
  run.outcome = outcome_in(line);
  if (found == line.end()) ++run.ends;
  return key;
}

const RunState& Board::of(const RunKey& run) const {
  static const RunState kOpen;
  const auto found = runs_.find(run);
  return found == runs_.end() ? kOpen : found->second;
}

bool Board::is_there(const std::string& worker, double now) const {
  const auto member = members_.find(worker);
  if (member == members_.end() || member->second.left) return false;
  const auto known = read_worker(worker);
  const auto running = known ? is_running(*known) : std::nullopt;
  return running ? *running : now - member->second.seen < kPatience;
}

void Claim::release() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

Claims::Claims(const std::filesystem::path& folder, std::string launch)
    : locks_(beside(folder, "runs")), worker_(this_worker().text()), launch_(launch.empty() ? worker_ : std::move(launch)),
      journal_(folder / "journal.jsonl", beside(folder, "journal")) {}

void Claims::join(const std::string& plan, std::vector<RunKey> runs, json facts) {
  runs_ = std::move(runs);
  ended_.assign(runs_.size(), false);
  ended_count_ = 0;
  index_.clear();
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    index_[runs_[i]] = i;
    take_note_of(i);
  }
  facts["worker"] = worker_;
  facts["launch"] = launch_;
  facts["plan"] = plan;
  facts["runs"] = runs_.size();
  journal_.write("sweep", std::move(facts));
  last_beat_ = now_in_seconds();
  refresh();
}

/// What the board says of a run may have changed.
void Claims::take_note_of(std::size_t run) {
  const RunState& state = board_.of(runs_[run]);
  const bool ended = state.stage == RunState::Stage::complete || (state.stage == RunState::Stage::failed && state.launch == launch_);
  if (ended == ended_[run]) return;
  ended_[run] = ended;
  ended_count_ += ended ? 1 : std::size_t(-1);
}

std::optional<Board::Member> Claims::other(const std::string& plan) const {
  const double now = now_in_seconds();
  std::optional<Board::Member> out;
  for (const auto& [worker, member] : board_.members())
    if (worker != worker_ && board_.is_there(worker, now) && (!out || member.plan != plan)) out = member;
  return out;
}

bool Claims::of_this_launch() const {
  return std::ranges::any_of(board_.members(), [&](const auto& m) { return m.second.launch == launch_; });
}

std::optional<Claim> Claims::next(const Standings& standing) {
  const Journal::Lock held(journal_);
  refresh();
  const double now = now_in_seconds();
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (ended_[i]) continue;
    const RunState& state = board_.of(runs_[i]);
    if (state.stage == RunState::Stage::taken && state.worker != worker_ && board_.is_there(state.worker, now)) continue;
    if (standing(i) != Standing::ready) continue;
    const int descriptor = lock_byte(locks_, byte_of(runs_[i]));
    if (descriptor < 0) continue;  // ours already, or a process of one that was killed has not gone yet
    Claim claim(i, descriptor);
    write("start", i, json::object());
    return claim;
  }
  return std::nullopt;
}

bool Claims::all_ended(const Standings& standing) {
  refresh();
  for (std::size_t i = 0; ended_count_ < runs_.size() && i < runs_.size(); ++i)
    if (!ended_[i] && standing(i) != Standing::out) return false;
  return true;
}

void Claims::write(const std::string& event, std::size_t run, json facts) {
  facts["worker"] = worker_;
  facts["launch"] = launch_;
  facts["point"] = runs_[run].point;
  facts["seed"] = runs_[run].seed;
  journal_.write(event, std::move(facts));
  last_beat_ = now_in_seconds();
  refresh();
}

void Claims::complete(std::size_t run, json facts) { write("complete", run, std::move(facts)); }
void Claims::failed(std::size_t run, int code, const std::string& message) { write("failed", run, {{"code", code}, {"message", message}}); }
void Claims::stopped(std::size_t run) { write("stopped", run, json::object()); }
void Claims::note(std::size_t run, const std::string& event, const std::string& text) { write(event, run, {{"text", text}}); }

void Claims::beat() {
  if (now_in_seconds() - last_beat_ < kBeat) return;
  journal_.write("beat", {{"worker", worker_}});
  last_beat_ = now_in_seconds();
}

void Claims::leave(json facts) {
  facts["worker"] = worker_;
  facts["launch"] = launch_;
  journal_.write("leave", std::move(facts));
}

bool Claims::first_to_end(json facts) {
  const Journal::Lock held(journal_);
  refresh();
  if (end_seen_) return false;
  facts["worker"] = worker_;
  facts["launch"] = launch_;
  journal_.write("end", std::move(facts));
  return true;
}

void Claims::refresh() {
  for (const json& line : journal_.news()) {
    if (const auto about = board_.read(line))
      if (const auto known = index_.find(*about); known != index_.end()) take_note_of(known->second);
    end_seen_ = end_seen_ || (text_of(line, "event") == "end" && text_of(line, "launch") == launch_);
  }
}

std::string launch_of_environment(const std::function<std::string(const char*)>& environment) {
  // Open MPI 4's namespace is a hash of host and process, which come again in a container; its key for transports is random.
  for (const char* name : {"SLURM_ARRAY_JOB_ID", "OMPI_MCA_orte_precondition_transports", "PMIX_NAMESPACE", "TORCHELASTIC_RUN_ID"})
    if (const std::string value = environment(name); !value.empty()) return fmt::format("{}={}", name, value);
  const std::string job = environment("SLURM_JOB_ID"), step = environment("SLURM_STEP_ID");
  return job.empty() ? "" : fmt::format("SLURM_JOB_ID={}.{}", job, step);
}

}  // namespace fader
