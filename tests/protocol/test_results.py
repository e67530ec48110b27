"""Results archives: files in any folder, some broken, some missing; what an archive refuses is not our crash."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from orchestrator.protocol import results
from orchestrator.protocol.archive import Unreadable, UnsafeArchive
from orchestrator.protocol.litert_log import LiteRtLog, format_log
from orchestrator.protocol.litert_proto import (
    BenchmarkResult,
    MiscMetrics,
    OpProfile,
    RuntimeInfo,
    encode_benchmark_result,
    encode_op_profile,
    encode_runtime_info,
)
from orchestrator.protocol.litert_stat import Stat
from orchestrator.protocol.results import ResultFiles, read_results, write_results

MakeZip = Callable[[Mapping[str, bytes]], Path]

SERIES = Stat(count=50, first_us=9, curr_us=8, min_us=7, max_us=9, avg_us=8.5, std_us=1)
LOG = LiteRtLog(params={"Num threads": "4"}, warmup=SERIES, measured=SERIES)
RESULT = BenchmarkResult(misc_metrics=MiscMetrics(num_runs=50))


def test_every_known_file_is_read_wherever_it_lies(samples: Path, result_json: bytes, tmp_path: Path) -> None:
    profile = samples / "ort_profile_1.32.0_noopt.json"
    write_results(
        {
            "Customer Artifacts/tflite-logs.txt": format_log(LOG).encode(),
            "a/b/tflite-op-profile.pb": encode_op_profile(OpProfile(model_name="net")),
            "results.pb": encode_benchmark_result(RESULT),
            "c/runtime_info.pb": encode_runtime_info(RuntimeInfo(model_name="net")),
            "onnxruntime-result.json": result_json,
            "x/onnxruntime-profile.json": profile,
            "video.mp4": b"\0",
        },
        tmp_path / "r.zip",
    )
    found = read_results(tmp_path / "r.zip", tmp_path / "out")
    assert found.problems == ()
    assert (found.log, found.op_profile, found.benchmark_result) == (LOG, OpProfile(model_name="net"), RESULT)
    assert found.runtime_info == RuntimeInfo(model_name="net")
    assert found.onnxruntime is not None
    assert found.onnxruntime.runtime.name == "onnxruntime"
    assert found.onnxruntime_profile is not None
    assert found.onnxruntime_profile.runs == 2
    assert len(found.files) == 7
    assert all(path.is_file() and path.parent == tmp_path / "out" for path in found.files)


def test_an_archive_without_a_known_file_has_no_results(make_zip: MakeZip, tmp_path: Path) -> None:
    found = read_results(make_zip({"readme.txt": b"nothing"}), tmp_path / "out")
    assert found == ResultFiles(files=(tmp_path / "out/readme.txt",))


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("tflite-logs.txt", b"count=2 first=1 curr=2 min=1 max=2 avg=nan std=0", "nan is not a finite number"),
        ("tflite-op-profile.pb", b"<html>", "no OpProfile message"),
        ("results.pb", b"\x12\x05\x0d\0\0\xc0\x7f", "avg_ms is not a finite number"),
        ("runtime_info.pb", b"\xff", "no RuntimeInfo message"),
        ("onnxruntime-result.json", b"{}", "runtime: Field required"),
        ("onnxruntime-profile.json", b"", "empty"),
    ],
)
def test_a_broken_file_is_a_problem_and_spoils_no_other(
    name: str, content: bytes, problem: str, make_zip: MakeZip, tmp_path: Path
) -> None:
    good = {"results.pb": encode_benchmark_result(RESULT), "tflite-logs.txt": format_log(LOG).encode()}
    found = read_results(make_zip({**good, name: content}), tmp_path / "out")
    assert found.problems == (f"{name}: {problem}",)
    assert (found.log is None, found.benchmark_result is None) == (name == "tflite-logs.txt", name == "results.pb")
    assert tmp_path / "out" / name in found.files


def test_bytes_that_are_no_text_do_not_spoil_a_log(make_zip: MakeZip, tmp_path: Path) -> None:
    log = b"\xff\xfe\0 garbage\n" + format_log(LOG).encode()
    assert read_results(make_zip({"tflite-logs.txt": log}), tmp_path / "out").log == LOG


@pytest.mark.parametrize(("other", "problems"), [(b"STARTING!", ()), (b"other", ("2 different files",))])
def test_one_file_may_lie_twice_but_not_two_files(
    other: bytes, problems: tuple[str, ...], make_zip: MakeZip, tmp_path: Path
) -> None:
    archive = make_zip({"a/tflite-logs.txt": b"STARTING!", "b/tflite-logs.txt": other})
    found = read_results(archive, tmp_path / "out")
    assert found.problems == tuple(f"tflite-logs.txt: {problem} of this name" for problem in problems)
    assert (found.log is None) == bool(problems)


def test_a_file_beyond_its_bound_is_a_problem(make_zip: MakeZip, tmp_path: Path) -> None:
    found = read_results(make_zip({"results.pb": b"\0" * (17 << 20)}), tmp_path / "out")
    assert found.problems == ("results.pb: longer than 16 MiB",)


def test_an_unsafe_archive_is_refused_whole(make_zip: MakeZip, tmp_path: Path) -> None:
    with pytest.raises(UnsafeArchive):
        read_results(make_zip({"tflite-logs.txt": b"", "../../up": b""}), tmp_path / "out")


@pytest.mark.parametrize("data", [b"", b"<html>502</html>"])
def test_what_is_no_archive_is_unreadable(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "r.zip").write_bytes(data)
    with pytest.raises(Unreadable):
        read_results(tmp_path / "r.zip", tmp_path / "out")


def test_the_names_are_the_protocols() -> None:
    assert (results.LOG_FILE, results.OP_PROFILE_FILE) == ("tflite-logs.txt", "tflite-op-profile.pb")
    assert (results.BENCHMARK_RESULT_FILE, results.RUNTIME_INFO_FILE) == ("results.pb", "runtime_info.pb")
