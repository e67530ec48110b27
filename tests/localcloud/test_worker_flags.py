"""The flags of benchmark_model, as this cloud reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.localcloud.flags import FlagError, Settings, read_flags


def test_without_flags_the_defaults_of_this_cloud_hold() -> None:
    assert read_flags({}, device_threads=3) == Settings(
        threads=3, min_runs=30, min_s=1.0, max_s=10.0, warmup_runs=1, warmup_min_s=0.0, spinning=False, seed=0
    )


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"num_runs": "50"}, {"min_runs": 50}),
        ({"min_secs": "2.5", "max_secs": "60"}, {"min_s": 2.5, "max_s": 60.0}),
        ({"warmup_runs": "5", "warmup_min_secs": "0.5"}, {"warmup_runs": 5, "warmup_min_s": 0.5}),
        ({"use_xnnpack": "false", "allow_spinning": "TRUE"}, {"use_xnnpack": False, "spinning": True}),
        ({"random_seed": "7"}, {"seed": 7}),
        ({"use_gpu": "false", "use_nnapi": "0"}, {}),
        ({"input_layer": "a,b", "input_layer_shape": "1,3:4,5"}, {"shapes": {"a": (1, 3), "b": (4, 5)}}),
        ({"input_layer": "scalar", "input_layer_shape": ""}, None),
        ({"input_layer": "a,scalar", "input_layer_shape": "2:"}, {"shapes": {"a": (2,), "scalar": ()}}),
    ],
)
def test_flags_are_read_as_the_tool_spells_them(flags: dict[str, str], expected: dict[str, object] | None) -> None:
    if expected is None:
        with pytest.raises(FlagError):
            read_flags(flags, device_threads=1)
    else:
        assert read_flags(flags, device_threads=1) == Settings(threads=1, **expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "threads"), [("1", 1), ("2", 2), ("4", 4), ("8", 4), ("0", 4), ("-1", 4)], ids=lambda value: str(value)
)
def test_a_device_gives_no_more_threads_than_it_has(asked: str, threads: int) -> None:
    assert read_flags({"num_threads": asked}, device_threads=4).threads == threads


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"num_runs": "many"}, "num_runs='many' is not a whole number from 1 to 10000"),
        ({"num_runs": "0"}, "num_runs"),
        ({"num_runs": "1e3"}, "num_runs"),
        ({"max_secs": "nan"}, "max_secs='nan' is not a number of seconds"),
        ({"min_secs": "-1"}, "min_secs"),
        ({"use_xnnpack": "maybe"}, "use_xnnpack='maybe' is neither true nor false"),
        ({"use_gpu": "true"}, "this device has no GPU"),
        ({"use_coreml": "1"}, "this device has no Core ML"),
        ({"input_layer": "a"}, "names 1 inputs, input_layer_shape has 0"),
        ({"input_layer": "a,a", "input_layer_shape": "1:2"}, "input_layer"),
        ({"input_layer": "a", "input_layer_shape": "1,x"}, "input_layer_shape='x'"),
        ({"input_layer": "a", "input_layer_shape": "-1"}, "input_layer_shape='-1'"),
    ],
)
def test_a_flag_that_makes_no_sense_is_named(flags: dict[str, str], told: str) -> None:
    with pytest.raises(FlagError, match=told):
        read_flags(flags, device_threads=1)


def test_flags_without_a_meaning_here_are_told_and_those_the_cloud_sets_are_not() -> None:
    flags = {"graph": "model.tflite", "enable_op_profiling": "true", "op_profiling_output_mode": "proto"}
    flags |= {"op_profiling_output_file": "x", "gpu_precision_loss_allowed": "1", "b ad\nkey": "1", "x" * 99: ""}
    assert read_flags(flags, device_threads=1).ignored == ("gpu_precision_loss_allowed", "2 more")


@given(
    st.dictionaries(
        st.sampled_from(["num_runs", "min_secs", "use_gpu", "input_layer", "input_layer_shape", "num_threads", "x"]),
        st.text(max_size=12),
    )
)
def test_any_text_is_read_or_refused(flags: dict[str, str]) -> None:
    try:
        settings = read_flags(flags, device_threads=2)
    except FlagError as error:
        message = str(error)
    else:
        message = ""
        assert 1 <= settings.threads <= 2
    assert message.isprintable()
