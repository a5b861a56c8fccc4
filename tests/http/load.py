"""The service under load, beside a make-believe provider: how soon an upload is answered and its rows can be read, what idle
listeners cost, and whether all figures agree.

    python tests/http/load.py target/release/weir [upload] [listeners] [figures]

Standard library only. Prints what it measured, and ends with 1 if a bar was missed.
"""

import json
import socket
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from service import Service, provider

FAILED = []


def bar(what, value, most, unit=""):
    held = value <= most
    print(f"  {what}: {value:.3f}{unit} (bar {most:.3f}{unit}) {'held' if held else 'MISSED'}")
    if not held:
        FAILED.append(what)


def talk(number, turns):
    lines = ["WEBVTT", ""]
    for turn in range(turns):
        at = turn * 9
        stamp = lambda s: f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}.000"
        lines += [f"{stamp(at)} --> {stamp(at + 8)}",
                  f"<v Speaker {turn % 3}>In meeting {number} the harbour committee of Tide Works spoke with Ana Lima about pump {turn} "
                  f"and the gate of basin {number * 7 + turn}, which cost {turn + 3} percent more than in the year before.", ""]
    return "\n".join(lines).encode()


def get(base, path):
    with urllib.request.urlopen(base + path, timeout=60) as answer:
        return answer.read()


def form(job, files):
    body = bytearray()
    for head, content in [('name="job"', json.dumps(job).encode())] + [(f'name="file"; filename="{name}"', text) for name, text in files]:
        body += b"--cut\r\ncontent-disposition: form-data; " + head.encode() + b"\r\n\r\n" + content + b"\r\n"
    return bytes(body + b"--cut--\r\n")


def upload(base, job, files):
    """Sends an upload; gives the job, and the seconds from its last byte to the answer."""
    body = form(job, files)
    host, port = base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = (f"POST /api/v1/jobs HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-type: multipart/form-data; boundary=cut\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n")
        connection.sendall(head.encode() + body)
        sent = time.monotonic()
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        took = time.monotonic() - sent
    head, _, text = answer.partition(b"\r\n\r\n")
    if b" 202 " not in head.split(b"\r\n")[0]:
        raise SystemExit(answer.decode(errors="replace"))
    return json.loads(text), took


def ended(base, job):
    while True:
        now = json.loads(get(base, f"/api/v1/jobs/{job}"))
        if now["state"] not in ("queued", "running", "paused"):
            return now
        time.sleep(0.2)


def first_rows(base, job, began):
    while True:
        try:
            if get(base, f"/api/v1/jobs/{job}/tables/mentions?limit=1&format=jsonl").strip():
                return time.monotonic() - began
        except urllib.error.HTTPError:
            pass
        time.sleep(0.05)


LIMITS = "[limit]\nrequests = \"2000/min\"\ntokens = \"20000000/min\"\nin_flight = 64\n[models.m]\nprovider = \"openai\"\ninput = 0.15\noutput = 0.6\n"


class Configured(Service):
    def __init__(self, weir, folder, url, more=""):
        super().__init__(weir, folder, url, "m")
        (folder / "weir.toml").write_text(f'[service]\nmodels = ["m"]\nallow_uncapped = true\n{more}{LIMITS}')


def run_upload(weir, work):
    print("upload: 150 transcripts")
    with provider(weir, work, (), "--latency", "lognormal:1500ms:0.4") as url, Configured(weir, work / "u", url) as base:
        files = [(f"{number:03}.vtt", talk(number, 30)) for number in range(150)]
        began = time.monotonic()
        job, took = upload(base, {"dataflow": "knowledge-graph", "collection": "board", "model": "m"}, files)
        bar("answer after the last byte", took, 0.1, " s")
        first = first_rows(base, job["id"], began)
        done = ended(base, job["id"])
        whole = time.monotonic() - began
        mean = done["progress"]["latency_s"]["p50"]
        print(f"  {done['state']}, {done['progress']['answered']} answers, {whole:.1f} s")
        bar("first rows", first, max(0.05 * whole, 3 * 1.625), " s")


def cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def memory(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0


def listening(base, job, count):
    host, port = base.removeprefix("http://").split(":")
    sockets = []
    for _ in range(count):
        connection = socket.create_connection((host, int(port)))
        connection.sendall(f"GET /api/v1/jobs/{job}/events HTTP/1.1\r\nhost: {host}:{port}\r\n\r\n".encode())
        connection.recv(1024)
        sockets.append(connection)
    return sockets


def drain(sockets, stop):
    for connection in sockets:
        connection.setblocking(False)
    while not stop.is_set():
        for connection in sockets:
            try:
                while connection.recv(65536):
                    pass
            except OSError:
                pass
        stop.wait(0.2)


def run_listeners(weir, work):
    print("listeners: 1,000 idle clients of events")
    times = {}
    for count in (0, 1000):
        with provider(weir, work, (), "--latency", "1s") as url:
            service = Configured(weir, work / f"l{count}", url)
            with service as base:
                pid = service.process.pid
                files = [(f"{number:03}.vtt", talk(number + 1000, 30)) for number in range(60)]
                job, _ = upload(base, {"dataflow": "topics", "collection": "a", "model": "m"}, files)
                before = memory(pid)
                sockets = listening(base, job["id"], count)
                after = memory(pid)
                stop = threading.Event()
                reader = threading.Thread(target=drain, args=(sockets, stop))
                reader.start()
                done = ended(base, job["id"])
                stop.set()
                reader.join()
                times[count] = done["progress"]["elapsed_s"]
                print(f"  {count} listeners: job {times[count]:.2f} s, {memory(pid):.0f} MiB in all, {cpu(pid):.1f} s CPU")
                if count:
                    bar("memory of 1,000 listeners, beside the job's own", after - before, 100, " MiB")
                for connection in sockets:
                    connection.close()
    bar("the job's time with 1,000 listeners over that with none", times[1000] / times[0], 1.05)


def metric(text, name, **labels):
    total = 0
    for line in text.splitlines():
        if line.startswith(name) and (line[len(name)] in "{ ") and all(f'{key}="{value}"' in line for key, value in labels.items()):
            total += float(line.rsplit(" ", 1)[1])
    return total


def run_figures(weir, work):
    print("figures: the service, its metrics and the provider's own log")
    flags = ("--latency", "lognormal:800ms:0.4", "--price", "0.15:0.6", "--fault", "429:3%", "--fault", "500:3%")
    with provider(weir, work, (), *flags) as url, Configured(weir, work / "f", url) as base:
        files = [(f"{number:03}.vtt", talk(number, 20)) for number in range(80)]
        get(base, "/metrics")
        job, _ = upload(base, {"dataflow": "topics", "collection": "a", "model": "m"}, files)
        done = ended(base, job["id"])["progress"]
        text = get(base, "/metrics").decode()
        report = json.loads(urllib.request.urlopen(url.removesuffix("/v1") + "/sim/report").read())
        calls = metric(text, "weir_calls_total")
        limited = metric(text, "weir_rate_limited_total")
        rows = [
            ("calls", done["calls"], calls, report["calls"]),
            ("input tokens", done["input_tokens"], metric(text, "weir_tokens_total", direction="input"), report["input_tokens"]),
            ("output tokens", done["output_tokens"], metric(text, "weir_tokens_total", direction="output"), report["output_tokens"]),
            ("cost", done["cost_usd"], metric(text, "weir_cost_usd_total"), report["cost_usd"]),
            ("refused for the limit", done["refused"], limited, report["limited"] + report["faults"].get("429", 0)),
        ]
        for what, api, metrics, provider_says in rows:
            print(f"  {what}: {api} by the API, {metrics} by the metrics, {provider_says} by the provider")
            greatest = max(api, metrics, provider_says, 1e-12)
            bar(f"difference of {what}", (greatest - min(api, metrics, provider_says)) / greatest, 0.001)


def main():
    weir = str(Path(sys.argv[1]).resolve())
    scenarios = {"upload": run_upload, "listeners": run_listeners, "figures": run_figures}
    for name in sys.argv[2:] or scenarios:
        with tempfile.TemporaryDirectory() as work:
            scenarios[name](weir, Path(work))
    sys.exit(1 if FAILED else 0)


if __name__ == "__main__":
    main()
