"""The parent survives whatever a child does, learns how it ended, and leaves nothing behind."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.sandbox.child import ChildLimits, ChildResult, run_child

Attack = Callable[..., ChildResult]


def has_ended(process: int) -> bool:
    """Gone, or a zombie that waits for whoever adopted it."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(") ", 1)[1][0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def assert_ends(process: int) -> None:
    deadline = time.monotonic() + 5
    while not has_ended(process):
        assert time.monotonic() < deadline, "the child's own child lives on"
        time.sleep(0.01)


def test_a_child_answers_in_a_clean_world(attack: Attack, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDL_HUB_API_KEY", "do-not-tell")
    heard: list[dict[str, object]] = []
    result = attack("answer", options={"on_message": heard.append}, text="é" * 200_000)
    assert (result.returncode, result.killed) == (0, None)
    ready, answer = result.messages
    assert tuple(heard) == result.messages
    assert ready["stage"] == "ready"
    assert set(answer["environment"]) <= {
        *("PATH", "LANG", "HOME", "TMPDIR", "ORT_DISABLE_TELEMETRY", "OPENBLAS_NUM_THREADS", "PYTHONDONTWRITEBYTECODE"),
        *("PWD", "SHLVL", "_", "OLDPWD", "LC_CTYPE"),  # set by the shell of the wrapper, and by Python
    }
    assert answer["environment"]["ORT_DISABLE_TELEMETRY"] == "1"
    assert answer["environment"]["HOME"] == answer["folder"] == str(scratch)
    assert answer["spec"] == {"do": "answer", "text": "é" * 200_000}
    assert answer["prepared"] == ["yes"]
    assert answer["parents"] == [True, True]
    assert "this is no message" in result.stderr
    assert "nor is this" in result.stderr
    assert 5 < result.peak_mb < 300
    assert 0 < result.wall_s < 20


@pytest.mark.parametrize(
    ("do", "limits", "killed"),
    [
        ("sleep", {"wall_s": 1.0}, "timeout"),
        ("close_pipes", {"wall_s": 1.0}, "timeout"),
        ("spin", {"cpu_s": 1}, "timeout"),
        ("flood_stdout", {}, "output"),
        ("flood_stderr", {}, "output"),
    ],
)
def test_a_child_without_end_is_killed(attack: Attack, do: str, limits: dict[str, float], killed: str) -> None:
    result = attack(do, limits=limits)
    assert result.killed == killed
    assert result.returncode < 0
    assert result.wall_s < 10


def test_memory_is_bounded_by_the_kernel(attack: Attack) -> None:
    result = attack("allocate", bytes=1 << 30)
    assert result.returncode == 1
    assert result.messages[-1] == {"stage": "error", "type": "MemoryError", "message": ""}


def test_memory_that_the_kernel_does_not_count_is_watched(attack: Attack) -> None:
    result = attack("map_shared", bytes=1 << 30)
    assert result.killed == "memory"
    assert 300 < result.peak_mb < 1100


@pytest.mark.parametrize("size_mb", [100, 200])
def test_the_peak_is_that_of_the_child_however_short_it_was(attack: Attack, size_mb: int) -> None:
    result = attack("touch", bytes=size_mb * 1_000_000)
    assert size_mb < result.peak_mb < size_mb + 60


@pytest.mark.parametrize("text", ["no json\n", "[1]\n", "[" * 100_000 + "\n", '{"value": NaN}\n', "1" * 5000 + "\n"])
def test_a_line_that_is_no_message_ends_the_child(attack: Attack, text: str) -> None:
    result = attack("babble", text=text)
    assert result.killed == "output"
    assert [message["stage"] for message in result.messages] == ["ready"]


def test_an_end_that_is_none_is_a_message_like_any_other(attack: Attack) -> None:
    result = attack("babble", text='{"stage": "end", "peak_mb": "1e9"}\n', limits={"wall_s": 1.0})
    assert result.messages[-1] == {"stage": "end", "peak_mb": "1e9"}
    assert result.peak_mb < 300


@pytest.mark.parametrize("wait", [True, False], ids=["killed parent", "parent that ended"])
def test_what_a_child_started_dies_with_it(attack: Attack, wait: bool) -> None:
    result = attack("fork", wait=wait, limits={"wall_s": 2.0})
    assert result.killed == ("timeout" if wait else None)
    assert result.wall_s < 5
    told = result.messages[1]
    assert told["answers"] == ["PermissionError", "PermissionError"]
    assert_ends(told["child"])


def test_the_caller_can_stop_a_child(attack: Attack) -> None:
    stop = threading.Event()
    result = attack("sleep", options={"kill": stop, "on_message": lambda message: "asleep" in message and stop.set()})
    assert result.killed == "stopped"
    assert result.wall_s < 5


def children() -> set[str]:
    """The processes that this one has started and not yet waited for."""
    return {pid for task in Path("/proc/self/task").glob("*/children") for pid in task.read_text().split()}


def test_a_listener_that_fails_ends_the_child(attack: Attack) -> None:
    before = open_files(), children()
    with pytest.raises(KeyError, match="no such listener"):
        attack("sleep", options={"on_message": lambda message: {}["no such listener"]})
    assert (open_files(), children()) == before


@pytest.mark.parametrize(("length", "told"), [(0, "this went wrong"), (10_000, "this went wrong" + "!" * 3985)])
def test_an_exception_is_the_last_message(attack: Attack, length: int, told: str) -> None:
    result = attack("fail", length=length)
    assert (result.returncode, result.killed) == (1, None)
    assert result.messages[-1] == {"stage": "error", "type": "ValueError", "message": told}


def test_a_value_that_json_has_not_is_an_error(attack: Attack) -> None:
    assert attack("say_nan").messages[-1]["type"] == "ValueError"


def test_a_crash_keeps_what_was_said(attack: Attack) -> None:
    result = attack("die")
    assert (result.returncode, result.killed) == (-11, None)
    assert result.messages[-1] == {"last": True}


def test_a_module_that_is_none_tells_so(scratch: Path) -> None:
    limits = ChildLimits(wall_s=20, memory_bytes=1 << 28, cpu_s=5, file_bytes=0)
    result = run_child("no_such_module", {}, limits=limits, scratch=scratch)
    assert result.returncode == 1
    assert result.messages == ()
    assert "no_such_module" in result.stderr
