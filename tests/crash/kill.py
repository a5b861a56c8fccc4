"""Kills a run at its calls to the storage, one after the other: before the call, half way through what it writes, after it.

usage: python3 tests/crash/kill.py [--scene first,second,rules,forget] [--how stop,torn,after] [--points N]
                                   [--from fsync,rename] [--weir PROGRAM]

--points N takes N calls of each, evenly spread; 0 takes every one. --from takes only calls of these names. After each kill readers must see a whole snapshot of
before or after, and the same command again must end with the tables of an undisturbed run, without paying twice for
anything but what was in flight. Exit 1 if anything was wrong. Some two seconds a point.
"""

from scenes import SCENES
from world import Provider, Tally, done, options, scratch, shim


def calls(scene, fault):
    """The calls of an undisturbed run; threads make their number differ a little from run to run."""
    scene.restore()
    log = scene.base.parent / "calls.log"
    log.unlink(missing_ok=True)
    provider = Provider(scene.weir, scene.base.parent, scene.latency)
    world = scene.world
    env = {"LD_PRELOAD": str(fault), "CRASH_BELOW": f"{world.state}:{world.out}", "CRASH_LOG": str(log)}
    world.must(world.run(*scene.command(world, provider), env=env), 0)
    provider.stop()
    scene.restore()
    return [line.split(" ", 2)[1:] for line in log.read_text().splitlines()]


def spread(known, points, names=""):
    """So many numbers of calls, evenly spread; only of those with one of these names, if any are given."""
    wanted = names.split(",") if names else None
    numbers = [number for number, call in enumerate(known, 1) if not wanted or call[0] in wanted]
    if not points or points >= len(numbers):
        return numbers
    return sorted({numbers[(len(numbers) - 1) * point // max(points - 1, 1)] for point in range(points)})


def sweep(scene, fault, how, points, names):
    tally = Tally(f"kill {scene.name} {how}")
    known = calls(scene, fault)
    repeated = late = 0
    for number in spread(known, points, names):
        call = " ".join(known[number - 1])

        def check():
            nonlocal repeated, late
            scene.restore()
            world = scene.world
            provider = Provider(scene.weir, scene.base.parent, scene.latency)
            try:
                env = {"LD_PRELOAD": str(fault), "CRASH_BELOW": f"{world.state}:{world.out}", "CRASH_AT": str(number),
                       "CRASH_DO": how}
                process = world.start(*scene.command(world, provider), env=env)
                ended = world.wait(process)
                if ended.stopped:
                    world.no_key_in_sight(process)
                    world.kill(process)
                    ended = world.ended(process)
                else:
                    late += 1
                kept = scene.look(ended.told())
                repeated += scene.rerun(provider, kept)
            finally:
                provider.stop()

        tally.point(f"{number} of {len(known)} ({call})", check)
    return tally.end(f"; of {len(known)} calls; {repeated} chunks paid for twice, all of them in flight; {late} had ended")


def main():
    args = options(__doc__, scene="first,second,rules,forget", how="stop,torn,after", points=60, **{"from": ""})
    base = scratch()
    fault = shim(base)
    wrong = 0
    for name in args.scene.split(","):
        scene = SCENES[name](args.weir, base / name)
        for how in args.how.split(","):
            wrong += sweep(scene, fault, how, args.points, getattr(args, "from"))
    done(wrong)


if __name__ == "__main__":
    main()
