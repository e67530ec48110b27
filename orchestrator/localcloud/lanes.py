"""The runners of a cloud: one for each lane of its devices."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock

from orchestrator.localcloud.config import CloudConfig
from orchestrator.localcloud.jobs import Jobs
from orchestrator.localcloud.runner import Runner


class Lanes:
    """Carries out jobs from `start` to `stop`. Call `wake` when there is a new one, from any thread."""

    def __init__(self, config: CloudConfig, jobs: Jobs, make: Callable[[str], Runner]) -> None:
        self._config = config
        self._jobs = jobs
        self._make = make
        self._runners: dict[str, Runner] = {}
        self._lock = Lock()
        self._stopped = False

    def start(self) -> None:
        """Begins, with the jobs that an earlier server left."""
        _make_empty(self._config.scratch)
        self._wake({device.name for device in self._config.devices()} | self._jobs.wanted())

    def wake(self) -> None:
        """There may be a job."""
        self._wake(self._jobs.wanted())

    def _wake(self, devices: Iterable[str]) -> None:
        lanes = {self._config.lane(name) for name in devices}
        with self._lock:
            if self._stopped:
                return
            for lane in lanes - self._runners.keys():
                self._runners[lane] = self._make(lane)
                self._runners[lane].start()
            for lane in lanes:
                self._runners[lane].wake()

    def stop(self) -> None:
        """Ends what is being measured, puts its jobs back into their queues, and returns when all threads are gone."""
        with self._lock:
            self._stopped = True
        for runner in self._runners.values():
            runner.stop()
        for runner in self._runners.values():
            runner.join()


def _make_empty(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
