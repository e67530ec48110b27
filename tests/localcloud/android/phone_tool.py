"""Stands for LiteRT's benchmark_model on the simulated phone: its flags, its words, its files, and a phone's faults.

The figures are made up and differ between the sessions, so that a test can tell which session a number is from. The
binary files are those of the format's description, with the model's true size.
"""

import json
import os
import signal
import struct
import sys
import time
from pathlib import Path

PHONE = Path(os.environ["PHONE"])
PROFILE = (
    "1a590a570a046d61696e10001a4d0a07434f4e565f3244121908781062186425000020402d0000c840305f387840882748321a1808001000"
    "180025000000002d00000000300038004000483220012a095b636f6e76315d3a303000"
)
LATENCY = "12320d0000484115000040411d00007041250000003f2d0000444135000040413d00006041450000f0414d0000a0415500008041"
MEMORY = "1a1408fcffffffffffffffff011080a0011d00008142"
MEMORY_UNWATCHED = "1a0f08fcffffffffffffffff011080c03e"


def has(fault: str) -> bool:
    """Whether the phone has this fault."""
    return (PHONE / "faults" / fault).exists()


def main() -> int:
    """One call of the tool."""
    flags = dict(argument.removeprefix("--").split("=", 1) for argument in sys.argv[2:])
    with (PHONE / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps(sys.argv[2:]) + "\n")
    profiled, watched = flags.get("enable_op_profiling") == "true", flags["report_peak_memory_footprint"] == "true"
    fail(profiled)
    graph = Path(flags["graph"])
    content = graph.read_bytes() if graph.exists() else b""
    if content[4:8] != b"TFL3":
        print(f"INFO: STARTING!\nINFO: Graph: [{graph}]\nERROR: Failed to load model.\nERROR: Benchmarking failed.")
        return 1
    say(flags, content, profiled, watched)
    if "result_file_path" in flags and not has("old-tool"):
        misc = b"\x0d" + struct.pack("<f", len(content) / 1e6) + bytes.fromhex("1032180c2500003842")
        memory = MEMORY if watched else MEMORY_UNWATCHED
        result = bytes.fromhex(LATENCY + memory) + b"\x22" + bytes([len(misc)]) + misc
        Path(flags["result_file_path"]).write_bytes(result)
    if profiled:
        Path(flags["op_profiling_output_file"]).write_bytes(bytes.fromhex(PROFILE))
    if has("heats"):
        for name, old, new in (("thermalservice", "Status: 0", "Status: 2"), ("battery", "310", "371")):
            path = PHONE / "state" / name
            path.write_text(path.read_text().replace(old, new))
    return 0


def fail(profiled: bool) -> None:
    """The faults that meet the tool while it runs."""
    if has("crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if has("no-memory"):
        os.kill(os.getpid(), signal.SIGKILL)
    if has("cable") or has("reboot") or has("revoked"):
        (PHONE / "faults" / "now").touch()
        time.sleep(600)
    if has("hang") or (profiled and has("hang-in-profile")):
        time.sleep(600)


def say(flags: dict[str, str], content: bytes, profiled: bool, watched: bool) -> None:
    """The log. Milliseconds: 12.5 alone, 13.5 under the watch over the memory, 14.5 under the profiler."""
    average = 12500 + 1000 * watched + 2000 * profiled
    lines = [
        "STARTING!",
        "Log parameter values verbosely: [0]",
        f"Min num runs: [{flags.get('num_runs', '50')}]",
        *([f"Num threads: [{flags['num_threads']}]"] if "num_threads" in flags else []),
        f"Graph: [{flags['graph']}]",
        *([f"Enable op profiling: [{int(profiled)}]"] if profiled else []),
        "Signature to run: []",
        f"Loaded model {flags['graph']}",
        "Created TensorFlow Lite XNNPACK delegate for CPU.",
        f"The input model file size (MB): {len(content) / 1e6:g}",
        "Initialized session in 30.5ms.",
        "Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.",
        "count=12 first=20000 curr=16001 min=15000 max=20000 avg=16000 std=900",
        "Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.",
        f"count=50 first=12100 curr=12600 min=12000 max=15000 avg={average} std=500 p5=12000 median=12250 p95=14000",
        "Inference timings in us: Init: 30500, First inference: 20000, Warmup (avg): 16000,"
        f" Inference (avg): {average}",
        f"Memory footprint delta from the start of the tool (MB): init=4 overall={20 if watched else 1000}",
        *(["Overall peak memory footprint (MB) via periodic monitoring: 64.5"] if watched else []),
    ]
    print(
        "\n".join(f"INFO: {line}" for line in lines).replace(str(average), "nan" if has("nonsense") else str(average))
    )


if __name__ == "__main__":
    sys.exit(main())
