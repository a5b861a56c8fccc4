"""A weir service and a make-believe provider for tests: on free ports of loopback, ended with the test."""

import json
import os
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def provider(weir, work, script=(), *flags):
    """Gives the base URL of `weir simulate-provider`."""
    lines = work / "script.txt"
    lines.write_text("\n".join(script) + "\n")
    port = free_port()
    latency = () if "--latency" in flags else ("--latency", "lognormal:1500ms:0.4")
    command = [weir, "simulate-provider", "--json", "--listen", f"127.0.0.1:{port}", *latency,
               "--script", str(lines), "--for", "30m", *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        json.loads(process.stdout.readline())
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(timeout=60)


class Service:
    """`weir serve` on a state of its own; as a context it gives the address."""

    def __init__(self, weir, folder, provider_url, model, token=None, roots=()):
        folder.mkdir(parents=True)
        self.weir, self.folder, self.process = weir, folder, None
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        (folder / "weir.toml").write_text(f"[service]\nmodels = {json.dumps([model])}\nroots = {json.dumps([str(root) for root in roots])}\n")
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("WEIR_", "OPENAI_"))}
        self.environment = {**keep, "OPENAI_API_KEY": "for-a-test", "OPENAI_BASE_URL": provider_url}
        if token:
            self.environment["WEIR_TOKENS"] = f"test:{token}"

    def start(self):
        log = open(self.folder / "log", "a")
        self.process = subprocess.Popen([self.weir, "serve", "--listen", f"127.0.0.1:{self.port}"], cwd=self.folder, env=self.environment,
                                        stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        for _ in range(300):
            if self.process.poll() is not None:
                raise SystemExit(f"weir serve ended: {(self.folder / 'log').read_text()}")
            try:
                urllib.request.urlopen(f"{self.base}/readyz", timeout=2)
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"weir serve is not ready: {(self.folder / 'log').read_text()}")

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=120)

    def __enter__(self):
        self.start()
        return self.base

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()
