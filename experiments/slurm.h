// A sweep as a job array of Slurm: any number of jobs that take runs from the same folder, and the report after the last of them.
//
// What is submitted are two files of <out>/<experiment>/slurm, to be read, edited and submitted again by hand:
//
//   job.sh      works the sweep. A minute before its time is up the program is asked for a checkpoint, and the job queues again.
//   report.sh   makes the report
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fader {

struct SlurmArray {
  std::string name;                    ///< of the experiment
  std::filesystem::path folder;        ///< <out>/<experiment>, there already
  std::vector<std::string> command;    ///< words that play the sweep, begun in the working folder; --jobs is added
  std::filesystem::path report;        ///< the program that makes it
  std::size_t jobs = 1;                ///< of the array
  std::int64_t threads = 1;            ///< of a run
  std::string options;                 ///< for sbatch, as on its command line
};

/// ConfigError for options that would not become part of a job script, or would make another array of it.
void check_slurm_options(const std::string& options);

/// The two files' text. `here`: the working folder.
std::string job_script(const SlurmArray& array, const std::filesystem::path& here);
std::string report_script(const SlurmArray& array, const std::filesystem::path& here);

struct Submitted {
  std::string array, report;           ///< numbers of the jobs
};
/// Writes both and gives them to the `sbatch` of the PATH. RunError with its words when it refuses, or is not there.
Submitted submit(const SlurmArray& array);

/// As a shell would read it back: bare where that is enough.
std::string shell_word(const std::string& text);

}  // namespace fader
