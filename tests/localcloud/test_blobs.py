"""The store's books balance whatever happens: what is in use is what is on disk, and what has a row."""

import asyncio
import errno
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from orchestrator.localcloud.blobs import Blob, BlobStore
from orchestrator.localcloud.refusal import Refusal
from orchestrator.localcloud.schema import blobs
from orchestrator.localcloud.state import State
from orchestrator.localcloud.transfers import Transfers

QUOTA = 1000
SIZES = st.integers(0, 600)


class BrokenOff(Exception):
    """The sender went away."""


async def sending(size_bytes: int, *, break_off: bool) -> AsyncIterator[bytes]:
    for _ in range(size_bytes // 100):
        yield b"x" * 100
    yield b"x" * (size_bytes % 100)
    if break_off:
        raise BrokenOff


def receive(store: BlobStore, size_bytes: int, *, announced: bool, limit: int, break_off: bool = False) -> Blob:
    body = sending(size_bytes, break_off=break_off)
    announced_bytes = size_bytes if announced else None
    arriving = store.receive(body, announced_bytes=announced_bytes, limit_bytes=limit, stall_timeout_s=5)
    return asyncio.run(arriving)


@pytest.fixture
def state(tmp_path: Path) -> Any:
    opened = State(tmp_path)
    yield opened
    opened.close()


def test_the_books_balance(tmp_path_factory: pytest.TempPathFactory) -> None:
    class Books(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.folder = tmp_path_factory.mktemp("books")
            self.open()
            self.upload_ids: list[str] = []

        def open(self) -> None:
            self.state = State(self.folder)
            self.store = BlobStore(self.state, self.folder, quota_bytes=QUOTA)
            self.transfers = Transfers(self.state, self.store)

        @rule(size=SIZES, announced=st.booleans(), limit=st.sampled_from([300, 600]), break_off=st.booleans())
        def receive(self, size: int, announced: bool, limit: int, break_off: bool) -> None:
            send = partial(receive, self.store, size, announced=announced, limit=limit, break_off=break_off)
            if size > limit or (size and self.in_use() + size > QUOTA):  # nothing needs no room
                with pytest.raises((Refusal, BrokenOff) if break_off else Refusal):
                    send()
            elif break_off:
                with pytest.raises(BrokenOff):
                    send()
            else:
                self.hand_over(send())

        @rule(size=SIZES)
        def keep_results(self, size: int) -> None:
            path = self.folder / "results"
            path.write_bytes(b"r" * size)
            blob = self.store.keep(path, limit_bytes=600)
            download_id = self.transfers.make_download().id
            self.transfers.fill_download(download_id, blob)
            with pytest.raises(Refusal):
                self.transfers.fill_download(download_id, receive(self.store, 0, announced=True, limit=1))

        @rule()
        def forget_what_nobody_has(self) -> None:
            with self.state.write() as connection:
                assert self.store.erase_unused(connection) == []

        @rule()
        def crash_and_begin_again(self) -> None:
            (self.folder / "incoming" / "half").write_bytes(b"x")
            (self.folder / "blobs" / "without-a-row").write_bytes(b"x")
            self.state.close()
            self.open()

        def hand_over(self, blob: Blob) -> None:
            """To an upload that has one already, every other time: the old one goes."""
            if len(self.upload_ids) % 2 == 0:
                try:
                    self.upload_ids.append(self.transfers.make_upload("ANDROID").id)
                except Refusal:
                    self.store.discard(blob)
                    return
            else:
                self.upload_ids.append(self.upload_ids[-1])
            self.transfers.fill_upload(self.upload_ids[-1], blob)

        def in_use(self) -> int:
            return sum(path.stat().st_size for path in (self.folder / "blobs").iterdir())

        @invariant()
        def what_is_in_use_is_what_is_on_disk_and_what_has_a_row(self) -> None:
            assert list((self.folder / "incoming").iterdir()) == []
            room = QUOTA - self.in_use()
            if room >= 0:
                self.store.check_room(room)
            with pytest.raises(Refusal):
                self.store.check_room(max(room, 0) + 1)
            with self.state.read() as connection:
                sizes = {row.id: row.size_bytes for row in connection.execute(sa.select(blobs))}
            assert sizes == {path.name: path.stat().st_size for path in (self.folder / "blobs").iterdir()}

        def teardown(self) -> None:
            self.state.close()

    quick = settings(max_examples=15, stateful_step_count=20, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Books, settings=quick)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_a_full_storage(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(_: int) -> None:
        raise OSError(number, "full")

    store = BlobStore(state, tmp_path, quota_bytes=QUOTA)
    with monkeypatch.context() as disk:
        disk.setattr("orchestrator.localcloud.blobs.os.fsync", full)
        with pytest.raises(Refusal) as caught:
            receive(store, 10, announced=True, limit=100)
    assert caught.value.items[0].code == "storage_quota_exceeded"
    assert [*(tmp_path / "incoming").iterdir(), *(tmp_path / "blobs").iterdir()] == []
    store.check_room(QUOTA)


def test_a_blob_whose_row_cannot_be_written_goes_again(state: State, tmp_path: Path) -> None:
    store = BlobStore(state, tmp_path, quota_bytes=QUOTA)
    blob = receive(store, 10, announced=True, limit=100)
    with pytest.raises(BrokenOff), store.adopting(blob):
        raise BrokenOff
    assert list((tmp_path / "blobs").iterdir()) == []
    store.check_room(QUOTA)
    with pytest.raises(Refusal):
        store.open(blob.id)
