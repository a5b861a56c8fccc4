"""A small world for the suites in this folder: transcripts, a provider that counts what is paid for, the program, and
what must hold of it whatever happened: readers see whole snapshots, what was told is kept, nothing is paid for twice but
what was in flight, a rerun ends with the tables of an undisturbed run, and no key stands anywhere.

Standard library only, and a C compiler for `fault.c`.
"""

import argparse
import atexit
import base64
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent

# The key that must be found nowhere, in no form.
CANARY = "sk-canary/4f+9b/Zq~tide=mill"
FORMS = {
    CANARY.encode(),
    base64.b64encode(CANARY.encode()).rstrip(b"="),
    base64.b64encode(b"Bearer " + CANARY.encode()).rstrip(b"="),
    urllib.parse.quote(CANARY, safe="").encode(),
    urllib.parse.quote(CANARY).encode(),
    CANARY.encode().hex().encode(),
    json.dumps(CANARY).replace("/", "\\/").strip('"').encode(),
    CANARY[10:].encode(),
}

IN_FLIGHT = 2
BATCH = 2
# Longer than anything here takes.
LONGEST = 120

# What a run, and not its input, decides: who was asked in which batch, and when.
OF_THE_RUN = {
    "documents": {"input_tokens", "output_tokens", "cost_usd"},
    "chunks": {"answered_at", "source"},
    "failures": {"first_at", "last_at", "attempts", "answer_ref"},
}


def options(doc, **more):
    """The command line of a suite."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weir", default=str(ROOT / "target/debug/weir"), help="the program")
    parser.add_argument("--seed", type=int, default=1)
    for name, value in more.items():
        kind = dict(action="store_true") if value is False else dict(type=type(value), default=value)
        parser.add_argument("--" + name.replace("_", "-"), **kind)
    return parser.parse_args()


def scratch():
    """A folder that goes away with the suite."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-crash-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    # Told to stop, it clears up and takes its disks off, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    return folder


def shim(folder):
    """fault.c, built."""
    built = folder / "fault.so"
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O2", "-o", built, HERE / "fault.c", "-ldl"],
                   check=True)
    return built


def transcript(seed, turns=44):
    """Speech that nobody said."""
    chance = random.Random(seed)
    people = ["Marta Quill", "Jonah Reed", "Leila Haddad", "Sam Whitlock", "Ines Okafor", "Tomas Berg"]
    things = ["the sluice gate", "the northern wheel", "the oak beams", "the ferry landing", "the grant of Harrow Trust",
              "the museum in Lindow", "the survey of Aldmouth", "the workshop in Port Ellery"]
    verbs = ["was inspected by", "will be paid for by", "was drawn by", "is delayed by", "was promised to"]
    told = [f"{chance.choice(people)}: On day {chance.randrange(1, 28)} {chance.choice(things)} "
            f"{chance.choice(verbs)} {chance.choice(people)}, number {chance.randrange(10**6)}, and it costs "
            f"{chance.randrange(100, 9000)} pounds, so we talk again about {chance.choice(things)} in June."
            for _ in range(turns)]
    return "\n".join(told) + "\n"


class Failed(Exception):
    """Something that must hold does not."""


class Provider:
    """`weir simulate-provider`: answers, and counts what is paid for."""

    def __init__(self, weir, folder, latency="40ms", extra=()):
        self.log = folder / "calls.jsonl"
        self.log.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [weir, "simulate-provider", "--listen", "127.0.0.1:0", "--json", "--latency", latency, "--for", "30m",
             "--log", self.log, *extra],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = json.loads(self.process.stdout.readline())["base_url"]

    def report(self):
        # A call whose client is gone ends soon, not at once.
        before = None
        for _ in range(100):
            with urllib.request.urlopen(self.url.removesuffix("/v1") + "/sim/report", timeout=10) as reply:
                report = json.load(reply)
            now = (report["calls"], report["answered"], report["repeated"])
            if now == before:
                return report
            before = now
            time.sleep(0.03)
        return report

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Ended:
    """A command that ended, or stopped half way."""

    def __init__(self, code, out, err, stopped=False, took=0.0):
        self.code, self.out, self.err, self.stopped, self.took = code, out, err, stopped, took

    def events(self):
        for line in self.out.splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                pass  # The last line may be half a line.

    def told(self):
        """The most that was told of answers and snapshots."""
        found = [event for event in self.events() if event.get("event") == "progress"]
        return (max((event["answered"] for event in found), default=0),
                max((event["epoch"] for event in found), default=0))


class World:
    """One folder: inputs, state, output. `state` and `out` may lie on other file systems."""

    def __init__(self, weir, folder, state=None, out=None):
        self.weir = str(pathlib.Path(weir).resolve())
        self.folder = folder
        self.inputs = folder / "in"
        self.state = state or folder / "state"
        self.out = out or folder / "out"
        self.said = folder / "said"
        self.prefix = []
        for path in (self.inputs, self.said):
            path.mkdir(parents=True, exist_ok=True)

    def write(self, name, text):
        (self.inputs / name).write_text(text)

    def paid(self, provider):
        """The flags of a run that asks a model."""
        return ["--model", "sim", "--base-url", provider.url, "--requests-per-minute", "1000000", "--tokens-per-minute",
                "1000000000", "--in-flight", str(IN_FLIGHT), "--batch-chunks", str(BATCH), "--yes"]

    def start(self, *arguments, env=None):
        """Starts a command; its words go to files, as a log would keep them."""
        number = len(list(self.said.iterdir()))
        out, err = (self.said / f"{number}.{name}" for name in ("out", "err"))
        with open(out, "wb") as to, open(err, "wb") as errors:
            process = subprocess.Popen([*self.prefix, self.weir, *map(str, arguments)], cwd=self.folder, stdout=to,
                                       stderr=errors, stdin=subprocess.DEVNULL,
                                       env={"OPENAI_API_KEY": CANARY, "RUST_BACKTRACE": "full", "RUST_LOG": "trace",
                                            "PATH": os.environ["PATH"], **(env or {})})
        process.words = (out, err)
        process.began = time.monotonic()
        return process

    def ended(self, process, code=None, stopped=False):
        out, err = (path.read_text(errors="replace") for path in process.words)
        return Ended(process.returncode if code is None else code, out, err, stopped,
                     time.monotonic() - process.began)

    def wait(self, process, longest=LONGEST):
        """Waits until it ends, or stops (as a fault may make it)."""
        until = time.monotonic() + longest
        while time.monotonic() < until:
            if process.returncode is not None:
                return self.ended(process)
            pid, status = os.waitpid(process.pid, os.WNOHANG | os.WUNTRACED)
            if pid and os.WIFSTOPPED(status):
                return self.ended(process, code=0, stopped=True)
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                return self.ended(process)
            time.sleep(0.003)
        dump = subprocess.run(["sh", "-c", f"cat /proc/{process.pid}/task/*/comm /proc/{process.pid}/task/*/wchan"],
                              capture_output=True, text=True).stdout
        self.kill(process)
        raise Failed(f"it hangs: {self.ended(process).err[-400:]} {dump[-400:]}")

    @staticmethod
    def kill(process):
        process.send_signal(signal.SIGKILL)
        process.wait()

    def run(self, *arguments, env=None):
        return self.wait(self.start(*arguments, env=env))

    def run_flow(self, provider, *more, env=None):
        return self.run(*self.run_arguments(provider, *more), env=env)

    def run_arguments(self, provider, *more):
        paid = self.paid(provider) if provider else []
        return ["run", "knowledge-graph", "-i", self.inputs, "-o", self.out, "--state", self.state, "--json", *paid,
                *more]

    # What there is.

    def ledger(self):
        """The ledger as a reader of its own finds it: answers, calls that are done, calls that were only sent."""
        found = self.state / "weir.db"
        if not found.exists() or not found.stat().st_size:
            return 0, 0, 0
        with tempfile.TemporaryDirectory() as copy:
            for name in ("weir.db", "weir.db-wal", "weir.db-journal"):
                if (self.state / name).exists():
                    shutil.copy(self.state / name, copy)
            connection = sqlite3.connect(f"{copy}/weir.db")
            try:
                if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                    return 0, 0, 0
                check = connection.execute("PRAGMA integrity_check").fetchone()[0]
                if check != "ok":
                    raise Failed(f"the ledger: {check}")
                count = lambda sql: connection.execute(sql).fetchone()[0]
                return (count("SELECT count(*) FROM answers"),
                        count("SELECT count(*) FROM calls WHERE state = 'done'"),
                        count("SELECT count(*) FROM calls WHERE state != 'done'"))
            finally:
                connection.close()

    def current(self):
        """What a reader sees: the manifest, after a look at every part it names. None if nothing is published."""
        link = self.out / "current"
        if not link.is_symlink():
            return None
        folder = self.out / os.readlink(link)
        try:
            manifest = json.loads((folder / "manifest.json").read_bytes())
        except (OSError, ValueError) as error:
            raise Failed(f"current names what is no snapshot: {error}")
        for table, info in manifest["tables"].items():
            known = {part["file"] for part in info["parts"]}
            there = set(os.listdir(folder / table))
            if known != there:
                raise Failed(f"{table} has {sorted(there ^ known)} more or less than its manifest")
            for part in info["parts"]:
                data = (folder / table / part["file"]).read_bytes()
                if len(data) != part["bytes"] or data[:4] != b"PAR1" or data[-4:] != b"PAR1":
                    raise Failed(f"{table}/{part['file']} is not whole")
        return manifest

    def tables(self):
        """The published tables in their canonical form."""
        to = self.folder / "exported"
        shutil.rmtree(to, ignore_errors=True)
        self.must(self.run("export", "-o", self.out, "--format", "jsonl", "--to", to), 0)
        tables = {}
        for path in sorted(to.glob("*.jsonl")):
            if path.stem != "calls":
                gone = OF_THE_RUN.get(path.stem, set())
                rows = [{k: v for k, v in json.loads(line).items() if k not in gone} for line in path.open()]
                tables[path.stem] = sorted(json.dumps(row, sort_keys=True) for row in rows)
        return tables

    # What must hold.

    @staticmethod
    def must(ended, *codes):
        if ended.code not in codes:
            raise Failed(f"it ended with {ended.code}, not {codes}: {ended.err[-600:]}")
        if "panicked" in ended.err:
            raise Failed(f"it panicked: {ended.err[-600:]}")
        return ended

    def sound(self):
        """Readers see a whole snapshot, by our own look and by the program's."""
        manifest = self.current()
        if manifest is not None:
            self.must(self.run("verify", "-o", self.out, "--state", self.state), 0)
            path = self.must(self.run("path", "knowledge-graph", "-o", self.out), 0).out.strip()
            if not (pathlib.Path(path) / "manifest.json").exists():
                raise Failed(f"weir path says {path!r}")
        return manifest

    def equal(self, wanted):
        found = self.tables()
        for table, rows in wanted.items():
            if found.get(table) != rows:
                more = set(found.get(table, [])) ^ set(rows)
                raise Failed(f"{table} differs from an undisturbed run: {len(more)} rows, such as {min(more)[:300]}")

    def no_key(self):
        """No form of the key in any file, any word that was said, or any name."""
        for folder in (self.folder, self.state, self.out):
            for base, folders, files in os.walk(folder):
                for name in files:
                    path = pathlib.Path(base) / name
                    if path.is_symlink() or not path.is_file():
                        continue
                    data = path.read_bytes() + os.fsencode(name)
                    for form in FORMS:
                        if form in data:
                            raise Failed(f"the key stands in {path}")

    def no_key_in_sight(self, process):
        """Nor on the command line, where everybody on the machine can read it."""
        line = pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes()
        if any(form in line for form in FORMS):
            raise Failed("the key stands on the command line")


class Tally:
    """How many points were tried, and what was wrong."""

    def __init__(self, name):
        self.name, self.points, self.failures, self.began = name, 0, [], time.monotonic()

    def point(self, label, check):
        self.points += 1
        try:
            check()
        except Failed as failed:
            self.failures.append((label, str(failed)))
            print(f"WRONG  {self.name} {label}: {failed}", flush=True)
            if os.environ.get("CRASH_FIRST"):
                # One is enough to know that the suite turns red.
                sys.exit(1)

    def end(self, note=""):
        took = time.monotonic() - self.began
        print(f"{self.name}: {self.points} points, {len(self.failures)} wrong, {took:.0f} s{note}", flush=True)
        return len(self.failures)


def skip(what, why):
    """Says loudly that something was not tried."""
    print(f"SKIPPED  {what}: {why}", flush=True)


def done(*wrong):
    sys.exit(1 if sum(wrong) else 0)
