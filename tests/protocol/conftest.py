"""Recorded files, and archives made to order."""

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

MakeZip = Callable[[Mapping[str, bytes]], Path]


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of files that real runtimes wrote."""
    return Path(__file__).parent / "samples"


@pytest.fixture
def make_zip(tmp_path: Path) -> MakeZip:
    """Packs files into an archive, names as they are given."""

    def make(files: Mapping[str, bytes]) -> Path:
        path = tmp_path / "made.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path

    return make


@pytest.fixture
def result_json() -> bytes:
    """A whole result of a job on ONNX Runtime."""
    return json.dumps(
        {
            "schema_version": 1,
            "runtime": {"name": "onnxruntime", "version": "1.32.0"},
            "status": "ok",
            "error": None,
            "host": {"cpu_model": "Example CPU", "cores": 2, "os": "Linux 6.1"},
            "threads": 1,
            "spinning": False,
            "load_cold_ms": 22.5,
            "load_warm_ms": 10.25,
            "first_inference_ms": 5.75,
            "warmup_runs": 3,
            "samples_ms": [4.0, 5.0, 6.0],
            "wall_clock": {
                "n": 3,
                "mean": 5.0,
                "p50": 5.0,
                "p90": 5.75,
                "p95": 5.875,
                "p99": None,
                "min": 4.0,
                "max": 6.0,
                "std": 0.8,
            },
            "percentile_definition": "linear interpolation",
            "std_definition": "population",
            "memory": {"base_mb": 44.0, "load_peak_mb": 75.0, "run_peak_mb": 80.0},
            "noise": {"run_delay_pct": 6.5, "steal_pct": 0.0, "noisy": True, "reasons": ["a busy host"]},
            "inputs": [{"name": "image", "dtype": "float32", "shape": [1, 3, 224, 224]}],
            "chosen_dimensions": {"batch": 1},
            "seed": 0,
            "sandbox": {"landlock": "7"},
            "profile_overhead_pct": None,
        }
    ).encode()
