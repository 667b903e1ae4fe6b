// Sweeps by many processes: killed, started by mpirun, submitted to Slurm, short of a file.
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "experiments/slurm.h"
#include "tests/integration/program.h"

using namespace fader;
using namespace fader::testing;
namespace fs = std::filesystem;
using Catch::Contains;

namespace {

constexpr const char* kBandits =
    "# Which?\nname = \"two\"\n[run]\nseeds = [0, 1, 2]\n[env]\nkind = \"bandit-v0\"\nhorizon = 40\n"
    "[[policies]]\nkind = \"ucb\"\n[[policies]]\nkind = \"uniform\"\n";

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

/// One of the scripts beside this file. 77: what it needs is not installed.
void disturb(const std::string& script, const std::string& arguments) {
  if (shell("python3 --version").code != 0) {
    WARN("not run: python3 is not installed");
    return;
  }
  const Ran ran = shell(fmt::format("'{0}/tests/integration/{1}' {2} --fader '{3}/fader'", FADER_SOURCE_DIR, script, arguments, FADER_BINARY_DIR));
  if (ran.code == 77) {
    WARN(ran.text);
    return;
  }
  INFO(ran.text);
  CHECK(ran.code == 0);
}

/// A folder in which `sbatch` keeps what it is told and runs the first job of the array at once, as a file says.
class Cluster {
 public:
  explicit Cluster(const std::string& sbatch = "") {
    fs::create_directories(scratch_.path() / "bin");
    const std::string text = sbatch.empty() ? "echo \"$*\" >>'" + told().string() + "'\n"
                                              "for script; do :; done\n"
                                              "SLURM_ARRAY_JOB_ID=17 SLURM_JOB_ID=18 bash \"$script\" >'" + (scratch_ / "said").string() + "' 2>&1\n"
                                              "echo 'sbatch: a warning' >&2\necho '17;here'\n"
                                            : sbatch;
    scratch_.write("bin/sbatch", "#!/usr/bin/env bash\n" + text);
    fs::permissions(scratch_ / "bin/sbatch", fs::perms::owner_all);
    scratch_.write("two.toml", kBandits);
  }
  Ran submit(const std::string& arguments) const {
    return shell(fmt::format("cd '{0}' && PATH=\"$PWD/bin:$PATH\" '{1}/fader' two.toml {2}", scratch_.path().string(), FADER_BINARY_DIR, arguments));
  }
  fs::path told() const { return scratch_ / "told"; }
  fs::path folder() const { return scratch_ / "runs/two"; }
  std::string said() const { return text_of(scratch_ / "said"); }
  const Scratch& scratch() const { return scratch_; }

 private:
  Scratch scratch_;
};

}  // namespace

TEST_CASE("a sweep that is killed again and again has every run once, with the same bits") {
  disturb("kill_sweep", "1 3 --points 3 --seeds 4 --kills 3 --sample 6");
}

TEST_CASE("processes of one mpirun share a sweep, and one of them can be killed") { disturb("mpi_sweep", "3 --points 2 --seeds 6"); }

TEST_CASE("a run completed by a process that was killed before it could say so is not played again by one that had looked before") {
  const Scratch scratch;
  scratch.write("two.toml", std::string(kBandits) + "[compare]\nbaseline = \"ucb\"\n");
  // the first is stopped, its child plays on; the second joins while it does
  const Ran ran = shell(fmt::format(
      "cd '{}' && fader='{}/fader' && run=\"$fader two.toml --point 0 --seed 0 --set env.horizon=20000 --quiet\"\n"
      "until_() {{ for i in $(seq 600); do if eval \"$1\" >/dev/null 2>&1; then return; fi; sleep 0.05; done; echo \"never: $1\"; }}\n"
      "$run & first=$!\nuntil_ 'grep -q start runs/two/journal.jsonl'; kill -STOP $first\n"
      "$run --resume >/dev/null & second=$!\nuntil_ '[ $(grep -c sweep runs/two/journal.jsonl) = 2 ]'\n"
      "\"$fader\" tool check runs/two | grep -q 'ok: complete' && echo 'too quick'\n"
      "until_ '\"$fader\" tool check runs/two | grep \"ok: complete\"'; before=$(sha256sum runs/two/*/*/run.h5)\n"
      "kill -KILL $first; wait $second; echo \"code $?\"; [ \"$before\" = \"$(sha256sum runs/two/*/*/run.h5)\" ] && echo untouched",
      scratch.path().string(), FADER_BINARY_DIR));
  INFO(ran.text);
  CHECK_THAT(ran.text, Contains("code 0\nuntouched\n") && !Contains("never") && !Contains("too quick"));
  CHECK(count_of(text_of(scratch / "runs/two/journal.jsonl"), "\"found\":true") == 1);
}

TEST_CASE("a run whose file is gone or half-written is played again") {
  const Scratch scratch;
  const std::string command = scratch.write("two.toml", kBandits) + " --quiet --out " + scratch.path().string();
  REQUIRE(run_fader(command).code == 0);
  const fs::path runs = scratch / "two/policy=ucb", kept = scratch / "kept";
  fs::copy(runs, kept, fs::copy_options::recursive);
  fs::remove(runs / "seed-0/run.h5");
  fs::resize_file(runs / "seed-1/run.h5", fs::file_size(runs / "seed-1/run.h5") / 2);
  const fs::file_time_type untouched = fs::last_write_time(runs / "seed-2/run.h5");
  REQUIRE(run_fader(command + " --resume").code == 0);
  for (const char* seed : {"seed-0", "seed-1"}) CHECK(run_fader("--compare " + (kept / seed).string() + " " + (runs / seed).string()).code == 0);
  CHECK(fs::last_write_time(runs / "seed-2/run.h5") == untouched);
  CHECK(count_of(text_of(scratch / "two/journal.jsonl"), "\"event\":\"start\"") == 8);
}

TEST_CASE("a sweep by --slurm submits an array that plays the sweep, and its report after it") {
  const Cluster cluster;
  const Ran ran = cluster.submit("--slurm='--partition=x --time=1:00:00' --jobs 3 --set env.horizon=30 --seed 4 --seed 5");
  INFO(ran.text << cluster.said());
  REQUIRE(ran.code == 0);
  CHECK_THAT(ran.text, Contains("two: 4 runs; job 17 (3 of an array) plays them, then job 17 makes the report"));
  const std::string told = text_of(cluster.told()), job = text_of(cluster.folder() / "slurm/job.sh");
  CHECK(told == fmt::format("--parsable {0}/job.sh\n--parsable --dependency=afterany:17 {0}/report.sh\n", fs::absolute(cluster.folder() / "slurm").string()));
  for (const char* line : {"\n#SBATCH --array=1-3\n", "\n#SBATCH --partition=x --time=1:00:00\n", "\n#SBATCH --requeue\n", "\n#SBATCH --open-mode=append\n",
                           "\n#SBATCH --signal=B:USR2@60\n", " two.toml --resume --set env.horizon=30 --seed 4 --seed 5 --quiet --jobs "})
    CHECK_THAT(job, Contains(line));
  const std::string journal = text_of(cluster.folder() / "journal.jsonl");
  CHECK(count_of(journal, "\"event\":\"complete\"") == 4);
  CHECK(count_of(journal, "\"launch\":\"SLURM_ARRAY_JOB_ID=17\"") > 4);
  CHECK(fs::exists(cluster.folder() / "summary.tsv"));
}

TEST_CASE("a sweep by --slurm moves earlier results aside, with --resume it keeps them") {
  const Cluster cluster;
  REQUIRE(cluster.submit("--quiet").code == 0);
  REQUIRE(cluster.submit("--slurm --resume").code == 0);
  CHECK_FALSE(fs::exists(cluster.folder().string() + ".old-1"));
  CHECK(count_of(text_of(cluster.folder() / "journal.jsonl"), "\"event\":\"start\"") == 6);
  REQUIRE(cluster.submit("--slurm").code == 0);
  CHECK(fs::exists(cluster.folder().string() + ".old-1/policy=ucb"));
  CHECK(count_of(text_of(cluster.folder() / "journal.jsonl"), "\"event\":\"start\"") == 6);
}

TEST_CASE("nothing is submitted that would not run, and a refusal is shown in its own words") {
  const Cluster refusing("echo 'sbatch: error: invalid partition specified: x' >&2\nexit 1\n");
  const Ran refused = refusing.submit("--slurm=--partition=x");
  CHECK(refused.code == 4);
  CHECK_THAT(refused.text, Contains("sbatch refuses ") && Contains("slurm/job.sh:\nsbatch: error: invalid partition specified: x"));
  const Cluster missing;
  fs::remove(missing.scratch() / "bin/sbatch");
  const Ran none = shell(fmt::format("cd '{}' && PATH=\"$PWD/bin\" '{}/fader' two.toml --slurm", missing.scratch().path().string(), FADER_BINARY_DIR));
  CHECK(none.code == 4);
  CHECK_THAT(none.text, Contains("sbatch is not there: is this a machine that submits to Slurm?"));
  CHECK(fs::exists(missing.folder() / "slurm/job.sh"));
  for (const auto& [arguments, message] : std::vector<std::pair<std::string, std::string>>{
           {"--slurm --set policies.ucb.reward=nothing", "reward 'nothing' is not one that the environment measures"},
           {"--slurm=--array=1-9", "--slurm: '--array=1-9': how many jobs the array has is --jobs"},
           {"--slurm=--signal=TERM", "--slurm: '--signal' is how a job is told"},
           {"--slurm=partition", "--slurm is 'partition'; expected options of sbatch"}}) {
    const Cluster cluster;
    const Ran ran = cluster.submit(arguments);
    INFO(arguments << "\n" << ran.text);
    CHECK(ran.code == 2);
    CHECK_THAT(ran.text, Contains(message));
    CHECK_FALSE(fs::exists(cluster.told()));
  }
}

TEST_CASE("a job asked for its checkpoint queues again, one that is cancelled or done does not") {
  const Scratch scratch;
  scratch.write("scontrol", "#!/usr/bin/env bash\necho \"asked to $*\"\n");
  fs::permissions(scratch / "scontrol", fs::perms::owner_all);
  // in place of the program: waits for TERM, then takes a moment, as a checkpoint does
  scratch.write("work", "trap 'sleep 0.3; echo saved; exit 143' TERM\necho $$ >\"$0.pid\"\necho up\nfor i in $(seq 100); do sleep 0.05; done\n");
  SlurmArray array{"two", scratch / "runs/it's 100%", {"bash", scratch / "work"}, "report", 2, 4, ""};
  const std::string job = scratch.write("job.sh", job_script(array, scratch.path()));
  const auto said_when = [&](const std::string& signals) {
    return shell(fmt::format("rm -f '{0}/said'; PATH='{0}':$PATH SLURM_JOB_ID=19 bash '{1}' >'{0}/said' 2>&1 & job=$!; until grep -qs up '{0}/said'; do sleep 0.05; done; {2}; "
                             "wait $job; echo \"code $?\"; cat '{0}/said'", scratch.path().string(), job, signals)).text;
  };
  CHECK(said_when("kill -USR2 $job") == "code 0\nup\nsaved\nasked to requeue 19\n");
  CHECK(said_when("kill -USR2 $job; sleep 0.1; kill -TERM $job") == "code 0\nup\nsaved\nasked to requeue 19\n");
  CHECK(said_when("kill -TERM $job $(cat '" + (scratch / "work.pid").string() + "')") == "code 143\nup\nsaved\n");  // as scancel does
  CHECK_THAT(job_script(array, scratch.path()), Contains("jobs=$((${SLURM_CPUS_PER_TASK:-4} / 4))") && Contains("--cpus-per-task=4") && Contains("100%%/slurm/"));
  CHECK(shell("printf %s " + shell_word("it's $x")).text == "it's $x");
}
