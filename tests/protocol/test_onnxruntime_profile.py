"""ONNX Runtime's profiles: files of five real builds, and each trap of formats.md section 5."""

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.protocol.onnxruntime import parse_profile
from orchestrator.protocol.unreadable import Unreadable

SAMPLES = {
    "1.16.3_noopt": (230, 5461, [(78, 17), (10, 4), (20, 5)]),
    "1.20.1_noopt": (264, 1455, [(80, 12), (7, 3), (14, 5)]),
    "1.30.0_noopt": (389, 1954, [(113, 31), (8, 5), (18, 10)]),
    "1.32.0_noopt": (308, 2438, [(113, 18), (12, 5), (19, 8)]),
}


def event(name: str, start: int, duration: int, *, thread: int = 1, **args: Any) -> dict[str, Any]:
    kind = "Node" if args else "Session"
    return {"cat": kind, "pid": 1, "tid": thread, "dur": duration, "ts": start, "ph": "X", "name": name, "args": args}


def node(name: str, start: int, duration: int, *, index: int = 0, op: str = "Conv", thread: int = 1) -> dict[str, Any]:
    args = {"op_name": op, "provider": "CPUExecutionProvider", "node_index": str(index)}
    return event(f"{name}_kernel_time", start, duration, thread=thread, **args)


def written(*events: dict[str, Any]) -> str:
    return "[\n" + ",\n".join(json.dumps(one) for one in events) + "\n]\n"


@pytest.mark.parametrize("sample", SAMPLES)
def test_real_files_are_read_though_some_are_no_json(sample: str, samples: Path) -> None:
    load_us, init_us, times = SAMPLES[sample]
    profile = parse_profile((samples / f"ort_profile_{sample}.json").read_text())
    assert (profile.load_us, profile.init_us, profile.runs, profile.truncated) == (load_us, init_us, 2, False)
    assert [(node.name, node.op_type, node.node_index, node.calls) for node in profile.nodes] == [
        ('a/b:"q"\\z', "Conv", 0, 2),
        ("Relu_1", "Relu", 1, 2),
        ("gap", "GlobalAveragePool", 2, 2),
    ]
    assert [node.mean_us for node in profile.nodes] == [sum(pair) / 2 for pair in times]
    assert {node.provider for node in profile.nodes} == {"CPUExecutionProvider"}


def test_names_are_those_after_optimisation(samples: Path) -> None:
    profile = parse_profile((samples / "ort_profile_1.32.0_opt.json").read_text(), skip_runs=1)
    assert [(node.name, node.node_index, node.mean_us) for node in profile.nodes] == [
        ("r_nchwc", 4, 25),
        ("ReorderOutput", 5, 7),
        ("gap", 2, 7),
    ]
    assert (profile.runs, profile.run_mean_us) == (1, 69)


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_order_of_events_does_not_matter(sample: str, samples: Path) -> None:
    text = (samples / f"ort_profile_{sample}.json").read_text()
    lines = [line.rstrip(",") for line in text.splitlines()[1:-1]]
    random.Random(7).shuffle(lines)
    assert parse_profile("[\n" + ",\n".join(lines) + "\n]") == parse_profile(text)


def test_skipped_runs_leave_nothing() -> None:
    text = written(
        node("first_only", 10, 50),
        event("model_run", 5, 60),
        node("conv", 110, 20),
        event("model_run", 105, 30),
        node("conv", 210, 40),
        event("model_run", 205, 50),
    )
    profile = parse_profile(text, skip_runs=1)
    assert (profile.runs, profile.run_mean_us, profile.load_us, profile.init_us) == (2, 40, None, None)
    (found,) = profile.nodes
    assert (found.name, found.mean_us, found.calls) == ("conv", 30, 2)


def test_a_node_that_ran_in_some_runs_only_counts_over_all() -> None:
    text = written(node("a", 10, 30), event("model_run", 5, 60), event("model_run", 105, 60))
    assert [(found.mean_us, found.calls) for found in parse_profile(text).nodes] == [(15, 1)]


def test_nodes_inside_a_loop_are_not_counted_beside_it() -> None:
    text = written(
        node("body", 120, 30),
        node("body", 160, 30),
        node("loop", 110, 100, index=1, op="Loop"),
        node("after", 210, 5, index=2),
        event("model_run", 100, 200),
    )
    assert [(found.name, found.mean_us, found.calls) for found in parse_profile(text).nodes] == [
        ("loop", 100, 1),
        ("after", 5, 1),
    ]


@pytest.mark.parametrize("turned", [False, True])
def test_neighbours_in_one_microsecond_and_parallel_nodes_are_all_counted(turned: bool) -> None:
    nodes = [
        node("a", 110, 0),
        node("b", 110, 5, index=1),
        node("c", 115, 0, index=2),
        node("aside", 111, 2, index=3, thread=2),
    ]
    text = written(*(nodes[::-1] if turned else nodes), event("model_run", 100, 200))
    assert {found.name for found in parse_profile(text).nodes} == {"a", "b", "c", "aside"}


def test_fences_other_categories_and_old_arguments_are_understood() -> None:
    text = written(
        event("a_fence_before", 109, 0, op_name="Conv"),
        event("a_kernel_time", 110, 5, op_name="Conv"),
        event("cuda_kernel", 111, 2, block_x="1"),
        event("model_loading_array", 1, 7),
        event("model_run", 100, 50),
    )
    profile = parse_profile(text)
    assert profile.load_us == 7
    assert [(found.name, found.provider, found.node_index) for found in profile.nodes] == [("a", "", None)]


@pytest.mark.parametrize("shapes", ['[{"float":[1,3]},]', '[{"float":[1,3,]}]', '[,{"float":[1,3]}]'])
@pytest.mark.parametrize("name", ["plain", 'odd"name', 'line"\u2028separator', "back\\slash", '","args" : {', "a,]b"])
def test_stray_commas_and_bare_names_are_repaired(shapes: str, name: str) -> None:
    text = (
        f'[\n{{"cat" : "Node","pid" :1,"tid" :1,"dur" :5,"ts" :110,"ph" : "X","name" :"{name}_kernel_time","args" :'
        f' {{"op_name" : "Conv","input_type_shape" : {shapes},"node_index" : "0"}}}},\n'
        f"{json.dumps(event('model_run', 100, 50))}\n]"
    )
    assert [found.name for found in parse_profile(text).nodes] == [name]


def test_nodes_after_the_last_run_tell_of_dropped_events() -> None:
    cut = written(node("a", 110, 5), event("model_run", 100, 50), node("a", 210, 5))
    profile = parse_profile(cut)
    assert profile.truncated
    assert (profile.runs, profile.nodes[0].calls) == (1, 1)


def test_the_runtimes_limit_of_events_tells_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.protocol.onnxruntime_profile.MAX_EVENTS", 2)
    assert parse_profile(written(node("a", 110, 5), event("model_run", 100, 50))).truncated


@pytest.mark.parametrize("cut", [1, 2, 3, 30, 60])
def test_a_file_that_was_cut_off_keeps_its_whole_runs(cut: int) -> None:
    text = written(node("a", 110, 5), event("model_run", 100, 50), node("a", 210, 5)).rstrip()
    profile = parse_profile(text[:-cut])
    assert profile.truncated
    assert profile.runs == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("\n \n", "empty"),
        ("<html>", "not a profile"),
        ("{}", "not a profile"),
        ("[\n]", "0 runs"),
        (written(node("a", 110, 5)), "0 runs"),
        ("[\nrubbish\n]", "line 2 is no event"),
        ("[\nrubbish,\n" + written(event("model_run", 1, 1))[2:], "line 2 is no event"),
        (written(event("model_run", 1, -1)), "line 2 is no event"),
        (written(event("model_run", 2**60, 1)), "line 2 is no event"),
        (written({**event("model_run", 1, 1), "dur": float("nan")}), "line 2 is no event"),
        ("[\n" + "[" * 100_000 + "\n]", "line 2 is no event"),
    ],
    ids=range(12),
)
def test_what_is_no_profile_is_refused(text: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        parse_profile(text)


@pytest.mark.parametrize(
    "line", ['"name" :"' * 100_000, '{"name" :"' + '","args" :' * 100_000, '"name":"a","args":' + "," * 1_000_000]
)
def test_no_repetition_makes_repairing_slow(line: str) -> None:
    started_s = time.process_time()
    with pytest.raises(Unreadable, match="line 2 is no event"):
        parse_profile(f"[\n{line}\n]")
    assert time.process_time() - started_s < 2


def test_more_events_than_the_runtime_writes_are_refused() -> None:
    with pytest.raises(Unreadable, match="1000000 events"):
        parse_profile("[\n" * 2_000_000)


def test_a_profile_beyond_its_bound_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.protocol.onnxruntime_profile.MAX_PROFILE_CHARS", 10)
    with pytest.raises(Unreadable, match="longer than"):
        parse_profile(written(event("model_run", 1, 1)))


def test_more_is_skipped_than_there_was() -> None:
    with pytest.raises(Unreadable, match="1 runs, of which 1 are skipped"):
        parse_profile(written(event("model_run", 1, 1)), skip_runs=1)


@given(st.data())
def test_damage_is_read_or_refused(data: st.DataObject) -> None:
    text = list(written(node("a", 110, 5), event("model_run", 100, 50), event("model_run", 200, 50)))
    for at in data.draw(st.lists(st.integers(0, len(text) - 1), max_size=3)):
        text[at] = data.draw(st.sampled_from('[]{}",:\\\n0 e-x\0'))
    try:
        parse_profile("".join(text))
    except Unreadable:
        return
