"""Lets the storage fail: each call of a run to it in turn, with EIO or ENOSPC, once or from then on.

usage: python3 tests/crash/fail.py [--scene first,second,rules,forget] [--errno 5,28] [--points N] [--weir PROGRAM]

A call that fails ends the run with exit status 5 and words that name the file, unless the call did not matter: then the
run is whole. A file whose sync failed is not synced again, since the second sync would lie. Whatever happened, readers
see a whole snapshot, and the same command again ends with the tables of an undisturbed run. ENOSPC stays: a full disk
stays full; the rerun has room again. Exit 1 if anything was wrong.
"""

from kill import calls, spread
from scenes import SCENES
from world import Failed, Provider, Tally, done, options, scratch, shim

SYNCS = {"fsync", "fdatasync"}


def words(ended, world):
    """A failure says which file it was about."""
    if ended.code not in (0, 5):
        raise Failed(f"it ended with {ended.code}: {ended.err[-500:]}")
    if "panicked" in ended.err:
        raise Failed(f"it panicked: {ended.err[-600:]}")
    if ended.code == 5 and not any(str(path) in ended.err for path in (world.state, world.out)):
        raise Failed(f"no file is named: {ended.err[-500:]}")


def synced_again(log, number):
    """After a sync that failed the file is synced no more, by anybody."""
    lines = [line.split(" ", 2) for line in log.read_text().splitlines()]
    failed = [line for line in lines if int(line[0]) == number]
    if not failed or failed[0][1] not in SYNCS or "." not in failed[0][2].rsplit("/", 1)[-1]:
        return
    again = [line for line in lines if int(line[0]) > number and line[1] in SYNCS and line[2] == failed[0][2]]
    if again:
        raise Failed(f"{failed[0][2]} was synced again after its sync had failed")


def sweep(scene, fault, errno, points, names):
    tally = Tally(f"fail {scene.name} errno {errno}")
    known = calls(scene, fault)
    log = scene.base.parent / "calls.log"
    whole = repeated = 0
    for number in spread(known, points, names):
        call = " ".join(known[number - 1])

        def check():
            nonlocal whole, repeated
            scene.restore()
            world = scene.world
            log.unlink(missing_ok=True)
            provider = Provider(scene.weir, scene.base.parent, scene.latency)
            try:
                env = {"LD_PRELOAD": str(fault), "CRASH_BELOW": f"{world.state}:{world.out}", "CRASH_AT": str(number),
                       "CRASH_DO": str(errno), "CRASH_LOG": str(log), **({"CRASH_STAYS": "1"} if errno == 28 else {})}
                ended = world.run(*scene.command(world, provider), env=env)
                words(ended, world)
                synced_again(log, number)
                whole += ended.code == 0
                kept = scene.look(ended.told())
                repeated += scene.rerun(provider, kept)
            finally:
                provider.stop()

        tally.point(f"{number} of {len(known)} ({call})", check)
    return tally.end(f"; of {len(known)} calls; {whole} did not matter; {repeated} chunks paid for twice, all in flight")


def main():
    args = options(__doc__, scene="first,second,rules,forget", errno="5,28", points=60, **{"from": ""})
    base = scratch()
    fault = shim(base)
    wrong = 0
    for name in args.scene.split(","):
        scene = SCENES[name](args.weir, base / name)
        for errno in args.errno.split(","):
            wrong += sweep(scene, fault, int(errno), args.points, getattr(args, "from"))
    done(wrong)


if __name__ == "__main__":
    main()
