"""Inputs that do not hold still: files that change, shrink, vanish and are swapped for something else while they are read.

usage: sudo python3 tests/crash/inputs.py [--times N] [--weir PROGRAM]

A document holds one version of its file or is a row in `failures`; never a mixture, never a byte from outside the folder,
never a hang. Once it is quiet the same run again gives the tables of what is there. Exit 1 if anything was wrong.
"""

import json
import os
import random
import shutil
import socket
import stat
import threading
import time

from world import Failed, Tally, World, done, options, scratch, skip, transcript

OUTSIDE = "the sealed letter of the harbour master"
LINES = 4000


def version(number, lines=LINES):
    """A text that says in every line which version it is."""
    return "".join(f"Marta Quill: In version {number} the sluice gate is drawn on page {line} by Jonah Reed.\n"
                   for line in range(lines))


class Restless:
    """A thread that does something to the inputs over and over."""

    def __init__(self, act):
        self.act, self.end, self.times = act, threading.Event(), 0
        self.thread = threading.Thread(target=self.go)

    def go(self):
        while not self.end.is_set():
            self.times += 1
            self.act(self.times)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        self.thread.join()


def documents(world):
    """The text of each document, as it is in the tables; and what failed."""
    to = world.folder / "seen"
    shutil.rmtree(to, ignore_errors=True)
    world.must(world.run("export", "-o", world.out, "--format", "jsonl", "--to", to), 0)
    rows = lambda name: [json.loads(line) for line in (to / f"{name}.jsonl").open()]
    paths = {row["doc_id"]: row["path"] for row in rows("documents")}
    texts = {}
    for row in sorted(rows("chunks"), key=lambda row: row["position"]):
        texts.setdefault(paths[row["doc_id"]], []).append(row["text"])
    return {path: "".join(found) for path, found in texts.items()}, rows("failures")


def run(world):
    ended = world.must(world.run_flow(None, "--rehash", "--allow-removal"), 0, 3)
    texts, failures = documents(world)
    for path, text in texts.items():
        if OUTSIDE in text:
            raise Failed(f"{path} holds what lies outside the folder")
        versions = {word.split(" ")[0] for word in text.split("In version ")[1:]}
        if len(versions) > 1:
            raise Failed(f"{path} is a mixture of versions {sorted(versions)[:4]}")
    world.sound()
    return ended, texts, failures


def rewritten(base):
    """Written over in its place, with the same length."""
    path = base / "a.txt"
    path.write_text(version(10_000))
    file = open(path, "r+b", buffering=0)

    def act(times):
        os.pwrite(file.fileno(), version(10_000 + times % 80_000).encode(), 0)

    return act


def grown(base):
    path = base / "a.txt"
    path.write_text(version(1, 10))

    def act(times):
        with open(path, "w") as file:
            for part in range(5):
                file.write(version(times, 300))
                file.flush()

    return act


def cut(base):
    path = base / "a.txt"

    def act(times):
        path.write_text(version(times))
        os.truncate(path, 700_000 // (1 + times % 9))
        os.truncate(path, 0)

    act(1)
    return act


def gone(base):
    path = base / "a.txt"
    path.write_text(version(1))

    def act(times):
        path.unlink(missing_ok=True)
        time.sleep(0.001)
        path.write_text(version(times, 200))

    return act


def swapped(base):
    """A file, then a link to what lies outside, a pipe, a socket, a device, a folder."""
    secret = base.parent / "outside.txt"
    secret.write_text((f"Marta Quill: Here is {OUTSIDE}, in full.\n") * 50)
    path, aside = base / "a.txt", base.parent / "aside"
    path.write_text(version(1, 200))
    kinds = [lambda: os.symlink(secret, aside), lambda: os.mkfifo(aside), lambda: os.mkdir(aside),
             lambda: socket.socket(socket.AF_UNIX).bind(str(aside)),
             lambda: os.link(secret.with_name("other.txt"), aside)]
    if os.geteuid() == 0:
        kinds.append(lambda: os.mknod(aside, stat.S_IFCHR | 0o666, os.makedev(1, 5)))
    secret.with_name("other.txt").write_text(version(2, 200))

    def clear(what):
        if what.is_symlink() or not what.is_dir():
            what.unlink(missing_ok=True)
        else:
            what.rmdir()

    def act(times):
        clear(aside)
        kinds[times % len(kinds)]()
        if path.is_dir() or aside.is_dir():
            clear(path)
        os.rename(aside, path)
        time.sleep(0.0005)
        clear(path)
        path.write_text(version(times, 200))

    return act


def folder_swapped(base):
    """The folder of a file, for a link to one outside."""
    outside = base.parent / "elsewhere"
    outside.mkdir(exist_ok=True)
    (outside / "a.txt").write_text((f"Marta Quill: Here is {OUTSIDE}, in full.\n") * 50)
    inside, aside, link = base / "sub", base.parent / "sub-aside", base.parent / "link"
    inside.mkdir(exist_ok=True)
    (inside / "a.txt").write_text(version(1, 200))
    for number in range(60):
        (base / f"between-{number:02}.txt").write_text(transcript(number, 30))
    if not link.is_symlink():
        os.symlink(outside, link)

    def act(times):
        os.rename(inside, aside)
        os.rename(link, inside)
        time.sleep(0.002)
        os.rename(inside, link)
        os.rename(aside, inside)
        time.sleep(0.002)

    return act


def odd_names(base):
    """Not restless, but odd: loops, dangling links, names of every kind, nothing at all."""
    os.symlink(".", base / "loop")
    os.symlink("nowhere", base / "dangling.txt")
    os.symlink("b.txt", base / "a.txt")
    os.symlink("a.txt", base / "b.txt")
    for name in (b"new\nline.txt", b"\xff\xfe.txt", b"x" * 251 + b".txt", b"-rf.txt", b" .txt", b"\x1b[31m.txt",
                 "ünï.txt".encode(), "u\u0308ni\u0308.txt".encode()):
        with open(os.fsencode(base) + b"/" + name, "w") as file:
            file.write(version(1, 30))
    (base / "empty.txt").write_text("")
    deep = base
    for _ in range(60):
        deep = deep / "deeper"
        deep.mkdir()
    (deep / "a.txt").write_text(version(3, 20))
    return None


def main():
    args = options(__doc__, times=6, only="")
    random.seed(args.seed)
    base = scratch()
    if os.geteuid():
        skip("devices", "making one wants root")
    wrong = 0
    for make in (rewritten, grown, cut, gone, swapped, folder_swapped, odd_names):
        if args.only not in make.__name__:
            continue
        tally = Tally(f"inputs {make.__name__}")
        world = World(args.weir, base / make.__name__ / "w")
        world.write("still.txt", transcript(1))
        act = make(world.inputs)
        failed = read = 0
        for number in range(args.times if act else 1):
            def check():
                nonlocal failed, read
                if act:
                    with Restless(act) as restless:
                        _, texts, failures = run(world)
                    if restless.times < 3:
                        raise Failed("it held still")
                else:
                    _, texts, failures = run(world)
                failed += len(failures)
                read += "a.txt" in texts or "sub/a.txt" in texts

            tally.point(str(number), check)

        def quiet():
            ended, texts, failures = run(world)
            if act and (failures or not texts):
                raise Failed(f"it is quiet, and {failures} failed")
            again = world.must(world.run_flow(None), 0, 3)
            if "nothing changed" not in again.out + again.err and act:
                raise Failed("nothing changed, and nobody says so")

        tally.point("quiet", quiet)
        wrong += tally.end(f"; read {read} times, {failed} rows of failures")
    done(wrong)


if __name__ == "__main__":
    main()
