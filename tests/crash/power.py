"""Cuts the power of a run at its calls to the storage: what was not synced is gone.

usage: sudo python3 tests/crash/power.py [--scene first,second,rules,forget] [--points N] [--weir PROGRAM]

State and output lie on two ext4 file systems of their own (files behind loop devices, without the options by which ext4
mends programs that do not sync). At each point both are shut down without their journal being flushed, which is what a
power cut leaves; the process is killed, the file systems are mounted again and replay their journals. Then the same must
hold as after a kill, and every answer and every snapshot that was told of is there. Wants root, loop devices and
mkfs.ext4; says so and ends well where it has not. Exit 1 if anything was wrong.
"""

import atexit
import fcntl
import os
import shutil
import struct
import subprocess
import sys

from kill import calls, spread
from scenes import SCENES
from world import Failed, Provider, Tally, done, options, scratch, shim, skip

SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN
WITHOUT_JOURNAL = struct.pack("I", 2)  # EXT4_GOING_FLAGS_NOLOGFLUSH


class Disk:
    """A file system in a file."""

    def __init__(self, folder, name):
        self.image, self.place = folder / f"{name}.img", folder / name
        self.place.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(256 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", self.image], check=True, capture_output=True)
        self.mounted = False
        atexit.register(self.unmount)

    def mount(self):
        options = "loop,data=writeback,noauto_da_alloc,commit=300"
        subprocess.run(["mount", "-o", options, self.image, self.place], check=True, capture_output=True)
        self.mounted = True

    def unmount(self):
        if self.mounted:
            subprocess.run(["umount", self.place], check=True)
            self.mounted = False

    def cut(self):
        folder = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, SHUTDOWN, WITHOUT_JOURNAL)
        finally:
            os.close(folder)

    def sync(self):
        folder = os.open(self.place, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        os.sync()


def sweep(scene, fault, disks, points, names):
    tally = Tally(f"power {scene.name}")
    known = calls(scene, fault)
    repeated = late = 0
    for number in spread(known, points, names):
        call = " ".join(known[number - 1])

        def check():
            nonlocal repeated, late
            scene.restore()
            for disk in disks:
                disk.sync()
            world = scene.world
            provider = Provider(scene.weir, scene.base.parent, scene.latency)
            try:
                env = {"LD_PRELOAD": str(fault), "CRASH_BELOW": f"{world.state}:{world.out}", "CRASH_AT": str(number),
                       "CRASH_DO": "stop"}
                process = world.start(*scene.command(world, provider), env=env)
                ended = world.wait(process)
                seen = world.current() if (world.out / "current").is_symlink() else None
                for disk in disks:
                    disk.cut()
                if ended.stopped:
                    world.kill(process)
                    ended = world.ended(process)
                else:
                    late += 1
                for disk in disks:
                    disk.unmount()
                    disk.mount()
                told = list(ended.told())
                if seen and seen["epoch"] > scene.epoch_before:
                    # A reader saw it: its answers are kept, though the snapshot itself may not have been told of yet.
                    told[0] = max(told[0], seen["chunks"]["ok"] - scene.answers_before)
                if ended.code == 0 and not ended.stopped:
                    told[1] = max(told[1], (seen or {"epoch": 0})["epoch"])
                kept = scene.look(told)
                repeated += scene.rerun(provider, kept)
            finally:
                provider.stop()

        tally.point(f"{number} of {len(known)} ({call})", check)
    return tally.end(f"; of {len(known)} calls; {repeated} chunks paid for twice, all of them in flight; {late} had ended")


def main():
    args = options(__doc__, scene="first,second,rules,forget", points=60, **{"from": ""})
    base = scratch()
    if os.geteuid() or not shutil.which("mkfs.ext4") or not os.path.exists("/dev/loop-control"):
        skip("power cuts", "they want root, mkfs.ext4 and loop devices")
        return
    disks = [Disk(base, name) for name in ("state-disk", "out-disk")]
    try:
        for disk in disks:
            disk.mount()
        disks[0].cut()
        disks[0].unmount()
        disks[0].mount()
    except (OSError, subprocess.CalledProcessError) as error:
        skip("power cuts", error)
        return
    fault = shim(base)
    wrong = 0
    for name in args.scene.split(","):
        deep = [disk.place / "deep" for disk in disks]
        for path in deep:
            shutil.rmtree(path, ignore_errors=True)
        scene = SCENES[name](args.weir, base / name, *(path / "down" for path in deep))
        wrong += sweep(scene, fault, disks, args.points, getattr(args, "from"))
    done(wrong)


if __name__ == "__main__":
    main()
