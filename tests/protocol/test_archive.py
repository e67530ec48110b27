"""Archives from others: what would escape, overwrite or explode is refused before anything stays on disk."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.protocol.archive import Unreadable, UnsafeArchive, extract_safely, safe_name

MakeZip = Callable[[Mapping[str, bytes]], Path]
BOUNDS = {"max_files": 10, "max_bytes": 1000}


def raw_zip(tmp_path: Path, fill: Callable[[zipfile.ZipFile], None]) -> Path:
    """An archive filled by hand."""
    path = tmp_path / "raw.zip"
    with zipfile.ZipFile(path, "w") as archive:
        fill(archive)
    return path


def left_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_files_come_out_of_any_folder_under_plain_names(make_zip: MakeZip, tmp_path: Path) -> None:
    given_files = {"a.txt": b"1", "deep/er/A.TXT": b"2", "deep/b ä?.txt": b"3", ".hidden": b"4", "folder/": b""}
    found = extract_safely(make_zip(given_files), tmp_path / "out", **BOUNDS)
    assert {name: path.read_bytes() for name, path in found.items()} == {
        name: content for name, content in given_files.items() if not name.endswith("/")
    }
    assert sorted(path.name for path in found.values()) == ["1-A.TXT", "a.txt", "b___.txt", "hidden"]
    assert {path.parent for path in found.values()} == {tmp_path / "out"}


def test_files_may_keep_their_folders(make_zip: MakeZip, tmp_path: Path) -> None:
    found = extract_safely(make_zip({"a.txt": b"1", "deep/b.txt": b"2"}), tmp_path / "out", **BOUNDS, flat=False)
    assert found == {"a.txt": tmp_path / "out/a.txt", "deep/b.txt": tmp_path / "out/deep/b.txt"}
    assert found["deep/b.txt"].read_bytes() == b"2"


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../up.txt",
        "a/../../up.txt",
        "a/..",
        "..\\up.txt",
        "C:up.txt",
        "c:/up.txt",
        "a//b",
        "./a",
        "a\nb",
        "a\x1b[2J",
        "x" * 300,
        "a/" * 600 + "b",
    ],
)
@pytest.mark.parametrize("flat", [True, False])
def test_names_that_lead_elsewhere_are_refused(name: str, flat: bool, make_zip: MakeZip, tmp_path: Path) -> None:
    archive = make_zip({"good.txt": b"1", name: b"2"})
    with pytest.raises(UnsafeArchive, match="unsafe name"):
        extract_safely(archive, tmp_path / "out", **BOUNDS, flat=flat)
    assert left_in(tmp_path / "out") == []
    assert not (tmp_path / "up.txt").exists()


@pytest.mark.parametrize("name", ["", ".", "..", "a/", "/a", "a/./b"])
def test_a_name_must_be_one(name: str) -> None:
    with pytest.raises(UnsafeArchive):
        safe_name(name)


@pytest.mark.parametrize("name", ["weights.bin", "data/weights 1.bin", "größe.bin", "..a", "a..b/c"])
def test_harmless_names_are_kept(name: str) -> None:
    assert safe_name(name) == name


def test_a_name_with_a_hidden_end_is_refused(tmp_path: Path) -> None:
    archive = raw_zip(tmp_path, lambda archive: archive.writestr("good.txt/evil", b"1"))
    archive.write_bytes(archive.read_bytes().replace(b"good.txt/evil", b"good.txt\0evil"))
    with pytest.raises(UnsafeArchive, match="unsafe name"):
        extract_safely(archive, tmp_path / "out", **BOUNDS)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK, stat.S_IFSOCK])
def test_links_and_devices_are_refused(kind: int, tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("link")
    entry.external_attr = (kind | 0o777) << 16
    archive = raw_zip(tmp_path, lambda archive: archive.writestr(entry, "/etc/passwd"))
    with pytest.raises(UnsafeArchive, match="link or a device"):
        extract_safely(archive, tmp_path / "out", **BOUNDS)


@pytest.mark.parametrize("names", [("a", "a"), ("a", "a/b")], ids=["file twice", "file and folder"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_in_one_place_are_refused(names: tuple[str, str], tmp_path: Path) -> None:
    archive = raw_zip(tmp_path, lambda archive: [archive.writestr(name, b"1") for name in names] and None)
    with pytest.raises(UnsafeArchive, match="one name"):
        extract_safely(archive, tmp_path / "out", **BOUNDS, flat=False)


def test_nothing_is_written_over(make_zip: MakeZip, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a").symlink_to(tmp_path / "target")
    with pytest.raises(FileExistsError):
        extract_safely(make_zip({"a": b"1"}), tmp_path / "out", **BOUNDS)
    assert not (tmp_path / "target").exists()


def test_too_many_files_are_refused(make_zip: MakeZip, tmp_path: Path) -> None:
    with pytest.raises(UnsafeArchive, match="11 files, more than 10"):
        extract_safely(make_zip({str(n): b"" for n in range(11)}), tmp_path / "out", **BOUNDS)


@pytest.mark.parametrize("zip64", [False, True])
def test_a_vast_directory_is_refused_unread(
    zip64: bool, make_zip: MakeZip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 10 if zip64 else 2000)
    archive = make_zip({f"{n:0100}": b"" for n in range(1000)})
    if zip64:  # the old field then holds nothing; the new one counts
        data = bytearray(archive.read_bytes())
        data[-10:-6] = struct.pack("<I", 1)
        archive.write_bytes(data)
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("the directory was read"))
    with pytest.raises(UnsafeArchive, match="more than 10 files"):
        extract_safely(archive, tmp_path / "out", **BOUNDS)


def test_an_archive_that_says_it_is_too_large_is_refused(make_zip: MakeZip, tmp_path: Path) -> None:
    with pytest.raises(UnsafeArchive, match="unpacks to more than 1000 bytes"):
        extract_safely(make_zip({"a": b"\0" * 600, "b": b"\0" * 600}), tmp_path / "out", **BOUNDS)
    assert left_in(tmp_path / "out") == []


@pytest.mark.parametrize("claimed", [0, 10, 999])
def test_a_bomb_with_a_small_claim_writes_no_more_than_it_claims(
    claimed: int, make_zip: MakeZip, tmp_path: Path
) -> None:
    archive = make_zip({"bomb": b"\0" * 10_000_000})
    lying = archive.read_bytes().replace(struct.pack("<I", 10_000_000), struct.pack("<I", claimed))
    archive.write_bytes(lying)
    with pytest.raises(Unreadable):
        extract_safely(archive, tmp_path / "out", **BOUNDS)
    assert left_in(tmp_path / "out") == []


def test_the_bound_holds_though_the_unpacker_gives_more_than_declared(
    make_zip: MakeZip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_zip({"a": b"1"})
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: io.BytesIO(b"1" * 1001))
    with pytest.raises(UnsafeArchive, match="more than it declares"):
        extract_safely(archive, tmp_path / "out", **BOUNDS)
    assert left_in(tmp_path / "out") == []


def test_an_encrypted_archive_is_unreadable(make_zip: MakeZip, tmp_path: Path) -> None:
    archive = make_zip({"a": b"1"})
    data = bytearray(archive.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    archive.write_bytes(data)
    with pytest.raises(Unreadable, match="encrypted"):
        extract_safely(archive, tmp_path / "out", **BOUNDS)


def test_an_unusual_packing_is_unreadable(tmp_path: Path) -> None:
    archive = raw_zip(tmp_path, lambda archive: archive.writestr("a", b"1" * 99, compress_type=zipfile.ZIP_LZMA))
    with pytest.raises(Unreadable, match="unknown way"):
        extract_safely(archive, tmp_path / "out", **BOUNDS)


def test_a_changed_byte_is_noticed(tmp_path: Path) -> None:
    archive = raw_zip(tmp_path, lambda archive: archive.writestr("a", b"honest"))
    archive.write_bytes(archive.read_bytes().replace(b"honest", b"forged"))
    with pytest.raises(Unreadable):
        extract_safely(archive, tmp_path / "out", **BOUNDS)
    assert left_in(tmp_path / "out") == []


@pytest.mark.parametrize("data", [b"", b"PK", b"<html>502</html>", b"PK\5\6", b"PK\5\6" + b"\xff" * 18])
def test_what_is_no_archive_is_unreadable(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "results.zip"
    path.write_bytes(data)
    with pytest.raises(Unreadable):
        extract_safely(path, tmp_path / "out", **BOUNDS)


def sound_archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/log.txt", b"text " * 50)
        archive.writestr("b.pb", bytes(range(200)))
    return buffer.getvalue()


SOUND = sound_archive()


@pytest.mark.parametrize("length", range(0, len(SOUND), 7))
def test_half_an_archive_is_unreadable(length: int, tmp_path: Path) -> None:
    path = tmp_path / "half.zip"
    path.write_bytes(SOUND[:length])
    with pytest.raises(Unreadable):
        extract_safely(path, tmp_path / "out", **BOUNDS)
    assert left_in(tmp_path / "out") == []


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(changes=st.dictionaries(st.integers(0, len(SOUND) - 1), st.integers(0, 255), max_size=4))
def test_a_damaged_archive_is_read_or_refused_and_stays_in_its_folder(
    changes: dict[int, int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    data = bytearray(SOUND)
    for at, value in changes.items():
        data[at] = value
    (folder / "in.zip").write_bytes(data)
    try:
        extract_safely(folder / "in.zip", folder / "out", **BOUNDS)
    except (UnsafeArchive, Unreadable):
        assert left_in(folder / "out") == []
    outside = [path for path in left_in(folder) if folder / "out" not in path.parents]
    assert outside == [folder / "in.zip"]
    assert sum(path.stat().st_size for path in left_in(folder / "out")) <= BOUNDS["max_bytes"]
