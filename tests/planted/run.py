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
     "            return Some(loaded);\n        }\n        let failed",
     "            return Some(Loaded { chunks: Arc::default(), ..loaded });\n        }\n        let failed"),
    ("chunk: the last chunk is lost", "src/flow/ops/chunk.rs",
     "loaded.chunks.iter().cloned()", "loaded.chunks.iter().skip(usize::from(loaded.chunks.len() > 3)).cloned()"),
    ("unique: the last place stands for a text", "src/flow/ops/unique.rs", "places.first()", "places.last()"),
    ("ask: a correction does not withdraw", "src/flow/flight.rs",
     "emissions.push((tell(wanted, &before), at, -count));", "let _ = &before;"),
    ("ask: waiting updates lose their epoch", "src/flow/flight.rs",
     "emissions.push((tell(&wanted, outcome), epoch, diff));",
     "emissions.push((tell(&wanted, outcome), epoch + u64::from(diff < 0), diff));"),
    ("parse: one alias of an answer only", "src/flow/ops/parse.rs",
     "            .filter(|alias| alias.name != alias.other);",
     "            .filter(|alias| alias.name != alias.other).take(0);"),
    ("locate: the last mention of an answer is lost", "src/flow/ops/locate.rs",
     "extraction.mentions.len()", "extraction.mentions.len().saturating_sub(1)"),
    ("locate: the last item of an answer is lost", "src/flow/ops/locate.rs",
     "extraction.items.len()", "extraction.items.len().saturating_sub(1)"),
    ("repeats: every place is a document of its own", "src/flow/ops/repeats.rs",
     "documents: documents.len() as u64,", "documents: chunks,"),
    ("tally: duplicates count as answered", "src/flow/ops/tally.rs",
     "Status::Duplicate => &mut chunks.duplicate", "Status::Duplicate => &mut chunks.ok"),
    ("graph: components are only neighbours", "src/flow/ops/graph.rs",
     "    propagate(both, start)", "    both.concat(start).reduce(|_, seen, out| out.push((seen[0].0.clone(), 1)))"),
    ("graph: short forms stand for themselves", "src/flow/ops/graph.rs",
     "full.get(&name).unwrap_or(&name).clone()", "full.get(&name).map_or(&name, |_| &name).clone()"),
    ("graph: relations within one entity are kept", "src/flow/ops/graph.rs", "(source != target).then(", "Some(source).map(|_| ()).is_some().then("),
    ("commit: an epoch is said to be closed one too early", "src/flow/ops/commit.rs",
     "                    epochs,\n                    frontier,",
     "                    epochs,\n                    frontier: frontier.map(|open| open + 1),"),
    ("delta: what is known is not forgotten", "src/flow/delta.rs",
     "None => delta.outcomes_gone.push(fingerprint),", "None => {}"),
    ("committer: the base is published again", "src/flow/committer.rs",
     "if epoch > self.terms.start || self.terms.resumes.is_none() {", "if epoch >= self.terms.start {"),
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
