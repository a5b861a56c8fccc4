"""What a run holds and burns: memory against the size of its input, and processor time while it waits.

usage: sudo python3 tests/crash/bounds.py [--only line,small,flat,idle] [--files N] [--seconds N] [--weir PROGRAM]

 - line  a line of 2 GiB under a limit of 256 MiB of memory: a row in `failures`, not a kill
 - small once, 10 times, 100 times 10 files of some 7 chunks, full of names: beside half a kilobyte a chunk, memory grows by
         little, though at once no buffer is full
 - flat  once, 10 times, 100 times N files of some 59 chunks (150: as much as a team has, up to 15,000): beyond 10 times,
         memory grows by what is kept of a chunk and by nothing else, and less that, it is what it was at once
 - idle  1,000 calls under way, then 1,000 chunks that the limits hold back: below 1 % of a core over so many seconds

The figures are those of a release build: --weir target/release/weir; a debug build burns ten times as much. The 15,000
files of `flat` take 10 minutes and 4 GB.
Exit 1 if anything was wrong. The limit of memory wants root and a memory cgroup; where there is none it says so.
"""

import json
import os
import pathlib
import resource
import subprocess
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "scale"))
import run as scale
from world import Failed, Provider, Tally, World, done, options, scratch, skip, transcript

MIB = 1 << 20
# The most that may be kept of a chunk for as long as the run lasts.
INDEX = 512
# Buffers that grow by more than this from once to a hundred times the input are not bounded.
SLACK = 48 * MIB


def cgroup(limit):
    """A memory cgroup with a limit: its folder, of either version. None without one."""
    for base, file in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        folder = pathlib.Path(base) / "weir-bounds"
        try:
            folder.mkdir(exist_ok=True)
            (folder / file).write_text(str(limit))
            return folder
        except OSError:
            continue
    return None


def long_line(args, base):
    world = World(args.weir, base / "line")
    world.write("good.txt", transcript(1))
    path = world.inputs / "line.txt"
    with open(path, "wb") as file:
        part = b"and so the wheel went on turning " * 32_000
        while file.tell() < 2 << 30:
            file.write(part)
    folder = cgroup(256 * MIB)
    if folder is None:
        skip("a line of 2 GiB", "no memory cgroup can be made here")
        return
    try:
        # A shell joins the cgroup, and becomes the program.
        world.prefix = ["sh", "-c", f'echo $$ > {folder}/cgroup.procs && exec "$0" "$@"']
        ended = world.must(world.run_flow(None), 3)
        world.prefix = []
        failures = world.must(world.run("failures", "-o", world.out, "--state", world.state), 0, 3)
        if "line.txt" not in failures.out + failures.err:
            raise Failed(f"no row says so: {failures.out}")
        if world.current()["documents"] < 1 or ended.code != 3:
            raise Failed("the other file was not read")
    finally:
        path.unlink()
        folder.rmdir()


def peak(world):
    """The most memory that a run has at once, and how many chunks it has."""
    process = world.start(*world.run_arguments(None))
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    world.must(world.ended(process), 0)
    return usage.ru_maxrss * 1024, world.current()["chunks"]["total"]


def peaks(args, base, make):
    """The most memory, and how many chunks, of runs over once, 10 times and 100 times an input."""
    found = []
    for times in (1, 10, 100):
        world = World(args.weir, base / f"memory-{times}")
        make(world, times)
        memory, chunks = peak(world)
        found.append((memory, chunks))
        print(f"  {times:>3}x  {chunks} chunks, {memory / MIB:.0f} MiB at most", flush=True)
        subprocess.run(["rm", "-rf", world.folder], check=True)
    return found


def small(args, base):
    def make(world, times):
        for number in range(10 * times):
            world.write(f"{number:06}.txt", transcript(number, 40))

    (once, few), _, (most, many) = peaks(args, base, make)
    kept = (many - few) * INDEX
    print(f"  {(most - once) / MIB:.0f} MiB more, {kept / MIB:.0f} of them may be kept of the chunks", flush=True)
    if most - once > kept + SLACK:
        raise Failed(f"100 times the input takes {(most - once) / MIB:.0f} MiB more, {kept / MIB:.0f} of them of its chunks")


def flat(args, base):
    found = peaks(args, base, lambda world, times: scale.make(world.inputs, args.files * times))
    _, some, most = found
    index = (most[0] - some[0]) / (most[1] - some[1])
    buffers = [memory - index * chunks for memory, chunks in found]
    grown = buffers[-1] - buffers[0]
    print(f"  {index:.0f} bytes are kept of a chunk; less that, {buffers[0] / MIB:.0f} MiB become {buffers[-1] / MIB:.0f}",
          flush=True)
    if index > INDEX:
        raise Failed(f"{index:.0f} bytes are kept of a chunk")
    if grown > SLACK:
        raise Failed(f"100 times the input takes {grown / MIB:.0f} MiB more than what is kept of it")


def burnt(pid):
    """Seconds of processor time so far, of all its threads: the kernel's own count, in nanoseconds."""
    return time.clock_gettime(~pid << 3 | 2)


def idle(args, base, name, latency, flags, settled):
    world = World(args.weir, base / name)
    for number in range(320):
        world.write(f"{number:03}.txt", transcript(number, 40))
    provider = Provider(args.weir, base, latency)
    try:
        process = world.start("run", "knowledge-graph", "-i", world.inputs, "-o", world.out, "--state", world.state,
                              "--json", "--model", "sim", "--base-url", provider.url, "--yes", "--batch-chunks", "1",
                              *flags)
        until = time.monotonic() + 240
        last = {}
        while not (last and settled(last)):
            if time.monotonic() > until or process.poll() is not None:
                raise Failed(f"it never came so far: {last}, {process.words[1].read_text()[-300:]}")
            time.sleep(1)
            lines = process.words[0].read_text().splitlines()
            events = [line for line in lines[-3:] if '"progress"' in line and line.endswith("}")]
            last = json.loads(events[-1]) if events else {}
        time.sleep(3)
        before = burnt(process.pid)
        time.sleep(args.seconds)
        share = (burnt(process.pid) - before) / args.seconds
        print(f"  {name}: {last['in_flight']} calls under way, {last['asked']} chunks asked about, "
              f"{share:.2%} of a core", flush=True)
        if share >= 0.01:
            raise Failed(f"waiting takes {share:.1%} of a core")
    finally:
        world.kill(process)
        provider.stop()


def main():
    args = options(__doc__, only="line,small,flat,idle", files=150, seconds=60)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    base = scratch()
    tally = Tally("bounds")
    if "line" in args.only:
        tally.point("a line of 2 GiB", lambda: long_line(args, base))
    if "small" in args.only:
        tally.point("memory, small", lambda: small(args, base))
    if "flat" in args.only:
        tally.point("memory", lambda: flat(args, base))
    if "idle" in args.only:
        wide = ["--requests-per-minute", "1000000", "--tokens-per-minute", "1000000000", "--in-flight", "1000"]
        tally.point("calls under way", lambda: idle(args, base, "under way", "600s", wide,
                                                    lambda told: told["in_flight"] >= 1000))
        narrow = ["--requests-per-minute", "1", "--tokens-per-minute", "1000000", "--in-flight", "1000"]
        tally.point("chunks held back", lambda: idle(args, base, "held back", "1s", narrow,
                                                     lambda told: told["asked"] >= 1000 and told["calls"] >= 1))
    done(tally.end())


if __name__ == "__main__":
    main()
