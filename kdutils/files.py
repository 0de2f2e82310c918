"""Where the project lies, and the one way its files are written: a temporary name, then renamed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name that becomes ``path`` when the block ends without an error.

    Whoever is killed, and whenever, leaves the old file or the new one, never a torn one.

    Args:
        path: the file to write; its folder is made if need be.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        yield part
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
