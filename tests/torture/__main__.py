"""Try all of it: ``python -m torture`` prints a table and ends with 1 if anything was missed."""

import argparse
import sys
import time

from torture import KINDS, try_kind


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--sample", action="store_true", help="as many as the test tries")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn by lot")
    options = parser.parse_args()
    missed = {}
    print(f"{'kind':26}{'tried':>7}{'found':>7}{'missed':>8}{'seconds':>9}")
    start = time.perf_counter()
    total = 0
    for name in options.kinds:
        began = time.perf_counter()
        tried, missed[name] = try_kind(name, sample=options.sample, seed=options.seed)
        total += tried
        print(_line(name, tried, len(missed[name]), time.perf_counter() - began), flush=True)
    count = sum(map(len, missed.values()))
    print(_line("all", total, count, time.perf_counter() - start))
    for name, lines in missed.items():
        print(*(f"{name}: {line}" for line in lines), sep="\n", end="\n" * bool(lines))
    return int(bool(count))


def _line(name: str, tried: int, missed: int, seconds: float) -> str:
    return f"{name:26}{tried:7,}{tried - missed:7,}{missed:8,}{seconds:9.1f}"


if __name__ == "__main__":
    sys.exit(main())
