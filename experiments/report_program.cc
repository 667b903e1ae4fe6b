#include "experiments/report_program.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "core/error.h"

namespace fader {

Ending make_report(const std::filesystem::path& folder, bool quiet) {
  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "fader_report";
  std::fflush(stdout);
  Child child([&](const Child::Report&) {
    if (quiet && !std::freopen("/dev/null", "w", stdout)) throw RunError("/dev/null: cannot be opened");
    ::execl(program.c_str(), program.c_str(), folder.c_str(), nullptr);
    throw RunError(fmt::format("{}: cannot be started", program.string()));
  });
  while (!child.ended()) {
    ::usleep(20000);
    child.receive();
  }
  Ending ending = *child.ended();
  if (ending.code != 0 && ending.message.empty()) ending.message = fmt::format("it ended with code {}, and says why above", ending.code);
  return ending;
}

}  // namespace fader
