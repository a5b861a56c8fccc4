"""Drives the dashboard of a real service in headless Chromium: hands transcripts in, watches, reads who said what, asks
failures again, cancels, deletes; in light and dark, on a desk and on a phone.

    pip install playwright; apt install chromium npm
    python tests/http/page.py CHROMIUM WEIR [--shots DIR] [--axe axe.min.js]

CHROMIUM is the browser's binary, WEIR that of weir; the provider is `weir simulate-provider`. Fails if the console says
anything, if the content policy is broken, if what was said comes to life as markup, if a page is wider than the screen,
or if the accessibility audit (axe-core, fetched by npm unless --axe names a copy) finds anything serious. --url takes a
service that runs already, for a look while the page is changed; --shots keeps pictures.
"""

import argparse
import os
import re
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

from service import Service, provider

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
SCREENS = [("light", 1280, 900), ("dark", 1280, 900), ("light", 360, 740), ("dark", 360, 740)]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MODEL = "gpt-4o-mini"
HOSTILE = """---
title: "</script><script>alive()</script>"
---
**Eve <img src=x onerror=alive()>:** Bob Miller leads the Harbour Trust of Greendale. </script><script>alive()</script>
**=cmd()|calc:** Carla Diaz <b onclick="alive()"> founded the Tide Mill Trust & "Sons", <!-- she said in Greendale.
**Ann \u202egnp.exe:** {long} Corporation hired Bob Miller in May. The poison is in the cup, said Carla Diaz.
"""
WATCH = """
window.alive = () => console.error('markup is alive');
document.addEventListener('securitypolicyviolation', (event) => console.error('policy broken: ' + event.violatedDirective + ' ' + event.blockedURI));
"""
# An event stream, cut after each of its characters: the same events every time.
STREAM = r"""async () => {
  const { parser } = await import('/assets/events.js');
  const text = ': hello\nid: 1\nevent: state\ndata: {"a":\ndata: 1}\n\nid: 2\r\nevent: odd\r\ndata: x\r\n\r\ndata\n\nid: 3\rdata:y\r\r\n';
  const read = (parts) => { const found = []; const push = parser((one) => found.push(one)); parts.forEach(push); return JSON.stringify(found); };
  const whole = read([text]);
  for (let i = 0; i <= text.length; i++) if (read([text.slice(0, i), text.slice(i)]) !== whole) return `cut at ${i}: ${read([text.slice(0, i), text.slice(i)])}, not ${whole}`;
  return whole;
}"""
EVENTS = '[{"id":"1","name":"state","data":"{\\"a\\":\\n1}"},{"id":"2","name":"odd","data":"x"},{"id":"2","name":"message","data":""},{"id":"3","name":"message","data":"y"}]'


def talk(number, long):
    """A transcript of its own, so that nothing of it is known yet."""
    names = ["Ada Holm", "Boris Vint", "Clara Osei", "Dario Penn"]
    lines = [f"{names[i % 4]}: In week {number}{i} the Northwind Ferry Company of Port {names[(number + i) % 4].split()[1]} "
             f"paid {number * 7 + i} thousand euros for dock {i}, and {names[(i + 1) % 4]} signed it." for i in range(long)]
    return "\n".join(lines)


class Visit:
    """A page in one theme and size; what is wrong with it goes to `wrong`."""

    def __init__(self, browser, base, screen, wrong, axe, shots):
        scheme, width, height = screen
        self.width, self.wrong, self.axe, self.shots, self.base = width, wrong, axe, shots, base
        self.name = f"{scheme}-{width}"
        self.expected = None
        self.context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height}, accept_downloads=True)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60000)
        self.page.on("console", self.heard)
        self.page.on("pageerror", lambda error: self.note(f"error: {error}"))
        self.page.on("request", lambda request: request.url.startswith((base, "data:", "blob:")) or self.note(f"loads {request.url}"))
        self.page.on("dialog", lambda dialog: self.note("a dialog of the browser opens"))
        self.page.add_init_script(WATCH)

    def note(self, what):
        self.wrong.append(f"{self.name}: {what}")

    def heard(self, message):
        if not (self.expected and re.search(self.expected, message.text)):
            self.note(f"console: {message.text}")

    def need(self, what, holds):
        if not holds:
            self.note(f"not so: {what}")

    def go(self, place):
        self.page.goto(f"{self.base}/#/{place}")

    def look(self, what):
        """A picture, the width, and the audit of what is shown."""
        page = self.page
        page.wait_for_timeout(400)
        if self.shots:
            page.screenshot(path=self.shots / f"{self.name}-{what}.png", full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth")
        self.need(f"{what} fits the screen ({wide} wide)", wide <= self.width)
        self.need(f"{what} holds no foreign element", page.locator("main img:not([src='assets/icon.svg']), main script, main b, main iframe").count() == 0)
        self.need(f"{what} has one main heading", page.locator("h1").count() == 1)
        page.evaluate(self.axe)
        for found in page.evaluate("(rules) => axe.run({ runOnly: rules }).then((all) => all.violations)", RULES):
            if found["impact"] in ("serious", "critical"):
                self.note(f"{what}: {found['id']}: {found['help']}: {found['nodes'][0]['html'][:200]}")

    def state(self, *names):
        """Waits for a job to be in one of these states, as the page says it."""
        states = ", ".join(f".job .pill[data-state={name}]" for name in names)
        self.page.wait_for_selector(states, timeout=180000)

    def tab(self, name):
        self.page.locator("nav.tabs a", has_text=name).click()


def samples(visit):
    """From nothing to the evidence of an entity, by mouse and by keyboard; every table can be taken away."""
    page = visit.page
    visit.go("")
    page.wait_for_selector("text=No jobs yet")
    visit.look("empty")
    page.click("text=Run the samples")
    visit.state("complete")
    visit.tab("Findings")
    page.wait_for_selector("svg.graph .node")
    visit.look("findings")
    visit.need("the list holds what the picture holds", page.locator(".names").first.locator("li").count() == page.locator("svg.graph .node").count())
    # One stop for Tab, arrows from one to the next, Enter opens, and the focus goes to what opened.
    first = page.locator("svg.graph .node[tabindex='0']")
    visit.need("the picture is one stop for Tab", first.count() == 1)
    first.focus()
    before = page.evaluate("document.activeElement.dataset.id")
    for key in ("ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
        if page.evaluate("document.activeElement.dataset.id") != before:
            break
    visit.need("an arrow leads to another", page.evaluate("document.activeElement.dataset.id") not in (None, before))
    page.keyboard.press("Enter")
    page.wait_for_selector(".detail .passage")
    visit.need("the focus follows", page.evaluate("document.activeElement.classList.contains('detail')"))
    visit.need("a passage has its quote", page.locator(".detail mark").first.inner_text() != "")
    visit.need("a passage says where", re.search(r" in .*\.\w+", page.locator(".detail .cite").first.inner_text()))
    visit.look("entity")
    page.fill("#find-entity", page.locator(".names .name").first.inner_text())
    visit.need("the search finds it", page.locator(".names").first.locator("li").count() >= 1)
    page.fill("#find-entity", "")
    page.locator("#as-list .halves > div").nth(1).locator("a").first.click()
    page.wait_for_selector(".detail h2 a")
    page.wait_for_selector(".detail .passage")
    page.click("text=Back to all")
    page.wait_for_selector("text=Choose a circle")
    visit.tab("Tables")
    page.wait_for_selector(".tables li")
    visit.look("tables")
    for format in ("Parquet", "Arrow", "JSON Lines", "CSV"):
        with page.expect_download() as download:
            page.click(f"[aria-label='entities as {format}']")
        visit.need(f"entities as {format} is not empty", os.path.getsize(download.value.path()) > 100)
    page.click("[aria-label='Look into entities']")
    page.wait_for_selector("main table tbody tr")
    visit.look("rows")


def sources(visit, root):
    """A folder of the server, then the same again, of which nothing changed; what is not below a root is refused."""
    page = visit.page
    for again in (False, True):
        visit.go("new")
        page.check("input[value=folder]")
        page.get_by_label("Root").select_option(str(root))
        page.get_by_label("Folder below it").fill("spring")
        page.get_by_label("Model").select_option("rules")
        page.click("text=Start the job")
        visit.state("complete")
        visit.need("a job that ended is done", page.get_attribute(".job .bar", "aria-valuenow") == "100")
        visit.tab("Findings")
        page.wait_for_selector("svg.graph .node")
        if again:
            visit.look("unchanged")
        visit.tab("Tables")
        page.wait_for_selector(".tables li")
    visit.expected = "40[03]"
    visit.go("new")
    page.check("input[value=folder]")
    page.get_by_label("Folder below it").fill("../..")
    page.get_by_label("Model").select_option("rules")
    page.click("text=Start the job")
    page.wait_for_selector(".sticky .alert")
    visit.look("refused")


def hand_in(visit, files, model, cap, collection):
    """A new job from files, by the form."""
    page = visit.page
    visit.go("new")
    page.wait_for_selector(f"select option[value='{model}']", state="attached")
    page.check("input[value=upload]")
    page.locator("input[type=file]").first.set_input_files(files)
    page.get_by_label("Keep as the collection").fill(collection)
    page.get_by_label("Model").select_option(model)
    page.get_by_label("Cost cap in dollars").fill(cap)


DROP = """() => {
  const data = new DataTransfer();
  data.items.add(new File(['Ada: one more.'], 'dropped <img src=x onerror=alive()>.txt'));
  document.querySelector('.zone').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def hostile(visit, files):
    """What is said stays text; a failure is asked again."""
    page = visit.page
    hand_in(visit, files, MODEL, "5", "hostile")
    page.evaluate(DROP)
    page.wait_for_selector(f"text={len(files) + 1} files")
    visit.look("new")
    page.click("text=Preview the plan")
    page.wait_for_selector(".plan dl")
    visit.look("plan")
    page.click("text=Start the job")
    visit.state("failures")
    visit.look("done")
    visit.need("a job that ended is done", page.get_attribute(".job .bar", "aria-valuenow") == "100")
    for pane in ("Progress", "Findings", "Tables", "Failures"):
        visit.tab(pane)
        page.wait_for_timeout(700)
    page.wait_for_selector(".failed li")
    visit.look("failures")
    page.click(".reasons .primary")
    page.wait_for_selector("dialog[open]")
    visit.look("retry")
    page.click("dialog >> text='Ask again'")
    page.wait_for_selector("text=/run 2/")
    visit.state("failures")


def cancel(visit, files, service):
    """A job that takes its time is watched, over a restart of the service too, paused, cancelled, and deleted."""
    page = visit.page
    hand_in(visit, files, MODEL, "20", "long")
    page.click("text=Start the job")
    visit.state("running")
    page.wait_for_selector(".connection[data-state=live]", state="attached")
    page.wait_for_function("() => document.querySelectorAll('.chart:not(.bare)').length >= 2")
    page.wait_for_function("() => Number(document.querySelector('.job .bar').getAttribute('aria-valuenow')) > 0")
    visit.look("running")
    # The page says that nobody answers, comes back by itself, and misses nothing.
    visit.expected = "ERR_CONNECTION_REFUSED|ERR_INCOMPLETE|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET"
    service.stop()
    page.wait_for_selector(".connection[data-state=bad]")
    service.start()
    page.wait_for_selector(".connection[data-state=live]", state="attached")
    visit.state("running")
    before = int(page.get_attribute(".job .bar", "aria-valuenow"))
    page.wait_for_function("(before) => Number(document.querySelector('.job .bar').getAttribute('aria-valuenow')) > before", arg=before)
    visit.expected = None
    page.click("text=Pause")
    visit.state("paused")
    page.click("text=Resume")
    visit.state("running", "queued")
    page.click(".job-top >> text=Cancel")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")
    visit.need("Escape keeps the job", page.locator(".pill[data-state=cancelled]").count() == 0)
    page.click(".job-top >> text=Cancel")
    page.click("dialog >> text=Cancel the job")
    visit.state("cancelled")
    page.click(".job-top >> text=Delete")
    visit.look("delete")
    page.click("dialog >> text=Delete the job")
    page.wait_for_selector(".rows")
    page.wait_for_function("() => !document.querySelector('.row .pill[data-state=cancelled]')")


def screens(visit):
    """The same pages in every theme and size."""
    page = visit.page
    visit.go("")
    page.wait_for_selector(".row")
    visit.look("list")
    page.click("#theme")
    visit.need("the switch changes the theme", page.evaluate("document.documentElement.dataset.theme") == "light")
    page.click("#theme")
    page.click("#theme")
    visit.go("new")
    page.wait_for_selector("form")
    for source in ("folder", "collection", "samples", "upload"):
        page.check(f"input[value={source}]")
        visit.look(f"new-{source}")
    visit.go("")
    page.locator(".row", has=page.locator("[data-state=failures]")).first.locator("a").click()
    for pane, shown in (("Progress", ".facts"), ("Findings", ".graph, .empty"), ("Failures", ".failed li"), ("Tables", ".tables li")):
        visit.tab(pane)
        page.wait_for_selector(shown)
        visit.look(f"job-{pane.lower()}")
    page.goto(f"{visit.base}/docs")
    page.wait_for_selector("table")
    visit.look("docs")
    visit.expected = "404"
    visit.go("jobs/" + "0" * 32)
    page.wait_for_selector(".alert")
    visit.look("absent")


def guarded(visit, token, service):
    """A token is asked for once and kept; a service that goes away is missed, and found again."""
    page = visit.page
    visit.expected = "401|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE"
    visit.go("")
    page.wait_for_selector("dialog input[type=password]")
    visit.look("token")
    page.fill("dialog input", "x" * 20)
    page.click("text=Sign in")
    page.wait_for_selector("text=The service refused that token")
    page.fill("dialog input", token)
    page.click("text=Sign in")
    page.wait_for_selector("text=No jobs yet")
    page.click("text=Run the samples")
    visit.state("complete")
    visit.tab("Tables")
    with page.expect_download() as download:
        page.click("[aria-label='entities as CSV']")
    visit.need("a table comes with a token, too", os.path.getsize(download.value.path()) > 100)
    page.click("#nav-metrics")
    page.wait_for_selector("dialog pre")
    visit.need("the metrics are shown", "weir_jobs" in page.inner_text("dialog pre"))
    page.keyboard.press("Escape")
    service.stop()
    page.wait_for_selector(".connection[data-state=bad]")
    service.start()
    page.wait_for_selector(".connection:not([data-state=bad])", state="attached")


def attempt(flow, visit, *rest):
    """A flow that is stuck is one thing that is wrong; the others go on."""
    try:
        flow(visit, *rest)
    except Error as error:
        visit.note(f"{flow.__name__} is stuck: {' '.join(str(error).split())[:400]}")
        if visit.shots:
            visit.page.screenshot(path=visit.shots / f"{visit.name}-stuck-{flow.__name__}.png", full_page=True)
    visit.expected = None


def axe_source(given, work):
    if given:
        return given.read_text()
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(work / "npm"), "axe-core@4"], check=True)
    return (work / "npm/node_modules/axe-core/axe.min.js").read_text()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("chromium")
    parser.add_argument("weir")
    parser.add_argument("--shots", type=Path)
    parser.add_argument("--axe", type=Path)
    parser.add_argument("--url", help="a service that runs already: only its pages are looked at")
    args = parser.parse_args()
    if args.shots:
        args.shots.mkdir(parents=True, exist_ok=True)
    weir = os.path.abspath(args.weir)
    wrong = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, ExitStack() as stack:
        work = Path(folder)
        axe = axe_source(args.axe, work)
        browser = playwright.chromium.launch(executable_path=args.chromium, args=FLAGS)
        stack.callback(browser.close)

        def visit(base, screen):
            return Visit(browser, base, screen, wrong, axe, args.shots)

        base = args.url
        if not base:
            files = []
            for i in range(40):
                (work / f"talk {i} <img src=x>.txt").write_text(talk(i, 60))
                files.append(work / f"talk {i} <img src=x>.txt")
            (work / "<b onclick=alive()>talk.md").write_text(HOSTILE.format(long="L" * 10000))
            url = stack.enter_context(provider(weir, work, ['on "poison": 400']))
            root = (work / "root").resolve()
            (root / "spring").mkdir(parents=True)
            (root / "spring" / "talk.txt").write_text(talk(99, 30))
            service = Service(weir, work / "open", url, MODEL, roots=[root])
            base = stack.enter_context(service)
            desk = visit(base, SCREENS[0])
            attempt(samples, desk)
            found = desk.page.evaluate(STREAM)
            desk.need(f"streams are read the same wherever they are cut ({found})", found == EVENTS)
            attempt(sources, desk, root)
            attempt(hostile, desk, [work / "<b onclick=alive()>talk.md", work / "talk 0 <img src=x>.txt"])
            attempt(cancel, desk, files, service)
            desk.context.close()
            token = "t" * 32
            closed = Service(weir, work / "closed", url, MODEL, token)
            phone = visit(stack.enter_context(closed), SCREENS[3])
            attempt(guarded, phone, token, closed)
            phone.context.close()
        for screen in SCREENS:
            one = visit(base, screen)
            attempt(screens, one)
            one.context.close()
    print("\n".join(wrong) or f"the dashboard on {len(SCREENS)} screens: nothing wrong")
    return bool(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
