// Several processes, started together, that train one model: who they are, and who tells whom what is next.
//
// All are started with the same command. Rank 0 does what a single process does: it prepares, plays the runs, writes everything
// and shows it. The others follow: they play the runs that rank 0 begins, in the same order, and write nothing. Which run is
// next stands in a store (trainer/rendezvous.h) that rank 0 keeps at MASTER_ADDR:MASTER_PORT, or torchrun for it:
//
//   fader/<start>/arrived    how many of the others are there; rank 0 begins when all are
//   fader/<start>/task/<k>   {"point": 0, "seed": 3}: run k begins
//   fader/<start>/run/<k>    addresses of the ranks for it (trainer/ranks.h)
//   fader/<start>/end        there is no other run
//   fader/<start>/left       how many ranks have read that
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "experiments/child.h"
#include "experiments/run.h"
#include "trainer/ranks.h"

namespace fader {

/// What the starter of the processes has told this one.
struct Launch {
  int rank = 0, size = 1;
  MeetingPlace place;
  bool kept = false;         ///< the starter keeps the store
  std::string start = "0";   ///< counts starts where the store outlives one
  std::string command;       ///< that starts all of them, up to the program's name: "mpirun -n 2 "
  std::string key(const std::string& name) const;
};

/// Value of an environment variable; empty: it is not set.
using Environment = std::function<std::string(const char*)>;
std::string of_process(const char* name);

/// run.rank_seconds.
std::chrono::milliseconds patience_of(const Point& point);

/// How many processes these points are played by: run.processes, which must be the same for all of them.
int processes_of(const Experiment& experiment, std::span<const std::size_t> points);

/// Reads the variables of torchrun (RANK, WORLD_SIZE), Open MPI's mpirun (OMPI_COMM_WORLD_*), other starters of MPI (PMI_*) and
/// srun (SLURM_PROCID, SLURM_NTASKS), the first that are there; MASTER_ADDR and MASTER_PORT are 127.0.0.1 and 29500 unless set.
/// ConfigError saying how to start it when there are not `processes` processes, or when a value makes no sense.
Launch launch_of(int processes, const Environment& environment = of_process);

/// Rank 0's: keeps the store in a process of its own and tells the others what is next.
class Leader {
 public:
  /// Waits until all others are there. RunError: the port is taken, or they did not come; Stopped.
  Leader(const Launch& launch, std::chrono::milliseconds patience, const Signals& signals);
  /// There is no other run: lets the others end, and waits for them a little.
  void end();
  /// With all others, for the next run; in the process that plays it. LostRank: they did not come, or were started with something else.
  std::shared_ptr<Ranks> meet(std::size_t task, const Run& run, std::size_t point, const Signals& signals) const;

 private:
  const Launch launch_;
  std::optional<Child> keeper_;
};

/// The other ranks': plays what rank 0 begins, until it says that there is no more. Returns an exit code; what there is to say
/// goes to standard error, with the rank in front.
int follow(const Experiment& experiment, const std::filesystem::path& out, const Attributes& provenance, const Launch& launch,
           const Signals& signals);

}  // namespace fader
