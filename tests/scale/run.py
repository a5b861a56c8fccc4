"""What a large folder costs: seconds, CPU and memory of the four cases, against a bare read of the same files.

usage: python3 tests/scale/run.py [--files N] [--weir PATH] [--dir DIR] [--keep]

Makes N synthetic transcripts of about 59 chunks each (1,500 by default, a tenth of the 15,000 that the figures of the
README are of) in a temporary folder, or in DIR, and runs the built-in rules over them:

    read        every file read and hashed, and nothing else: what no program can be faster than
    first       the first build
    unchanged   the same command again
    cold        one file edited, then the command
    watch       a run with --watch; the time from an edit until the tables show it

Needs a release build (cargo build --release) unless --weir names one; 15,000 files take 1 GB, and the state and the
tables twice as much again. Linux; Python 3.9 or later, nothing else.
"""

import argparse
import hashlib
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEOPLE = ["Ida Noor", "Per Quist", "Lena Abel", "Tom Varga", "Rita Okoye", "Sam Feld", "Una Brook", "Max Osei"]
TOWNS = ["Oslo", "Lisbon", "Kyoto", "Quito", "Dublin", "Ghent", "Turin", "Perth", "Accra", "Bergen"]
BODIES = ["Harbour Trust", "Northwind Bank", "Lantern Society", "Meadow College", "Granite Works", "Tidal Institute"]
WORDS = """we looked again at what came in over the summer and nobody could say why so much of it was late though most of
the crates were on the quay by noon and the rest had only been counted twice before the rain set in""".split()
CHUNK = 1050


def sentence(chance):
    """One turn of some two hundred letters, with a few names in it, and never the same twice."""
    filler = " ".join(chance.choice(WORDS) for _ in range(chance.randint(14, 40)))
    kind = chance.randrange(4)
    if kind == 0:
        said = f"{chance.choice(PEOPLE)} leads the {chance.choice(BODIES)} of {chance.choice(TOWNS)}."
    elif kind == 1:
        said = f"On {chance.randint(1, 28)} May 20{chance.randint(10, 25)} it was {chance.randint(2, 900)} dollars."
    elif kind == 2:
        said = f"{chance.choice(PEOPLE)} and {chance.choice(PEOPLE)} met in {chance.choice(TOWNS)}."
    else:
        said = f"The {chance.choice(BODIES)} said no to it."
    return f"{filler.capitalize()} number {chance.randrange(10 ** 9)}. {said}"


def make(folder, files):
    """The transcripts, the same ones every time; their bytes."""
    chance = random.Random(7)
    total = 0
    for number in range(files):
        turns, size = [], 0
        while size < 59 * CHUNK:
            turn = f"{chance.choice(PEOPLE)}: {sentence(chance)}\n"
            turns.append(turn)
            size += len(turn)
        path = folder / f"{number // 100:03}" / f"{number:05}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(turns))
        total += size
    return total


def read(folder):
    """Every file read and hashed."""
    begin, cpu = time.monotonic(), time.process_time()
    for path in sorted(folder.rglob("*.txt")):
        hashlib.blake2b(path.read_bytes()).digest()
    return time.monotonic() - begin, time.process_time() - cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def run(command, folder):
    """Runs to the end: seconds, CPU seconds, peak memory in KiB."""
    begin = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(map(str, command))}: status {status}")
    return time.monotonic() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss


def edit(folder, number):
    """Adds a turn to one file in the middle."""
    files = sorted((folder / "talks").rglob("*.txt"))
    path = files[len(files) // 2]
    with path.open("a") as file:
        file.write(f"Una Brook: Vera Stein {number} runs the Copper Guild of Bergen, as we heard from there.\n")


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watch(command, folder):
    """From an edit until the tables show it, without the time that a file must have been left alone (2 s); CPU from the
    edit on; the peak of the whole process."""
    current = folder / "out/knowledge-graph/current"
    process = subprocess.Popen([*command, "--watch"], cwd=folder, stdout=subprocess.DEVNULL)
    idle, since = cpu_of(process.pid), time.monotonic()
    while time.monotonic() - since < 3:
        time.sleep(0.2)
        now = cpu_of(process.pid)
        if now - idle > 0.05:
            idle, since = now, time.monotonic()
    before = os.readlink(current)
    edit(folder, 2)
    begin = time.monotonic()
    while os.readlink(current) == before:
        time.sleep(0.01)
        if time.monotonic() - begin > 120:
            process.kill()
            sys.exit("the tables do not follow")
    took, spent = time.monotonic() - begin - 2, cpu_of(process.pid) - idle
    process.send_signal(signal.SIGINT)
    _, _, used = os.wait4(process.pid, 0)
    return took, spent, used.ru_maxrss


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=1500)
    parser.add_argument("--weir", type=pathlib.Path, default=ROOT / "target/release/weir")
    parser.add_argument("--dir", type=pathlib.Path)
    parser.add_argument("--keep", action="store_true", help="leave the folder as it is at the end")
    args = parser.parse_args()
    weir = args.weir.resolve()
    if not weir.exists():
        sys.exit(f"there is no {weir}: cargo build --release makes one")
    folder = pathlib.Path(args.dir or tempfile.mkdtemp(prefix="weir-scale-")).resolve()
    talks = folder / "talks"
    if not talks.exists():
        make(talks, args.files)
    for old in ("out", "state"):
        shutil.rmtree(folder / old, ignore_errors=True)
    command = [weir, "run", "knowledge-graph", "-i", "talks", "--state", "state", "--quiet"]

    def show(name, measured):
        seconds, cpu, peak = measured
        print(f"{name:<10} {seconds:8.2f} s {cpu:8.2f} CPU s {peak / 1024:8.0f} MiB", flush=True)

    show("read", read(talks))
    show("first", run(command, folder))
    show("unchanged", run(command, folder))
    edit(folder, 1)
    time.sleep(2)
    show("cold", run(command, folder))
    show("watch", watch(command, folder))
    if not args.keep:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
