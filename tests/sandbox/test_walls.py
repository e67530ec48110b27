"""What a child cannot reach: files that are not its own, the network, other processes' secrets."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.sandbox.child import ChildResult
from orchestrator.sandbox.landlock import landlock_abi

Attack = Callable[..., ChildResult]

needs_landlock = pytest.mark.skipif(not landlock_abi(), reason="this kernel has no Landlock")


def test_the_first_message_says_which_walls_stand(attack: Attack) -> None:
    walls = attack("answer").messages[0]["walls"]
    assert walls == {
        "dies_with_parent": True,
        "rlimits": True,
        "no_new_privileges": True,
        "seccomp": True,
        "landlock": landlock_abi(),
    }


@needs_landlock
def test_only_what_was_named_can_be_read(attack: Attack, tmp_path: Path, scratch: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for path in (secret := tmp_path / "secret", named := tmp_path / "named", inside := folder / "file"):
        path.write_text(path.name)
    (scratch / "link").symlink_to(secret)
    paths = [named, inside, secret, scratch / "link", "/etc/passwd", "/etc/shadow"]
    result = attack("read", paths=[str(path) for path in paths], options={"readable": [named, folder]})
    assert result.messages[1]["answers"] == ["'named'", "'file'", *["PermissionError"] * 4]


@needs_landlock
def test_the_parents_environment_and_memory_cannot_be_read(attack: Attack) -> None:
    files = ("environ", "maps", "mem", "cmdline")
    paths = [f"/proc/{process}/{file}" for process in (os.getpid(), 1) for file in files]
    assert attack("read", paths=paths).messages[1]["answers"] == ["PermissionError"] * 8


@pytest.mark.parametrize("path", ["/proc/self/status", "/proc/self/schedstat", "/proc/stat", "/proc/cpuinfo"])
def test_a_child_can_measure_itself(attack: Attack, path: str) -> None:
    assert len(attack("read", paths=[path]).messages[1]["answers"][0]) > 10


def test_a_child_can_reset_its_peak_of_memory(attack: Attack) -> None:
    before, after = attack("reset_peak", bytes=100 << 20).messages[1]["peaks_mb"]
    assert before > 100
    assert after < before - 80


@needs_landlock
def test_only_the_scratch_folder_can_be_written(attack: Attack, tmp_path: Path, scratch: Path) -> None:
    (named := tmp_path / "named").write_text("as it was")
    paths = [scratch / "new", named, tmp_path / "new", Path.home() / "new", "/dev/shm/new"]
    result = attack("write", paths=[str(path) for path in paths], options={"readable": [tmp_path]})
    assert result.messages[1]["answers"] == ["1", *["PermissionError"] * 4]
    assert named.read_text() == "as it was"


@needs_landlock
def test_a_thread_of_the_child_stands_inside_the_walls(attack: Attack) -> None:
    assert attack("read_from_a_thread", path="/etc/passwd").messages[1]["answers"] == ["PermissionError"]


def test_there_is_no_network(attack: Attack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        result = attack("connect", port=server.getsockname()[1])
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert result.messages[1]["answers"] == ["PermissionError"] * 7


@pytest.mark.parametrize(("size", "answer"), [(1 << 20, str(1 << 20)), ((1 << 20) + 1, "OSError")])
def test_a_file_grows_to_its_limit(attack: Attack, scratch: Path, size: int, answer: str) -> None:
    assert attack("fill_the_disk", bytes=size).messages[1]["answers"] == [answer]
    assert (scratch / "big").stat().st_size == 1 << 20
