// What a process of several makes of its environment.
#include "experiments/launch.h"

#include <catch2/catch.hpp>
#include <map>

#include "core/error.h"
#include "core/files.h"
#include "tests/scratch_folder.h"

using namespace fader;
using Catch::Contains;

namespace {

Launch launch(int processes, const std::map<std::string, std::string>& set) {
  return launch_of(processes, [&](const char* name) {
    const auto it = set.find(name);
    return it == set.end() ? std::string() : it->second;
  });
}

}  // namespace

TEST_CASE("a process of several finds its place in the variables of torchrun, Open MPI, other MPI and srun") {
  const Launch torchrun = launch(4, {{"RANK", "3"}, {"WORLD_SIZE", "4"}, {"MASTER_ADDR", "node-1"}, {"MASTER_PORT", "1234"},
                                     {"TORCHELASTIC_USE_AGENT_STORE", "True"}, {"TORCHELASTIC_RESTART_COUNT", "2"}, {"OMPI_COMM_WORLD_RANK", "0"},
                                     {"OMPI_COMM_WORLD_SIZE", "1"}});
  CHECK(torchrun.rank == 3);
  CHECK(torchrun.size == 4);
  CHECK(torchrun.place == MeetingPlace{"node-1", 1234});
  CHECK(torchrun.kept);
  CHECK(torchrun.key("end") == "fader/2/end");
  CHECK_THAT(torchrun.command, Contains("torchrun") && Contains(" 4 "));
  const Launch mpi = launch(2, {{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}});
  CHECK(mpi.rank == 1);
  CHECK(mpi.place == MeetingPlace{"127.0.0.1", 29500});
  CHECK(!mpi.kept);
  CHECK(mpi.command == "mpirun -n 2 ");
  CHECK(launch(2, {{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}}).rank == 1);
  CHECK(launch(8, {{"SLURM_PROCID", "7"}, {"SLURM_NTASKS", "8"}}).command == "srun -n 8 ");
}

TEST_CASE("a launch that is not what the experiment wants is refused with what was found and how to start it") {
  CHECK_THROWS_WITH(launch(2, {}), Contains("one process alone") && Contains("mpirun -n 2") && Contains("torchrun"));
  CHECK_THROWS_WITH(launch(2, {{"RANK", "0"}}), Contains("one process alone"));
  CHECK_THROWS_WITH(launch(2, {{"RANK", "0"}, {"WORLD_SIZE", "3"}}), Contains("run.processes is 2, and 3 processes were started (WORLD_SIZE)"));
  CHECK_THROWS_WITH(launch(2, {{"RANK", "2"}, {"WORLD_SIZE", "2"}}), Contains("RANK is '2'") && Contains("0 to 1"));
  CHECK_THROWS_WITH(launch(2, {{"RANK", "one"}, {"WORLD_SIZE", "2"}}), Contains("RANK is 'one'"));
  CHECK_THROWS_WITH(launch(2, {{"RANK", "0"}, {"WORLD_SIZE", "100000"}}), Contains("WORLD_SIZE is '100000'"));
  CHECK_THROWS_WITH(launch(2, {{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_PORT", "0"}}), Contains("MASTER_PORT is '0'"));
  CHECK_THROWS_AS(launch(2, {}), ConfigError);
}

TEST_CASE("all points of one start are for the same number of processes, and train a model") {
  const ScratchFolder folder;
  const auto load = [&](const std::string& text) {
    write_atomically(folder / "x.toml", "# Question?\n" + text);
    return load_experiment(folder / "x.toml", {});
  };
  const std::string model = "[env]\nkind = \"pretrain-v0\"\n[[agents]]\nkind = \"random\"\n[[policies]]\nkind = \"uniform\"\n";
  CHECK(processes_of(load(model), {}) == 1);
  CHECK(processes_of(load("[run]\nprocesses = 3\n" + model), {}) == 3);
  const Experiment mixed = load(model + "[[policies]]\nkind = \"uniform\"\nname = \"two\"\nset = { \"run.processes\" = 2 }\n");
  const std::size_t second = 1;
  CHECK(processes_of(mixed, std::span(&second, 1)) == 2);
  CHECK_THROWS_WITH(processes_of(mixed, {}), Contains("--point") && Contains("1 for one policy and 2 for another"));
  CHECK(mixed.points[0].hash != mixed.points[1].hash);
  const std::string bandit = "[env]\nkind = \"bandit-v0\"\n[[policies]]\nkind = \"ucb\"\n";
  CHECK_THROWS_WITH(processes_of(load("[run]\nprocesses = 2\n" + bandit), {}), Contains("trains no model"));
}
