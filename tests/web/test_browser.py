"""The page in a real browser, used as a person would: Playwright with a Chromium of this machine."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from latentopt.web.maps import Part
from tests.toy import toy_texts

pytest.importorskip("gradio", reason="the page needs Gradio: pip install 'latentopt[app]'")
playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium: apt-get install chromium")

TEXT = "@anna sells warm bread in winter"
OTHER = "her brother paints small boats"
SECONDS = 120_000  # milliseconds, of the slowest step on a busy machine
SIZES = {"wide": (1280, 900), "narrow": (390, 844)}
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(params=SIZES)
def tab(request, browser, served):
    """The page, opened at a size; requests to other hosts, errors of its scripts and what is too wide fail it."""
    width, height = SIZES[request.param]
    context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened = context.new_page()
    opened.set_default_timeout(SECONDS)
    elsewhere, broken = [], []

    def asked(route):
        if urlsplit(route.request.url).hostname != "127.0.0.1":
            elsewhere.append(route.request.url)
            return route.abort()
        return route.continue_()

    opened.route(lambda url: url.startswith("http"), asked)
    opened.on("pageerror", lambda error: broken.append(str(error)))
    opened.on("console", lambda said: broken.append(said.text) if said.type == "error" else None)
    opened.goto(served.url)
    opened.wait_for_selector("#text textarea")
    yield opened
    beyond = opened.evaluate("document.documentElement.scrollWidth") - width
    context.close()
    assert elsewhere == []
    assert broken == []
    assert beyond <= 0, f"the page is {beyond} pixels wider than the screen"


def write(tab, text=TEXT):
    tab.fill("#text textarea", text)
    tab.click("#write")
    tab.wait_for_function("document.querySelector('#said').textContent.includes('For your text')")
    tab.wait_for_function("!document.querySelector('#said').textContent.includes('Looking for')")


def go(tab, name):
    """Open a tab."""
    tab.get_by_role("tab", name=name, exact=True).click()


def shown(tab, selector):
    return tab.locator(selector).inner_text().strip()


def findings(tab):
    """What axe-core finds serious."""
    axe = pytest.importorskip("axe_playwright_python", reason="needs axe-core: pip install axe-playwright-python")
    tab.evaluate(next(Path(axe.__file__).parent.rglob("axe.min.js")).read_text())
    found = tab.evaluate("axe.run()")["violations"]
    return [(rule["id"], node["html"][:200]) for rule in found if rule["impact"] in SERIOUS for node in rule["nodes"]]


def test_edits_are_written_taken_undone_copied_and_downloaded(tab, tmp_path):
    write(tab)
    first = tab.get_attribute("#edit-0 .edited", "data-text")
    assert first != TEXT
    assert "@anna" in first
    new, gone = Counter(first.split()) - Counter(TEXT.split()), Counter(TEXT.split()) - Counter(first.split())
    assert (tab.locator("#edit-0 mark").count() > 0) == bool(new)
    assert (tab.locator("#edit-0 del").count() > 0) == bool(gone)
    said = tab.locator("#edit-0 .edited .aloud")  # to screen readers alone: no pixel is in sight
    assert ("(gone: " in "".join(said.all_inner_texts())) == bool(gone)
    assert {*said.evaluate_all("all => all.map(said => getComputedStyle(said).clipPath)")} <= {"inset(50%)"}
    assert "likes" in shown(tab, "#edit-0 .value")
    assert tab.locator("#edit-0 svg.bar").is_visible()
    assert "meaning kept" in shown(tab, "#edit-0")
    assert findings(tab) == []

    tab.click("#copy-0")
    tab.wait_for_function("document.querySelector('#said').textContent.includes('Copied')")
    assert tab.evaluate("navigator.clipboard.readText()") == first

    with tab.expect_download() as waiting:
        tab.click("#download")
    kept = tmp_path / "edits.csv"
    waiting.value.save_as(kept)
    assert kept.read_text().splitlines()[0].startswith('"row","source","status","reason","likes before"')
    assert first in kept.read_text()

    tab.click("#take-0")
    tab.wait_for_function("document.querySelector('#said').textContent.includes('your text now')")
    assert tab.input_value("#text textarea") == first
    tab.click("#undo")
    tab.wait_for_function("document.querySelector('#said').textContent.includes('Undone')")
    assert tab.input_value("#text textarea") == TEXT


def endless(desk):
    """A step that nothing but a stop ends while a test waits."""
    for _ in range(50_000):
        desk.space.encode([TEXT])


def test_edits_are_stopped_in_the_midst_of_a_step(tab, desk, monkeypatch):
    edits = desk.edits

    def no_second(asked, text):
        yield next(edits(asked, text))
        endless(desk)

    monkeypatch.setattr(desk, "edits", no_second)
    tab.fill("#text textarea", TEXT)
    tab.click("#write")
    tab.wait_for_function("document.querySelector('#said').textContent.includes('Looking for')")
    tab.click("#stop")
    tab.wait_for_function("document.querySelector('#said').textContent.includes('Stopped. ')")
    assert tab.locator("#edit-0 .edited").is_visible()
    monkeypatch.undo()
    write(tab)


def test_chips_say_what_the_text_has(tab):
    tab.fill("#text textarea", "@anna bakes #bread")
    tab.locator("#text textarea").blur()
    tab.get_by_label("mentions: @anna").wait_for()
    assert tab.get_by_label("hashtags: #bread").is_checked()


def test_a_page_without_a_wish_says_what_to_do(tab):
    tab.fill("#text textarea", TEXT)
    tab.locator("#wished").get_by_label("likes").uncheck()
    tab.get_by_label("number input for likes").wait_for(state="detached")
    tab.click("#write")
    tab.wait_for_function("document.querySelector('#said').textContent.includes('choose what shall change')")


def test_what_is_chosen_has_a_control_and_is_asked_for(tab):
    tab.fill("#text textarea", TEXT)
    tab.locator("#wished").get_by_label("likes").uncheck()
    tab.locator("#wished").get_by_label("tone").check()
    tab.locator("#wished").get_by_label("brisk").check()
    tab.get_by_label("number input for brisk").wait_for()
    tab.click("#write")
    tab.wait_for_function("document.querySelector('#said').textContent.includes('none is chosen')")
    tab.locator("#wish-tone").get_by_label("warm").check()
    tab.click("#write")
    tab.wait_for_function("document.querySelector('#said').textContent.includes('For your text')")
    said = shown(tab, "#said")
    assert "tone=warm" in said
    assert "likes" not in said
    tab.wait_for_function("document.querySelector('#edit-0')?.textContent.includes('brisk')")


def test_an_edit_has_any_length_unless_one_is_named(tab):
    tab.get_by_role("button", name="More").click()
    tab.locator("#length input").wait_for()
    write(tab)
    assert tab.locator("#edit-0 .edited").is_visible()


def test_the_keyboard_alone_will_do(tab):
    tab.focus("#text textarea")
    tab.keyboard.type(TEXT)
    for _ in range(60):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.id") == "write":
            break
    assert tab.evaluate("document.activeElement.id") == "write"
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#edit-0 .edited")
    assert tab.get_attribute("#said", "aria-live") == "polite"


def test_the_map_shows_texts_and_ones_own_path(tab, tmp_path):
    write(tab)
    tab.click("#take-0")
    go(tab, "Map")
    tab.click("#draw")
    tab.wait_for_selector("#map-plot .scatterlayer .point")
    assert tab.locator("#map-plot .scatterlayer .point").count() == 40 + 2  # the text, and the edit taken
    assert tab.locator("#near li").count() == 5
    assert findings(tab) == []

    file = tmp_path / "mine.csv"
    file.write_text("post,reads\n" + "".join(f"{text},{i}\n" for i, text in enumerate(toy_texts(12, seed=9))))
    tab.set_input_files("#map-file input[type=file]", file)
    tab.get_by_text("mine.csv").first.wait_for()
    tab.fill("#map-column textarea, #map-column input", "post")
    tab.fill("#map-numbers textarea, #map-numbers input", "reads")
    tab.click("#draw")
    tab.wait_for_function("document.querySelector('#map-said').textContent.includes('12 texts')")
    tab.get_by_text("reads", exact=False).first.wait_for()


def test_a_map_is_stopped_and_drawn_again(tab, desk, monkeypatch, tmp_path):
    def no_second(space, corpus, controls):
        yield Part(space.pooled(space.encode(corpus.frame["text"].tolist()[:10])), {})
        endless(desk)

    monkeypatch.setattr("latentopt.web.handlers.encoded", no_second)
    file = tmp_path / "posts.csv"
    file.write_text("text\n" + "".join(f"{text}\n" for text in toy_texts(30, seed=8)))
    go(tab, "Map")
    tab.set_input_files("#map-file input[type=file]", file)
    tab.get_by_text("posts.csv").first.wait_for()
    tab.click("#draw")
    tab.wait_for_function("document.querySelector('#map-said').textContent.includes('10 of 30')")
    assert tab.locator("#map-said progress").count() == 1
    assert findings(tab) == []
    tab.click("#map-stop")
    tab.wait_for_function("document.querySelector('#map-said').textContent.includes('Stopped.')")
    monkeypatch.undo()
    tab.click("#draw")
    tab.wait_for_function("document.querySelector('#map-said').textContent.includes('30 texts')")


def test_a_sweep_draws_what_is_gained_and_lost(tab):
    tab.fill("#text textarea", TEXT)
    go(tab, "Sweep")
    tab.locator("#sweep-which").get_by_label("brisk").check()
    tab.click("#sweep")
    tab.wait_for_function("document.querySelector('#sweep-said').textContent.includes('Done')")
    tab.wait_for_function("document.querySelectorAll('#sweep-plot .scatterlayer .point').length === 3 * 4")
    assert tab.locator("#sweep-rows tbody tr").count() == 4
    assert findings(tab) == []


def test_the_slider_goes_from_one_text_to_the_other(tab):
    tab.fill("#text textarea", TEXT)
    go(tab, "Between")
    tab.fill("#other textarea", OTHER)
    tab.click("#find")
    tab.wait_for_selector("#way li:nth-child(11)")
    way = tab.locator("#way li").all_inner_texts()
    slider = tab.locator("#place input[type=range]")
    slider.focus()
    slider.press("End")
    tab.wait_for_function("text => document.querySelector('#here').textContent.trim() === text", arg=way[-1].strip())
    assert findings(tab) == []


def test_a_way_is_stopped_and_found_again(tab, desk, monkeypatch):
    monkeypatch.setattr(desk, "between", lambda *_: endless(desk))
    tab.fill("#text textarea", TEXT)
    go(tab, "Between")
    tab.fill("#other textarea", OTHER)
    tab.click("#find")
    tab.wait_for_function("document.querySelector('#between-said').textContent.includes('Writing')")
    tab.click("#between-stop")
    tab.wait_for_function("document.querySelector('#between-said').textContent.includes('Stopped.')")
    monkeypatch.undo()
    tab.click("#find")
    tab.wait_for_selector("#way li:nth-child(11)")


def test_a_file_is_edited_stopped_and_downloaded(tab, tmp_path):
    file = tmp_path / "posts.csv"
    file.write_text("text\n" + "".join(f"{text}\n" for text in toy_texts(30, seed=8)))
    go(tab, "File")
    tab.set_input_files("#file input[type=file]", file)
    tab.get_by_text("posts.csv").first.wait_for()
    tab.click("#edit-all")
    tab.wait_for_function("document.querySelector('#file-said').textContent.includes('2 of 30')")
    assert tab.locator("#file-said progress").count() == 1
    tab.click("#file-stop")
    tab.wait_for_function("document.querySelector('#file-said').textContent.includes('Stopped after')")
    assert tab.locator("#file-said progress").count() == 0
    with tab.expect_download() as waiting:
        tab.click("#file-download")
    kept = tmp_path / "edits.csv"
    waiting.value.save_as(kept)
    assert len(kept.read_text().splitlines()) >= 3
    assert findings(tab) == []


def test_a_file_of_another_kind_is_refused_in_words(tab, tmp_path):
    file = tmp_path / "posts.csv"
    file.write_text("words\nhello there\n")
    go(tab, "File")
    tab.set_input_files("#file input[type=file]", file)
    tab.get_by_text("posts.csv").first.wait_for()
    tab.click("#edit-all")
    tab.wait_for_function("document.querySelector('#file-said .failed')")
    assert "text" in shown(tab, "#file-said")
