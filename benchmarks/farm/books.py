"""The books of the simulated cloud: what really happened, whoever says what."""

from collections import Counter
from typing import Any

from farm.jobs import Devices, Job, Lane


def books(devices: Devices, requests: Counter[str]) -> dict[str, Any]:
    """A JSON object; times in seconds by the clock.

    `devices`: jobs, and seconds busy and idle between the device's first job and its last. `jobs`: submitted, over,
    and those whose results were never fetched. `span_s`: from the first submission to the last end. `fetch_delays_s`:
    for each job, how long its results were there before they were fetched. `spans`: each job's device, when it was
    submitted and when it was over (null: not yet). `requests`: by kind.
    """
    jobs = list(devices.by_id.values())
    done = [job for job in jobs if job.ended_at is not None]
    begin = min((job.submitted_at for job in jobs), default=0.0)
    end = max((job.ended_at for job in done if job.ended_at), default=begin)
    delays = [job.fetched_at - job.exists_at for job in jobs if job.exists_at is not None and job.fetched_at]
    return {
        "simulated": True,
        "jobs": {
            "submitted": len(jobs),
            "over": len(done),
            "not_fetched": sum(job.exists_at is not None and job.fetched_at is None for job in jobs),
            "downloads_with_two_jobs": len(jobs) - len(devices.by_download),
        },
        "span_s": end - begin,
        "fetch_delays_s": delays,
        "spans": [[job.device.name, job.submitted_at, job.ended_at] for job in jobs],
        "requests": dict(requests),
        "devices": {name: _device(lane) for name, lane in devices.lanes.items() if lane.done},
    }


def _device(lane: Lane) -> dict[str, float]:
    busy_s = sum(_busy_s(job) for job in lane.done)
    first, last = lane.done[0].begun_at, lane.done[-1].ended_at
    return {"jobs": len(lane.done), "busy_s": busy_s, "idle_s": (last or 0.0) - (first or 0.0) - busy_s}


def _busy_s(job: Job) -> float:
    return (job.ended_at or 0.0) - (job.begun_at or 0.0)
