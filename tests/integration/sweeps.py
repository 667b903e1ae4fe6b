"""What the scripts that disturb sweeps share: a sweep of short bandit runs, processes that can be killed, and the check afterwards.

A run counts as played twice when a run.h5 that was complete at a kill is another file, or has other bytes, in the end, or
when the journal has two `complete` lines of it that are not `found`.
"""
import collections
import datetime
import hashlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def write_sweep(file, points, seeds):
    """Every point is a value of c; a run takes some hundredths of a second."""
    values = ", ".join(f"{(k + 1) / 20:g}" for k in range(points))
    file.write_text(
        f"""# Is a sweep that was disturbed the sweep that never was?
name = "grid"
[run]
seeds = {list(range(seeds))}
checkpoint_seconds = 0.05
[env]
kind = "bandit-v0"
horizon = 400
[[policies]]
kind = "ucb"
[sweep.over]
policies.ucb.c = [{values}]
""")


def children(process):
    """Processes whose parent is `process`."""
    out = []
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(status.read_text().rsplit(")", 1)[1].split()[1]) == process:
                out.append(int(status.parent.name))
        except (OSError, IndexError):
            pass
    return out


def descendants(process):
    out = children(process)
    for child in list(out):
        out += descendants(child)
    return out


def kill(processes):
    """How many of them were there to be killed."""
    killed = 0
    for process in processes:
        try:
            os.kill(process, signal.SIGKILL)
            killed += 1
        except ProcessLookupError:
            pass
    return killed


class Sweep:
    """One folder with an experiment, and what is known of it while it is disturbed."""

    def __init__(self, fader, folder, points, seeds):
        self.fader, self.folder, self.points, self.seeds = str(pathlib.Path(fader).resolve()), pathlib.Path(folder), points, seeds
        self.folder.mkdir(parents=True)
        write_sweep(self.folder / "grid.toml", points, seeds)
        self.log = open(self.folder / "log", "ab")
        self.seen = {}  # run.h5 -> (inode, sha256), complete when it was seen

    @property
    def runs(self):
        return self.points * self.seeds

    @property
    def out(self):
        return self.folder / "runs" / "grid"

    def command(self, *options):
        return [self.fader, "grid.toml", "--quiet", *options]

    def start(self, *options, before=(), environment=None):
        """In a process group of its own."""
        return subprocess.Popen([*before, *self.command(*options)], cwd=self.folder, start_new_session=True, stdout=self.log, stderr=self.log,
                                env={**os.environ, **(environment or {})})

    def play(self, *options):
        return self.start(*options).wait()

    def journal(self):
        out = []
        try:
            for line in (self.out / "journal.jsonl").read_text(errors="replace").splitlines():
                try:
                    out.append(json.loads(line))
                except ValueError:
                    pass  # half-written
        except OSError:
            pass
        return [line for line in out if isinstance(line, dict)]

    def completed(self):
        return len({(line["point"], line["seed"]) for line in self.journal() if line.get("event") == "complete"})

    def wait_for(self, runs, process, seconds=120):
        """Until so many runs are complete, or the process has ended."""
        until = time.monotonic() + seconds
        while self.completed() < runs and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)

    def complete_files(self, known=()):
        """run.h5 of every run that is complete by its own file, as tool check sees it, less those that are known."""
        files = sorted(set(map(str, self.out.glob("*/seed-*/run.h5"))) - set(known))
        if not files:
            return []
        text = subprocess.run([self.fader, "tool", "check", *files], capture_output=True, text=True).stdout
        return [line.split(": ok: complete, ")[0] for line in text.splitlines() if ": ok: complete, " in line]

    def look(self):
        """Notes which runs are complete now. Returns what is wrong with those that were before."""
        wrong = self.changed()
        self.seen.update((file, identity(file)) for file in self.complete_files(self.seen))
        return wrong

    def changed(self):
        return [f"{file} was complete, and was written again" for file, what in self.seen.items() if identity(file) != what]

    def verdict(self, undisturbed, sample, rng):
        """What is wrong with the sweep now that it has ended: a list of texts."""
        wrong = self.changed()
        complete = self.complete_files()
        if len(complete) != self.runs:
            wrong.append(f"{len(complete)} of {self.runs} runs are complete")
        wrong += [f"{file} has no console.bin" for file in complete if not pathlib.Path(file).with_name("console.bin").exists()]
        played, said = collections.Counter(), set()
        for line in self.journal():
            if line.get("event") == "complete":
                said.add((line["point"], line["seed"]))
                played[line["point"], line["seed"]] += "found" not in line
        wrong += [f"{point} seed {seed}: played to its end {n} times" for (point, seed), n in played.items() if n > 1]
        if len(said) != self.runs:
            wrong.append(f"the journal says of {len(said)} of {self.runs} runs that they are complete")
        for file in rng.sample(complete, min(sample, len(complete))):
            left, right = pathlib.Path(file).parent, undisturbed.out / pathlib.Path(file).parent.relative_to(self.out)
            compared = subprocess.run([self.fader, "--compare", left, right], capture_output=True, text=True)
            if compared.returncode != 0:
                wrong.append(f"{left}: {compared.stdout}{compared.stderr}")
        return wrong

    def found(self):
        return sum("found" in line for line in self.journal() if line.get("event") == "complete")

    def starts(self):
        return sum(line.get("event") == "start" for line in self.journal())


def identity(file):
    try:
        with open(file, "rb") as content:
            return os.fstat(content.fileno()).st_ino, hashlib.sha256(content.read()).hexdigest()
    except OSError:
        return None


def undisturbed(fader, folder, points, seeds):
    sweep = Sweep(fader, folder, points, seeds)
    if sweep.play("--jobs", "2") != 0:
        sys.exit((sweep.folder / "log").read_text(errors="replace"))
    return sweep


def end(process):
    """Ends what is left of a process group that `Sweep.start` made, and of those that its processes made."""
    kill(descendants(process.pid))
    kill([process.pid])
    process.wait()


def conclude(name, wrong, sweep):
    """Prints the outcome; returns whether it is good."""
    print(f"{name}: {sweep.runs} runs, {sweep.starts()} starts, {sweep.found()} found complete: {'as undisturbed' if not wrong else 'WRONG'}", flush=True)
    for line in wrong[:20]:
        print("  " + line)
    if wrong:
        print((sweep.folder / "log").read_text(errors="replace")[-2000:])
    return not wrong


def calendar(text):
    """Seconds of a journal line's time."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def stream(seed):
    return random.Random(seed)
