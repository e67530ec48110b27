"""A simulated cloud in a process of its own, for the benchmarks that drive `bench` against it."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from farm.fleet import Terms

__all__ = ["KEY", "RunningFarm", "Terms", "running_farm"]

KEY = "simulated-cloud-key"
SERVE = Path(__file__).parent.parent / "serve_farm.py"


@dataclass(frozen=True, kw_only=True)
class RunningFarm:
    """Where it is, and what `bench` needs in its environment."""

    base_url: str
    process_id: int

    @property
    def environment(self) -> dict[str, str]:
        """For `bench`; its plan says `cloud: <base_url>`."""
        return {"EMBEDL_HUB_API_KEY": KEY}

    def books(self) -> Any:
        """What really happened so far: see `books.py`."""
        return self._ask("books")

    def next_night(self) -> None:
        """Another day: the devices' common luck is drawn anew."""
        self._ask("nights", method="POST")

    def _ask(self, what: str, method: str = "GET") -> Any:
        with urllib.request.urlopen(urllib.request.Request(f"{self.base_url}/farm/{what}", method=method)) as answer:
            return json.loads(answer.read())


@contextmanager
def running_farm(terms: Terms, *, port: int = 0) -> Iterator[RunningFarm]:
    """A cloud on these terms while the block runs; gone when it ends, with all that was on it."""
    given = asdict(terms) | {"run_s": ":".join(map(str, terms.run_s)), "port": port}
    options = [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    with subprocess.Popen(
        [sys.executable, str(SERVE), *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, "the simulated cloud did not start"
        try:
            yield RunningFarm(base_url=address, process_id=process.pid)
        finally:
            process.communicate()  # the end of its input ends it
