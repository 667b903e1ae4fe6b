"""Whether single-threaded models side by side cost each other anything: one worker alone and one on every core, in turns.

    tests/bench/side_by_side.py [--worker build/release/tests/bench/train_worker] [--shape S] [--precision bfloat16] [--rounds 9]

Prints the tokens a second of one, of all together, and their ratio: the number of cores where nothing is lost.
"""
import argparse
import os
import statistics
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--worker", default=os.path.join(HERE, "../../build/release/tests/bench/train_worker"))
    options.add_argument("--shape", default="S")
    options.add_argument("--precision", default="bfloat16")
    options.add_argument("--steps", type=int, default=8)
    options.add_argument("--rounds", type=int, default=9)
    o = options.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    workers = [subprocess.Popen(["taskset", "-c", str(core), o.worker, o.shape, "1", o.precision], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True) for core in cores]
    for worker in workers:
        worker.stdout.readline()
    alone, together = [], []
    for _ in range(o.rounds):
        for some, times in ((workers[:1], alone), (workers, together)):
            for worker in some:
                print(o.steps, file=worker.stdin, flush=True)
            times.append(statistics.mean(float(worker.stdout.readline()) for worker in some) / o.steps)
    for worker in workers:
        worker.stdin.close()
        worker.wait()
    one, each = statistics.median(alone), statistics.median(together)
    print(f"shape {o.shape}, {o.precision}: alone {1000 * one:.1f} ms a step; {len(cores)} side by side {1000 * each:.1f} ms each: "
          f"{len(cores) * one / each:.2f} times one")


if __name__ == "__main__":
    main()
