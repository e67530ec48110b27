"""What the host did to the figures, and what a runtime's words are turned into."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.localcloud.measure import noise
from orchestrator.localcloud.measure.failure import Failure, failing_as, tidy
from orchestrator.localcloud.measure.noise import Reading, doubts, noise_between, read_host

STEADY = {"p50": 10.0, "p90": 10.5}


def reading(at_s: float, waited_s: float | None = 0.0, stolen_s: float = 0.0, host_s: float = 0.0) -> Reading:
    """The counters at a moment."""
    return Reading(at_s=at_s, waited_s=waited_s, stolen_s=stolen_s, host_s=host_s)


@pytest.mark.parametrize(
    ("after", "delay", "steal"),
    [
        (reading(12, 1.0, 0.0, 4.0), 0.5, 0.0),
        (reading(12, 0.0, 1.0, 4.0), 0.0, 0.25),
        (reading(12, None, 1.0, 4.0), None, 0.25),
        (reading(12, 0.0, 0.0, 0.0), 0.0, None),  # no tick of the host's clock in between
        (reading(10, 1.0, 0.0, 1.0), None, 0.0),
    ],
)
def test_noise_is_a_share_of_the_time_between(after: Reading, delay: float | None, steal: float | None) -> None:
    assert noise_between(reading(10), after) == {"run_delay": delay, "steal": steal}


@pytest.mark.parametrize(
    ("found", "latency", "threads", "words"),
    [
        ({"run_delay": 0.05, "steal": 0.02}, STEADY, 1, []),
        ({"run_delay": 0.06, "steal": 0.0}, STEADY, 1, ["waited 6%"]),
        ({"run_delay": 0.06, "steal": 0.0}, STEADY, 2, []),
        ({"run_delay": 0.11, "steal": 0.0}, STEADY, 2, ["waited 11%"]),
        ({"run_delay": 0.0, "steal": 0.03}, STEADY, 1, ["took 3%"]),
        ({"run_delay": None, "steal": None}, STEADY, 1, []),
        ({"run_delay": 0.0, "steal": 0.0}, {"p50": 10.0, "p90": 12.0}, 1, ["20% longer"]),
        ({"run_delay": 0.9, "steal": 0.9}, {"p50": 1.0, "p90": 2.0}, 1, ["90%", "90%", "100% longer"]),
        ({"run_delay": 0.0, "steal": 0.0}, {"p50": 0.0, "p90": 0.0}, 1, []),
    ],
)
def test_each_limit_has_its_own_doubt(
    found: dict[str, float | None], latency: dict[str, float], threads: int, words: list[str]
) -> None:
    told = doubts(found, latency, threads)
    assert len(told) == len(words)
    assert all(word in doubt for word, doubt in zip(words, told, strict=True))


def test_this_host_can_be_read() -> None:
    before = read_host()
    time.sleep(0.05)
    found = noise_between(before, read_host())
    assert found["run_delay"] is not None
    assert found["run_delay"] >= 0


def test_a_system_without_such_files_is_not_called_quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(noise, "_TASKS", tmp_path)
    monkeypatch.setattr(noise, "_STAT", tmp_path / "stat")
    assert noise_between(read_host(), read_host()) == {"run_delay": None, "steal": None}


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("Load model from /tmp/x/y/model.onnx failed", "Load model from model.onnx failed"),
        ("see https://onnx.ai/docs and /home/me/m.onnx", "see https://onnx.ai/docs and m.onnx"),
        ("[ONNXRuntimeError] : 1 : FAIL : bad\nmodel\x1b[0m", "bad model [0m"),
        (
            "Status Message: /src/core/arena.cc:360 void* onnxruntime::A::Get(size_t, onnxruntime::S*) no room",
            "Status Message: no room",
        ),
        (
            "x failed:/src/graph/utils.h:46 void onnxruntime::u::Check(const std::map<int>&, bool) [with T = int] why",
            "x failed:why",
        ),
        ("1/2 of a/b", "1/2 of a/b"),
    ],
)
def test_reasons_are_one_line_without_what_is_only_the_developers(told: str, shown: str) -> None:
    assert tidy(told) == shown


@given(st.text(max_size=3000))
def test_any_text_becomes_a_bearable_line(text: str) -> None:
    line = tidy(text)
    assert len(line) <= 503
    assert line.isprintable()


def test_a_hostile_text_costs_no_time() -> None:
    start = time.perf_counter()
    for piece in ("a.h:1 ", "onnxruntime::", "/a/", "[ONNXRuntimeError] : 1 : ", "(("):
        tidy(piece * 1_000_000)
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (RuntimeError("bad graph"), "model_crash", "running failed: bad graph"),
        (RuntimeError(), "model_crash", "running failed: RuntimeError"),
        (RuntimeError("std::bad_alloc"), "out_of_memory", "running failed: std::bad_alloc"),
        (ValueError("Failed to allocate memory"), "out_of_memory", "running failed: Failed to allocate memory"),
        (MemoryError(), "out_of_memory", "running needs more memory than a model may have here"),
    ],
)
def test_what_a_runtime_raises_becomes_a_failure(error: Exception, kind: str, told: str) -> None:
    with pytest.raises(Failure) as caught, failing_as("model_crash", "running", (RuntimeError, ValueError)):
        raise error
    assert (caught.value.kind, str(caught.value)) == (kind, told)


def test_a_mistake_of_ours_is_not_blamed_on_the_model() -> None:
    with pytest.raises(KeyError), failing_as("model_crash", "running", (RuntimeError,)):
        raise KeyError
