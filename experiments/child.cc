#include "experiments/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "core/error.h"

namespace fader {
namespace {

void send(int pipe, const nlohmann::json& message) {
  const std::string line = message.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t n = ::write(pipe, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;  // the parent is gone, and this process goes with it
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
}

int end_with(int pipe, Exit code, const std::string& message) {
  send(pipe, {{"error", message}, {"code", static_cast<int>(code)}});
  return static_cast<int>(code);
}

int run_child(int pipe, const std::function<void(const Child::Report&)>& work) {
  try {
    work([pipe](const nlohmann::json& message) { send(pipe, message); });
    return 0;
  } catch (const Error& error) {
    return end_with(pipe, error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return end_with(pipe, Exit::run, "out of memory");
  } catch (const std::exception& error) {
    return end_with(pipe, Exit::defect, fmt::format("a defect of fader's: {}", error.what()));
  }
}

/// What a process that could not speak any more died of, and what that usually means.
std::string killed(int signal) {
  const char* meaning = signal == SIGKILL   ? ": killed from outside, or out of memory"
                        : signal == SIGBUS  ? ": a file that it had mapped was cut short, or its disk failed; the corpus cache is such a file"
                        : signal == SIGSEGV ? ": a defect of fader's"
                        : signal == SIGABRT ? ": a defect of fader's"
                                            : "";
  return fmt::format("its process was ended by signal {} ({}){}", signal, ::strsignal(signal), meaning);
}

}  // namespace

Child::Child(const std::function<void(const Report&)>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw RunError(fmt::format("a process cannot be started: {}", std::strerror(errno)));
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) {
    const int why = errno;
    ::close(ends[0]);
    ::close(ends[1]);
    throw RunError(fmt::format("a process cannot be started: {}", std::strerror(why)));
  }
  if (pid_ == 0) {
    ::setpgid(0, 0);  // a terminal's INT goes to the parent alone, which passes it on: once, not twice
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    ::signal(SIGPIPE, SIG_IGN);
    ::close(ends[0]);
    ::_exit(run_child(ends[1], work));
  }
  ::close(ends[1]);
  pipe_ = ends[0];
  ::fcntl(pipe_, F_SETFL, O_NONBLOCK);
}

Child::Child(Child&& other) noexcept
    : pid_(other.pid_), pipe_(other.pipe_), buffer_(std::move(other.buffer_)), error_(std::move(other.error_)), ending_(std::move(other.ending_)) {
  other.pid_ = other.pipe_ = -1;
}

Child::~Child() {
  if (pid_ > 0 && !ending_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (pipe_ >= 0) ::close(pipe_);
}

void Child::signal(int number) const {
  if (pid_ > 0 && !ending_) ::kill(pid_, number);
}

std::vector<nlohmann::json> Child::receive() {
  std::vector<nlohmann::json> out;
  if (ending_) return out;
  bool closed = false;
  for (char bytes[4096];;) {
    const ssize_t n = ::read(pipe_, bytes, sizeof bytes);
    if (n > 0) buffer_.append(bytes, static_cast<std::size_t>(n));
    else if (n < 0 && errno == EINTR) continue;
    else {
      closed = n == 0;
      break;
    }
  }
  for (std::size_t end; (end = buffer_.find('\n')) != std::string::npos; buffer_.erase(0, end + 1)) {
    auto message = nlohmann::json::parse(buffer_.substr(0, end), nullptr, false);
    if (message.is_discarded()) continue;
    if (message.contains("error")) error_ = message["error"].get<std::string>();
    else out.push_back(std::move(message));
  }
  if (closed) {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status)) ending_ = Ending{WEXITSTATUS(status), error_};
    else ending_ = Ending{static_cast<int>(Exit::run), killed(WTERMSIG(status))};
  }
  return out;
}

}  // namespace fader
