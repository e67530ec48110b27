"""Conversions of a run: journalled with it, each moved on by one process alone."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from orchestrator.domain.conversion import ConvertedModel, Converter, Difference, OutputDifference
from orchestrator.domain.journal import JobState, RunEntry, SavedArtifact
from orchestrator.domain.outcome import Failed, FailureKind
from orchestrator.history.journal import Superseded, open_journal

MakeRun = Callable[..., RunEntry]


def converting(entry: RunEntry, **change: object) -> RunEntry:
    """The run with its first model converted for its first device."""
    model, device = entry.models[0], entry.devices[0]
    output = OutputDifference(name="y", absolute=1e-6, relative=1e-7, cosine=1.0)
    converted = ConvertedModel(
        name=model.name,
        devices=(device.name,),
        converter=Converter(tool="onnx2tf", version="2.6.9", options=("-v", "error")),
        source_sha256=model.sha256,
        source_size_bytes=model.size_bytes,
        model=model,
        seconds=1.5,
        made_at=datetime(2026, 1, 2, tzinfo=UTC),
        difference=Difference(outputs=(output,)),
    )
    return replace(entry, converted=(replace(converted, **change),))  # type: ignore[arg-type]


def test_they_come_back_as_they_were_and_move_on_once(database_url: str, run_entry: MakeRun) -> None:
    entry = converting(run_entry())

    async def walk() -> None:
        async with open_journal(database_url) as journal:
            await journal.begin(entry)
            assert await journal.run(entry.run.id) == entry
            (first,) = (await journal.compiles.of_run(entry.run.id)).values()
            assert (first.model, first.state) == (entry.models[0].name, JobState.CONCLUDED)
            artifact = SavedArtifact(file="m.tflite", artifact_id="a", uploaded=True)
            wanted = replace(first, state=JobState.LOGGED, hub_run_id="h", artifacts=(artifact,))
            moved = await journal.compiles.move(wanted)
            assert await journal.compiles.of_run(entry.run.id) == {first.model: moved}
            assert await journal.compiles.move(wanted) == moved  # once more, after an outage
            with pytest.raises(Superseded):
                await journal.compiles.move(replace(first, state=JobState.LOGGED, hub_run_id="another"))
            assert await journal.compiles.of_run("no such run") == {}

    asyncio.run(walk())


def test_jobs_without_a_file_to_measure_are_over_before_they_begin(database_url: str, run_entry: MakeRun) -> None:
    entry = converting(run_entry(), failure="it differs", model=None)

    async def walk() -> None:
        async with open_journal(database_url) as journal:
            await journal.begin(entry)
            jobs = await journal.jobs(entry.run.id)
        (converted,) = entry.converted
        for job in jobs:
            is_over = converted.serves(job.key.cell)
            assert job.state is (JobState.DONE if is_over else JobState.PLANNED)
            assert job.outcome == (Failed(kind=FailureKind.CONVERSION, reason="it differs") if is_over else None)
        assert 0 < sum(job.state is JobState.DONE for job in jobs) < len(jobs)

    asyncio.run(walk())
