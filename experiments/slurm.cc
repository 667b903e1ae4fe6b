#include "experiments/slurm.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <sstream>

#include "core/error.h"
#include "core/files.h"

namespace fader {
namespace fs = std::filesystem;
namespace {

constexpr int kNotFound = 127;     // a shell's exit code for a command that is not there
constexpr int kWarningSeconds = 60;  // before the time is up; Slurm may be as much as 60 s early

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

std::string words(const std::vector<std::string>& command) {
  std::vector<std::string> out;
  for (const std::string& word : command) out.push_back(shell_word(word));
  return fmt::format("{}", fmt::join(out, " "));
}

/// Slurm reads a file's name in quotes; a backslash keeps it from expanding what stands in it, % twice is one.
std::string log_name(const fs::path& folder, const char* pattern) {
  std::string out;
  for (const char c : folder.string()) out += c == '%' ? "%%" : std::string(1, c);
  return fmt::format("\"{}/{}\"", out, pattern);
}

std::string head(const SlurmArray& array, const std::string& suffix, const std::string& log) {
  return fmt::format("#SBATCH --job-name=\"{}{}\"\n#SBATCH --open-mode=append\n#SBATCH --output={}\n", array.name, suffix, log);
}

std::string options_line(const SlurmArray& array) { return array.options.empty() ? "" : fmt::format("#SBATCH {}\n", array.options); }

fs::path slurm_folder(const SlurmArray& array) { return fs::absolute(array.folder).lexically_normal() / "slurm"; }

struct Answer {
  int code = 0;
  std::string text;  // of both outputs
};

Answer answer_of(const std::string& command) {
  Answer out;
  FILE* pipe = ::popen(fmt::format("{} 2>&1", command).c_str(), "re");
  if (!pipe) throw RunError("a shell cannot be started");
  std::array<char, 4096> bytes;
  for (std::size_t n; (n = std::fread(bytes.data(), 1, bytes.size(), pipe)) > 0;) out.text.append(bytes.data(), n);
  const int status = ::pclose(pipe);
  out.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  while (!out.text.empty() && out.text.back() == '\n') out.text.pop_back();
  return out;
}

/// `sbatch --parsable` answers "17", or "17;cluster", perhaps after warnings.
std::optional<std::string> number_in(const std::string& text) {
  std::istringstream lines(text);
  std::optional<std::string> out;
  for (std::string line; std::getline(lines, line);) {
    const std::string number = line.substr(0, line.find(';'));
    if (!number.empty() && number.find_first_not_of("0123456789") == std::string::npos) out = number;
  }
  return out;
}

std::string submit_file(const fs::path& file, const std::string& options) {
  const Answer answer = answer_of(fmt::format("sbatch --parsable {}{}", options, quoted(file.string())));
  if (answer.code == kNotFound)
    throw RunError(fmt::format("sbatch is not there: is this a machine that submits to Slurm? {} is written, and can be submitted where it is", file.string()));
  const auto number = number_in(answer.text);
  if (answer.code != 0 || !number) throw RunError(fmt::format("sbatch refuses {}:\n{}", file.string(), answer.text));
  return *number;
}

}  // namespace

std::string shell_word(const std::string& text) {
  static const std::string kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./=:,+@%";
  return !text.empty() && text.find_first_not_of(kPlain) == std::string::npos ? text : quoted(text);
}

void check_slurm_options(const std::string& options) {
  if (options.find('\n') != std::string::npos) throw ConfigError("--slurm: the options have more than one line");
  if (!options.empty() && options[0] != '-') throw ConfigError(fmt::format("--slurm is '{}'; expected options of sbatch, such as --slurm=\"--time=1:00:00\"", options));
  std::istringstream in(options);
  for (std::string word; in >> word;) {
    const std::string name = word.substr(0, word.find('='));
    if (name == "--array" || (name.starts_with("-a") && !name.starts_with("--"))) throw ConfigError(fmt::format("--slurm: '{}': how many jobs the array has is --jobs", word));
    if (name == "--signal") throw ConfigError("--slurm: '--signal' is how a job is told to write its checkpoint; edit job.sh where it must be another");
  }
}

std::string job_script(const SlurmArray& array, const fs::path& here) {
  const std::string jobs = array.threads == 1 ? std::string("${SLURM_CPUS_PER_TASK:-1}")
                                              : fmt::format("$((${{SLURM_CPUS_PER_TASK:-{0}}} / {0}))", array.threads);
  return fmt::format(
             "#!/usr/bin/env bash\n"
             "# One of {0} jobs that work the sweep {1} together. Written by run_experiment --slurm; to submit it again, edited or not:\n"
             "#   sbatch {2}\n"
             "#SBATCH --array=1-{0}\n",
             array.jobs, shell_word(array.name), shell_word((slurm_folder(array) / "job.sh").string())) +
         head(array, "", log_name(slurm_folder(array), "%A_%a.log")) +
         fmt::format(
             "#SBATCH --cpus-per-task={}\n"
             "#SBATCH --requeue\n"
             "# So many seconds before its time is up this script, and nothing else of the job, gets USR2. Not TERM: that comes when the job\n"
             "# is cancelled as well, which must not queue it again.\n"
             "#SBATCH --signal=B:USR2@{}\n"
             "{}"
             "cd {} || exit\n"
             "jobs={}\n"
             "heard= again= program=  # a signal may come before there is a program\n"
             "trap 'heard=yes again=yes; [ ! \"$program\" ] || kill -TERM \"$program\" 2>/dev/null' USR2  # it writes a checkpoint and ends\n"
             "trap heard=yes TERM  # Slurm gives that to the program as well: wait for the checkpoint\n"
             "{} --jobs \"$((jobs > 0 ? jobs : 1))\" &\n"
             "program=$!\n"
             "[ ! \"$again\" ] || kill -TERM \"$program\" 2>/dev/null\n"
             "until wait \"$program\"; code=$?; [ ! \"$heard\" ]; do heard=; done  # a signal ends a wait\n"
             "if [ \"$again\" ] && [ \"$code\" = 143 ]; then exec scontrol requeue \"$SLURM_JOB_ID\"; fi\n"
             "exit \"$code\"\n",
             array.threads, kWarningSeconds, options_line(array), shell_word(here.string()), jobs, words(array.command));
}

std::string report_script(const SlurmArray& array, const fs::path& here) {
  return "#!/usr/bin/env bash\n# The report of the sweep, when the jobs of job.sh have ended. Written by run_experiment --slurm.\n" +
         head(array, "_report", log_name(slurm_folder(array), "report_%j.log")) + options_line(array) + "#SBATCH --cpus-per-task=1\n" +
         fmt::format("cd {} && exec {}\n", shell_word(here.string()), words({array.report.string(), array.folder.string()}));
}

Submitted submit(const SlurmArray& array) {
  const fs::path folder = slurm_folder(array), job = folder / "job.sh", report = folder / "report.sh", here = fs::current_path();
  make_folder(folder);
  write_atomically(job, job_script(array, here));
  write_atomically(report, report_script(array, here));
  for (const fs::path& file : {job, report}) fs::permissions(file, fs::perms::owner_exec, fs::perm_options::add);
  Submitted out;
  out.array = submit_file(job, "");
  try {
    out.report = submit_file(report, fmt::format("--dependency=afterany:{} ", out.array));
  } catch (const RunError& error) {
    throw RunError(fmt::format("job {} works the sweep, but its report was not submitted; {}", out.array, error.what()));
  }
  return out;
}

}  // namespace fader
