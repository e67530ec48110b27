"""Logs of all versions: each shape of formats.md section 1, in whatever prefix its way put before it."""

import string
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.protocol.litert_delegate import Applied, Created, Delegates, Replacement
from orchestrator.protocol.litert_line import MAX_LINES, MAX_LOG_CHARS
from orchestrator.protocol.litert_log import LiteRtLog, OptionRun, format_log, parse_log
from orchestrator.protocol.litert_stat import Stat
from orchestrator.protocol.unreadable import Unreadable

BODY = """\
STARTING!
Log parameter values verbosely: [0]
Min num runs: [50]
Min runs duration (seconds): [1]
Inter-run delay (seconds): [-1]
Num threads: [4]
Use gpu : [1]
Graph: [/data/local/tmp/model.tflite]
Signature to run: []
Loaded model /data/local/tmp/model.tflite
The input model file size (MB): 4.25
Initialized session in 30.125ms.
Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
count=12 first=20000 curr=15500 min=15000 max=20000 avg=16000.5 std=900

Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
count=50 first=15000 curr=12000 min=12000 max=15000 avg=1.26667e+04 std=500 p5=12000 median=12250 p95=14000

Inference timings in us: Init: 30125, First inference: 20000, Warmup (avg): 16000.5, Inference (avg): 12666.7
Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE to the actual memory
Memory footprint delta from the start of the tool (MB): init=-0.5 overall=20.25
Overall peak memory footprint (MB) via periodic monitoring: 64.5
Memory status at the end of exeution:
- VmRSS              : 71 MB
+ RssAnnon           : 40 MB
+ RssFile + RssShmem : 31 MB
"""

PREFIXES = {
    "none": "",
    "level": "INFO: ",
    "indented": "\tINFO: ",
    "threadtime": "01-31 02:00:00.123  1234  5678 I tflite  : ",
    "threadtime with user": "2026-01-31 02:00:00.123  shell  1234  5678 I tflite  : INFO: ",
    "brief": "I/tflite  ( 1234): ",
    "time": "01-31 02:00:00.123 I/litert  (12345): ",
    "studio": "2026-01-31 02:00:00.865 18088-18088 tflite                  org.tensorflow.lite.benchmark        I  ",
    "tensorflow": "2018-01-31 02:00:00.109025: I tensorflow/tools/benchmark/benchmark_model.cc:361] ",
}


@pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES)
def test_a_whole_log_is_read_behind_any_prefix(prefix: str) -> None:
    log = parse_log("\n".join(prefix + line for line in BODY.splitlines()))
    assert log.params == {
        "Log parameter values verbosely": "0",
        "Min num runs": "50",
        "Min runs duration (seconds)": "1",
        "Inter-run delay (seconds)": "-1",
        "Num threads": "4",
        "Use gpu": "1",
        "Graph": "/data/local/tmp/model.tflite",
        "Signature to run": "",
    }
    assert (log.model_size_mb, log.session_init_ms) == (4.25, 30.125)
    assert log.warmup == Stat(
        count=12, first_us=20000, curr_us=15500, min_us=15000, max_us=20000, avg_us=16000.5, std_us=900
    )
    assert log.measured is not None
    assert (log.measured.count, log.measured.avg_us, log.measured.median_us) == (50, 12666.7, 12250)
    assert (log.init_us, log.first_inference_us, log.warmup_avg_us, log.inference_avg_us) == (
        30125,
        20000,
        16000.5,
        12666.7,
    )
    assert (log.memory_init_mib, log.memory_overall_mib, log.peak_mib) == (-0.5, 20.25, 64.5)
    assert (log.end_rss_mib, log.end_rss_anonymous_mib, log.end_rss_file_and_shared_mib) == (71, 40, 31)
    assert (log.errors, log.failed, log.profiled) == ((), False, False)


@pytest.mark.parametrize(
    ("line", "figures"),
    [
        (
            "Average inference timings in us: Warmup: 83235, Init: 38467, Inference: 79760.9",
            (38467, None, 83235, 79760.9),
        ),
        ("Average inference timings in us: Warmup: 352, Init: 2491, no stats: 178", (2491, None, 352, 178)),
        (
            "Inference timings in us: Init: 5, First inference: 6, Warmup (avg): 7.5e+06, Inference (avg): 8",
            (5, 6, 7.5e6, 8),
        ),
    ],
)
def test_every_form_of_the_summary_is_read(line: str, figures: tuple[float | None, ...]) -> None:
    log = parse_log(line)
    assert (log.init_us, log.first_inference_us, log.warmup_avg_us, log.inference_avg_us) == figures


def test_the_oldest_memory_line_is_read() -> None:
    log = parse_log("Peak memory footprint (MB): init=63.4883 overall=64.5")
    assert (log.memory_init_mib, log.memory_overall_mib, log.peak_mib) == (63.4883, 64.5, None)


def test_one_series_is_the_warm_up_and_measured_nothing() -> None:
    log = parse_log("count=3 curr=7(all same)\nERROR: Benchmarking failed.")
    assert log.warmup is not None
    assert log.measured is None


def test_a_tool_that_runs_again_does_not_replace_what_it_said_first() -> None:
    once = "Initialized session in {0}ms.\ncount={0} curr=9\ncount=5{0} curr=8\n"
    log = parse_log(once.format(1) + once.format(2))
    assert log.warmup is not None
    assert log.measured is not None
    assert (log.session_init_ms, log.warmup.count, log.measured.count) == (1, 1, 51)


def test_a_dry_run_measured_an_empty_series() -> None:
    assert parse_log("count=0\ncount=0").measured == Stat(count=0)


def test_the_profilers_own_sums_are_no_series() -> None:
    log = parse_log(
        "Timings (microseconds): count=50 curr=1(all same)\nMemory (bytes): count=0\ncount=2 curr=5(all same)\n"
        "count=3 curr=6(all same)"
    )
    assert log.warmup is not None
    assert log.measured is not None
    assert (log.warmup.count, log.measured.count) == (2, 3)


@pytest.mark.parametrize(
    ("text", "errors", "failed"),
    [
        ("ERROR: Failed to open model\nERROR: Benchmarking failed.", ("Failed to open model",), True),
        ("INFO: fine\nFATAL: out of memory", ("out of memory",), True),
        ("01-31 02:00:00.123  1  2 E tflite  : no such op\n", ("no such op",), False),
        ("E/tflite  ( 1234): no such op", ("no such op",), False),
        ("F/tflite  ( 1234): out of memory", ("out of memory",), True),
        ("Failed to apply GPU delegate.", ("Failed to apply GPU delegate.",), False),
        ("Disallowed CPU fallback detected.\nBenchmarking failed", ("Disallowed CPU fallback detected.",), True),
        ("WARN: odd\nWARNING: odd\nVERBOSE: odd\nan ERROR: is not at the start", (), False),
    ],
)
def test_errors_and_failure_are_told(text: str, errors: tuple[str, ...], failed: bool) -> None:
    log = parse_log(text)
    assert (log.errors, log.failed) == (errors, failed)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.",
            Delegates(created=(Created(name="XNNPACK", target="CPU"),)),
        ),
        (
            "Created TensorFlow Lite delegate for select TF ops.",
            Delegates(created=(Created(name="", target="select TF ops"),)),
        ),
        (
            "VERBOSE: Replacing 31 out of 33 node(s) with delegate (TfLiteGpuDelegateV2) node, yielding 2 partitions"
            " for subgraph 0 (main).",
            Delegates(
                replacements=(
                    Replacement(
                        delegate="TfLiteGpuDelegateV2", replaced_nodes=31, total_nodes=33, partitions=2, subgraph=0
                    ),
                )
            ),
        ),
        (
            "Replacing 5 out of 5 node(s) with delegate (X (v2)) node, yielding 1 partitions.",
            Delegates(replacements=(Replacement(delegate="X (v2)", replaced_nodes=5, total_nodes=5, partitions=1),)),
        ),
        (
            "Explicitly applied GPU delegate, and the model graph will be completely executed by the delegate.",
            Delegates(applied=(Applied(name="GPU", extent="complete"),)),
        ),
        (
            "Explicitly applied NNAPI delegate, and the model graph will be partially executed by the delegate w/ 44"
            " delegate kernels.",
            Delegates(applied=(Applied(name="NNAPI", extent="partial", kernels=44),)),
        ),
        (
            "Though XNNPACK delegate is explicitly applied, the model graph will not be executed by the delegate.",
            Delegates(applied=(Applied(name="XNNPACK", extent="none"),)),
        ),
        ("Failed to apply GPU delegate.", Delegates()),
    ],
)
def test_each_delegate_line_is_read(line: str, expected: Delegates) -> None:
    assert parse_log(line).delegates == expected


def test_several_delegates_keep_their_order_and_doubled_lines_count_once() -> None:
    made = "Created TensorFlow Lite delegate for GPU."
    taken = "Replacing {} out of 9 node(s) with delegate (A) node, yielding 1 partitions for subgraph {} (b)."
    found = parse_log("\n".join([made, f"INFO: {made}", taken.format(3, 0), taken.format(4, 1)])).delegates
    assert found.created == (Created(name="", target="GPU"),)
    assert [(one.replaced_nodes, one.subgraph) for one in found.replacements] == [(3, 0), (4, 1)]


BLOCK = """\
INFO: [benchmark_litert_model.cc:93]
========== BENCHMARK RESULTS ==========
Signature name:       serving_default
Model initialization: 30.25 ms
Warmup (first):       20.50 ms
Warmup (avg):         16.00 ms (12 runs)
Inference (avg):      12.50 ms (50 runs)
Inference (min):      12.00 ms
Inference (max):      15.00 ms
Inference (std):      0.50
Throughput:           46.00 MB/s
Memory Usage:
Init footprint: 8.50 MB
Overall footprint: 20.00 MB
Peak memory: 64.50 MB
"""


def test_the_newer_tools_block_says_the_same_in_milliseconds() -> None:
    log = parse_log(BLOCK)
    assert (log.init_us, log.first_inference_us, log.warmup_avg_us, log.inference_avg_us) == (
        30250,
        20500,
        16000,
        12500,
    )
    assert (log.memory_init_mib, log.memory_overall_mib, log.peak_mib) == (8.5, 20, 64.5)
    assert log.input_mb_per_s == 46
    assert log.measured == Stat(count=50, min_us=12000, max_us=15000, avg_us=12500, std_us=500)


def test_a_series_of_its_own_is_finer_than_the_block() -> None:
    log = parse_log("count=1 curr=20500\ncount=50 first=1 curr=2 min=1 max=3 avg=2 std=0\n" + BLOCK)
    assert log.measured is not None
    assert log.measured.median_us is None
    assert (log.measured.count, log.measured.avg_us) == (50, 2)


def test_the_performance_options_summary_is_kept_apart() -> None:
    log = parse_log(
        "count=1 curr=9\ncount=2 curr=8(all same)\n"
        "==============Summary of All Runs w/ Different Performance Options==============\n"
        "   cpu w/ 4 threads (xnnpack): count=50 first=9 curr=8 min=7 max=9 avg=8.5 std=1\n"
        "                     gpu-fp16: count=0\n"
        "              dsp w/ hexagon:  failed!\n"
    )
    assert log.measured is not None
    assert log.measured.count == 2
    assert [option.name for option in log.options] == ["cpu w/ 4 threads (xnnpack)", "gpu-fp16", "dsp w/ hexagon"]
    assert [option.measured and option.measured.count for option in log.options] == [50, 0, None]
    assert log.options[2] == OptionRun(name="dsp w/ hexagon", measured=None)


@pytest.mark.parametrize("value", ["0", "1", "true"])
def test_the_profilers_flag_is_seen(value: str) -> None:
    assert parse_log(f"INFO: Enable op profiling: [{value}]").profiled is (value != "0")


def test_a_printed_operator_table_means_profiled(samples: Path) -> None:
    log = parse_log((samples / "litert_profile_summary_2.3.txt").read_text())
    assert log.profiled
    assert len(log.operators.runs) == 24
    assert log.warmup is None


@pytest.mark.parametrize(
    "line",
    [
        "count=2 first=1 curr=2 min=1 max=2 avg=nan std=0",
        "The input model file size (MB): inf",
        "Inference timings in us: Init: 1, First inference: 1, Warmup (avg): nan, Inference (avg): 1",
    ],
)
def test_what_is_not_finite_spoils_the_log(line: str) -> None:
    with pytest.raises(Unreadable, match="not a finite number"):
        parse_log(f"STARTING!\n{line}\n")


@pytest.mark.parametrize(
    ("text", "reason"), [("x" * (MAX_LOG_CHARS + 1), "16 MiB"), ("\n" * (MAX_LINES + 1), "100000 lines")]
)
def test_a_log_beyond_its_bounds_is_refused(text: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        parse_log(text)


# Texts that a line can carry: the tool escapes nothing.
words = st.text(string.ascii_letters + string.digits + "/_.-, ", min_size=1, max_size=20).map(str.strip).filter(bool)
names = words.filter(lambda name: name not in ("INFO", "WARN", "WARNING", "ERROR", "FATAL", "VERBOSE", "DEBUG"))
six_digits = st.floats(0, 1e9).map(lambda value: float(f"{value:g}"))
whole = st.integers(0, 10**12).map(float)
series = st.builds(
    Stat,
    count=st.integers(2, 10**6),
    first_us=st.integers(0, 10**12),
    curr_us=st.integers(0, 10**12),
    min_us=st.integers(0, 10**6),
    max_us=st.integers(10**6 + 1, 10**12),
    avg_us=six_digits,
    std_us=whole,
)
counts = st.integers(0, 10**6)
delegates = st.builds(
    Delegates,
    created=st.lists(
        st.builds(Created, name=st.sampled_from(["", "XNNPACK"]), target=st.sampled_from(["CPU", "GPU"])), unique=True
    ).map(tuple),
    replacements=st.lists(
        st.builds(
            Replacement,
            delegate=st.sampled_from(["TfLiteXNNPackDelegate", "A (b)"]),
            replaced_nodes=counts,
            total_nodes=counts,
            partitions=counts,
            subgraph=st.none() | counts,
        )
    ).map(tuple),
    applied=st.lists(
        st.builds(
            Applied,
            name=st.sampled_from(["GPU", "NNAPI"]),
            extent=st.sampled_from(["complete", "partial"]),
            kernels=st.none() | counts,
        )
        | st.builds(Applied, name=st.just("GPU"), extent=st.just("none"))
    ).map(tuple),
)


@st.composite
def logs(draw: st.DrawFn) -> LiteRtLog:
    """Logs as the current tool writes them: memory deltas come in pairs, a measured series after a warm-up."""
    optional = st.none() | six_digits
    warmup = draw(st.none() | series)
    memory = draw(st.none() | st.tuples(six_digits, six_digits)) or (None, None)
    return LiteRtLog(
        params=draw(st.dictionaries(names, words, max_size=5)),
        model_size_mb=draw(optional),
        session_init_ms=draw(optional),
        warmup=warmup,
        measured=draw(st.none() | series) if warmup else None,
        init_us=draw(st.none() | whole),
        first_inference_us=draw(st.none() | whole),
        warmup_avg_us=draw(optional),
        inference_avg_us=draw(optional),
        memory_init_mib=memory[0],
        memory_overall_mib=memory[1],
        peak_mib=draw(optional),
        end_rss_mib=draw(st.none() | whole),
        end_rss_anonymous_mib=draw(st.none() | whole),
        end_rss_file_and_shared_mib=draw(st.none() | whole),
        delegates=draw(delegates),
        errors=tuple(draw(st.lists(words, max_size=3))),
        warnings=tuple(draw(st.lists(words, max_size=3))),
        failed=draw(st.booleans()),
    )


@given(logs())
def test_what_is_written_reads_the_same(log: LiteRtLog) -> None:
    assert parse_log(format_log(log)) == log


def test_the_written_log_is_the_tools_own() -> None:
    log = parse_log(BODY)
    ours = [line.removeprefix("INFO: ") for line in format_log(log).splitlines()]
    theirs = [line.replace("1.26667e+04", "12666.7") for line in BODY.splitlines() if line]
    assert [line for line in ours if not line.startswith("Note:")] == [
        line.replace("Use gpu :", "Use gpu:") for line in theirs if not line.startswith("Note:")
    ]


fragments = st.sampled_from(
    [
        "count=",
        "first=1 curr=2",
        "min=1 max=2 avg=",
        "std=",
        "INFO: ",
        "E/tflite: ",
        ": [",
        "]",
        "Inference timings in us: Init: ",
        "Explicitly applied ",
        " delegate, and ",
        "Replacing 1 out of ",
        "============================== Run Order ==============================\n",
        "\t[node type]\t[first]\t[avg ms]\t[%]\t[cdf%]\t[mem KB]\t[times called]\t[Name]\n",
        "1e9",
        "9" * 30,
        "5%",
        "\n",
        "\t",
    ]
)


@given(st.lists(fragments | st.text(max_size=5)).map("".join))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    try:
        parse_log(text)
    except Unreadable:
        return


@pytest.mark.parametrize(
    "piece",
    [
        "Explicitly applied ",
        "Created TensorFlow Lite ",
        "Replacing 1 out of 1 node(s) with delegate (",
        "Though ",
        "count=1 first=1 curr=1 ",
        "emory footprint (MB): init=1 ",
        "a: [",
        "I/a (1): ",
        "=====",
        "[a]",
        "1 ",
        "Failed to apply ",
    ],
)
def test_no_repetition_makes_reading_slow(piece: str) -> None:
    """Four lines of the greatest length, which a pattern that tries again at every place reads for minutes."""
    started_s = time.process_time()
    run_order = "===== Run Order =====\n[node type] [first] [%] [Name]\n"
    parse_log(run_order + "\n".join([piece * (60_000 // len(piece))] * 4))
    assert time.process_time() - started_s < 2
