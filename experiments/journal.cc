#include "experiments/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <ctime>
#include <fstream>
#include <iterator>

#include "core/error.h"

namespace fader {
namespace {

constexpr const char* kTimeFormat = "%Y-%m-%dT%H:%M:%SZ";

std::string time_stamp() {
  char stamp[32];
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::strftime(stamp, sizeof stamp, kTimeFormat, &utc);
  return stamp;
}

/// Field 22 of /proc/<pid>/stat; 0 when there is no such process, or it only waits to be buried.
std::uint64_t start_of(std::int64_t process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t name_end = text.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos) return 0;
  std::istringstream rest(text.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= 22 && rest >> field; ++i)
    if (i == 3 && (field == "Z" || field == "X")) return 0;
  return rest ? std::strtoull(field.c_str(), nullptr, 10) : 0;
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] ? name : "localhost";
}

}  // namespace

std::string Worker::text() const { return fmt::format("{}:{}:{}", host, process, started); }

Worker this_worker() { return {host_name(), ::getpid(), start_of(::getpid())}; }

std::optional<Worker> read_worker(const std::string& text) {
  const std::size_t last = text.rfind(':'), middle = last == 0 || last == std::string::npos ? std::string::npos : text.rfind(':', last - 1);
  if (middle == std::string::npos) return std::nullopt;
  Worker out;
  out.host = text.substr(0, middle);
  out.process = std::strtoll(text.c_str() + middle + 1, nullptr, 10);
  out.started = std::strtoull(text.c_str() + last + 1, nullptr, 10);
  if (out.process <= 0) return std::nullopt;
  return out;
}

std::optional<bool> is_running(const Worker& worker) {
  if (worker.host != host_name()) return std::nullopt;
  const std::uint64_t found = start_of(worker.process);
  return found != 0 && found == worker.started;
}

double time_of(const nlohmann::json& line) {
  const auto time = line.find("time");
  if (time == line.end() || !time->is_string()) return 0;
  std::tm utc{};
  if (!::strptime(time->get_ref<const std::string&>().c_str(), kTimeFormat, &utc)) return 0;
  return static_cast<double>(::timegm(&utc));
}

double now_in_seconds() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

Journal::Journal(std::filesystem::path file, std::filesystem::path lock) : file_(std::move(file)), lock_file_(std::move(lock)) {
  descriptor_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw RunError(fmt::format("{}: cannot be written", file_.string()));
}

Journal::~Journal() { ::close(descriptor_); }

Journal::Lock::Lock(Journal& journal) : journal_(journal) {
  FADER_CHECK(!journal.lock_, "the journal's lock is held already");
  journal.lock_ = std::make_unique<FileLock>(journal.lock_file_);
}

Journal::Lock::~Lock() { journal_.lock_.reset(); }

std::vector<nlohmann::json> Journal::news() {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) throw RunError(fmt::format("{}: cannot be read", file_.string()));
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size <= read_) return {};
  std::string text(size - read_, '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t n = ::pread(descriptor_, text.data() + have, text.size() - have, static_cast<off_t>(read_ + have));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw RunError(fmt::format("{}: cannot be read", file_.string()));
    have += static_cast<std::size_t>(n);
  }
  std::vector<nlohmann::json> out;
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    nlohmann::json line = nlohmann::json::parse(text.begin() + static_cast<std::ptrdiff_t>(begin), text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    const auto event = line.is_object() ? line.find("event") : line.end();
    if (line.is_object() && event != line.end() && event->is_string()) out.push_back(std::move(line));
  }
  read_ += begin;
  return out;
}

void Journal::write(const std::string& event, nlohmann::json facts) {
  facts["time"] = time_stamp();
  facts["event"] = event;
  const std::string line = facts.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  if (lock_) return append(line);
  const Lock held(*this);
  append(line);
}

void Journal::append(const std::string& line) {
  struct stat status {};
  char last = '\n';
  if (::fstat(descriptor_, &status) == 0 && status.st_size > 0) [[maybe_unused]] const ssize_t n = ::pread(descriptor_, &last, 1, status.st_size - 1);
  const std::string text = last == '\n' ? line : "\n" + line;  // whoever wrote the line before was killed in its middle
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t n = ::write(descriptor_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw RunError(fmt::format("{}: cannot be written; is the disk full?", file_.string()));
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace fader
