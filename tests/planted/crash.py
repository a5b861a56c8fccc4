"""Plants a bug in what makes weir safe, one at a time, and checks that a suite of tests/crash turns red.

usage: sudo python3 tests/planted/crash.py [--only NAME]... [--target DIR]

As run.py beside it: on a copy of the tracked files, --target reuses a build folder. One to four minutes a plant. Power cuts
and full disks want root; without it these plants are named and skipped. Exit 1 if any survived.

That folders are synced cannot be shown on ext4: syncing any file there makes every name last that was given before.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from run import renamed

ROOT = pathlib.Path(__file__).resolve().parents[2]

KILL = ["kill.py", "--scene", "second", "--how", "stop", "--points", "0", "--from", "rename,unlink,fsync"]
POWER = ["power.py", "--scene", "second", "--points", "40", "--from", "rename,fsync"]
FAIL = ["fail.py", "--scene", "second", "--errno", "5", "--points", "16", "--from", "fsync,fdatasync"]

# name, suite that must turn red, whether it wants root, file, what stands there, what is planted
PLANTS = [
    ("parts are not synced", POWER, True, "src/sink/files.rs",
     '    file.sync_all().map_err(io("sync", path))\n}', "    Ok(())\n}"),
    ("answers are told before they are durable", POWER, True, "src/store/database.rs",
     'pragma_update(None, "synchronous", "full")', 'pragma_update(None, "synchronous", "normal")'),
    ("current is away for a moment", KILL, False, "src/sink/publish.rs",
     "        rename(&link, &self.root.join(CURRENT))?;",
     "        remove_file(&self.root.join(CURRENT))?;\n        rename(&link, &self.root.join(CURRENT))?;"),
    ("tables are swapped in before the state knows", KILL, False, "src/flow/committer.rs",
     "        rendering.finish(delta).map_err(storage)?;\n        self.publisher.swap(prepared).map_err(storage)?;",
     "        self.publisher.swap(prepared).map_err(storage)?;\n        rendering.finish(delta).map_err(storage)?;"),
    ("what was prepared is kept after a kill", KILL, False, "src/job/open.rs",
     "    if current && database", "    if !current && database"),
    ("a writer that failed writes on", FAIL, False, "src/store/writer.rs",
     "            stopped = Some(Arc::new(error.clone()));", "            let _ = error;"),
    ("calls go out without room for their answers", ["rooms.py", "--only", "room"], True, "src/flow/desk/room.rs",
     "(free < needed).then(", "(free < needed / 1000).then("),
    ("a panic ends its thread only", ["signals.py", "--only", "panicked"], False, "src/cli/mod.rs", "    fail_stop();\n", ""),
    ("the state is not locked", ["signals.py", "--only", "twice"], False, "src/store/lock.rs",
     "match file.try_lock() {", "match Ok::<(), TryLockError>(()) {"),
    ("SIGTERM drops what is under way", ["signals.py", "--only", "terminated", "--times", "12"], False, "src/flow/desk/mod.rs",
     "Ending::Interrupted | Ending::Mismatch => self.inquiry.grace", "Ending::Interrupted | Ending::Mismatch => Duration::ZERO"),
    ("links on the way are followed", ["inputs.py", "--only", "folder", "--times", "20"], True, "src/source/read.rs",
     "if let Some(opened) = open_below(path, depth) {", "if let Some(opened) = open_below(path, depth).filter(|_| false) {"),
    ("the key is in a note", ["kill.py", "--scene", "first", "--how", "stop", "--points", "2"], False, "src/cli/run.rs",
     "    for note in &plan.notes {", "    if let Some((key, _)) = &environment.key {\n        printer.note(key.expose());\n    }\n    for note in &plan.notes {"),
    ("a changed manifest is believed", ["damage.py", "--only", "manifest", "--points", "40"], False, "src/job/verify/state.rs",
     "published.ok() == serde_json::to_value(snapshot.manifest()).ok()", "published.is_ok()"),
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--target", type=pathlib.Path)
    args = parser.parse_args()
    work = args.target and args.target.resolve() or pathlib.Path(tempfile.mkdtemp(prefix="weir-planted-"))
    tree, target = work / "planted-crash", work if args.target else work / "target"
    for name in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines():
        path, data = tree / name, renamed(name, (ROOT / name).read_bytes(), "weir-crash")
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    env = dict(os.environ, CARGO_TARGET_DIR=str(target), CARGO_TERM_COLOR="never")
    bad = 0
    for name, suite, root, file, old, new in PLANTS:
        if args.only and not any(only in name for only in args.only):
            continue
        if root and os.geteuid():
            print(f"{'SKIPPED':<15} {name}: wants root", flush=True)
            continue
        path = tree / file
        text = path.read_text()
        if text.count(old) != 1:
            print(f"{'DOES NOT APPLY':<15} {name}", flush=True)
            bad += 1
            continue
        path.write_text(text.replace(old, new))
        build = subprocess.run(["cargo", "build", "--quiet", "--bin", "weir"], cwd=tree, env=env, capture_output=True, text=True)
        path.write_text(text)
        if build.returncode:
            print(f"{'NO COMPILE':<15} {name}\n{build.stderr[-800:]}", flush=True)
            bad += 1
            continue
        # Of its own: another build in the same folder would put its program there.
        (tree / "weir").unlink(missing_ok=True)  # One that does not end may still run.
        weir = shutil.copy2(target / "debug/weir", tree / "weir")
        run = subprocess.run([sys.executable, tree / "tests/crash" / suite[0], *suite[1:], "--weir", weir],
                             capture_output=True, text=True, env=dict(os.environ, CRASH_FIRST="1"))
        wrong = [line for line in run.stdout.splitlines() if line.startswith("WRONG")]
        caught = run.returncode == 1 and (wrong or "Failed" in run.stderr)
        first = wrong[0][:200] if wrong else run.stderr.strip()[-200:]
        print(f"{'caught' if caught else 'SURVIVED':<15} {name}: {len(wrong)} points, {first}", flush=True)
        bad += not caught
    if not args.target:
        shutil.rmtree(work)
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
