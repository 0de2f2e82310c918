"""Where the project lies, and the one way its files are written: a temporary name, then renamed."""

import glob
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# A temporary file that nobody has written to for so many seconds belongs to a killed writer.
STALE = 600


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name that becomes ``path`` when the block ends without an error.

    Whoever is killed, and whenever, leaves the old file or the new one, never a torn one. Each
    writer has a name of its own, ``<name>.<16 hex digits>.part``, so that two writers of one file
    do not meet; the last one wins.

    Args:
        path: the file to write; its folder is made if need be.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path)
    # Made by the writer and not by tempfile, whose files only their owner can read.
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    try:
        yield part
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def sweep(path: Path, idle: float = STALE) -> None:
    """Remove the temporary files that killed writers of ``path`` left behind.

    Args:
        path: the file that they wanted to write.
        idle: seconds since the last write to them; 0 where a lock keeps all other writers out.
    """
    for part in path.parent.glob(f"{glob.escape(path.name)}.{'[0-9a-f]' * 16}.part"):
        with suppress(FileNotFoundError):  # another start was faster
            if time.time() - part.stat().st_mtime >= idle:
                part.unlink()
