"""A lane's lease: one thread that takes its jobs one by one, has them measured, and publishes their results."""

import logging
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from orchestrator.localcloud.blobs import Blob, BlobStore
from orchestrator.localcloud.config import CloudConfig
from orchestrator.localcloud.jobs import Jobs, Lease, Result
from orchestrator.localcloud.links import Links
from orchestrator.localcloud.refusal import Refusal
from orchestrator.localcloud.worker import WorkOrder
from orchestrator.protocol.bundle import Bundle, read_bundle
from orchestrator.protocol.results import read_results
from orchestrator.protocol.unreadable import Unreadable, UnsafeArchive

LOG = logging.getLogger(__name__)
AGAIN_S = 1.0  # the pause after a fault of the database, the disk or ourselves


class Unmeasurable(Exception):
    """A job that ends without results, and why."""


class Runner:
    """Carries out a lane's jobs in a thread of its own, until it was stopped. Call `wake` when there is a new one."""

    def __init__(
        self, lane: str, config: CloudConfig, jobs: Jobs, store: BlobStore, links: Links, *, tidy: Callable[[], None]
    ) -> None:
        self._lane = lane
        self._config = config
        self._jobs = jobs
        self._store = store
        self._links = links
        self._tidy = tidy
        self._scratch = config.scratch
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._lingering: deque[tuple[float, str]] = deque()  # when each ends, and the job
        self._thread = threading.Thread(target=self._serve, name=f"lease of {lane}")

    def start(self) -> None:
        """Begins, with the jobs that an earlier server left."""
        self._thread.start()

    def wake(self) -> None:
        """There may be a job."""
        self._wake.set()

    def stop(self) -> None:
        """Has what is being measured ended and its job put back into the queue."""
        self._stop.set()
        self._wake.set()

    def join(self) -> None:
        """Returns when the thread is gone."""
        self._thread.join()

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                self._lingering.clear()
                self._jobs.recover(self._devices())
                self._tidy()
                self._work()
            except Exception:  # this thread is all there is between a fault and jobs that wait for ever
                LOG.exception("the job queue failed and begins again")
                self._stop.wait(AGAIN_S)

    def _work(self) -> None:
        while not self._stop.is_set():
            self._end_lingering()
            lease = self._jobs.take(self._devices())
            if lease is None:
                self._wake.wait(self._until_next_end())
                self._wake.clear()
            else:
                self._carry_out(lease)
                self._tidy()

    def _devices(self) -> list[str]:
        """Those of this lane that have jobs."""
        return [name for name in self._jobs.wanted() if self._config.lane(name) == self._lane]

    def _carry_out(self, lease: Lease) -> None:
        scratch = self._scratch / lease.job_id
        scratch.mkdir()
        try:
            self._measure_and_publish(lease, scratch)
        except Unmeasurable as error:
            LOG.warning("job %s ends without results: %s", lease.job_id, error)
            self._jobs.complete(lease.job_id, "ERRORED")
        finally:
            shutil.rmtree(scratch, ignore_errors=True)  # what cannot go now goes at the next start

    def _measure_and_publish(self, lease: Lease, scratch: Path) -> None:
        bundle = self._unpack(lease, scratch / "bundle")
        download_id = self._download_of(bundle)
        self._jobs.running(lease.job_id)
        results = self._execute(lease, bundle, scratch / "work")
        if results is None:
            self._jobs.give_back(lease.job_id)
            return
        verdict = _verdict(results, scratch / "results")
        blob = self._keep(results)
        self._jobs.publish(lease.job_id, download_id, blob, verdict)
        self._let_go(lease)

    def _unpack(self, lease: Lease, into: Path) -> Bundle:
        if lease.bundle_id is None:
            message = "its bundle is gone"
            raise Unmeasurable(message)
        try:
            bundle = read_bundle(self._store.path(lease.bundle_id), into, max_bytes=self._config.max_upload_bytes)
        except (UnsafeArchive, Unreadable) as error:
            message = f"its bundle cannot be used: {error}"
            raise Unmeasurable(message) from error
        if lease.platform == "IOS" and not bundle.ios:
            message = "its bundle lacks the test package that IOS demands"
            raise Unmeasurable(message)
        return bundle

    def _download_of(self, bundle: Bundle) -> str:
        try:
            return self._links.download_of(bundle.downloads_url)
        except Refusal as error:
            message = f"its results have nowhere to go: {error}"
            raise Unmeasurable(message) from None

    def _execute(self, lease: Lease, bundle: Bundle, scratch: Path) -> Path | None:
        """The results, or None where the server was stopped meanwhile. Whatever goes wrong is the job's end alone."""
        order = WorkOrder(
            device_name=lease.device_name,
            model_path=_set_apart(bundle, scratch.with_name("model")),
            params=bundle.params,
            timeout_s=self._config.job_timeout_s,
        )
        scratch.mkdir()
        try:
            results = self._config.execute(order, scratch, stop=self._stop)
        except Exception as error:
            if self._stop.is_set():
                return None
            LOG.exception("job %s could not be measured", lease.job_id)
            message = f"the measurement failed: {type(error).__name__}"
            raise Unmeasurable(message) from error
        return None if self._stop.is_set() else results

    def _keep(self, results: Path) -> Blob:
        try:
            return self._store.keep(results, limit_bytes=self._config.max_upload_bytes)
        except Refusal as error:
            message = f"its results cannot be kept: {error}"
            raise Unmeasurable(message) from error

    def _let_go(self, lease: Lease) -> None:
        """An IOS device takes its time after its results are there; the lease is free meanwhile."""
        if lease.platform == "IOS":
            self._lingering.append((time.monotonic() + self._config.ios_linger_s, lease.job_id))
        else:
            self._jobs.complete(lease.job_id)

    def _end_lingering(self) -> None:
        while self._lingering and self._lingering[0][0] <= time.monotonic():
            self._jobs.complete(self._lingering[0][1])
            self._lingering.popleft()

    def _until_next_end(self) -> float | None:
        return max(0.0, self._lingering[0][0] - time.monotonic()) if self._lingering else None


def _set_apart(bundle: Bundle, folder: Path) -> Path:
    """Moves the model and its external data to a folder of their own: a model must not read the bundle's secrets."""
    for name, path in {bundle.model_name: bundle.model_path, **bundle.external_files}.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
    return folder / bundle.model_name


def _verdict(results: Path, scratch: Path) -> Result:
    """PASSED where the results hold a latency, which is all that a device farm would know of them."""
    try:
        found = read_results(results, scratch)
    except (UnsafeArchive, Unreadable):
        return "FAILED"
    measured = (found.onnxruntime and found.onnxruntime.wall_clock) or (found.log and found.log.inference_avg_us)
    return "PASSED" if measured else "FAILED"
