"""Reads the tables with DuckDB all through a run, as people do, and checks that no read is ever wrong.

usage: python tests/tables/watch.py WEIR [--files N] [--latency SECONDS]

Starts a server on loopback that speaks Chat Completions and takes its time, runs WEIR (the binary) against it over a
folder of made-up transcripts, and meanwhile reads again and again
  - through views.sql: all tables must be of one epoch, with the row counts that its manifest states;
  - through current: each table must be one that was published, whole; a file that vanishes in a swap may be retried.
Prints how often it read, when the first rows could be read, and the bar for that: the larger of 5 % of the run and
three mean latencies. Exit 1 if a read was wrong or the first rows came late. Stops by itself within ten minutes.
"""

import argparse
import glob
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import duckdb

TABLES = ["documents", "chunks", "mentions", "entities", "relations", "evidence", "failures"]
CHUNK = re.compile(r'<chunk id="([^"]+)" mark="([^"]+)">\n(.*?)\n?</chunk mark="\2">', re.S)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    latency = 1.0

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        user = request["messages"][-1]["content"]
        time.sleep(self.latency)
        answers = []
        for tag, _, text in CHUNK.findall(user):
            names = sorted(set(re.findall(r"\b[A-Z][a-z]+[0-9]+\b", text)))
            entities = [{"name": n, "kind": "person", "aliases": [], "quote": n} for n in names]
            answers.append({"chunk_id": tag, "entities": entities, "relations": []})
        body = json.dumps({
            "choices": [{"index": 0, "finish_reason": "stop",
                         "message": {"role": "assistant", "content": json.dumps({"answers": answers})}}],
            "usage": {"prompt_tokens": len(user) // 4 + 900, "completion_tokens": len(json.dumps(answers)) // 3},
        }).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def transcripts(folder, files):
    chance = random.Random(7)
    for number in range(files):
        lines = []
        for turn in range(60):
            words = " ".join(chance.choice("we saw that the mill gate was open when it came by boat".split()) for _ in range(40))
            lines.append(f"Ana Lima: Name{chance.randrange(400)} said {words} {number}.")
        with open(os.path.join(folder, f"talk{number:03}.txt"), "w") as file:
            file.write("\n".join(lines) + "\n")


def counts(sql, views):
    found = {}
    with duckdb.connect() as db:
        if views:
            db.execute(sql)
        for table in TABLES:
            found[table] = db.execute(f"SELECT count(*) FROM {table if views else sql.format(table)}").fetchone()[0]
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("weir")
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--latency", type=float, default=1.0)
    args = parser.parse_args()
    Handler.latency = args.latency
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    work = tempfile.mkdtemp(prefix="weir-watch-")
    talks = os.path.join(work, "talks")
    os.mkdir(talks)
    transcripts(talks, args.files)
    out = os.path.join(work, "out")
    command = [args.weir, "run", "knowledge-graph", "-i", talks, "-o", out, "--state", os.path.join(work, "state"),
               "--model", "made-up", "--base-url", f"http://127.0.0.1:{server.server_port}/v1", "--preset", "compatible",
               "--requests-per-minute", "600", "--tokens-per-minute", "100000000", "--in-flight", "10",
               "--batch-chunks", "4", "--yes", "--quiet"]
    start = time.monotonic()
    run = subprocess.Popen(command)
    reads = retries = 0
    first, wrong, epochs = None, [], set()
    while run.poll() is None and time.monotonic() - start < 600:
        try:
            with open(os.path.join(out, "views.sql")) as file:
                sql = file.read()
        except FileNotFoundError:
            time.sleep(0.02)
            continue
        folder = re.search(r"read_parquet\('(.*?)/documents/", sql).group(1)
        with open(os.path.join(folder, "manifest.json")) as file:
            manifest = json.load(file)
        expected = {table: manifest["tables"][table]["rows"] for table in TABLES}
        found = counts(sql, True)
        reads += 1
        epochs.add(manifest["epoch"])
        if found != expected:
            wrong.append(("views.sql", manifest["epoch"], found, expected))
        if first is None and found["mentions"] > 0:
            first = time.monotonic() - start
        try:
            found = counts(f"'{out}/current/{{}}/*.parquet'", False)
        except duckdb.Error:
            retries += 1
            continue
        published = [json.load(open(path))["tables"] for path in glob.glob(f"{out}/snapshots/*/manifest.json")]
        for table in TABLES:
            if found[table] not in {tables[table]["rows"] for tables in published}:
                wrong.append(("current", table, found[table]))
    took = time.monotonic() - start
    bar = max(0.05 * took, 3 * args.latency)
    print(f"{reads} reads of {len(epochs)} epochs, {retries} to be retried, {len(wrong)} wrong")
    print(f"run {took:.1f} s, first rows after {first or -1:.1f} s, bar {bar:.1f} s, exit status {run.returncode}")
    for line in wrong[:5]:
        print("wrong:", line)
    sys.exit(bool(wrong) or first is None or first > bar or run.returncode != 0)


if __name__ == "__main__":
    main()
