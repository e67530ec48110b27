"""Bundles as protocol.md has them ("One job, start to end", step 2), and bundles as an enemy makes them."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.protocol.archive import Unreadable, UnsafeArchive
from orchestrator.protocol.bundle import Bundle, read_bundle, with_cloud_params, write_bundle

MakeZip = Callable[[Mapping[str, bytes]], Path]
URL = "https://storage.example/results?signature=abc"


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """An ONNX model with two files of external data."""
    for name in ("net.onnx", "weights.bin", "more.bin"):
        (tmp_path / name).write_bytes(name.encode())
    return Bundle(
        model_name="model.onnx",
        model_path=tmp_path / "net.onnx",
        external_files={"weights.bin": tmp_path / "weights.bin", "data/more.bin": tmp_path / "more.bin"},
        params={"num_runs": "50", "input_shape": "1,3,224,224"},
        downloads_url=URL,
    )


@pytest.mark.parametrize("ios", [False, True])
def test_the_files_are_those_of_the_protocol(bundle: Bundle, ios: bool, tmp_path: Path) -> None:
    write_bundle(replace(bundle, model_name="model.tflite", external_files={}, ios=ios), tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
    expected = {"model.tflite", "benchmark-params.json", "downloads-url.txt"}
    assert set(content) == expected | ({"requirements.txt", "tests/test.py"} if ios else set())
    assert content["model.tflite"] == b"net.onnx"
    assert json.loads(content["benchmark-params.json"]) == {"num_runs": "50", "input_shape": "1,3,224,224"}
    assert content["downloads-url.txt"] == URL.encode()
    for name in set(content) - expected:
        assert content[name].startswith(b"#")
        assert content[name].count(b"\n") == 1


@pytest.mark.parametrize("ios", [False, True])
def test_what_is_written_reads_the_same(bundle: Bundle, ios: bool, tmp_path: Path) -> None:
    write_bundle(replace(bundle, ios=ios), tmp_path / "b.zip")
    found = read_bundle(tmp_path / "b.zip", tmp_path / "out", max_bytes=10_000)
    assert (found.model_name, found.params, found.downloads_url, found.ios) == ("model.onnx", bundle.params, URL, ios)
    assert found.model_path == tmp_path / "out/model.onnx"
    assert found.external_files == {
        "weights.bin": tmp_path / "out/weights.bin",
        "data/more.bin": tmp_path / "out/data/more.bin",
    }
    assert found.external_files["data/more.bin"].read_bytes() == b"more.bin"


def test_the_same_bundle_gives_the_same_bytes(bundle: Bundle, tmp_path: Path) -> None:
    write_bundle(bundle, tmp_path / "1.zip")
    bundle.model_path.touch()
    write_bundle(bundle, tmp_path / "2.zip")
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


def test_the_results_address_is_not_shown(bundle: Bundle) -> None:
    assert "signature" not in repr(bundle)


@pytest.mark.parametrize("name", ["../x.bin", "/x.bin", "a\\b.bin", "model.onnx", "Downloads-URL.txt", "tests/test.py"])
def test_external_data_stays_beside_the_model(name: str, bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(UnsafeArchive):
        write_bundle(replace(bundle, external_files={name: bundle.model_path}), tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()


GOOD = {"model.onnx": b"net", "benchmark-params.json": b"{}", "downloads-url.txt": b"https://x/"}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"model.onnx": None}, "holds one of model.onnx and model.tflite, this one 0"),
        ({"model.tflite": b"net"}, "holds one of model.onnx and model.tflite, this one 2"),
        ({"benchmark-params.json": None}, "benchmark-params.json is missing"),
        ({"benchmark-params.json": b"{"}, "not a JSON object of texts"),
        ({"benchmark-params.json": b'{"num_runs": 5}'}, "not a JSON object of texts"),
        ({"benchmark-params.json": b"[" * 50_000}, "not a JSON object of texts"),
        ({"benchmark-params.json": b"[]"}, "not a JSON object of texts"),
        ({"benchmark-params.json": b'{"a": "\xff"}'}, "not a JSON object of texts"),
        ({"benchmark-params.json": b" " * 70_000}, "longer than 65536 bytes"),
        ({"downloads-url.txt": None}, "downloads-url.txt is missing"),
    ],
)
def test_a_bundle_that_is_none_is_unreadable(
    files: dict[str, bytes | None], reason: str, make_zip: MakeZip, tmp_path: Path
) -> None:
    merged = {name: content for name, content in {**GOOD, **files}.items() if content is not None}
    with pytest.raises(Unreadable, match=reason):
        read_bundle(make_zip(merged), tmp_path / "out", max_bytes=100_000)


@pytest.mark.parametrize("name", ["../../model.data", "/model.data", "model.onnx/x"])
def test_a_bundle_that_escapes_is_refused(name: str, make_zip: MakeZip, tmp_path: Path) -> None:
    with pytest.raises(UnsafeArchive):
        read_bundle(make_zip({**GOOD, name: b"x"}), tmp_path / "out", max_bytes=100_000)


def test_a_bundle_beyond_its_bound_is_refused(make_zip: MakeZip, tmp_path: Path) -> None:
    with pytest.raises(UnsafeArchive, match="more than 10 bytes"):
        read_bundle(make_zip({**GOOD, "weights.bin": b"x" * 10}), tmp_path / "out", max_bytes=10)


ANDROID = {
    "graph": "/data/local/tmp/model.tflite",
    "enable_op_profiling": "true",
    "op_profiling_output_mode": "proto",
    "op_profiling_output_file": "/data/user/0/org.tensorflow.lite.benchmark/files/profile.pb",
}
IOS = {**ANDROID, "graph": "model.tflite", "op_profiling_output_file": "tflite-op-profile.pb"}


@pytest.mark.parametrize(("ios", "fixed"), [(False, ANDROID), (True, IOS)])
@pytest.mark.parametrize(
    ("wanted", "overridden"),
    [
        ({}, []),
        ({"num_threads": "4"}, []),
        ({"enable_op_profiling": "true"}, []),
        ({"enable_op_profiling": "false", "graph": "/mine", "num_runs": "9"}, ["enable_op_profiling", "graph"]),
    ],
)
def test_the_cloud_sets_its_own_params(
    ios: bool, fixed: dict[str, str], wanted: dict[str, str], overridden: list[str]
) -> None:
    assert with_cloud_params(wanted, ios=ios) == ({**wanted, **fixed}, overridden)


WRITE = """
import sys
from pathlib import Path
from orchestrator.protocol.bundle import Bundle, write_bundle
model, to = map(Path, sys.argv[1:])
write_bundle(Bundle(model_name="model.onnx", model_path=model, params={}, downloads_url="https://x/"), to)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads its peak memory from /proc")
def test_a_large_model_is_packed_in_flat_memory(tmp_path: Path) -> None:
    """300 MB here; the benchmarks do it with 2 GB."""
    model = tmp_path / "large.onnx"
    with model.open("wb") as file:
        file.truncate(300_000_000)
    done = subprocess.run(
        [sys.executable, "-c", WRITE, model, tmp_path / "b.zip"], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) < 100_000, "kB at its peak"
    assert (tmp_path / "b.zip").stat().st_size > 300_000_000
