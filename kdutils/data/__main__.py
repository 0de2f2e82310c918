"""Download and prepare full data sets: ``python -m kdutils.data mnist cifar10 svhn10k svhn``."""

import argparse
import sys
from pathlib import Path

from kdutils.data.download import download
from kdutils.data.prepared import SOURCES
from kdutils.files import ROOT


def main(arguments: list[str] | None = None) -> int:
    """Download the data sets named on the command line; return 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m kdutils.data", description=main.__doc__)
    parser.add_argument("names", nargs="+", choices=list(SOURCES), metavar="NAME")
    parser.add_argument("--folder", type=Path, default=ROOT / "data")
    options = parser.parse_args(arguments)
    failed = False
    for name in options.names:
        try:
            print(f"{name}: {download(name, options.folder)}")
        except (RuntimeError, ValueError) as error:
            print(error, file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
