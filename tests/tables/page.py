"""Opens exported HTML pages in headless Chromium and uses them as people do: search, choose, follow, go back.

    pip install playwright
    python tests/tables/page.py CHROMIUM WEIR [--shots DIR]

CHROMIUM is the browser's binary (apt install chromium), WEIR that of weir. Makes two graphs, one of the sample
transcripts and one where everything that is said tries to be markup, and fails if the console says anything, if
something is loaded, if markup comes to life, or if the page is wider than a phone. --shots keeps pictures to look at.
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
HOSTILE = """---
title: "</script><script>alive()</script>"
---
**Eve <img src=x onerror=alive()>:** Bob Miller leads the Harbour Trust of Greendale. </script><script>alive()</script>
**Ann:** Carla Diaz <b onclick="alive()"> founded the Tide Mill Trust & "Sons", <!-- she said.
"""
SCREENS = [("light", 1280, 900), ("dark", 1280, 900), ("light", 390, 844), ("dark", 390, 844)]


def export(weir, work, name, arguments):
    """A page of a fresh run."""
    state, out, page = work / f"{name}-state", work / f"{name}-out", work / f"{name}.html"
    run = [weir, "run", "knowledge-graph", "--quiet", "--state", str(state), "-o", str(out), *arguments]
    subprocess.run(run, check=True)
    subprocess.run([weir, "export", "-o", str(out), "--format", "html", "--to", str(page)], check=True)
    return page


def use(browser, page_file, scheme, width, height, shots):
    """Goes through a page; gives what is wrong with it."""
    wrong = []
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
    page = context.new_page()
    page.on("console", lambda message: wrong.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("request", lambda request: request.url.startswith(("file:", "data:")) or wrong.append(f"loads {request.url}"))
    page.on("dialog", lambda dialog: wrong.append("a dialog opens"))
    page.add_init_script("window.alive = () => { console.error('markup is alive'); }")
    page.goto(page_file.as_uri())

    def picture(name):
        if shots:
            page.screenshot(path=shots / f"{page_file.stem}-{scheme}-{width}-{name}.png", full_page=True)

    def need(what, holds):
        if not holds:
            wrong.append(what)

    data = json.loads(page.inner_text("#data") or page.evaluate("document.getElementById('data').textContent"))
    need("circles are drawn", page.locator("#picture circle").count() > 1)
    picture("all")
    name, related = next((row, n) for n, (row, _) in enumerate(data["nodes"])
                         if any(n in edge[:2] for edge in data["edges"]))
    page.fill("#search", name[0])
    need("the search finds it", page.locator("#list button").first.inner_text().startswith(name[0]))
    # By keyboard alone: from the search over the kind to the first of the list.
    page.focus("#search")
    for _ in range(2):
        page.keyboard.press("Tab")
    if page.evaluate("document.activeElement.id") == "list":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("location.hash.startsWith('#e')")
    need("the chosen one is shown", page.inner_text("#who") == data["nodes"][related][0][0])
    need("the focus follows", page.evaluate("document.activeElement.id") == "detail")
    need("its relations have quotes", page.locator("#what blockquote").count() > 0)
    need("its quotes say who", page.locator("#what cite").first.inner_text() != "")
    picture("chosen")
    page.locator("#what button.link").first.click()
    page.wait_for_timeout(50)
    need("a link leads on", page.inner_text("#who") != data["nodes"][related][0][0])
    page.go_back()
    page.wait_for_timeout(50)
    need("back leads back", page.inner_text("#who") == data["nodes"][related][0][0])
    need("nothing is wider than the screen", page.evaluate("document.documentElement.scrollWidth") <= width)
    need("no foreign element", page.locator("img, #what script, #what b, header script").count() == 0)
    context.close()
    return [f"{page_file.name}, {scheme}, {width} wide: {what}" for what in wrong]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("chromium")
    parser.add_argument("weir")
    parser.add_argument("--shots", type=Path)
    args = parser.parse_args()
    if args.shots:
        args.shots.mkdir(parents=True, exist_ok=True)
    weir = os.path.abspath(args.weir)
    wrong = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        work = Path(folder)
        (work / "hostile").mkdir()
        (work / "hostile" / "talk.md").write_text(HOSTILE)
        pages = [export(weir, work, "samples", []), export(weir, work, "hostile-words", ["-i", str(work / "hostile")])]
        browser = playwright.chromium.launch(executable_path=args.chromium, args=FLAGS)
        for page in pages:
            for scheme, width, height in SCREENS:
                wrong += use(browser, page, scheme, width, height, args.shots)
        browser.close()
    print("\n".join(wrong) or f"{len(pages)} pages on {len(SCREENS)} screens: nothing wrong")
    return bool(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
