"""Plants a bug in each operator, one at a time, and checks that the oracle catches it.

usage: python3 tests/planted/run.py [--only NAME]... [--target DIR]

Works on a copy of the tracked files in a temporary folder; the tree itself is not touched. --target reuses a build
folder (a copy of target/ saves building the dependencies again). A plant that does not apply or does not compile is an
error: then this table is out of date. Takes about a minute a plant. Exit 1 if any survived.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

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
    ("ask: the last place stands for a text", "src/flow/flight.rs", "self.all().first().copied()", "self.all().last().copied()"),
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
     "            self.tell_all(name, 1, out);", "            if self.label.is_none() { self.tell_all(name, 1, out); }"),
    ("names: a document counts once for each of its names", "src/flow/ops/entities.rs",
     "            if self.members.is_empty() {\n                // One", "            {\n                // One"),
    ("seen: a time that has gone is still the first", "src/flow/ops/seen.rs",
     "        if *count == 0 {\n            self.times.remove(&at);", "        if *count == 9 {\n            self.times.remove(&at);"),
    ("fold: an epoch is applied before it is complete", "src/flow/ops/fold.rs",
     "&& open.is_none_or(|open| *entry.key() < open)", "&& open.is_none_or(|open| *entry.key() < open + 1)"),
    ("commit: an epoch is said to be closed one too early", "src/flow/ops/commit.rs",
     "                    epochs,\n                    frontier,",
     "                    epochs,\n                    frontier: frontier.map(|open| open + 1),"),
    ("committer: the base is published again", "src/flow/committer.rs",
     "if epoch > self.terms.start || self.terms.resumes.is_none() {", "if epoch >= self.terms.start {"),
    ("sink: rows after the last change of a bit are lost", "src/sink/parts.rs",
     "if let Some(min) = after.first().and_then(|(_, keys)| keys.first()) {", "if let Some(min) = after.first().and_then(|(_, keys)| keys.first()).filter(|_| false) {"),
    ("render: spans start one byte late", "src/stage/locate.rs",
     "let byte_start = whole.byte_start + skip;", "let byte_start = whole.byte_start + skip + 1;"),
]


def test(tree, target):
    """Runs the oracle: whether it compiled, and the tests that failed."""
    env = dict(os.environ, CARGO_TARGET_DIR=str(target), CARGO_TERM_COLOR="never")
    build = subprocess.run(["cargo", "test", "--quiet", "--test", "it", "--no-run"], cwd=tree, env=env,
                           capture_output=True, text=True)
    if build.returncode:
        return False, build.stderr[-800:]
    try:
        run = subprocess.run(["cargo", "test", "--test", "it", "oracle"], cwd=tree, env=env, capture_output=True,
                             text=True, timeout=180)
    except subprocess.TimeoutExpired:
        return True, ["(it never ended)"]
    failed = re.findall(r"^test (\S+) \.\.\. FAILED", run.stdout, re.M)
    return True, failed or (["(the process died)"] if run.returncode else [])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--target")
    args = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="weir-planted-"))
    tree = work / "tree"
    for name in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tree / name)
    target = pathlib.Path(args.target) if args.target else work / "target"
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
        path.write_text(text.replace(old, new))
        compiled, failed = test(tree, target)
        path.write_text(text)
        if not compiled:
            verdict = "NO COMPILE"
            print(failed, flush=True)
        else:
            verdict = "caught" if failed else "SURVIVED"
        bad += verdict != "caught"
        print(f"{verdict:<15} {name}: {', '.join(failed) if compiled else ''}", flush=True)
    shutil.rmtree(work)
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
