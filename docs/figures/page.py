"""Take the pictures of the page: page-wide.png and page-narrow.png, beside this file.

    python docs/figures/page.py

serves the page with the bundled model, and uses it in a Chromium of this machine, as tests/web does. About a minute.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from latentopt.space import LatentSpace
from latentopt.web.desk import Desk
from latentopt.web.line import Line
from latentopt.web.page import page
from latentopt.web.server import serve

HERE = Path(__file__).parent
MILLISECONDS = 300_000  # of the slowest step
COLOURS = 128  # of a picture: a third of the bytes, and nobody sees it


def write(tab: Page, wish: str, answer: str | None, text: str) -> None:
    """Choose one wish and, of classes, an answer; and write edits of a text."""
    for box in tab.locator("#wished input:checked").all():
        box.uncheck()
    tab.locator("#wished").get_by_label(wish, exact=True).check()
    tab.locator(f"#wish-{wish}").wait_for()
    if answer is not None:
        tab.locator(f"#wish-{wish}").get_by_label(answer, exact=True).check()
    tab.fill("#text textarea", text)
    tab.click("#write")
    tab.wait_for_function("document.querySelector('#said').textContent.includes('the best candidate')")


def keep(tab: Page, name: str, height: int) -> None:
    """A picture of the page from its top."""
    tab.mouse.move(0, 0)
    tab.evaluate("document.activeElement.blur()")
    tab.wait_for_timeout(1000)  # what fades in is there
    width = tab.viewport_size["width"]  # type: ignore[index]
    shot = tab.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height})
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(COLOURS).save(HERE / f"{name}.png", optimize=True)


def main() -> None:
    """Serve, use, and take the pictures."""
    served = serve(page(Desk(LatentSpace.from_pretrained()), Line().in_background()))
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, width, height, wish, answer, text in (
            ("page-wide", 1280, 800, "sentiment", "positive", "this is the worst coffee I have ever had in my life"),
            ("page-narrow", 390, 1400, "likes", None, "happy to be home after a long week on the road"),
        ):
            tab = browser.new_page(viewport={"width": width, "height": 800})
            tab.set_default_timeout(MILLISECONDS)
            tab.goto(served.url)
            tab.wait_for_selector("#wished input")
            write(tab, wish, answer, text)
            keep(tab, name, height)
            print(name, [edit.get_attribute("data-text") for edit in tab.locator(".edited").all()], file=sys.stderr)
        browser.close()
    served.close()


if __name__ == "__main__":
    main()
