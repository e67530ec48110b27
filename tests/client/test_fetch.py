"""Addresses that a user gives for a file."""

import asyncio
from pathlib import Path

import pytest

from orchestrator.client.fetch import fetch
from orchestrator.domain.secret import Secret
from orchestrator.errors import UsageError


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://192.0.2.1/benchmark_model?token=secret", "192.0.2.1 is another computer: fetch from it over https"),
        ("https://user:secret@192.0.2.1/x", "without user and password"),
        ("ftp://192.0.2.1/secret", "must be an https URL"),
        ("https://[secret", "must be an https URL"),
        ("https:///secret", "must be an https URL"),
    ],
)
def test_an_address_that_will_not_do_is_refused_without_its_secret(tmp_path: Path, url: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as raised:
        asyncio.run(fetch(Secret(url), tmp_path / "x", max_bytes=10))
    assert "secret" not in str(raised.value)
