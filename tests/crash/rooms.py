"""Disks that are full or closed: real small file systems, folders without permission.

usage: sudo python3 tests/crash/rooms.py [--weir PROGRAM]

 - the state's disk has less free than is kept for answers: no call is made, exit 5; with room again the same run goes on
 - it fills up while calls are under way: their answers are kept, exit 5, the rerun repeats none of them
 - the output's disk is full: nothing is half published, exit 5, the rerun makes no call
 - state or output on a file system that is read-only, or turns so in the middle of a run
 - a user who may not write the state or the output, or not read some of the inputs

Wants root for the mounts; says so and ends well where it has not. Exit 1 if anything was wrong.
"""

import atexit
import os
import shutil
import subprocess
import time

from world import Failed, Provider, Tally, World, done, options, scratch, skip, transcript

NOBODY = 65534


def mount(place, size):
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}m,mode=0777", "weir-test", place], check=True,
                   capture_output=True)
    atexit.register(lambda: subprocess.run(["umount", "-l", place], capture_output=True))


def unmount(place):
    subprocess.run(["umount", "-l", place], check=True)


def fill(place, leaving):
    """Takes all room but so many bytes."""
    free = os.statvfs(place)
    size = free.f_bavail * free.f_frsize - leaving
    with open(place / "ballast", "wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, max(size, 1))


def remount(place, how):
    subprocess.run(["mount", "-o", f"remount,{how}", place], check=True, capture_output=True)


class Rooms:
    """A world with state and output on disks of their own, and a provider."""

    def __init__(self, args, base, name, state_mib=256, out_mib=64, latency="40ms"):
        self.base = base / name
        self.disks = (self.base / "state-disk", self.base / "out-disk")
        mount(self.disks[0], state_mib)
        mount(self.disks[1], out_mib)
        self.world = World(args.weir, self.base / "w", self.disks[0] / "state", self.disks[1] / "out")
        self.provider = Provider(args.weir, self.base, latency)
        for number in range(3):
            self.world.write(f"{number}.txt", transcript(number))

    def end(self):
        self.provider.stop()
        for disk in self.disks:
            unmount(disk)

    def ends(self, ended, words, code=5):
        self.world.must(ended, code)
        for word in words:
            if word not in ended.err:
                raise Failed(f"{word!r} is not in {ended.err[-500:]}")

    def goes_on(self, repeated=0, calls=None):
        """The same run, to its end."""
        before = self.provider.report()["calls"]
        self.world.must(self.world.run_flow(self.provider), 0)
        report = self.provider.report()
        if report["repeated"] > repeated:
            raise Failed(f"{report['repeated']} chunks were paid for twice")
        if calls is not None and report["calls"] - before != calls:
            raise Failed(f"the rerun made {report['calls'] - before} calls, not {calls}")
        if not self.world.sound()["complete"]:
            raise Failed("the tables are not complete")
        self.world.no_key()


def no_room_for_answers(rooms):
    fill(rooms.disks[0], 40 << 20)
    rooms.ends(rooms.world.run_flow(rooms.provider), [str(rooms.world.state), "MiB free", "make room"])
    if rooms.provider.report()["calls"]:
        raise Failed("a call was made without room for its answer")
    os.unlink(rooms.disks[0] / "ballast")
    rooms.goes_on()


def room_goes_away(rooms):
    process = rooms.world.start(*rooms.world.run_arguments(rooms.provider))
    while rooms.provider.report()["calls"] < 3:
        time.sleep(0.01)
    fill(rooms.disks[0], 20 << 20)
    rooms.ends(rooms.world.wait(process), [str(rooms.world.state), "MiB free"])
    answered = rooms.provider.report()["answered"]
    kept = rooms.world.ledger()[1]
    if kept != answered:
        raise Failed(f"{answered} calls were answered, {kept} are kept")
    if rooms.world.sound()["chunks"]["unasked"] == 0:
        raise Failed("it was not stopped half way")
    os.unlink(rooms.disks[0] / "ballast")
    rooms.goes_on()


def room_comes_back(rooms):
    fill(rooms.disks[0], 66 << 20)
    process = rooms.world.start(*rooms.world.run_arguments(rooms.provider))
    while not rooms.provider.report()["calls"]:
        time.sleep(0.01)
    fill(rooms.disks[0], 30 << 20)
    time.sleep(0.5)
    os.unlink(rooms.disks[0] / "ballast")
    rooms.world.must(rooms.world.wait(process), 0)
    rooms.goes_on(calls=0)


def no_room_at_all(rooms):
    """Not even for what is read, nor for a log of the database."""
    for leaving in (0, 8 << 10, 64 << 10, 300 << 10):
        fill(rooms.disks[0], leaving)
        rooms.ends(rooms.world.run_flow(rooms.provider), [str(rooms.world.state)])
        os.unlink(rooms.disks[0] / "ballast")
    if rooms.provider.report()["calls"]:
        raise Failed("a call was made")
    rooms.goes_on()


def output_full(rooms):
    chunks = None
    for leaving in (0, 4 << 10, 20 << 10, 60 << 10):
        fill(rooms.disks[1], leaving)
        rooms.ends(rooms.world.run_flow(rooms.provider), [str(rooms.world.out), "No space left"])
        os.unlink(rooms.disks[1] / "ballast")
        now = rooms.provider.report()
        # A run ends as soon as its output fails; what it asked by then is kept.
        if now["repeated"]:
            raise Failed("something was paid for twice")
        if now["chunks"] == chunks == 0:
            raise Failed("nothing was ever asked")
        chunks = now["chunks"]
    rooms.goes_on()
    shutil.rmtree(rooms.world.out)
    rooms.goes_on(calls=0)


def read_only(rooms):
    world = rooms.world
    world.must(world.run_flow(rooms.provider), 0)
    world.write("9.txt", transcript(9))
    for disk, path in zip(rooms.disks, (world.state, world.out)):
        remount(disk, "ro")
        rooms.ends(world.run_flow(rooms.provider), [str(path), "ead-only" if path == world.out else "read"])
        world.sound()
        remount(disk, "rw")
    rooms.goes_on()


def turns_read_only(rooms):
    """As ext4 does on an error."""
    disk, image = rooms.disks[1], rooms.base / "out.img"
    unmount(disk)
    with open(image, "wb") as empty:
        empty.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True, capture_output=True)
    subprocess.run(["mount", "-o", "loop", image, disk], check=True, capture_output=True)
    process = rooms.world.start(*rooms.world.run_arguments(rooms.provider))
    while rooms.provider.report()["calls"] < 2:
        time.sleep(0.01)
    remount(disk, "abort")
    rooms.ends(rooms.world.wait(process), [str(rooms.world.out)])
    unmount(disk)
    subprocess.run(["mount", "-o", "loop", image, disk], check=True, capture_output=True)
    rooms.goes_on(repeated=4)


def a_user_who_may_not(rooms):
    world = rooms.world
    subprocess.run(["chmod", "-R", "a+rX", world.folder], check=True)
    for path in (world.folder, world.said, world.state.parent, world.out.parent):
        os.chmod(path, 0o777)
    world.prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]
    os.chmod(world.inputs / "1.txt", 0o000)
    (world.inputs / "closed").mkdir(mode=0o000)
    ended = world.must(world.run_flow(rooms.provider), 3)
    failures = [line for line in world.must(world.run("failures", "-o", world.out, "--state", world.state), 0, 3).out
                .splitlines() if "unreadable" in line or "ermission" in line]
    if not failures and "ermission" not in ended.err + ended.out:
        raise Failed(f"nobody is told what could not be read: {ended.err}")
    os.chmod(world.inputs / "1.txt", 0o644)
    os.rmdir(world.inputs / "closed")
    rooms.goes_on()
    for path, other in ((world.out, world.state), (world.state, world.out)):
        world.write("new.txt", transcript(f"{path}", 12))
        os.chmod(world.inputs / "new.txt", 0o644)
        os.chown(path, 0, 0)
        os.chmod(path, 0o755)
        for base, folders, files in os.walk(path):
            for name in folders + files:
                os.chown(os.path.join(base, name), 0, 0, follow_symlinks=False)
        rooms.ends(world.run_flow(rooms.provider), [str(path)])
        for base, folders, files in os.walk(path):
            for name in folders + files:
                os.chown(os.path.join(base, name), NOBODY, NOBODY, follow_symlinks=False)
        os.chown(path, NOBODY, NOBODY)
        rooms.goes_on()


def main():
    args = options(__doc__, only="")
    base = scratch()
    os.chmod(base, 0o755)
    if os.geteuid():
        skip("full and closed disks", "mounting wants root")
        return
    tally = Tally("rooms")
    slow = {"latency": "300ms"}
    for check, more in ((no_room_for_answers, {}), (room_goes_away, slow), (room_comes_back, {"latency": "1500ms"}),
                        (no_room_at_all, {}), (output_full, {}), (read_only, {}), (turns_read_only, slow),
                        (a_user_who_may_not, {})):
        if args.only not in check.__name__:
            continue
        rooms = Rooms(args, base, check.__name__, **more)
        try:
            tally.point(check.__name__, lambda: check(rooms))
        finally:
            rooms.end()
    done(tally.end())


if __name__ == "__main__":
    main()
