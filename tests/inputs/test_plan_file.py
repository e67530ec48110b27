"""Plans: the whole schema, read and refused."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain.cell import CellPattern, Variant
from orchestrator.domain.device import DeviceSelector, Platform
from orchestrator.domain.plan import (
    NOTIFY_EVENTS,
    BaselinePolicy,
    GateRule,
    Gating,
    Limits,
    LocalPolicy,
    Notification,
    Plan,
    Schedule,
)
from orchestrator.errors import PlanError
from orchestrator.inputs.plan_file import MAX_PROBLEMS, load_plan, template
from orchestrator.inputs.plan_schema import PlanSection

Load = Callable[[str], Plan]
Mistakes = Callable[[str], list[str]]
KEYS = ["name", "path", "params", "inputs", "platform", "os", "limit", "model", "metric", "max", "require", "npu", "to"]
SMALLEST = "name: nightly\nmodels: [m.onnx]\ndevices: [Pixel]\n"

# the example of product.md, "The plan"
WHOLE = """\
version: 1
name: vision-nightly            # required
project: vision                 # hub project, created if missing; default: name
cloud: local                    # local (default) | hub | http(s)://...
models:                         # required; a path, or a mapping
  - models/*.onnx               # globs are relative to the plan
  - name: detector              # default: the file's stem
    path: models/detector.onnx
    inputs: {image: [1, 3, 320, 320]}   # values for dynamic dimensions
    params: {num_threads: 2}            # over the plan's params
devices:                        # required; a name or a glob of names, or a selector
  - Samsung Galaxy S24
  - {platform: IOS, os: ">=17", vendor: Apple, name: "iPhone*", limit: 3}
variants:                       # optional third axis
  - {name: cpu4, params: {num_threads: 4}}
  - {name: gpu, params: {use_gpu: true}}
include: []                     # cells to add, and
exclude: [{model: "big*", device: "Pixel 3*", variant: gpu}]   # to leave out
params: {num_runs: 50, warmup_runs: 5}   # LiteRT benchmark_model's flags
repeats: 3                      # jobs of a cell in one session
tags: {team: vision}
limits:
  in_flight: 20                 # jobs on the cloud at once
  per_device: 2                 # one running, one waiting, so that no device idles
  poll_interval: 5s             # the shortest; longer while a job waits
  queue_timeout: 2h             # waiting statuses
  run_timeout: 15m              # active statuses
  retries: 2                    # of infrastructure failures, per job
  reconcile: auto               # how long a job whose answer was lost is watched for
baseline: {rolling: 20, min: 5, pinned: release/2.4, max_age: 30d, control: auto}
gates:
  - {metric: latency_p90_ms, max: 20, models: "detector", devices: "Pixel*"}
  - {metric: latency_p50_ms, max_regression: 5%, at_least: 0.3}
  - {metric: peak_memory_mb, max_regression: 5%, level: warn}
gating: {profile: release, max_sessions: 3, statistic: auto, new_cells: warn}
schedule: {cron: "0 2 * * *", timezone: Europe/Stockholm}
notify: []
"""


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """load(text): the plan of that text, in a folder with a few model files."""
    for name in ("m.onnx", "models/detector.onnx", "models/big.onnx", "models/tiny.tflite", "models/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()

    def read(text: str) -> Plan:
        (tmp_path / "plan.yaml").write_text(text, encoding="utf-8")
        return load_plan(tmp_path / "plan.yaml")

    return read


@pytest.fixture
def mistakes(load: Load, tmp_path: Path) -> Mistakes:
    """mistakes(text): what is said of a wrong plan, without its path."""

    def read(text: str) -> list[str]:
        with pytest.raises(PlanError) as caught:
            load(text)
        return [str(problem).replace(f"{tmp_path}/plan.yaml:", "") for problem in caught.value.problems]

    return read


def test_the_whole_schema_is_read(load: Load, tmp_path: Path) -> None:
    plan = load(WHOLE)
    assert (plan.name, plan.project, plan.cloud, plan.repeats) == ("vision-nightly", "vision", "local", 3)
    assert [(model.name, model.path) for model in plan.models] == [
        ("big", tmp_path / "models/big.onnx"),
        ("detector", tmp_path / "models/detector.onnx"),
    ]
    assert plan.models[1].inputs == {"image": (1, 3, 320, 320)}
    assert plan.models[1].params == {"num_threads": "2"}
    assert plan.devices == (
        DeviceSelector(name="Samsung Galaxy S24"),
        DeviceSelector(name="iPhone*", platform=Platform.IOS, os=">=17", vendor="Apple", limit=3),
    )
    assert plan.variants == (
        Variant(name="cpu4", params={"num_threads": "4"}),
        Variant(name="gpu", params={"use_gpu": "true"}),
    )
    assert plan.include == ()
    assert plan.exclude == (CellPattern(model="big*", device="Pixel 3*", variant="gpu"),)
    assert plan.params == {"num_runs": "50", "warmup_runs": "5"}
    assert plan.tags == {"team": "vision"}
    assert plan.limits == Limits(
        in_flight=20,
        per_device=2,
        poll_interval_s=5.0,
        queue_timeout_s=7200.0,
        run_timeout_s=900.0,
        retries=2,
        reconcile_s=None,
    )
    assert plan.baseline == BaselinePolicy(
        rolling=20, min=5, pinned="release/2.4", max_age_s=2_592_000.0, control="auto"
    )
    assert plan.gates == (
        GateRule(metric="latency_p90_ms", max=20.0, models="detector", devices="Pixel*"),
        GateRule(metric="latency_p50_ms", max_regression=0.05, at_least=0.3),
        GateRule(metric="peak_memory_mb", max_regression=0.05, level="warn"),
    )
    assert plan.gating == Gating(profile="release", max_sessions=3, statistic="auto", new_cells="warn")
    assert plan.schedule == Schedule(cron="0 2 * * *", timezone="Europe/Stockholm")
    assert plan.notify == ()
    assert plan.text == WHOLE
    assert plan.sha256 == hashlib.sha256(WHOLE.encode()).hexdigest()


def test_defaults_are_the_domains(load: Load, tmp_path: Path) -> None:
    plan = load(SMALLEST)
    defaults = Plan(
        path=tmp_path / "plan.yaml",
        text=plan.text,
        sha256=plan.sha256,
        name="nightly",
        project="nightly",
        models=plan.models,
        devices=(DeviceSelector(name="Pixel"),),
    )
    assert plan == defaults


def test_params_of_the_variant_go_over_the_models_and_those_over_the_plans(load: Load) -> None:
    plan = load(WHOLE)
    big, detector = plan.models
    plain, gpu = Variant(), plan.variants[1]
    assert plan.params_for(big, plain) == {"num_runs": "50", "warmup_runs": "5"}
    assert plan.params_for(detector, plain)["num_threads"] == "2"
    assert plan.params_for(detector, plan.variants[0])["num_threads"] == "4"
    assert plan.params_for(detector, gpu)["use_gpu"] == "true"


@pytest.mark.parametrize(
    ("more", "read"),
    [
        (
            "params: {a: 1.10, b: 1e-3, c: -1, d: False, e: x y}",
            {"a": "1.10", "b": "1e-3", "c": "-1", "d": "false", "e": "x y"},
        ),
        ("tags: {v: 1.10, n: 3, ok: true, 2.0: x}", {"v": "1.10", "n": "3", "ok": "true", "2.0": "x"}),
    ],
)
def test_scalars_become_the_text_they_were_written_as(load: Load, more: str, read: dict[str, str]) -> None:
    assert getattr(load(SMALLEST + more), more.split(":")[0]) == read


@pytest.mark.parametrize(
    ("more", "attribute", "value"),
    [
        ("baseline: {pinned: 2.10}", "baseline.pinned", "2.10"),
        ("limits: {in_flight: 1}", "limits.in_flight", 1),
        ("limits: {run_timeout: 1s}", "limits.run_timeout_s", 1.0),
        ("limits: {reconcile: 90s}", "limits.reconcile_s", 90.0),
        ("local: {adb: true, cooldown: 0s}", "local", LocalPolicy(adb=True, cooldown_s=0.0)),
        ("local: {min_battery: 50%}", "local.min_battery", 0.5),
        ("limits: {poll_interval: 500ms}", "limits.poll_interval_s", 0.5),
        ("cloud: hub", "cloud", "hub"),
        ("cloud: http://127.0.0.1:8770", "cloud", "http://127.0.0.1:8770"),
        ("cloud: https://hub.example.com/base", "cloud", "https://hub.example.com/base"),
        ("gates: [{require: {npu: 95%, cpu: 0.05}}]", "gates", (GateRule(require={"npu": 0.95, "cpu": 0.05}),)),
        ("notify: [a@b.example]", "notify", (Notification(to="a@b.example", on=NOTIFY_EVENTS),)),
        ("notify: [{to: $CHAT_URL, on: [gate]}]", "notify", (Notification(to="$CHAT_URL", on=("gate",)),)),
        ("notify: ['https://ci.example.com/hook']", "notify", (Notification(to="https://ci.example.com/hook"),)),
        ("schedule: {cron: '*/5  * * * 1-5'}", "schedule", Schedule(cron="*/5 * * * 1-5", timezone="UTC")),
    ],
)
def test_other_spellings_are_read_too(load: Load, more: str, attribute: str, value: object) -> None:
    found: Any = load(SMALLEST + more)
    for name in attribute.split("."):
        found = getattr(found, name)
    assert found == value


MISTAKES = [
    # keys
    ("modles: []", "4:1: unknown key 'modles' (did you mean 'models'?)"),
    ("gate: []", "4:1: unknown key 'gate' (did you mean 'gates'?)"),
    ("zzz: 1", "4:1: unknown key 'zzz' (there are: version, name, project,"),
    ("limits: {poll_intervall: 5s}", "4:10: unknown key 'poll_intervall' (did you mean 'poll_interval'?)"),
    ("gates: [{metric: load_ms, maximum: 3}]", "4:27: unknown key 'maximum' (did you mean 'max'?)"),
    ("name: b", "4:1: 'name' is already given in line 1, column 1"),
    ("exclude:", "4:9: 'exclude': expected a list, not nothing (give it a value, or leave it out)"),
    # wrong kinds of values
    ("version: 2", "4:10: 'version': expected 1, the version of this format"),
    ("version: true", "4:10: 'version': expected a whole number, not true"),
    ("repeats: '3'", "4:10: 'repeats': expected a whole number, not '3' (a plain number, without quotes"),
    ("repeats: 3.0", "4:10: 'repeats': expected a whole number, not 3.0"),
    ("repeats: true", "4:10: 'repeats': expected a whole number, not true"),
    ("repeats: 0", "4:10: 'repeats': expected at least 1, not 0"),
    ("repeats: 1000", "4:10: 'repeats': expected at most 100, not 1000"),
    ("limits: fast", "4:9: 'limits': expected a mapping, not 'fast'"),
    ("project: true", "4:10: 'project': expected text, not true (in quotes it is text)"),
    ("project: ' '", "4:10: 'project': expected text on one line"),
    ('project: "a\\eb"', "4:10: 'project': expected text on one line, without control characters"),
    ("tags: {a: [b]}", "4:11: 'a': expected text, not a list"),
    # params
    ("params: {--num_runs: 4}", "4:10: '--num_runs' is no flag of benchmark_model, such as num_threads: write"),
    ("params: {use_gpu: yes}", "4:19: 'use_gpu': 'yes' is no value of a flag: write true"),
    ("params: {use_gpu: off}", "4:19: 'use_gpu': 'off' is no value of a flag: write false"),
    ("params: {use_gpu: }", "4:18: 'use_gpu': expected text, a number, true or false"),
    ("params: {x: 1e400}", "4:13: 'x': expected text, a number, true or false"),
    ("params: {x: [1]}", "4:13: 'x': expected text, a number, true or false"),
    # limits
    ("limits: {poll_interval: 5}", "4:25: 'poll_interval': 5 has no unit: write a duration such as 500ms, 5s"),
    ("limits: {run_timeout: soon}", "4:23: 'run_timeout': expected a duration such as"),
    ("limits: {queue_timeout: 1000d}", "4:25: 'queue_timeout': expected 100ms to 30d"),
    ("local: {adb: yes}", "4:14: 'adb': "),
    ("local: {abd: true}", "4:9: unknown key 'abd' (did you mean 'adb'?)"),
    ("local: {cooldown: 2h}", "4:19: 'cooldown': expected 0ms to 1h"),
    ("local: {min_battery: 0%}", "4:22: 'min_battery': expected more than 0% and at most 100%"),
    ("limits: {reconcile: never}", "4:21: 'reconcile': expected a duration such as"),
    ("limits: {in_flight: 2, per_device: 3}", "4:9: 'limits': 'per_device' (3) is more than 'in_flight' (2) allows"),
    ("limits: {per_device: 21}", "4:9: 'limits': 'per_device' (21) is more than 'in_flight' (20) allows"),
    ("limits: {poll_interval: 5m, run_timeout: 1m}", "4:9: 'limits': 'poll_interval' is longer than a timeout (1m)"),
    ("limits: {reconcile: 31d}", "4:21: 'reconcile': expected 0ms to 30d"),
    # baseline and gating
    ("baseline: {rolling: 3}", "4:11: 'baseline': 'min' (5) is more than 'rolling' (3) ever looks at"),
    ("baseline: {control: alway}", "4:21: 'control': expected auto, always or never, not 'alway' (did"),
    ("gating: {profile: relese}", "4:19: 'profile': expected release or nightly, not 'relese' (did"),
    # gates
    ("gates: [{metric: p90_ms, max: 2}]", "4:18: 'metric': 'p90_ms' is not known (did you mean 'latency_p90_ms'?)"),
    ("gates: [{metric: load_ms}]", "4:9: an entry of 'gates': the rule decides nothing: give 'max', 'max_reg"),
    ("gates: [{max: 3}]", "4:9: an entry of 'gates': 'metric' is missing"),
    ("gates: [{metric: load_ms, max: 0}]", "4:32: 'max': expected more than 0, not 0"),
    ("gates: [{metric: load_ms, max: .inf}]", "4:32: 'max': expected a number, not '.inf'"),
    ("gates: [{metric: load_ms, max: 1e999}]", "4:32: 'max': expected a finite number, not 1e999"),
    ("gates: [{metric: load_ms, max: 5, require: {npu: 95%}}]", "'require' and 'metric' do not go together"),
    ("gates: [{max: 5, require: {npu: 95%}}]", "'require' and 'max' do not go together"),
    ("gates: [{require: {tpu: 95%}}]", "4:20: expected cpu, gpu or npu, not 'tpu' (did you mean 'npu'?)"),
    ("gates: [{require: {npu: 101%}}]", "4:25: 'npu': expected more than 0% and at most 100%"),
    ("gates: [{require: {npu: 80%, cpu: 30%}}]", "'require' asks for 110% of the time in all"),
    ("gates: [{metric: load_ms, max_regression: 5}]", "4:43: 'max_regression': 5 as a fraction is 500%: write 5%"),
    ("gates: [{metric: load_ms, max_regression: 0%}]", "4:43: 'max_regression': expected more than 0%"),
    ("gates: [{metric: load_ms, max: 5, at_least: 1}]", "'at_least' is part of a comparison: it needs 'max_"),
    ("gates: [{metric: throughput_per_s, max: 5}]", "more throughput_per_s is better, so 'max' would fail the best"),
    ("gates: [{metric: load_ms, max: 5, level: error}]", "4:42: 'level': expected fail or warn, not 'error'"),
    ("gates: [{metric: load_ms, max: 5, models: n}]", "4:43: no model of the plan matches 'n' (nearest: m)"),
    ("gates: [{metric: load_ms, max: 5, variants: gpu}]", "no variant of the plan matches 'gpu' (nearest: default)"),
    # cells
    ("exclude: [{model: mm}]", "4:19: no model of the plan matches 'mm' (nearest: m)"),
    ("include: [{variant: cpu}]", "4:21: no variant of the plan matches 'cpu'"),
    ("exclude: [{}]", "4:11: an entry of 'exclude': the pattern is empty and would mean every cell"),
    ("variants: [{name: a}, {name: b}, {name: a}]", "4:41: a second variant is called 'a'"),
    ("variants: [{params: {}}]", "4:12: 'name' is missing"),
    # schedule and notify
    ("schedule: {cron: '0 25 * * *'}", "4:18: 'cron': '25' is no hour: expected 0 to 23"),
    ("schedule: {}", "4:11: 'cron' is missing"),
    ("schedule: {cron: '0 2 * * *', timezone: Europe/Stokholm}", "is no time zone; nearest: Europe/Stockholm"),
    ("schedule: {cron: '0 2 * * *', timezone: ../../etc/passwd}", "4:41: 'timezone': '../../etc/passwd' is no"),
    ("schedule: {cron: '0 2 * * *', timezone: Europe}", "4:41: 'timezone': 'Europe' is no time zone"),
    ("notify: a@b.example", "4:9: 'notify': expected a list, not text (begin each entry with '- ')"),
    ("notify: [{to: $X, on: [gates]}]", "4:24: an entry of 'on': expected change, gate,"),
    ("notify: [{to: $X, on: []}]", "4:23: 'on': expected at least one entry"),
    ("notify: [{on: [gate]}]", "4:10: 'to' is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "said"), MISTAKES, ids=[more for more, _ in MISTAKES])
def test_each_mistake_is_told_with_place_and_way_out(mistakes: Mistakes, more: str, said: str) -> None:
    (told,) = mistakes(SMALLEST + more)
    assert said in told


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("name: a/b", "1:7: 'name': it names files, so:"),
        ("name: .hidden", "1:7: 'name': it names files"),
        ("name: " + "x" * 61, "1:7: 'name': it names files"),
        ("name: [x]", "1:7: 'name': expected text, not a list"),
        ("", "'name' is missing"),
    ],
)
def test_a_name_must_do_for_a_file(mistakes: Mistakes, line: str, said: str) -> None:
    (told,) = mistakes(f"{line}\nmodels: [m.onnx]\ndevices: [Pixel]\n")
    assert said in told


@pytest.mark.parametrize("name", ["nightly", "Vision nightly 2", "körning-3", "2026", "2.10", "a", "x" * 60])
def test_names_that_do(load: Load, name: str) -> None:
    assert load(f"name: {name}\nmodels: [m.onnx]\ndevices: [Pixel]\n").name == name


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("{}", "3:11: an entry of 'devices': the selector is empty; for all devices write '*'"),
        ("{nam: x}", "3:12: unknown key 'nam' (did you mean 'name'?)"),
        ("{platform: ios}", "3:22: 'platform': expected ANDROID or IOS, not 'ios' (did you mean 'IOS'?)"),
        ("{os: '=>17'}", "3:16: 'os': '=>17' is not a version comparison such as '>=17'"),
        ("{limit: 0}", "3:19: 'limit': expected at least 1, not 0"),
        ("[x]", "3:11: an entry of 'devices': expected text or a mapping, not a list"),
        ("true", "3:11: an entry of 'devices': expected text or a mapping, not true"),
        ("''", "3:11: an entry of 'devices': expected at least one character"),
    ],
)
def test_a_device_that_cannot_be_meant(mistakes: Mistakes, item: str, said: str) -> None:
    (told,) = mistakes(f"name: a\nmodels: [m.onnx]\ndevices: [{item}]\n")
    assert said in told


@pytest.mark.parametrize("key", ["models", "devices"])
@pytest.mark.parametrize(
    ("value", "said"),
    [("[]", "expected at least one entry"), ("x", "expected a list, not 'x' (begin each entry with '- ')")],
)
def test_there_must_be_models_and_devices(mistakes: Mistakes, key: str, value: str, said: str) -> None:
    lines = {"name": "a", "models": "[m.onnx]", "devices": "[x]"} | {key: value}
    (told,) = mistakes("\n".join(f"{name}: {text}" for name, text in lines.items()))
    assert f"'{key}': {said}" in told


odd_values = st.recursive(
    st.sampled_from(["", "x", "*", "auto", "5%", "5s", "a/b", "$X", 0, 1, -1, 1.5, 1e999, 10**17, True, False, None]),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.sampled_from(KEYS), below, max_size=3),
    max_leaves=6,
)


@given(document=st.dictionaries(st.sampled_from(list(PlanSection.model_fields)), odd_values, max_size=5))
@settings(max_examples=300)
def test_whatever_stands_in_a_plan_ends_as_a_plan_or_as_mistakes_with_places(
    document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("odd") / "odd.yaml"  # alone, so that no glob finds what other tests left
    path.write_text(json.dumps({"name": "n", "devices": ["x"], **document}))
    with pytest.raises(PlanError) as caught:  # there is no model file at all
        load_plan(path)
    assert all(problem.line == 1 and problem.column >= 1 for problem in caught.value.problems)


SECRET = "hunter2abc"


@pytest.mark.parametrize(
    "more",
    [
        f"cloud: https://user:{SECRET}@hub.example.com",
        f"cloud: https://{SECRET}@hub.example.com",
        f"cloud: https://hub.example.com/?key={SECRET}",
        f"cloud: https://hub.example.com/#{SECRET}",
        "cloud: https://hub.example.com/?",
        f"cloud: ftp://{SECRET}.example.com",
        f"cloud: https://hub.example.com:99999/{SECRET}",
        f"cloud: 'https://hub.example.com/ {SECRET}'",
        f"cloud: [{SECRET}]",
        f"cloud: {SECRET}",
        f"notify: ['https://hooks.example.com/services/T0000/B000/a1b2c3d4{SECRET}']",
        f"notify: ['https://user:{SECRET}@hooks.example.com/']",
        f"notify: ['https://hooks.example.com/?token={SECRET}']",
        f"notify: ['slack://{SECRET}']",
        f"notify: [{{to: 'mailto://{SECRET}'}}]",
        f"notify: {SECRET}",
        f"notify: [['{SECRET}']]",
    ],
)
def test_an_address_that_may_hold_a_secret_is_refused_and_not_repeated(mistakes: Mistakes, more: str) -> None:
    (told,) = mistakes(SMALLEST + more)
    assert told.startswith("4:")
    assert SECRET not in told


def test_all_mistakes_are_told_at_once_and_in_the_files_order(mistakes: Mistakes) -> None:
    told = mistakes(
        """\
name: a/b
models: [mm.onnx, m.onnx, {path: models/detector.onnx, inptus: {}}]
devices: [{platform: ios}, Pixel, {}]
variants: [{name: a}, {name: a}, {nam: b}]
repeats: many
repeats: 3
gates: [{metric: load_ms}, {metric: load_ms, max: 2, models: xyz}]
schedule: {cron: daily}
colour: red
"""
    )
    lines = [int(problem.split(":")[0]) for problem in told]
    assert lines == sorted(lines)
    assert lines == [1, 2, 2, 3, 3, 4, 4, 4, 5, 6, 7, 8, 9]
    # whether a rule's globs match can only be told once the models are known
    assert not any("xyz" in problem for problem in told)


def test_names_are_checked_as_soon_as_they_are_known_although_other_things_are_wrong(mistakes: Mistakes) -> None:
    told = mistakes(SMALLEST + "repeats: many\ngates: [{metric: load_ms, max: 2, models: xyz}]\n")
    assert len(told) == 2
    assert "no model of the plan matches 'xyz'" in told[1]


def test_the_same_place_is_told_whichever_entries_before_it_are_wrong_too(mistakes: Mistakes) -> None:
    told = mistakes("name: a\ndevices: [x]\nmodels:\n  - {pth: x}\n  - 5: x\n  - nothing.onnx\n")
    assert told[-1].startswith("6:5: no such file: nothing.onnx")


def test_a_plan_full_of_mistakes_shows_the_first_ones(mistakes: Mistakes) -> None:
    told = mistakes(SMALLEST + "".join(f"key{n}: 1\n" for n in range(200)))
    assert len(told) == MAX_PROBLEMS + 1
    assert told[-1].endswith("and 150 more mistakes")


def test_a_wrong_value_is_shortened_and_cannot_steer_a_terminal(mistakes: Mistakes) -> None:
    (told,) = mistakes(SMALLEST + 'limits: "\\e[31m' + "x" * 500 + '"\n')
    assert "\x1b" not in told
    assert len(told) < 200
    (told,) = mistakes(SMALLEST + '"\\e[31m' + "k" * 100 + '": 1\n')
    assert "\x1b" not in told


def test_the_template_is_a_plan_for_the_local_cloud(load: Load, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").touch()
    plan = load(template())
    assert plan.cloud == "local"
    assert [model.path.name for model in plan.models] == ["model.onnx"]
    assert [selector.name for selector in plan.devices] == ["host-cpu-1t"]


def test_what_the_template_leaves_commented_out_is_valid_too(load: Load, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").touch()
    offered = re.sub(r"^( *)# (?=- |  |variants:|gates:)", r"\1", template(), flags=re.MULTILINE)
    plan = load(offered)
    assert [model.name for model in plan.models] == ["model", "tiny", "detector"]
    assert len(plan.devices) == 3
    assert len(plan.variants) == len(plan.gates) == 2


def test_reading_a_plan_imports_nothing_heavy() -> None:
    heavy = "{'onnx', 'numpy', 'jinja2', 'rich', 'sqlalchemy', 'httpx', 'starlette'}"
    code = f"import sys, orchestrator.inputs.plan_file; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
