"""A reader's session: JupyterLab in a headless Chromium, Run All, sliders that move."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest

from kdutils.data import ROOT
from kdutils.publish import notebook_paths

pytestmark = pytest.mark.browser
CHROMIUM = next(
    (p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab on copies of the notebooks; yields its address."""
    if CHROMIUM is None:
        if os.environ.get("KDUTILS_REQUIRE_BROWSER") == "1":
            pytest.fail("KDUTILS_REQUIRE_BROWSER=1 but no Chromium was found")
        pytest.skip("no Chromium on this machine")
    root = tmp_path_factory.mktemp("with blank")
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    for path in (root / "notebooks").glob("*.ipynb"):  # what shows up later was run in here
        notebook = nbformat.read(path, as_version=4)
        for cell in (c for c in notebook.cells if c.cell_type == "code"):
            cell.outputs, cell.execution_count = [], None
        nbformat.write(notebook, path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={root}",
        "--LabApp.news_url=",
        "--ServerApp.port_retries=0",
    ]
    if os.geteuid() == 0:
        command.append("--allow-root")
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(root / "config"), "OMP_NUM_THREADS": "1"}
    with open(root / "log", "w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    address = f"http://127.0.0.1:{port}"
    for _ in range(120):
        try:
            urllib.request.urlopen(f"{address}/api", timeout=2).close()
            break
        except OSError:
            assert server.poll() is None, (root / "log").read_text()
            time.sleep(0.5)
    yield address
    server.terminate()
    server.wait(20)


@pytest.fixture(scope="module")
def browser(lab):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.mark.parametrize("path", notebook_paths(), ids=lambda path: path.stem)
def test_run_all_works_and_every_slider_moves_its_picture(lab, browser, path):
    page = browser.new_page(viewport={"width": 1300, "height": 6000})
    page.goto(f"{lab}/lab/tree/notebooks/{path.name}?reset")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(
        """() => { const p = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')];
                   return p.length > 5 && p.every(e => /\\[\\d+\\]/.test(e.textContent)); }""",
        timeout=120_000,
    )
    assert page.locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0
    boxes = page.locator(".jp-OutputArea-output .widget-vbox", has=page.locator(".noUi-handle"))
    assert boxes.count() >= 1
    for i in range(boxes.count()):
        box = boxes.nth(i)
        picture = box.locator("img")
        picture.wait_for()
        before = picture.get_attribute("src")
        box.locator(".noUi-handle").first.focus()
        box.locator(".noUi-handle").first.press("ArrowRight")
        moved = "(args) => ![undefined, args[1]].includes(args[0].querySelector('img')?.src)"
        page.wait_for_function(moved, arg=[box.element_handle(), before], timeout=20_000)
        assert picture.count() == 1  # replaced in place, not drawn below
    if folder := os.environ.get("KDUTILS_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{path.stem}.png")
    page.close()
