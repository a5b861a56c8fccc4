"""Checks data/deploy against a service that runs: every metric that an alert or a panel names is one that /metrics gives,
with the labels that are asked of it; weir.toml is taken as it is; Prometheus and systemd find nothing wrong.

    python tests/http/deploy.py WEIR

What is not installed (promtool from the package prometheus, systemd-analyze) is said and left out.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from service import Service, provider

DEPLOY = Path(__file__).resolve().parents[2] / "data" / "deploy"
MODEL = "gpt-4o-mini"
# Series appear with their first event; these need one that a short test does not make.
RARE = {"weir_rate_limited_total", "weir_chunks_failed_total"}
METRIC = re.compile(r"\b((?:weir|process)_[a-z0-9_]+)\s*(?:\{([^}]*)\})?")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
SCRAPED = {"instance", "job"}


def expressions():
    """Every expression of the alerts and the dashboard, with where it stands."""
    text = (DEPLOY / "alerts.yml").read_text()
    # An expression is on its line, or in the deeper lines below it.
    for block in re.finditer(r"^( *)expr: (?:\|\n((?:\1 +.*\n)+)|(.*)\n)", text, re.M):
        yield "alerts.yml", block[2] or block[3]
    board = json.loads((DEPLOY / "grafana/dashboards/weir.json").read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield f"panel {panel['title']!r}", target["expr"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']}", variable["definition"]


def scrape(base, found):
    """Adds what /metrics gives to `{metric: labels}`."""
    text = urllib.request.urlopen(f"{base}/metrics").read().decode()
    for line in text.splitlines():
        match = re.match(r"([a-z_0-9]+)(?:\{(.*)\})? ", line)
        if match and not line.startswith("#"):
            found.setdefault(match[1], set()).update(re.findall(r'(\w+)="', match[2] or ""))


def used(base, found):
    """Runs a job to its end, so that the service has something to count; some figures are there only meanwhile."""
    body = json.dumps({"dataflow": "knowledge-graph", "samples": True, "model": MODEL, "caps": {"cost_usd": 1}}).encode()
    request = urllib.request.Request(f"{base}/api/v1/jobs", body, {"content-type": "application/json"})
    job = json.load(urllib.request.urlopen(request))
    for _ in range(600):
        state = json.load(urllib.request.urlopen(f"{base}/api/v1/jobs/{job['id']}"))["state"]
        if state == "running":
            scrape(base, found)
        elif state != "queued":
            return state
        time.sleep(0.2)
    raise SystemExit("the job does not end")


def tool(wrong, *command):
    if not shutil.which(command[0]):
        print(f"left out, not installed: {command[0]}")
        return
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        wrong.append(f"{' '.join(command)}: {done.stdout}{done.stderr}")


def main():
    weir = os.path.abspath(sys.argv[1])
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        with provider(weir, work) as url:
            service = Service(weir, work / "service", url, MODEL)
            (work / "service" / "weir.toml").write_text((DEPLOY / "weir.toml").read_text())
            with service as base:
                known = {}
                state = used(base, known)
                if state != "complete":
                    wrong.append(f"the job ended as {state}")
                scrape(base, known)
        named = set()
        for place, expression in expressions():
            for metric, labels in METRIC.findall(expression):
                named.add(metric)
                if metric in RARE:
                    continue
                if metric not in known:
                    wrong.append(f"{place}: there is no {metric}")
                elif not set(LABEL.findall(labels)) - SCRAPED <= known[metric]:
                    wrong.append(f"{place}: {metric} has the labels {sorted(known[metric])}, not {labels}")
        unit = work / "weir.service"
        # The binary need not be installed for the check.
        unit.write_text((DEPLOY / "weir.service").read_text().replace("/usr/local/bin/weir", weir).replace("/etc/weir\n", "/\n"))
        # What panels ask is PromQL once Grafana has put its variables in.
        panels = [expression.replace("$__rate_interval", "1m").replace("$instance", ".*").replace("$model", ".*")
                  for place, expression in expressions() if place.startswith("panel")]
        rules = {"groups": [{"name": "panels", "rules": [{"record": f"panel:{i}", "expr": text} for i, text in enumerate(panels)]}]}
        (work / "panels.yml").write_text(json.dumps(rules))
        tool(wrong, "promtool", "check", "rules", "--lint=none", str(work / "panels.yml"))
        tool(wrong, "promtool", "check", "rules", str(DEPLOY / "alerts.yml"))
        tool(wrong, "promtool", "test", "rules", str(Path(__file__).with_name("alerts.yml")))
        tool(wrong, "promtool", "check", "config", "--syntax-only", str(DEPLOY / "prometheus.yml"))
        tool(wrong, "systemd-analyze", "verify", str(unit))
        tool(wrong, "systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit))
    print("\n".join(wrong) or f"{len(named)} metrics named, all there; nothing wrong")
    return bool(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
