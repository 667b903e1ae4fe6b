// Runs the built program as a user would.
#pragma once
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/scratch_folder.h"

namespace fader::testing {

struct Ran {
  int code = -1;
  std::string text;  // standard output and standard error together
};

inline Ran shell(const std::string& command) {
  Ran ran;
  FILE* pipe = ::popen(("( " + command + " ) 2>&1").c_str(), "r");
  if (!pipe) return ran;
  std::array<char, 4096> bytes;
  for (std::size_t n; (n = std::fread(bytes.data(), 1, bytes.size(), pipe)) > 0;) ran.text.append(bytes.data(), n);
  const int status = ::pclose(pipe);
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
  return ran;
}

/// `arguments` as a shell would read them.
inline Ran run_fader(const std::string& arguments) { return shell(std::string("'") + FADER_BINARY_DIR + "/fader' " + arguments); }

/// A folder of its own, gone at the end.
class Scratch : public ScratchFolder {
 public:
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path() / name, std::ios::binary) << text;
    return (path() / name).string();
  }
};

/// A language-model experiment of about a second, after `more` lines.
inline std::string small_experiment(const std::string& more = "") {
  return R"(# A small experiment for tests.
name = "small"
[run]
seeds = [0]
[corpus]
synthetic.megabytes = 0.6
[model]
vocabulary = 320
width = 16
layers = 1
heads = 2
context = 32
[train]
intervals = 4
steps_per_interval = 3
batch = 4
[env]
kind = "pretrain-v0"
reference_passages = 16
evaluation_passages = 16
domain_passages = 4
[[agents]]
kind = "quality"
[[agents]]
kind = "domain"
[[agents]]
kind = "random"
)" + more;
}

inline std::string ucb_policy() { return "[[policies]]\nkind = \"discounted_ucb\"\n"; }

}  // namespace fader::testing
