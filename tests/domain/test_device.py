"""Devices, the selectors that pick them, and version comparisons."""

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.device import Device, DeviceSelector, Platform, nearest_names, os_matches, parse_os

PIXEL = Device(name="Google Pixel 8", platform=Platform.ANDROID, os="Android 14", vendor="Google", type="phone")
GALAXY = Device(name="Samsung Galaxy S24", platform=Platform.ANDROID, os="15", vendor="Samsung", type="phone")
IPHONE = Device(name="iPhone 15 Pro", platform=Platform.IOS, os="iOS 17.2", vendor="Apple", type="phone")
IPAD = Device(name="iPad Air", platform=Platform.IOS, os="iPadOS 16.7.1", vendor="Apple", type="tablet")
ALL = (PIXEL, GALAXY, IPHONE, IPAD)


@pytest.mark.parametrize(
    ("selector", "picked"),
    [
        (DeviceSelector(), ALL),
        (DeviceSelector(name="iPhone 15 Pro"), (IPHONE,)),
        (DeviceSelector(name="iphone*"), (IPHONE,)),
        (DeviceSelector(name="*Galaxy S2[0-9]"), (GALAXY,)),
        (DeviceSelector(platform=Platform.IOS), (IPHONE, IPAD)),
        (DeviceSelector(platform=Platform.IOS, limit=1), (IPHONE,)),
        (DeviceSelector(vendor="apple", type="tab*"), (IPAD,)),
        (DeviceSelector(os=">=15"), (GALAXY, IPHONE, IPAD)),
        (DeviceSelector(os=">=14,<17"), (PIXEL, GALAXY, IPAD)),
        (DeviceSelector(os="Android*"), (PIXEL,)),
        (DeviceSelector(os="15"), (GALAXY,)),
        (DeviceSelector(name="Pixel"), ()),
        (DeviceSelector(limit=10), ALL),
    ],
    ids=str,
)
def test_a_selector_picks_what_fits_in_the_clouds_order(selector: DeviceSelector, picked: tuple[Device, ...]) -> None:
    assert selector.pick(ALL) == picked


@pytest.mark.parametrize(
    ("os", "wanted", "fits"),
    [
        ("iOS 17", ">=17.0", True),
        ("iOS 17", "==17.0.0", True),
        ("iOS 17.2", "==17", False),
        ("iOS 9.3", "<17", True),
        ("iOS 10", ">9.3", True),
        ("14", "!=14", False),
        ("14", " >= 13 , < 15 ", True),
        ("", ">=1", False),
        ("unknown", "!=3", False),
        ("Android 14", "14", True),
        ("Android 14", "android 1?", True),
        ("anything", "", True),
        ("9" * 5000, ">=1", True),
    ],
)
def test_an_os_fits_comparisons_by_its_number_and_globs_by_its_text(os: str, wanted: str, fits: bool) -> None:
    assert os_matches(os, wanted) is fits


@pytest.mark.parametrize(
    "text", [">", ">=", "=>17", ">=17,", ">=17 <19", "=17", ">=x", "<1.2.", "!17", ">=" + "9" * 5000]
)
def test_what_starts_like_a_comparison_must_be_one(text: str) -> None:
    with pytest.raises(ValueError, match="is not a version comparison"):
        parse_os(text)


@pytest.mark.parametrize("text", ["17", "iOS*", "Android 1[45]"])
def test_anything_else_is_a_glob(text: str) -> None:
    assert parse_os(text) is None


versions = st.lists(st.integers(0, 10**9 - 1), min_size=1, max_size=4).map(tuple)


@given(have=versions, wanted=versions, sign=st.sampled_from([">=", "<=", "==", "!=", ">", "<"]))
def test_versions_compare_as_numbers_part_by_part(have: tuple[int, ...], wanted: tuple[int, ...], sign: str) -> None:
    signs = {">=": "ge", "<=": "le", "==": "eq", "!=": "ne", ">": "gt", "<": "lt"}
    padded = [[*version, *([0] * (4 - len(version)))] for version in (have, wanted)]
    text = "OS " + ".".join(map(str, have)), sign + ".".join(map(str, wanted))
    assert os_matches(*text) is getattr(operator, signs[sign])(*padded)


@given(os=st.text(), wanted=st.text())
def test_no_text_of_a_cloud_or_a_user_does_more_than_not_fit(os: str, wanted: str) -> None:
    try:
        comparisons = parse_os(wanted)
    except ValueError:
        return
    assert os_matches(os, wanted) in (True, False)
    assert comparisons is None or all(sign in (">=", "<=", "==", "!=", ">", "<") for sign, _ in comparisons)


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        (DeviceSelector(), "*"),
        (DeviceSelector(name="Pixel*"), "Pixel*"),
        (DeviceSelector(platform=Platform.IOS, os=">=17"), "platform IOS, os >=17"),
        (DeviceSelector(name="a*", vendor="Apple"), "name a*, vendor Apple"),
        (DeviceSelector(type="tablet"), "type tablet"),
    ],
)
def test_a_selector_reads_as_what_it_asks_for(selector: DeviceSelector, text: str) -> None:
    assert str(selector) == text


def test_nearest_names_are_found_in_any_case_and_in_the_clouds_spelling() -> None:
    names = [device.name for device in ALL]
    assert nearest_names("iphone 15", names)[0] == "iPhone 15 Pro"
    assert nearest_names("Samsng Galaxy S24", names, 1) == ["Samsung Galaxy S24"]
    assert nearest_names("xyzzy", names) == []
    assert nearest_names("anything", []) == []
