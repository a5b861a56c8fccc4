"""Plants a bug in each operator, one at a time, and checks that the oracle catches it.

usage: python3 tests/planted/run.py [--only NAME]... [--target DIR]

Works on a copy of the tracked files in a temporary folder, cut down to the library and the oracle; the tree itself is not
touched. --target reuses a build folder (target/ or a copy of it saves building the dependencies again) and keeps the copy
in it, so that the next time only what differs is built. A plant that does not apply or does not compile is an error: then
this table is out of date. The rest of the tests stops at the first that fails: about half a minute a plant. Exit 1 if any
survived.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Seconds; on a quiet machine the whole oracle takes one.
LONGEST = 300

# name, file, what stands there, what is planted
PLANTS = [
    ("intake: a changed document is not withdrawn", "src/job/intake.rs",
     ".extend(before.as_ref().and_then(|before| version(before, -1)));",
     ".extend(before.as_ref().and_then(|before| version(before, -1)).filter(|_| false));"),
    ("read: a version that was handed over is forgotten", "src/flow/versions.rs",
     "            return Some(brief);\n        }\n        match load",
     "            return Some(Brief { places: Vec::new(), ..brief });\n        }\n        match load"),
    ("read: the last chunk is lost", "src/flow/record.rs",
     "            places: places\n", "            places: places.skip(usize::from(self.chunks.len() > 3))\n"),
    ("ask: the last place stands for a text", "src/flow/flight.rs", "self.spots.first().copied()", "self.spots.last().copied()"),
    ("ask: another place stands for a text, and the others do not hear of it", "src/flow/flight.rs",
     "moves.extend(of(&self.spots, 1));", "moves = changes.iter().map(|(spot, diff)| ((*spot, first.or(before).unwrap_or(spot.at())), *diff)).collect();"),
    # That it withdraws what it told before cannot be seen: whatever hears of it keeps one state for each place.
    ("ask: a correction brings nothing", "src/flow/flight.rs",
     "emissions.push((located(fingerprint, place, known), now, 1));", "let _ = known;"),
    ("ask: waiting changes lose their epoch", "src/flow/flight.rs",
     ".map(|(place, diff)| (located(fingerprint, place, known), epoch, diff));",
     ".map(|(place, diff)| (located(fingerprint, place, known), epoch + u64::from(diff < 0), diff));"),
    ("assemble: a chunk that goes stays", "src/flow/ops/assemble.rs",
     "by_position.remove(&gone.position);", "by_position.remove(&(gone.position + 1));"),
    ("outline: what was known is forgotten", "src/flow/outline.rs",
     "facts: facts.collect::<Option<_>>()?,", "facts: facts.take(1).collect::<Option<_>>()?,"),
    ("parse: aliases of an answer are lost", "src/flow/ops/parse.rs",
     "Fact::Alias(a, b) => Some((a.clone(), b.clone())),", "Fact::Alias(a, b) if a.kind != b.kind => Some((a.clone(), b.clone())),"),
    ("gist: the last mention of an answer is lost", "src/flow/gist.rs",
     "answer.extraction.mentions.iter().map(|mention| Fact::Said {",
     "answer.extraction.mentions.iter().skip(usize::from(answer.extraction.mentions.len() > 1)).map(|mention| Fact::Said {"),
    ("render: the last item of an answer is lost", "src/flow/render.rs",
     "answer.extraction.items.iter().enumerate()", "answer.extraction.items.iter().enumerate().skip(1)"),
    ("rendering: a chunk is not made anew when its names change", "src/flow/rendering.rs",
     "if before.head() != after.head() || !same_names {", "if before.head() != after.head() || (false && !same_names) {"),
    ("rendering: what is known is not forgotten", "src/flow/delta.rs",
     "_ => delta.outcomes_gone.push(fingerprint),", "_ => {}"),
    ("repeats: every place is a document of its own", "src/flow/ops/repeats.rs",
     "documents: documents.len() as u64,", "documents: chunks,"),
    ("document: duplicates count as answered", "src/flow/document.rs",
     "Status::Duplicate => &mut counts.duplicate", "Status::Duplicate => &mut counts.ok"),
    ("document: short forms stand for themselves", "src/flow/document.rs",
     "let node = full.get(name).unwrap_or(name);\n            if", "let node = full.get(name).map_or(name, |_| name);\n            if"),
    ("document: relations within one entity are kept", "src/flow/record.rs", "(source != target).then(", "Some(source).map(|_| ()).is_some().then("),
    ("graph: components are only neighbours", "src/flow/ops/graph.rs",
     "    propagate(both, start)", "    both.concat(start).reduce(|_, seen, out| out.push((seen[0].0.clone(), 1)))"),
    ("names: documents do not hear of a new label", "src/flow/ops/entities.rs",
     "            self.tell_all(documents, name, 1, out);", "            if self.label.is_none() { self.tell_all(documents, name, 1, out); }"),
    ("names: a document counts once for each of its names", "src/flow/ops/entities.rs",
     "            if self.members.is_empty() {\n                // One", "            {\n                // One"),
    ("seen: a time that has gone is still the first", "src/flow/ops/seen.rs",
     "            0 => {\n                self.times.remove(&at);\n            }", "            0 => {}"),
    ("fold: an epoch is applied before it is complete", "src/flow/ops/fold.rs",
     "&& open.is_none_or(|open| *entry.key() < open)", "&& open.is_none_or(|open| *entry.key() < open + 1)"),
    ("commit: an epoch is said to be closed one too early", "src/flow/ops/commit.rs",
     "                    epochs,\n                    frontier,",
     "                    epochs,\n                    frontier: frontier.map(|open| open + 1),"),
    ("committer: the base is published again", "src/flow/committer.rs",
     "if epoch > self.terms.start || self.terms.resumes.is_none() {", "if epoch >= self.terms.start {"),
    # How changes are cut where they are many is the matter of the sink's own model, with its small bounds.
    ("sink: a row that changes stays as it was", "src/sink/parts.rs",
     "Some((index, op)) => items.extend(new(index, op)),",
     "Some((_, op)) => items.extend(op.new.map(|_| Item { at, weight, comes: None })),"),
    ("sink: rows that are put together come from one batch", "src/sink/columns.rs",
     "(used.partition_point(|batch| *batch < at.batch), at.row)",
     "(used.partition_point(|batch| *batch < at.batch).min(0), at.row)"),
    ("render: spans start one byte late", "src/stage/locate.rs",
     "let byte_start = whole.byte_start + skip;", "let byte_start = whole.byte_start + skip + 1;"),
    ("read: what goes is not withdrawn", "src/flow/ops/read.rs",
     "brief.into_iter().map(|brief| (brief, epoch, diff))", "brief.into_iter().filter(|_| diff > 0).map(|brief| (brief, epoch, diff))"),
    ("label: a label that has gone stays", "src/flow/ops/label.rs",
     "                    self.labels.remove(name);", "                    let _ = name;"),
    ("relations: whatever is said is grounded", "src/flow/ops/relations.rs",
     "add(&mut self.grounded, backing.grounded);", "add(&mut self.grounded, backing.evidence);"),
    ("relations: a document that goes takes no time with it", "src/flow/ops/relations.rs",
     "self.seen.change(documents, backing.doc, backing.at, diff);", "self.seen.change(documents, backing.doc, backing.at.filter(|_| diff > 0), diff);"),
    ("entities: the last time is that of the first name", "src/flow/ops/entities.rs",
     "extent.last = extent.last.into_iter().chain(last).max();", "extent.last = extent.last.or(last);"),
    ("repeats: what stands twice in a document stands elsewhere", "src/flow/ops/repeats.rs",
     "let elsewhere = documents.len() > 1;", "let elsewhere = all > 1;"),
    ("render: who speaks first says all of a chunk", "src/flow/render.rs",
     "speaker.and_then(|index| facts.speakers.get(usize::from(index)).cloned())", "speaker.and_then(|_| facts.speakers.first().cloned())"),
    ("render: an answer is paid for at every place", "src/flow/render.rs",
     "asked_here.filter(|state| state.first.is_none())", "asked_here.filter(|_| true)"),
    ("render: bytes are taken for code points", "src/stage/locate.rs", "text.chars().count())", "text.len())"),
    ("totals: a file that cannot be read is no failure", "src/flow/totals.rs",
     "        self.failures += diff * i64::from(head.is_unreadable);\n", ""),
    ("committer: calls are published again", "src/flow/committer.rs",
     "        self.terms.calls_published = listed;\n", ""),
]


# What the oracle needs of the tests; the program itself is not built.
ORACLE = """//! The oracle alone.

mod harness {
    pub mod dice;
    pub mod naive;
    pub mod own;
    pub mod project;
    pub mod world;
}
mod oracle;
"""


def renamed(name, data, package):
    """A file of a copy that is a package of its own: Cargo takes two of one name in one build folder for the same."""
    if name in ("Cargo.toml", "Cargo.lock"):
        data = data.replace(b'name = "weir"\nversion', f'name = "{package}"\nversion'.encode())
    return data.replace(b'debug = "line-tables-only"', b"debug = false") if name == "Cargo.toml" else data


def copy(tree):
    """The tracked files, cut down; what is equal is left as it is, so that it is not built again."""
    for name in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines():
        data = (ROOT / name).read_bytes()
        if name == "tests/it/main.rs":
            data = ORACLE.encode()
        if name == "Cargo.toml":
            text = re.sub(r"\[\[(bin|bench)\]\]\n(.+\n)*", "", data.decode())
            data = re.sub(r"default-run.*", "autobins = false\nautobenches = false", text).encode()
        data = renamed(name, data, "weir-planted")
        path = tree / name
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def test(tree, target):
    """Runs the oracle: whether it compiled, and the first test that failed."""
    env = dict(os.environ, CARGO_TARGET_DIR=str(target), CARGO_TERM_COLOR="never", RUST_BACKTRACE="0")
    if os.path.isdir("/dev/shm"):
        env["TMPDIR"] = "/dev/shm"  # A sync costs nothing there.
    build = subprocess.run(["cargo", "test", "--test", "it", "--no-run", "--message-format", "json"], cwd=tree, env=env,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if build.returncode:
        return False, build.stderr[-800:] + "".join(re.findall(r'"rendered":"(error.{0,600})', build.stdout))
    built = re.findall(r'"executable":"([^"]+)"', build.stdout)[-1]
    run = subprocess.Popen([built, "oracle"], cwd=tree, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    late = threading.Timer(LONGEST, run.kill)
    late.start()
    try:
        for line in run.stdout:
            failed = re.match(r"test (\S+) \.\.\. FAILED", line)
            if failed:
                return True, failed.group(1)
        died = run.wait() != 0
        return True, ("(it never ended)" if not late.is_alive() else "(the process died)") if died else None
    finally:
        late.cancel()
        run.kill()
        run.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--target", type=pathlib.Path)
    args = parser.parse_args()
    work = args.target and args.target.resolve() or pathlib.Path(tempfile.mkdtemp(prefix="weir-planted-"))
    tree, target = work / "planted", work if args.target else work / "target"
    copy(tree)
    bad = 0
    compiled, failed = test(tree, target)
    if not compiled or failed:
        sys.exit(f"without any plant: {failed}")
    for name, file, old, new in PLANTS:
        if args.only and not any(only in name for only in args.only):
            continue
        path = tree / file
        text = path.read_text()
        if text.count(old) != 1:
            print(f"DOES NOT APPLY  {name}", flush=True)
            bad += 1
            continue
        start = time.monotonic()
        path.write_text(text.replace(old, new))
        try:
            compiled, failed = test(tree, target)
        finally:
            path.write_text(text)
        verdict = ("caught" if failed else "SURVIVED") if compiled else "NO COMPILE"
        bad += verdict != "caught"
        print(f"{verdict:<15} {name}: {failed or ''} ({time.monotonic() - start:.0f} s)", flush=True)
    if not args.target:
        shutil.rmtree(work)
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
