"""Flips and cuts bytes of what lies on the disk, and looks what is said of it.

usage: python3 tests/crash/damage.py [--points N] [--only NAME] [--weir PROGRAM]

Of weir.db, its log, every kind of part, the manifest and the other files N places each, spread over the file and the first
bytes all: a bit flipped, the file cut there, a page of zeroes. `verify`, `status`, `ledger`, `export` and `run` never panic
and never hang. What `verify` calls sound gives the tables that were published, under a manifest that says the same. What
it calls damaged is named, and its advice is followed: after that the run ends with the tables of an undisturbed one. Exit
1 if anything was wrong.
"""

import json
import random
import re
import shutil
import sqlite3
import subprocess

from scenes import Scene
from world import Failed, Provider, Tally, done, options, scratch, transcript

PAGE = 4096


class Published(Scene):
    """Tables that are complete, and the state behind them."""

    name = "published"

    def prepare(self, world, provider):
        for number in range(2):
            world.write(f"{number}.txt", transcript(number, 24))
        world.must(world.run_flow(provider), 0)
        # A database with its pages in place, and a log with others.
        world.must(world.run("ledger", "backup", world.folder / "copy.db", "--state", world.state), 0)
        world.write("2.txt", transcript(2, 24))
        self.last(world, provider)
        world.write("3.txt", transcript(3, 24))

    def last(self, world, provider):
        """The last run before the damage."""
        world.must(world.run_flow(provider), 0)


class Killed(Published):
    """The same as a kill leaves it: all that the last run did is in the log only."""

    name = "killed"

    def last(self, world, provider):
        reader = sqlite3.connect(world.state / "weir.db")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM answers").fetchone()
        world.must(world.run_flow(provider), 0)
        left = world.folder / "left"
        shutil.copytree(world.state, left)
        reader.close()
        shutil.rmtree(world.state)
        left.rename(world.state)


def flip(data, place):
    data[place] ^= 1 << (place % 8)


def cut(data, place):
    del data[place:]


def zero(data, place):
    start = place - place % PAGE
    data[start:start + PAGE] = bytes(len(data[start:start + PAGE]))


def places(size, points, chance):
    if size <= points:
        return list(range(size))
    first = range(min(100, points // 4))
    return sorted({*first, *(chance.randrange(size) for _ in range(points - len(first)))})


def words(ended):
    if ended.code not in (0, 2, 3, 5, 7):
        raise Failed(f"it ended with {ended.code}: {ended.err[-500:]}")
    if "panicked" in ended.err:
        raise Failed(f"it panicked: {ended.err[-600:]}")
    if ended.code and not ended.err.strip() and "damaged" not in ended.out:
        raise Failed("it says nothing")
    return ended


def advice(ended):
    """What `verify` says is to be done: its first command, if there is one."""
    said = ended.out + ended.err
    found = re.search(r"(?:to mend +|hint: )(.*)", said)
    if not found:
        raise Failed(f"no advice is given: {said[-400:]}")
    return found.group(1)


def mend(scene, provider, advised, which):
    """Follows the advice; says whether anything may be paid for again."""
    world = scene.world
    command = re.match(r"rm -f [^\s,]+", advised)
    if command:
        subprocess.run(["sh", "-c", command.group(0)], cwd=world.folder, check=True)
    elif "backup" in advised:
        world.must(world.run("ledger", "restore", world.folder / "copy.db", "--state", world.state,
                             "--force"), 0)
        return ["--allow-new-ledger"], True
    return (["--rehash"] if "--rehash" in advised else []), "asks again" in advised


def damaged(scene, path, spoil, place):
    scene.restore()
    world = scene.world
    file = world.folder / path
    sound = file.read_bytes()
    data = bytearray(sound)
    spoil(data, place)
    file.unlink()  # Snapshots share files.
    file.write_bytes(data)
    provider = Provider(scene.weir, scene.base.parent, scene.latency)
    try:
        for command in (["status", "--state", world.state], ["ledger", "--state", world.state]):
            words(world.run(*command))
        verified = words(world.run("verify", "-o", world.out, "--state", world.state))
        if verified.code == 0:
            # Hexadecimal digits say the same in capitals.
            if path.name == "manifest.json" and json.loads(data.lower()) != json.loads(sound.lower()):
                raise Failed("verify calls a manifest sound that says something else")
            # It makes no difference to what is published; and if the ledger lost what it had, it says so when it is asked.
            world.equal(scene.before)
            more, costs = [], True
        else:
            more, costs = mend(scene, provider, advice(verified), path)
        ended = words(world.run(*scene.command(world, provider), *more))
        if ended.code and verified.code == 0:
            raise Failed(f"verify calls it sound, and a run ends with {ended.code}: {ended.err[-300:]}")
        if ended.code:
            # What a run says is to be done then, once.
            again = words(world.run("verify", "-o", world.out, "--state", world.state))
            raise Failed(f"the advice {advice(verified)[:60]!r} does not mend it: {ended.err[-300:]} {again.out[-200:]}")
        world.must(world.run("verify", "-o", world.out, "--state", world.state), 0)
        world.equal(scene.after)
        again = provider.report()["chunks"] - scene.chunks
        if again > 0 and not costs:
            raise Failed(f"{again} chunks were paid for again")
        return verified.code
    finally:
        provider.stop()


def targets(world):
    """A file of each kind."""
    found = {"weir.db": world.state / "weir.db", "log": world.state / "weir.db-wal"}
    snapshot = (world.out / "current").resolve()
    found["manifest.json"] = snapshot / "manifest.json"
    for table in ("documents", "chunks", "mentions", "entities", "failures"):
        found[table] = next((snapshot / table).glob("*.parquet"))
    found["views.sql"] = world.out / "views.sql"
    found["lock"] = world.state / "lock"
    found["weir.db-shm"] = world.state / "weir.db-shm"
    found["change log"] = next(world.out.glob("changes/*/*.parquet"))
    return {name: path.relative_to(world.folder) for name, path in found.items() if path.exists()}


def main():
    args = options(__doc__, points=40, only="")
    chance = random.Random(args.seed)
    base = scratch()
    scenes = [Published(args.weir, base / "published"), Killed(args.weir, base / "killed")]
    wrong = 0
    tried = [(scene, f"{name}, {scene.name}", path) for scene in scenes for name, path in targets(scene.world).items()
             if scene is scenes[0] or path.name.startswith("weir.db")]
    for scene, name, path in tried:
        if args.only and args.only not in name:
            continue
        scene.restore()
        size = (scene.world.folder / path).stat().st_size
        for spoil in (flip, cut, zero):
            tally, named = Tally(f"damage {name} {spoil.__name__}"), 0
            few = args.points if spoil is flip else max(args.points // 4, 1)
            for place in places(size, few, chance):
                def check():
                    nonlocal named
                    named += damaged(scene, path, spoil, place) != 0

                tally.point(f"at {place} of {size}", check)
            wrong += tally.end(f"; {named} of them called damaged")
    done(wrong)


if __name__ == "__main__":
    main()
