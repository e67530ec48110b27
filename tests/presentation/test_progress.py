"""Live progress: what is known of a run while it goes, as lines and as a table."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from orchestrator.domain.cell import Cell
from orchestrator.domain.event import Event, JobEnded, JobMoved, Notice, RunStarted
from orchestrator.domain.job import Attempt, JobKey, JobResult
from orchestrator.domain.measurement import Measurement, Metric
from orchestrator.domain.outcome import Failed, FailureKind, Measured, Skipped
from orchestrator.presentation.progress import board, progress_listener, totals
from orchestrator.presentation.run_state import RunState

START = datetime(2026, 3, 4, 2, 0, 0, tzinfo=UTC)
CELLS = tuple(Cell(model=model, device=device) for device in ("slow", "fast") for model in ("a", "b"))
STARTED = RunStarted(run_id="run-1", cells=CELLS, repeats=2)
OK = Measured(measurement=Measurement(metrics={"latency_p50_ms": Metric(value=4.567, unit="ms")}))


def key(cell: int, repeat: int = 1) -> JobKey:
    return JobKey(cell=CELLS[cell], repeat=repeat)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def moved(job: JobKey, state: str, seconds: float, **more: object) -> JobMoved:
    return JobMoved(key=job, state=state, at=after(seconds), **more)


def ended(job: JobKey, seconds: float, outcome: object = OK) -> JobEnded:
    return JobEnded(result=JobResult(key=job, outcome=outcome), at=after(seconds))


def told(events: list[Event], **options: bool) -> list[str]:
    stream = io.StringIO()
    chosen = {"is_terminal": False, "quiet": False, "verbose": False, **options}
    with progress_listener(stream=stream, now=lambda: START, **chosen) as listen:
        for event in events:
            listen(event)
    return stream.getvalue().splitlines()


def test_lines_one_for_each_change_of_state() -> None:
    job = key(0)
    lines = told(
        [
            STARTED,
            moved(job, "reserved", 0),
            moved(job, "submitted", 1, job_id="j-1"),
            moved(job, "RUNNING", 2),
            moved(job, "RUNNING", 3),
            moved(job, "RUNNING", 4, attempt=2, detail="the device went away"),
            moved(job, "concluded", 5),
            moved(key(1), "concluded", 5, detail="signal 11"),
            ended(job, 5),
            ended(key(1), 6, Failed(kind=FailureKind.MODEL_CRASH, reason="signal 11\nmore")),
            ended(key(2), 7, Skipped(reason="stopped")),
            Notice(text="slow down", at=after(8)),
        ]
    )
    assert [line.replace("\u00a0", " ") for line in lines] == [
        "run run-1: 8 jobs on 2 devices",
        "02:00:01 a on slow #1: submitted",
        "02:00:02 a on slow #1: RUNNING",
        "02:00:04 a on slow #1: RUNNING, attempt 2 (the device went away)",
        "02:00:05 b on slow #1: concluded (signal 11)",
        "02:00:05 [1/8] a on slow #1: ✓ 4.57 ms, about 20.0 s to go",
        "02:00:06 [2/8] b on slow #1: ✕ model_crash: signal 11 more, about 20.0 s to go",
        "02:00:07 [3/8] a on fast #1: ✕ skipped: stopped, about 15.0 s to go",
        "note: slow down",
    ]


def test_verbose_lines_name_the_job_and_quiet_says_nothing() -> None:
    events: list[Event] = [STARTED, moved(key(0), "reserved", 0), moved(key(0), "submitted", 1, job_id="j-1")]
    assert told(events, verbose=True)[1:] == [
        "02:00:00 a on slow #1: reserved",
        "02:00:01 a on slow #1: submitted, job j-1",
    ]
    assert told(events, quiet=True) == []
    assert told(events, quiet=True, is_terminal=True) == []


def test_a_hostile_status_is_one_harmless_line() -> None:
    job = JobKey(cell=Cell(model="[red]m[/]", device="d\x1b[2J\nx"), repeat=1)
    lines = told([moved(job, "RUN\x07\u202eNING\n\n", 1, detail="[link=x]y")])
    assert len(lines) == 1
    assert "[red]m[/]" in lines[0]
    assert "[link=x]y" in lines[0]
    assert not set(lines[0]) & set("\x1b\x07\u202e")


def test_the_expected_time_is_that_of_the_slowest_device() -> None:
    state = RunState(START)
    state.apply(STARTED)
    assert state.remaining_s() is None
    for job, begin, end in ((key(0), 0, 100), (key(2), 0, 10)):
        state.apply(moved(job, "submitted", begin))
        state.apply(ended(job, end))
    assert state.remaining_s() == pytest.approx(300)  # three more of 100 s on the slow device
    assert totals(state, after(100)).replace("\u00a0", " ") == "2 of 8 jobs; 1 min 40 s, about 5 min 00 s to go"


def test_a_device_without_a_finished_job_is_taken_for_average() -> None:
    state = RunState(START)
    state.apply(STARTED)
    state.apply(moved(key(2), "submitted", 0))
    state.apply(ended(key(2), 10))
    assert state.remaining_s() == pytest.approx(40)


def test_what_is_known_of_earlier_runs_is_expected_from_the_start() -> None:
    known = {CELLS[0]: (10.0, 12.0, 50.0), CELLS[1]: (20.0,)}
    state = RunState(START)
    state.apply(replace(STARTED, known_s=known))
    assert state.remaining_s() == pytest.approx(4 * (10 + 12 + 50 + 20) / 4)  # the other device is taken for average
    assert told([replace(STARTED, known_s=known)])[0].replace("\u00a0", " ").endswith(", about 1 min 32 s to go")


def test_a_job_is_expected_to_take_what_its_device_was_busy_with_the_last() -> None:
    """Not what it took in all: it may have waited behind another of ours."""
    state = RunState(START)
    state.apply(replace(STARTED, cells=CELLS[:1]))
    attempt = Attempt(number=1, started_at=START, begun_at=after(60), ended_at=after(70), outcome=OK)
    state.apply(moved(key(0), "submitted", 0))
    state.apply(JobEnded(result=JobResult(key=key(0), outcome=OK, attempts=(attempt,)), at=after(71)))
    assert state.remaining_s() == pytest.approx(10)


def test_all_devices_together_take_as_long_as_the_cloud_lets_them() -> None:
    state = RunState(START)
    state.apply(replace(STARTED, known_s=dict.fromkeys(CELLS, (10.0,)), at_once=1))
    assert state.remaining_s() == pytest.approx(80)


def test_a_resumed_run_expects_only_what_is_left() -> None:
    state = RunState(START)
    state.apply(replace(STARTED, done=3, done_of={CELLS[0]: 2, CELLS[1]: 1}, known_s=dict.fromkeys(CELLS, (10.0,))))
    assert state.remaining_s() == pytest.approx(40)


def test_a_resumed_run_counts_what_was_done_before() -> None:
    state = RunState(START)
    state.apply(replace(STARTED, done=3))
    assert totals(state, after(1)).startswith("3 of 8 jobs;")


def drawn(state: RunState, seconds: float, rows: int = 10) -> str:
    console = Console(file=io.StringIO(), width=80, no_color=True, markup=False)
    console.print(board(state, after(seconds), rows=rows))
    return console.file.getvalue().replace("\u00a0", " ")


def test_the_board_has_a_row_for_each_device() -> None:
    state = RunState(START)
    state.apply(STARTED)
    state.apply(moved(key(2), "RUNNING", 5, attempt=2))
    state.apply(moved(key(3), "PENDING", 6))
    text = drawn(state, 17)
    fast = next(line for line in text.splitlines() if " fast" in line)
    assert "a #1 RUNNING, attempt 2 +1" in fast
    assert "12.0 s" in fast
    assert "0/4" in fast
    assert "waiting for its turn" in next(line for line in text.splitlines() if " slow" in line)
    assert "0 of 8 jobs; 17.0 s" in text
    state.apply(ended(key(2), 20, Failed(kind=FailureKind.DEVICE, reason="gone")))
    assert "1/4 ✕1" in drawn(state, 20)
    assert "without a result" in drawn(state, 20)


def test_more_devices_than_lines_are_counted() -> None:
    state = RunState(START)
    cells = tuple(Cell(model="a", device=f"device-{index:03}") for index in range(100))
    state.apply(RunStarted(run_id="r", cells=cells, repeats=1))
    state.apply(moved(JobKey(cell=cells[77], repeat=1), "RUNNING", 1))
    text = drawn(state, 2, rows=5)
    assert "device-077" in text
    assert "… and 95 more devices" in text


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal()


def test_a_terminal_gets_the_table_and_lines_only_for_what_went_wrong(terminal: Terminal) -> None:
    with progress_listener(is_terminal=True, quiet=False, verbose=False, stream=terminal, now=lambda: START) as listen:
        listen(STARTED)
        listen(moved(key(0), "RUNNING", 1))
        listen(ended(key(0), 2))
        listen(ended(key(1), 3, Failed(kind=FailureKind.CLOUD, reason="gateway [x]")))
    text = terminal.getvalue()
    assert "b on slow #1: ✕ cloud: gateway [x]" in text
    assert "a on slow #1: ✓" not in text
    assert "2 of 8 jobs" in text
    assert text.rstrip().endswith(("\x1b[?25h", "\x1b[2K", "\x1b[1A\x1b[2K"))  # the cursor is back, the table gone


events = st.one_of(
    st.just(STARTED),
    st.builds(
        JobMoved,
        key=st.builds(JobKey, cell=st.sampled_from(CELLS), repeat=st.integers(1, 2)),
        state=st.text(max_size=8),
        at=st.floats(0, 1e5).map(after),
        attempt=st.integers(1, 3),
    ),
    st.builds(
        ended,
        st.builds(JobKey, cell=st.sampled_from(CELLS), repeat=st.integers(1, 2)),
        st.floats(0, 1e5),
        st.sampled_from([OK, Skipped(reason="x"), Failed(kind=FailureKind.CLOUD, reason="y")]),
    ),
    st.builds(Notice, text=st.text(max_size=20), at=st.just(START)),
)


@settings(max_examples=50)
@given(st.lists(events, max_size=20))
def test_no_order_of_events_breaks_it(found: list[Event]) -> None:
    state = RunState(START)
    for event in found:
        state.apply(event)
        drawn(state, 0)
    assert len(told(found)) <= len(found)
