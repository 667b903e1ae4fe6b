"""Our training step against PyTorch's, side by side: every contender is a process that waits its turn, and the rounds go through
all of them in order, so that whatever else happens to the machine happens to all.

    tests/bench/peers/fetch FOLDER
    tests/bench/peers/compare.py --peers FOLDER [--ours build/release/tests/bench/train_worker] [--shapes S M] [--threads 2 1]

Prints, for each shape and number of threads, milliseconds a step (median over the rounds), tokens a second and our speed over
each contender's. "tuned": glibc's allocator told to keep memory. Needs Python with torch; nothing of it is part of fader.
"""
import argparse
import os
import platform
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOKENS = {"XS": 4096, "S": 4096, "M": 4096}
STEPS = {"XS": 20, "S": 4, "M": 1}
TUNED = {
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "MALLOC_TOP_PAD_": "268435456",
}


class Contender:
    def __init__(self, name, command, threads, tuned=False):
        self.name = name
        self.seconds = []
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), **(TUNED if tuned else {}))
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
        words = self.process.stdout.readline().split()
        if not words or words[0] != "ready":
            raise SystemExit(f"{name} does not start: {' '.join(command)}")
        self.parameters = int(words[1])

    def run(self, steps):
        print(steps, file=self.process.stdin, flush=True)
        self.seconds.append(float(self.process.stdout.readline()) / steps)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def contenders(o, shape, threads):
    out = []
    for precision in o.precisions:
        out.append(Contender(f"fader {precision}", [o.ours, shape, str(threads), precision], threads))
    for peer, file in (("llama2c", "llama2c/model.py"), ("nanogpt", "nanogpt/model.py")):
        for dtype in ("float32", "bfloat16"):
            for compiled in (False, True) if o.compile else (False,):
                for tuned in (False, True):
                    words = [peer, dtype, "compile" if compiled else "eager", "tuned" if tuned else "shipped"]
                    if o.only and not any(all(part in words for part in chosen.split()) for chosen in o.only):
                        continue
                    command = [sys.executable, os.path.join(HERE, "worker.py"), peer, os.path.join(o.peers, file), "--shape", shape,
                               "--threads", str(threads), "--dtype", dtype] + (["--compile"] if compiled else [])
                    out.append(Contender(" ".join(words), command, threads, tuned))
    return out


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--peers", required=True, help="what tests/bench/peers/fetch made")
    options.add_argument("--ours", default=os.path.join(HERE, "../../../build/release/tests/bench/train_worker"))
    options.add_argument("--shapes", nargs="+", choices=TOKENS, default=["S", "M"])
    options.add_argument("--threads", nargs="+", type=int, default=[2, 1])
    options.add_argument("--precisions", nargs="+", default=["bfloat16", "float32"])
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--no-compile", dest="compile", action="store_false")
    options.add_argument("--only", nargs="+", metavar="WORDS", help="peers whose name has all of these words, e.g. 'bfloat16 tuned'")
    o = options.parse_args()
    with open("/proc/cpuinfo") as cpu:
        model = next((line.split(":")[1].strip() for line in cpu if line.startswith("model name")), platform.machine())
    print(f"processor: {model}")
    for shape in o.shapes:
        for threads in o.threads:
            players = contenders(o, shape, threads)
            for _ in range(o.rounds):
                for player in players:
                    player.run(STEPS[shape])
            print(f"\nshape {shape}, {threads} threads: {o.rounds} rounds of {STEPS[shape]} steps of {TOKENS[shape]} tokens")
            print(f"{'':32}{'ms/step':>10}{'tokens/s':>10}" + "".join(f"{p + ' over it':>20}" for p in o.precisions))
            ours = {p: statistics.median(players[i].seconds) for i, p in enumerate(o.precisions)}
            for player in players:
                t = statistics.median(player.seconds)
                print(f"{player.name:32}{1000 * t:10.1f}{TOKENS[shape] / t:10.0f}" + "".join(f"{t / ours[p]:20.2f}" for p in o.precisions)
                      + f"   {player.parameters / 1e6:.2f} M", flush=True)
                player.end()


if __name__ == "__main__":
    main()
