"""Signals, panics and second copies of the program.

usage: python3 tests/crash/signals.py [--times N] [--only NAME] [--weir PROGRAM]

 - SIGTERM at N random moments: calls in flight are waited for, 7 or 0 as exit status, the rerun repeats none of them
 - a second SIGTERM ends the run at once, and is as safe as a kill
 - SIGSTOP for a while, longer than calls take, then SIGCONT: the run goes on and is complete
 - a panic in a reader, a worker, the committer, the store's writer, the desk, a lookup, a call: exit 70 within a second
   (wants a debug build: a release build cannot be told to panic)
 - a second run on the same state, and one on the same output: it ends with 2 at once and harms nothing

Exit 1 if anything was wrong.
"""

import random
import signal
import time

from scenes import Scene, Second
from world import Failed, Provider, Tally, World, done, options, scratch, skip, transcript

PLACES = ["reader", "worker", "committer", "swapped", "store", "desk", "lookup", "call"]


def with_provider(scene, latency, check):
    scene.restore()
    provider = Provider(scene.weir, scene.base.parent, latency)
    try:
        check(provider)
    finally:
        provider.stop()


def terminated(scene, chance, seconds):
    def check(provider):
        world = scene.world
        process = world.start(*scene.command(world, provider))
        time.sleep(chance.uniform(0.05, seconds))
        process.send_signal(signal.SIGTERM)
        # Before it listens to signals one ends it at once.
        ended = world.must(world.wait(process), 0, 7, -signal.SIGTERM)
        report = provider.report()
        kept = scene.look(ended.told())
        if ended.code != -signal.SIGTERM and report["calls"] > report["answered"]:
            raise Failed(f"{report['calls'] - report['answered']} calls that were under way were dropped")
        if ended.code != -signal.SIGTERM and report["answered"] > kept:
            raise Failed(f"{report['answered']} calls were answered, {kept} are kept")
        if scene.rerun(provider, kept) and ended.code != -signal.SIGTERM:
            raise Failed("something was paid for twice")

    with_provider(scene, "150ms", check)


def terminated_twice(scene, chance):
    def check(provider):
        world = scene.world
        process = world.start(*scene.command(world, provider))
        while not provider.report()["calls"]:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        time.sleep(chance.uniform(0.05, 0.5))
        process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        ended = world.must(world.wait(process), 7)
        if time.monotonic() - told > 1:
            raise Failed(f"it took {time.monotonic() - told:.1f} s to end")
        scene.rerun(provider, scene.look(ended.told()))

    with_provider(scene, "5s", check)


def paused(scene, seconds):
    def check(provider):
        world = scene.world
        process = world.start(*scene.command(world, provider))
        while provider.report()["calls"] < 3:
            time.sleep(0.01)
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)
        world.must(world.wait(process), 0)
        if scene.rerun(provider, scene.look()):
            raise Failed("something was paid for twice")

    with_provider(scene, "200ms", check)


def panicked(scene, place):
    def check(provider):
        world = scene.world
        process = world.start(*scene.command(world, provider), env={"WEIR_PANIC": place})
        since = None
        while process.poll() is None and time.monotonic() - process.began < 30:
            if since is None and b"panicked" in process.words[1].read_bytes():
                since = time.monotonic()
            time.sleep(0.002)
        ended = world.wait(process) if process.returncode is None else world.ended(process)
        if ended.code == 0:
            raise Failed(f"nothing passes {place}, or this is a release build")
        if ended.code != 70 or f"told to panic in {place}" not in ended.err:
            raise Failed(f"it ended with {ended.code}: {ended.err[-300:]}")
        if since and time.monotonic() - since > 1:
            raise Failed(f"it took {time.monotonic() - since:.1f} s to end")
        scene.rerun(provider, scene.look(ended.told()))

    with_provider(scene, "40ms", check)


def twice(scene, same):
    def check(provider):
        world = scene.world
        first = world.start(*scene.command(world, provider))
        while not provider.report()["calls"]:
            time.sleep(0.01)
        other = World(scene.weir, scene.base.parent / "other")
        other.write("x.txt", transcript(99))
        state, out = (world.state, other.out) if same == "state" else (other.state, world.out)
        ended = other.run("run", "knowledge-graph", "-i", other.inputs, "--state", state, "-o", out)
        other.must(ended, 2)
        if ended.took > 2 or f"process {first.pid}" not in ended.err:
            raise Failed(f"after {ended.took:.1f} s it said {ended.err!r}")
        # A killed owner leaves nothing in the way.
        world.kill(first)
        scene.rerun(provider, scene.look())

    with_provider(scene, "400ms", check)


def main():
    args = options(__doc__, times=30, only="", pause=10.0)
    chance = random.Random(args.seed)
    base = scratch()
    first, second = Scene(args.weir, base / "first"), Second(args.weir, base / "second")
    wrong = 0

    def group(name, points):
        nonlocal wrong
        if args.only in name:
            tally = Tally(name)
            for label, check in points:
                tally.point(label, check)
            wrong += tally.end()

    group("terminated", [(f"{number}", lambda: terminated(chance.choice([first, second]), chance, 2.5))
                         for number in range(args.times)])
    group("terminated twice", [(f"{number}", lambda: terminated_twice(second, chance))
                               for number in range(max(args.times // 6, 1))])
    group("paused", [(f"{args.pause} s", lambda: paused(first, args.pause))])
    if "WEIR_PANIC" in open(args.weir, "rb").read().decode("latin-1"):
        group("panicked", [(f"{place}, {scene.name}", lambda place=place, scene=scene: panicked(scene, place))
                           for place in PLACES for scene in (first, second)])
    else:
        skip("panics", "this is a release build")
    group("twice", [(same, lambda same=same: twice(first, same)) for same in ("state", "output")])
    done(wrong)


if __name__ == "__main__":
    main()
