"""A reader's session: JupyterLab in a headless Chromium, Run All, sliders that move."""

import ast
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest

from kdutils.files import ROOT
from kdutils.publish import notebook_paths

pytestmark = pytest.mark.browser
CHROMIUM = next(
    (p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None
)
PATIENCE = 600  # seconds: machines differ tenfold, and a neighbour may keep the cores busy
HAS_RUN = """() => {
    if (document.querySelector('[data-mime-type="application/vnd.jupyter.error"]')) return true;
    const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')];
    return prompts.length > 5 && prompts.every(p => /\\[\\d+\\]/.test(p.textContent)); }"""
HAS_MOVED = "([box, before]) => ![undefined, before].includes(box.querySelector('img')?.src)"


def prepare(notebook):
    """Empty and unfold a copy, and let it train for one epoch: nbval runs all of them."""
    for cell in (c for c in notebook.cells if c.cell_type == "code"):
        cell.outputs, cell.execution_count = [], None  # what shows up later was run in here
        cell.metadata.pop("jupyter", None)  # a folded cell does not show whether it has run
    (cell,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    names = {
        node.id
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and "EPOCHS" in node.id
    }
    for name in sorted(names):
        one = f"dict.fromkeys({name}, 1) if isinstance({name}, dict) else 1"
        cell.source += f"\n{name} = {one}"
    trains = any(".fit(" in c.source for c in notebook.cells if c.cell_type == "code")
    assert names or not trains, "the cell tagged parameters must name the epochs: …EPOCHS…"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab on copies of the notebooks; yields its address."""
    if CHROMIUM is None:
        if os.environ.get("KDUTILS_REQUIRE_BROWSER") == "1":
            pytest.fail("KDUTILS_REQUIRE_BROWSER=1 but no Chromium was found")
        pytest.skip("no Chromium on this machine")
    root = tmp_path_factory.mktemp("with blank")
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    for path in (root / "notebooks").glob("[0-9]*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        prepare(notebook)
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
        "--ServerApp.disable_check_xsrf=True",  # the test itself ends kernels …
        "--KernelManager.shutdown_wait_time=0.2",  # … and none has anything to save
    ]
    if os.geteuid() == 0:
        command.append("--allow-root")
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(root / "config"),
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "passive",
    }
    with open(root / "log", "w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(f"{address}/api", timeout=PATIENCE).close()
            break
        except OSError:
            assert server.poll() is None, (root / "log").read_text()
            assert time.monotonic() < deadline, (root / "log").read_text()
            time.sleep(0.1)
    yield address
    server.terminate()
    server.wait(PATIENCE)


@pytest.fixture(scope="module")
def browser(lab):
    """One context for all notebooks: JupyterLab's scripts are fetched once."""
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
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=options, timeout=PATIENCE * 1000
        )
        context = browser.new_context(viewport={"width": 1300, "height": 6000})
        context.set_default_timeout(PATIENCE * 1000)
        yield context
        browser.close()


def end_kernels(lab):
    """Let no kernel outlive its page: a dozen of them would fill a laptop's memory."""
    with urllib.request.urlopen(f"{lab}/api/sessions", timeout=PATIENCE) as answer:
        sessions = json.load(answer)
    for session in sessions:
        request = urllib.request.Request(f"{lab}/api/sessions/{session['id']}", method="DELETE")
        urllib.request.urlopen(request, timeout=PATIENCE).close()


@pytest.mark.parametrize("path", notebook_paths(), ids=lambda path: path.stem)
def test_run_all_works_and_every_slider_moves_its_picture(lab, browser, path):
    page = browser.new_page()
    page.goto(f"{lab}/lab/tree/notebooks/{path.name}?reset")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(HAS_RUN)
    errors = page.locator('[data-mime-type="application/vnd.jupyter.error"]')
    assert errors.count() == 0, errors.first.inner_text()
    boxes = page.locator(".jp-OutputArea-output .widget-vbox")
    cells = nbformat.read(path, as_version=4).cells
    explorers = sum(c.source.count("Explorer(") for c in cells if c.cell_type == "code")
    moved = 0
    for box in map(boxes.nth, range(explorers)):
        picture = box.locator("img")
        picture.wait_for()
        before = picture.get_attribute("src")
        handles = box.locator(".noUi-handle")
        if handles.count():  # a menu has none
            handles.first.press("ArrowRight")
            page.wait_for_function(HAS_MOVED, arg=[box.element_handle(), before])
            moved += 1
        assert picture.count() == 1  # replaced in place, not drawn below
    assert moved
    assert errors.count() == 0, errors.first.inner_text()
    if folder := os.environ.get("KDUTILS_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{path.stem}.png")
    page.close()
    end_kernels(lab)
