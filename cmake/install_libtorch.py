#!/usr/bin/env python3
"""install_libtorch.py FOLDER: puts LibTorch's CPU part into FOLDER (include/, lib/), out of the wheels that libtorch.txt pins.

The wheels come through pip, with the settings that the user has given pip, and only what the build needs is taken out of
them. FOLDER appears by renaming when it is complete; what a cut download or extraction left behind is used or replaced by
the next try. Two processes may be started at once: the second waits for the first.
"""
import fcntl
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

WANTED = {  # what is taken out of the wheels -> where it goes; a folder ends with a slash
    "torch/include/ATen/": "include/ATen/",
    "torch/include/c10/": "include/c10/",
    "torch/include/caffe2/": "include/caffe2/",
    "torch/include/torch/": "include/torch/",
    "torch/lib/libtorch_cpu.so": "lib/libtorch_cpu.so",
    "torch/lib/libc10.so": "lib/libc10.so",
    "torch/lib/libgomp.so.1": "lib/libgomp.so.1",
    "nvidia/cu13/lib/libcudart.so.13": "lib/libcudart.so.13",
    "nvidia/cu13/lib/libcupti.so.13": "lib/libcupti.so.13",
}
LICENSES = ".dist-info/licenses/"
SPACE = 1.2e9  # bytes: the wheels and what is taken out of them
TRIES = 2


def say(text):
    print(f"fader: {text}", file=sys.stderr, flush=True)


def download(wheels):
    """pip checks the content of every file, takes one that is whole already, and fetches the others again."""
    # the wheel does not depend on the Python that is here, so it is asked for as if for one that it was made for
    tags = ["manylinux_2_28", "manylinux_2_25", "manylinux_2_17", "manylinux2014"]
    platforms = [word for tag in tags for word in ("--platform", f"{tag}_x86_64")]
    requirements = Path(__file__).resolve().with_name("libtorch.txt")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-cache-dir", "--no-deps",
               "--require-hashes", "--only-binary=:all:", "--python-version", "3.11", *platforms,
               "--dest", str(wheels), "--requirement", str(requirements)]
    for attempt in range(1, TRIES + 1):
        if subprocess.run(command, stdout=sys.stderr).returncode == 0:
            return
        if attempt < TRIES:
            say(f"the download failed; try {attempt + 1} of {TRIES}")
    sys.exit(f"fader: LibTorch could not be downloaded (the reason stands above). Whole files are kept in {wheels}; "
             "start again, or set TORCH_DIR to a folder with LibTorch's include/ and lib/")


def destination(name):
    """Where a file of a wheel goes, with the entry of WANTED that says so; None: nowhere."""
    for source, target in WANTED.items():
        if name == source or source.endswith("/") and name.startswith(source):
            return target + name[len(source):], source
    if LICENSES in name:
        return "licenses/" + name.replace(LICENSES, "/"), None
    return None, None


def extract(wheels, folder):
    missing = set(WANTED)
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for info in archive.infolist():
                place, source = destination(info.filename)
                if place is None or info.is_dir():
                    continue
                missing.discard(source)
                target = folder / place
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(info) as content, open(target, "wb") as out:  # checks the sum of what it read
                    shutil.copyfileobj(content, out, 1 << 20)
    if missing:
        sys.exit(f"fader: the wheels in {wheels} lack {', '.join(sorted(missing))}")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    wheels, partial = folder.with_name(folder.name + ".wheels"), folder.with_name(folder.name + ".part")
    if os.uname().machine != "x86_64":
        sys.exit(f"fader: LibTorch is installed for x86_64 only, this is {os.uname().machine}; set TORCH_DIR to a folder with LibTorch's include/ and lib/")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another process that installs LibTorch")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "lib" / "libtorch_cpu.so").exists():
            return
        free = shutil.disk_usage(folder.parent).free
        if free < SPACE:
            sys.exit(f"fader: {folder.parent} has {free / 1e9:.1f} GB left, LibTorch needs {SPACE / 1e9:.1f} while it is installed; "
                     "set XDG_CACHE_HOME to a folder with more room")
        download(wheels)
        say("extracting LibTorch")
        for rest in (partial, folder):  # a folder without the library is not one of ours that works
            shutil.rmtree(rest, ignore_errors=True)
        extract(wheels, partial)
        os.sync()
        partial.rename(folder)
        shutil.rmtree(wheels)


if __name__ == "__main__":
    main()
