"""Jobs on a phone, through the real adb: what is measured in which session, what goes wrong, and what is left."""

import hashlib
import json
import re
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.measurement import Measurement
from orchestrator.domain.outcome import Failed, FailureKind, Measured
from orchestrator.localcloud.android import sessions
from orchestrator.localcloud.sessions import Stopped

MakeLab = Callable[..., Any]


def measured(outcome: Any) -> Measurement:
    """The measurement of a job that went well."""
    assert isinstance(outcome, Measured), outcome
    return outcome.measurement


def failed(outcome: Any) -> Failed:
    """The failure of one that did not."""
    assert isinstance(outcome, Failed), outcome
    return outcome


def flags(call: list[str]) -> dict[str, str]:
    """The tool's arguments."""
    return dict(argument.removeprefix("--").split("=", 1) for argument in call if argument.startswith("--"))


def test_each_figure_is_of_the_session_that_is_meant_for_it(phone: Any, make_lab: MakeLab) -> None:
    found = measured(make_lab().measure(params={"num_runs": "50", "num_threads": "4", "use_gpu": "true"}))
    assert found.metrics["latency_ms"].value == 12.5
    assert found.metrics["peak_memory_mb"].value == pytest.approx(64.5 * 2**20 / 1e6)
    assert [(layer.name, layer.time_us) for layer in found.layers] == [("[conv1]:0", 100.0)]
    assert not found.profiled
    assert found.noise == ()
    assert found.conditions["thermal_status"] == "0"
    assert found.conditions["battery_percent"] == "87%"
    assert found.conditions["power_save"] == "no"
    latency, memory, profile = map(flags, phone.calls)
    assert (latency["enable_op_profiling"], latency["report_peak_memory_footprint"]) == ("false", "false")
    assert (memory["enable_op_profiling"], memory["report_peak_memory_footprint"]) == ("false", "true")
    assert profile["enable_op_profiling"] == "true"
    assert all((call["use_gpu"], call["num_threads"]) == ("true", "4") for call in (latency, memory, profile))
    assert latency["num_runs"] == profile["num_runs"] == "50"


def test_an_older_tool_without_a_result_file_gives_the_same_figures(phone: Any, make_lab: MakeLab) -> None:
    phone.fault("old-tool")
    found = measured(make_lab().measure())
    assert found.metrics["latency_ms"].value == 12.5
    assert found.metrics["peak_memory_mb"].value == pytest.approx(64.5 * 2**20 / 1e6)


def test_the_words_of_each_session_and_the_phones_state_go_with_the_results(phone: Any, make_lab: MakeLab) -> None:
    with zipfile.ZipFile(make_lab().execute("Pixel Pretend")) as archive:
        names = set(archive.namelist())
        states = json.loads(archive.read("phone-state.json"))
        assert b"avg=14500" in archive.read("profile-session.txt")
    assert {
        "tflite-logs.txt",
        "tflite-op-profile.pb",
        "results.pb",
        "latency-session.txt",
        "memory-session.txt",
    } <= names
    assert states["latency"]["before"] == {
        "thermal_status": 0,
        "skin_c": 36.1,
        "battery_percent": 87.0,
        "battery_c": 31.0,
        "powered": True,
        "power_save": False,
        "screen_on": False,
    }


def test_the_tool_is_pushed_once_the_model_for_each_job_and_nothing_stays(phone: Any, make_lab: MakeLab) -> None:
    lab = make_lab()
    measured(lab.measure())
    (tool,) = phone.files
    assert tool.startswith("bench-tool-")
    written = (phone.root / "data/local/tmp" / tool).stat().st_mtime_ns
    measured(lab.measure())
    assert phone.files == [tool]
    assert (phone.root / "data/local/tmp" / tool).stat().st_mtime_ns == written
    lab.bench.leave_nothing()
    assert phone.files == []


@pytest.mark.parametrize(
    "params",
    [
        {"graph": "/data/local/tmp/other", "enable_op_profiling": "true", "op_profiling_output_file": "/sdcard/x"},
        {"input_layer": "a'b; touch pwned; $(touch pwned) `touch pwned`", "input_layer_shape": "1"},
        {"kernel_path_": "\"; touch pwned #'", "Bad Name": "; touch pwned", "x;touch pwned": "1"},
    ],
)
def test_no_flag_gets_out_of_its_quotes_or_over_those_that_the_sessions_set(
    phone: Any, make_lab: MakeLab, params: dict[str, str]
) -> None:
    measured(make_lab().measure(params=params))
    assert not list(phone.root.rglob("pwned*"))
    for call in map(flags, phone.calls):
        assert call["graph"].endswith("/model.tflite")
        assert "sdcard" not in str(call)
        assert all(call[name] == value for name, value in params.items() if name in ("input_layer", "kernel_path_"))
    assert flags(phone.calls[0])["enable_op_profiling"] == "false"


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"num_runs": "many"}, "num_runs='many' is not a whole number"),
        ({"use_gpu": "perhaps"}, "neither true nor false"),
        ({"external_delegate_path": "/data/evil.so"}, "names a file of the phone"),
        ({"anything": "a\nb"}, "anything='a\\nb' is no value of a flag"),
    ],
)
def test_flags_that_make_no_sense_are_named_before_the_phone_is_touched(
    phone: Any, make_lab: MakeLab, params: dict[str, str], told: str
) -> None:
    lab = make_lab()
    before = len(phone.commands)
    outcome = failed(lab.measure(params=params))
    assert outcome.kind is FailureKind.MODEL_UNSUPPORTED
    assert told in outcome.reason
    assert len(phone.commands) == before


@pytest.mark.parametrize(
    ("fault", "kind", "told"),
    [
        ("hang", FailureKind.RUN_TIMEOUT, "the latency session did not end"),
        ("full", FailureKind.DEVICE, "No space left on device"),
        ("damaged", FailureKind.DEVICE, "arrived damaged"),
        ("disabled", FailureKind.DEVICE, "cannot run the installed benchmark_model"),
        ("crash", FailureKind.MODEL_CRASH, "segmentation fault"),
        ("no-memory", FailureKind.OUT_OF_MEMORY, "memory runs out"),
    ],
)
def test_what_goes_wrong_has_its_kind_and_leaves_nothing(
    phone: Any, make_lab: MakeLab, fault: str, kind: FailureKind, told: str
) -> None:
    lab = make_lab()
    phone.fault(fault)
    outcome = failed(lab.measure(timeout_s=5.0 if fault == "hang" else 60.0))
    assert outcome.kind is kind
    assert outcome.kind.is_infrastructure == (kind in (FailureKind.RUN_TIMEOUT, FailureKind.DEVICE))
    assert told in outcome.reason
    assert not [name for name in phone.files if "job" in name or "part" in name]
    assert phone.running == []


@pytest.mark.parametrize(("fault", "told"), [("cable", "the phone is now"), ("reboot", "the connection was lost")])
def test_what_a_phone_that_went_away_has_left_goes_with_the_next_job(
    phone: Any, make_lab: MakeLab, adb_server: Any, fault: str, told: str
) -> None:
    lab = make_lab(attach_s=60.0)
    phone.fault(fault)
    outcome = failed(lab.measure())
    assert outcome.kind is FailureKind.DEVICE
    assert told in outcome.reason
    phone.mend()
    adb_server.run("connect", phone.address)
    assert measured(lab.measure()).metrics["latency_ms"].value == 12.5
    assert phone.running == []
    lab.bench.leave_nothing()
    assert phone.files == []


def test_an_authorisation_that_is_taken_back_says_what_to_do(phone: Any, make_lab: MakeLab) -> None:
    lab = make_lab(attach_s=3.0)
    phone.fault("revoked")
    assert failed(lab.measure()).kind is FailureKind.DEVICE
    outcome = failed(lab.measure())
    assert outcome.kind is FailureKind.DEVICE
    assert re.search("(unauthorized|authorizing): unlock it and allow USB debugging", outcome.reason)


def test_a_second_session_that_fails_costs_its_own_figures_alone(
    phone: Any, make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "SECOND_S", 1.0)
    phone.fault("hang-in-profile")
    found = measured(make_lab().measure())
    assert found.metrics["latency_ms"].value == 12.5
    assert found.layers == ()
    assert "no per-operator profile: the profile session did not end" in found.conditions["notes"]
    assert phone.running == []


def test_numbers_that_are_none_are_not_taken_for_some(phone: Any, make_lab: MakeLab) -> None:
    phone.fault("nonsense", "old-tool")
    outcome = failed(make_lab().measure())
    assert outcome.kind is FailureKind.RESULTS_UNREADABLE
    assert "nan is not a finite number" in outcome.reason


def test_a_model_that_the_tool_refuses_is_not_tried_again(phone: Any, make_lab: MakeLab) -> None:
    outcome = failed(make_lab().measure(model=b"no model at all"))
    assert outcome.kind is FailureKind.MODEL_UNSUPPORTED
    assert len(phone.calls) == 1


def test_another_kind_of_model_is_refused_in_words(phone: Any, make_lab: MakeLab) -> None:
    outcome = failed(make_lab().measure(kind=".onnx"))
    assert outcome.kind is FailureKind.MODEL_UNSUPPORTED
    assert "runs .tflite" in outcome.reason


def test_without_the_tool_the_job_names_the_command(attach: Any, make_lab: MakeLab) -> None:
    attach(ro__product__cpu__abi="x86_64")
    outcome = failed(make_lab().measure())
    assert "for x86_64 here yet: bench cloud setup-android" in outcome.reason


def test_a_tool_that_was_damaged_here_is_not_pushed(phone: Any, make_lab: MakeLab, make_elf: Any) -> None:
    lab = make_lab()
    (lab.tools / "arm64-v8a" / f"benchmark_model.{hashlib.sha256(make_elf()).hexdigest()}").write_bytes(b"\x7fELF")
    assert "is damaged; install it again" in failed(lab.measure()).reason
    assert phone.files == []


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"thermal": 1}, "thermal status is 1"),
        ({"battery": 19}, "battery is at 19%, and 20% are asked for"),
    ],
)
def test_a_phone_that_does_not_become_fit_is_not_measured(
    phone: Any, make_lab: MakeLab, state: dict[str, int], told: str
) -> None:
    phone.set(**state)
    outcome = failed(make_lab().measure())
    assert outcome.kind is FailureKind.DEVICE
    assert told in outcome.reason
    assert phone.calls == []


def test_a_hot_phone_is_waited_for(phone: Any, make_lab: MakeLab) -> None:
    phone.set(thermal=3)
    lab = make_lab(settle_s=60.0)
    cools = threading.Timer(0.5, phone.set)
    cools.start()
    found = measured(lab.measure())
    cools.join()
    assert found.conditions["thermal_status"] == "0"


def test_a_phone_that_heats_up_or_saves_power_makes_the_result_doubtful(phone: Any, make_lab: MakeLab) -> None:
    phone.fault("heats")
    phone.set(power_save=True)
    found = measured(make_lab().measure())
    assert found.noise == (
        "the phone throttled: thermal status 2 after the timed runs",
        "the battery heated up by 6.1 °C during the timed runs",
        "the phone was saving power",
    )
    assert found.conditions["thermal_status"] == "0 -> 2"
    assert "no memory figures: the phone did not become fit" in found.conditions["notes"]


def test_a_phone_without_thermal_status_is_measured_all_the_same(phone: Any, make_lab: MakeLab) -> None:
    phone.set(thermal=None)
    assert "thermal_status" not in measured(make_lab().measure()).conditions


def test_between_two_jobs_the_phone_rests(phone: Any, make_lab: MakeLab) -> None:
    lab, stop = make_lab(cooldown_s=600.0), threading.Event()
    measured(lab.measure())
    stop.set()
    with pytest.raises(Stopped):
        lab.measure(stop=stop)
    assert len(phone.calls) == 3


def test_a_server_that_stops_ends_the_job_and_leaves_nothing(phone: Any, make_lab: MakeLab, tmp_path: Path) -> None:
    phone.fault("hang")
    lab, stop = make_lab(), threading.Event()
    timer = threading.Timer(1.0, stop.set)
    timer.start()
    with pytest.raises(Stopped):
        lab.measure(stop=stop)
    timer.join()
    lab.bench.leave_nothing()
    assert phone.files == []
    assert phone.running == []
