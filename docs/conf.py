"""The site: README, notebooks, and an API page per module; ``make html`` builds it."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import assets

# What the notebooks' kernels inherit; with the first, sliders draw all their pictures.
os.environ |= {"KDUTILS_FRAMES": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
assets.fetch()

project = "Knowledge distillation"
html_title = project
root_doc = "README"
include_patterns = [
    *("README.md", "CONTRIBUTING.md", "*/README.md"),
    *("notebooks/[0-9]*.ipynb", "docs/api/kdutils*"),
]
exclude_patterns = [".*", "build"]
extensions = [
    *("myst_nb", "sphinx.ext.mathjax"),
    *("sphinx.ext.apidoc", "sphinx.ext.autodoc", "sphinx.ext.napoleon"),
]

html_theme = "furo"
html_static_path = ["static", str(assets.FOLDER)]
html_css_files = ["site.css"]
html_copy_source = False
html_show_search_summary = False  # would be fetched, which browsers refuse to pages on disk
html_show_copyright = html_show_sphinx = False
html_theme_options = {"navigation_with_keys": False}  # arrow keys belong to the sliders
mathjax_path = "tex-svg.js"

myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_ipywidgets_js = {"embed.js": {}}

apidoc_modules = [
    {
        "path": "../kdutils",
        "destination": "docs/api",
        "separate_modules": True,
        "module_first": True,
    }
]
autodoc_member_order = "bysource"
add_module_names = False
python_maximum_signature_line_length = 80
napoleon_use_ivar = True

CONTENTS = """
```{toctree}
:hidden:
:glob:
:caption: Notebooks

notebooks/*
```
```{toctree}
:hidden:
:glob:
:caption: More

docs/api/kdutils
CONTRIBUTING
*/README
```
"""


def prepare(app, docname, source):
    """Add the contents to the start page, adapt notebooks, and shorten titles of API pages."""
    if docname == root_doc:
        source[0] += CONTENTS
    elif docname.startswith("notebooks/"):
        notebook = json.loads(source[0])
        for cell in notebook["cells"]:
            if cell["metadata"].get("jupyter", {}).get("source_hidden"):
                cell["metadata"].setdefault("tags", []).append("hide-input")
            if cell["cell_type"] == "markdown":  # anchors are #Glossary in Jupyter, #glossary here
                text = "".join(cell["source"])
                cell["source"] = re.sub(
                    r"(\]\((?!\w+:)[^)\s#]*)(#[^)\s]+)", lambda m: m[1] + m[2].lower(), text
                )
        source[0] = json.dumps(notebook)
    elif docname.startswith("docs/api/"):
        text = re.sub(r"^(\S+) (module|package)$", r"\1", source[0], count=1, flags=re.M)
        source[0] = text.replace(":undoc-members:", ":ignore-module-all:")  # each thing once


def plain(app, what, name, obj, options, lines):
    """Keep the bars of formulas like max |w|, which mean a substitution in a docstring."""
    lines[:] = [re.sub(r"\|(?![^`]*`)", r"\|", line) for line in lines]


def share(app, env, docnames):
    """Spread the notebooks, which sort last, over both processes that read."""
    docnames[:] = docnames[::2] + docnames[1::2]


def open_at_readme(app, exception):
    """Let ``index.html`` show the start page, too."""
    if exception is None and app.builder.format == "html":
        shutil.copy(app.outdir / "README.html", app.outdir / "index.html")


def setup(app):
    app.connect("env-before-read-docs", share)
    app.connect("source-read", prepare)
    app.connect("autodoc-process-docstring", plain)
    app.connect("build-finished", open_at_readme)
