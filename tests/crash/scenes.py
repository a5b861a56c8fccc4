"""What is disturbed: a command, what went before it, and what it comes to when nothing disturbs it."""

import json
import os
import shutil
import sqlite3
import subprocess

from world import IN_FLIGHT, BATCH, Failed, Provider, World, transcript

HOUR = 3600 * 10**6


class Scene:
    """Prepared once, then put back before each point, at the same place: a view is known by its paths."""

    name = "first"
    # Whether the command asks a model; otherwise not one call may be made, ever.
    asks = True
    # How the command may end when it has been done before.
    again = (0,)
    # Whether it takes answers away.
    erases = False

    def __init__(self, weir, base, state=None, out=None):
        self.base, self.kept = base / "w", base / "kept"
        self.state, self.out = state, out
        self.weir = weir
        self.latency = "40ms"
        self.world = World(weir, self.base, state, out)
        provider = Provider(weir, base, self.latency)
        self.prepare(self.world, provider)
        self.before = self.world.tables() if self.world.current() else None
        self.epoch_before = (self.world.current() or {"epoch": 0})["epoch"]
        provider.stop()
        self.keep()
        provider = Provider(weir, base, self.latency)
        self.world.must(self.world.run(*self.command(self.world, provider)), 0)
        self.after = self.world.tables()
        self.chunks = provider.report()["chunks"]
        provider.stop()
        if (self.chunks > 0) != self.asks:
            raise Failed(f"the undisturbed run of {self.name} asks about {self.chunks} chunks")
        self.restore()

    def prepare(self, world, provider):
        for number in range(3):
            world.write(f"{number}.txt", transcript(number))

    def command(self, world, provider):
        return world.run_arguments(provider)

    # The base lies beside, and comes back as it was: hard links and times included.

    def parts(self):
        return [(self.base, self.kept / "w")] + [
            (path, self.kept / name) for path, name in ((self.state, "state"), (self.out, "out")) if path]

    def keep(self):
        for path, kept in self.parts():
            shutil.rmtree(kept, ignore_errors=True)
            kept.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                subprocess.run(["cp", "-a", path, kept], check=True)

    def restore(self):
        for path, kept in self.parts():
            shutil.rmtree(path, ignore_errors=True)
            if kept.exists():
                subprocess.run(["cp", "-a", kept, path], check=True)
        self.answers_before, self.calls_before, _ = self.world.ledger()

    # After a disturbance.

    def look(self, told=(0, 0)):
        """What must hold at once."""
        world = self.world
        manifest = world.sound()
        answers, done, _ = world.ledger()
        answered, epoch = told
        if not self.erases and answers - self.answers_before < answered:
            raise Failed(f"{answered} answers were told, {answers - self.answers_before} are kept")
        now = manifest["epoch"] if manifest else 0
        if now < max(epoch, self.epoch_before):
            raise Failed(f"epoch {epoch} was told, and {self.epoch_before} was there before; now it is {now}")
        if manifest and now == self.epoch_before and self.before is not None:
            world.equal(self.before)
        return done - self.calls_before

    def rerun(self, provider, done, undisturbed=True):
        """The same again, to its end: the tables of an undisturbed run, and paid twice only what was in flight."""
        world = self.world
        report = provider.report()
        unkept = report["answered"] - done
        if unkept > IN_FLIGHT:
            raise Failed(f"{report['answered']} calls were answered, {done} of them kept: {unkept} were in flight, of "
                         f"{IN_FLIGHT} that may be")
        world.must(world.run(*self.command(world, provider)), *self.again)
        manifest = world.sound()
        world.equal(self.after)
        report = provider.report()
        if report["repeated"] > max(unkept, 0) * BATCH:
            raise Failed(f"{report['repeated']} chunks were paid for twice, {unkept} calls were in flight")
        if report["chunks"] != self.chunks:
            raise Failed(f"{report['chunks']} chunks were asked about, not {self.chunks}")
        if not manifest["complete"]:
            raise Failed("the tables are not complete")
        world.no_key()
        return report["repeated"]


class Second(Scene):
    """A run on what there is: files edited, new and gone, old snapshots to be cleared away."""

    name = "second"

    def prepare(self, world, provider):
        super().prepare(world, provider)
        world.write("old.txt", transcript(7))
        world.must(world.run_flow(provider), 0)
        world.write("3.txt", transcript(3))
        world.must(world.run_flow(provider), 0)
        world.write("4.txt", transcript(4, 20))
        world.must(world.run_flow(provider), 0)
        # Long ago, by what the snapshots say.
        for path in world.out.glob("snapshots/*/manifest.json"):
            manifest = json.loads(path.read_bytes())
            manifest["published_at"] -= 5 * HOUR
            path.write_text(json.dumps(manifest))
        # The state has a copy of the last.
        connection = sqlite3.connect(world.state / "weir.db")
        (known,) = connection.execute("SELECT manifest FROM views").fetchone()
        known = json.loads(known)
        known["published_at"] -= 5 * HOUR
        connection.execute("UPDATE views SET manifest = ?", [json.dumps(known)])
        connection.commit()
        connection.close()
        world.write("0.txt", transcript(0).replace("number 2", "number 17").replace("June", "July"))
        world.write("5.txt", transcript(5))
        os.unlink(world.inputs / "old.txt")


class Rules(Second):
    """The same with the embedded rules: nothing is paid for."""

    name = "rules"
    asks = False

    def prepare(self, world, provider):
        super().prepare(world, None)

    def command(self, world, provider):
        return world.run_arguments(None)


class Forget(Second):
    """A document erased everywhere."""

    name = "forget"
    asks = False
    again = (0, 2)
    erases = True

    def prepare(self, world, provider):
        super().prepare(world, provider)
        world.must(world.run_flow(provider), 0)
        os.unlink(world.inputs / "1.txt")

    def command(self, world, provider):
        return ["forget", "1.txt", "--state", world.state, "--yes"]


SCENES = {scene.name: scene for scene in (Scene, Second, Rules, Forget)}
