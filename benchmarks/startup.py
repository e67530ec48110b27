"""Start-up of `bench --help` beside `python -c pass`, alternating in one run: at most 8 times as long."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

PAIRS = 15
HELP = [str(Path(sys.executable).with_name("bench")), "--help"]
NOTHING = [sys.executable, "-c", "pass"]


def seconds(command: list[str]) -> float:
    """Wall time of one run of the command."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Prints the median times and the median of the pairwise ratios."""
    for command in (HELP, NOTHING):
        seconds(command)
    pairs = [(seconds(HELP), seconds(NOTHING)) for _ in range(PAIRS)]
    helping, nothing = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"bench --help {helping * 1e3:.0f} ms, python -c pass {nothing * 1e3:.0f} ms: {ratio:.1f} times (at most 8)")


if __name__ == "__main__":
    main()
