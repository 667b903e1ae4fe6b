#include "analysis/gnuplot.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <thread>

#include "core/error.h"
#include "core/files.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

constexpr const char* kKinds[] = {"svg", "png", "pdf"};
constexpr std::size_t kAtATime = 2;

/// Of a program that has ended: exit status, or 127 when it could not be started; and what it said on standard error.
struct Ended {
  int status = 0;
  std::string said;
};

class SpawnActions {
 public:
  SpawnActions() { posix_spawn_file_actions_init(&actions_); }
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

std::string read_all(int fd) {
  std::string out;
  char buffer[4096];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return out;
    out.append(buffer, static_cast<std::size_t>(n));
  }
}

Ended run_program(const std::vector<std::string>& words, const fs::path& folder) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw RunError(fmt::format("{}: no pipe: {}", words[0], std::strerror(errno)));
  SpawnActions actions;
  posix_spawn_file_actions_addchdir_np(actions.get(), folder.c_str());
  posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(actions.get(), ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(actions.get(), ends[1], STDERR_FILENO);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, words[0].c_str(), actions.get(), nullptr, arguments.data(), environ);
  ::close(ends[1]);
  Ended out;
  out.said = read_all(ends[0]);
  ::close(ends[0]);
  if (error != 0) return {127, std::strerror(error)};
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  out.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return out;
}

std::string last_line(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  const std::size_t line = text.rfind('\n');
  return line == std::string::npos ? text : text.substr(line + 1);
}

/// Draws one file; what went wrong, "" when nothing did.
std::string draw_file(const Figure& figure, const char* kind, const fs::path& experiment, const fs::path& plots, const std::string& gnuplot) {
  const std::string file = fmt::format("figures/{}.{}", figure.name, kind);
  std::vector<std::string> words = {gnuplot, "-c", (plots / figure.arguments.at(0)).string(), file};
  words.insert(words.end(), figure.arguments.begin() + 1, figure.arguments.end());
  const Ended ended = run_program(words, experiment);
  if (ended.status == 0) return "";
  std::error_code ignored;
  fs::remove(experiment / (file + ".part." + kind), ignored);
  return fmt::format("{}: gnuplot ended with {}: {}", (experiment / file).string(), ended.status, last_line(ended.said));
}

}  // namespace

fs::path find_plots(const fs::path& source) {
  std::vector<fs::path> tried;
  if (const char* given = std::getenv("FADER_PLOTS")) tried.push_back(given);
  if (!source.empty()) tried.push_back(source / "analysis/plots");
  std::error_code ignored;
  for (fs::path above = fs::read_symlink("/proc/self/exe", ignored); above.has_relative_path(); above = above.parent_path())
    tried.push_back(above.parent_path() / "analysis/plots");
  for (const fs::path& folder : tried)
    if (fs::exists(folder / "common.gp", ignored)) return fs::absolute(folder);
  throw DataError("the gnuplot scripts of analysis/plots were not found near the program; FADER_PLOTS=<folder> names them");
}

Drawing draw(const std::vector<Figure>& figures, const fs::path& experiment, const fs::path& plots, const std::string& gnuplot) {
  Drawing out;
  if (run_program({gnuplot, "--version"}, "/").status == 127) {
    out.gnuplot = false;
    return out;
  }
  for (const Figure& figure : figures) make_folder((experiment / "figures" / figure.name).parent_path());
  const std::size_t kinds = std::size(kKinds), jobs = figures.size() * kinds;
  std::vector<std::string> problem(jobs);
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t j = next++; j < jobs; j = next++) try {
        problem[j] = draw_file(figures[j / kinds], kKinds[j % kinds], experiment, plots, gnuplot);
      } catch (const std::exception& error) {
        problem[j] = error.what();
      }
  };
  {
    std::vector<std::jthread> workers;
    for (std::size_t i = 1; i < kAtATime; ++i) workers.emplace_back(work);
    work();
  }
  for (std::size_t f = 0; f < figures.size(); ++f) {
    bool whole = true;
    for (std::size_t k = 0; k < kinds; ++k) {
      if (problem[f * kinds + k].empty()) continue;
      whole = false;
      out.problems.push_back(problem[f * kinds + k]);
    }
    if (whole) out.done.push_back(figures[f]);
  }
  return out;
}

}  // namespace fader
