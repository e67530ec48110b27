"""What a simulated device leaves: the files of a real one, and in every place that can hold it the word `simulated`."""

import io
import json
import zipfile

import numpy as np

from farm.fleet import Device, Logs

FILE = "onnxruntime-result.json"
NOTE = "simulated: no device measured this"


def results_archive(device: Device, latencies_ms: Logs) -> bytes:
    """The zip of one job's results."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(FILE, json.dumps(_result(device, latencies_ms)))
    return packed.getvalue()


def _result(device: Device, latencies_ms: Logs) -> dict[str, object]:
    clock = {
        "n": len(latencies_ms),
        "mean": float(latencies_ms.mean()),
        "min": float(latencies_ms.min()),
        "max": float(latencies_ms.max()),
        "std": float(latencies_ms.std()),
        **{f"p{share}": float(np.percentile(latencies_ms, share)) for share in (50, 90, 95)},
    }
    return {
        "schema_version": 1,
        "runtime": {"name": "simulated", "version": "1"},
        "status": "ok",
        "host": {"cpu_model": f"simulated ({device.name})", "cores": 8, "os": "simulated"},
        "threads": 1,
        "spinning": False,
        "load_cold_ms": float(latencies_ms[0]),
        "first_inference_ms": float(latencies_ms[0]),
        "samples_ms": latencies_ms.round(5).tolist(),
        "wall_clock": clock,
        "percentile_definition": "numpy.percentile, linear",
        "std_definition": "population",
        "notes": [NOTE],
    }
