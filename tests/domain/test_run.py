"""Run ids."""

import re
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.run import new_run_id

moments = st.datetimes(datetime(2000, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone


@given(earlier=moments, later=moments)
def test_ids_sort_by_time_and_are_file_names(earlier: datetime, later: datetime) -> None:
    earlier, later = sorted((earlier, later))
    ids = new_run_id(earlier), new_run_id(later)
    assert all(re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{8}", found) for found in ids)
    if later > earlier:
        assert ids[0] < ids[1]


def test_two_runs_of_one_second_have_two_ids() -> None:
    now = datetime(2026, 1, 31, 2, tzinfo=UTC)
    assert len({new_run_id(now) for _ in range(5)}) > 1


def test_the_time_in_an_id_is_utc() -> None:
    stockholm = timezone(timedelta(hours=1))
    assert new_run_id(datetime(2026, 1, 31, 3, tzinfo=stockholm)).startswith("20260131T020000Z-")
