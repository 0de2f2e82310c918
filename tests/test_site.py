"""The site as a reader opens it: from disk, without a network and without a kernel."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest

from kdutils.files import ROOT

pytestmark = pytest.mark.browser
CHROMIUM = next(
    (p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None
)
LONG = 600_000  # milliseconds; machines differ tenfold
RUN = "02_distillation_beats_baseline"  # the one real notebook that is run here
SMALL = """
from ipywidgets import Dropdown, FloatSlider, IntSlider
import matplotlib.pyplot as plt
from kdutils.widgets import Explorer

def draw(**values):
    figure = plt.figure(figsize=(2, 1))
    figure.suptitle(str(values))
    return figure

display(Explorer(draw, x=FloatSlider(value=0, min=-1, max=1, step=0.5, description="x")))
Explorer(draw, word=Dropdown(options=["one", "two"]), n=IntSlider(min=0, max=3))
"""
# Every widget that the page stores is there, and every Explorer has its picture.
SHOWN = """() => {
  const stored = document.querySelectorAll('script[type$="widget-view+json"]');
  const shown = [...document.querySelectorAll('.jupyter-widgets')].filter(
    widget => !widget.parentElement.closest('.jupyter-widgets'));
  return shown.length === stored.length &&
    shown.every(widget => !widget.matches('.widget-vbox') || widget.querySelector('img'));
}"""


def build(root):
    """Build the site of a copy of the project, with two notebooks run; return its folder."""
    for name in ("docs", "notebooks"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("api"))
    for path in [*ROOT.glob("[!.]*"), *ROOT.glob("*/README.md")]:
        if path.is_file():
            (root / path.relative_to(ROOT)).parent.mkdir(exist_ok=True)
            shutil.copy(path, root / path.relative_to(ROOT))
    (root / "kdutils").symlink_to(ROOT / "kdutils")
    hidden = nbformat.v4.new_code_cell(SMALL, metadata={"jupyter": {"source_hidden": True}})
    text = nbformat.v4.new_markdown_cell("# 99 · Small\n\nThe loss is $T^2$.\n\n$$\\frac{1}{2}$$")
    nbformat.write(
        nbformat.v4.new_notebook(cells=[text, hidden]), root / "notebooks/99_small.ipynb"
    )
    for path in (root / "notebooks").glob("[0-9]*.ipynb"):
        if path.stem not in (RUN, "99_small"):  # shown as they are stored
            notebook = nbformat.read(path, as_version=4)
            notebook.metadata["mystnb"] = {"execution_mode": "off"}
            nbformat.write(notebook, path)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs"]
    result = subprocess.run([*command, ".", "site"], cwd=root, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return root / "site"


def see(browser, address):
    """Open a page; return it with what it asked for and what it complained about."""
    page = browser.new_page()
    page.set_default_timeout(LONG)
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(address)
    return page, asked, said


def move_all_sliders(page):
    """Move every control by keyboard and wait for another picture; return their number."""
    page.wait_for_function(SHOWN)
    boxes = page.locator(".widget-vbox", has=page.locator("img"))
    controls = 0
    for i in range(boxes.count()):
        box = boxes.nth(i)
        for control in box.locator(".noUi-handle, select").all():
            before = box.locator("img").get_attribute("src")
            control.press("ArrowRight" if control.get_attribute("role") else "ArrowDown")
            moved = "([box, src]) => ![undefined, src].includes(box.querySelector('img')?.src)"
            page.wait_for_function(moved, arg=[box.element_handle(), before])
            assert box.locator("img").count() == 1
            controls += 1
    return controls


def test_the_site_works_from_disk_without_network_and_kernel(tmp_path):
    if CHROMIUM is None:
        if os.environ.get("KDUTILS_REQUIRE_BROWSER") == "1":
            pytest.fail("KDUTILS_REQUIRE_BROWSER=1 but no Chromium was found")
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    root = tmp_path / "with blank"
    root.mkdir()
    site = build(root)
    pages = sorted(site.rglob("*.html"))
    assert {"index", "search", RUN, "99_small", "kdutils.losses"} <= {page.stem for page in pages}
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        for path in pages:
            page, asked, said = see(browser, path.as_uri())
            assert all(url.startswith(("file:", "data:", "blob:")) for url in asked), asked
            if path.stem in (RUN, "99_small"):
                moved = move_all_sliders(page)
                assert moved == 3 if path.stem == "99_small" else moved >= 1
                page.locator("mjx-container svg").first.wait_for()
            broken = "[...document.images].filter(i => !(i.complete && i.naturalWidth)).length"
            page.wait_for_function(f"!({broken})")
            assert said == [], path
            page.close()
        page, _, said = see(browser, (site / "search.html").as_uri() + "?q=distillation")
        page.locator("#search-results li a", has_text="02 ·").wait_for()
        assert said == []
        browser.close()
    small = (site / "notebooks" / "99_small.html").read_text()
    assert "<details" in small.split("ipywidgets import")[0]  # folded as in JupyterLab
