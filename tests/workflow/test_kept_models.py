"""Models that outlive their runs: put in once, the same when they come out, removed when nobody needs them."""

import asyncio
from pathlib import Path

import pytest

from orchestrator.domain.model import Model, ModelFormat
from orchestrator.errors import NotStored
from orchestrator.history.store import Store, open_store
from orchestrator.inputs.model_file import model_sha256
from orchestrator.workflow.kept_models import KeptModels

WEIGHTS = "weights/.a\\b ü.bin"  # whatever a model calls its external data


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return asyncio.run(open_store(str(tmp_path / "store"), {}))


@pytest.fixture
def kept(tmp_path: Path, store: Store) -> KeptModels:
    return KeptModels(store, tmp_path / "here")


def model_in(folder: Path, text: str) -> Model:
    """A model with external data beside it."""
    files = {folder / "m.onnx": text, folder / WEIGHTS: "weights"}
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    path, external = files
    return Model(
        name="m",
        path=path,
        format=ModelFormat.ONNX,
        sha256=model_sha256(path, [external]),
        size_bytes=len(text),
        inputs=(),
        outputs=(),
        operators={},
        external_files=(external,),
    )


def test_a_model_comes_out_as_it_went_in_when_its_files_are_others_by_now(tmp_path: Path, kept: KeptModels) -> None:
    model = model_in(tmp_path / "plan", "old")
    asyncio.run(kept.keep(model))
    model_in(tmp_path / "plan", "new")
    here = asyncio.run(kept.here(model))
    assert here.path.read_text() == "old"
    assert here.external_files[0].relative_to(here.path.parent).as_posix() == WEIGHTS
    assert model_sha256(here.path, here.external_files) == model.sha256
    here.path.write_text("changed")
    assert asyncio.run(kept.here(model)).path.read_text() == "old"


@pytest.mark.parametrize(("name", "harm"), [("m.onnx", "other"), ("m.onnx", ""), ("weights", "other")])
def test_what_is_lost_or_damaged_does_not_come_out(tmp_path: Path, kept: KeptModels, name: str, harm: str) -> None:
    model = model_in(tmp_path / "plan", "old")
    asyncio.run(kept.keep(model))
    (place,) = (tmp_path / "store" / "models" / model.sha256).glob(name)
    file = place if place.is_file() else next(place.iterdir())
    file.write_text(harm) if harm else file.unlink()
    with pytest.raises(NotStored, match=r"is damaged: it is not what was put there|is not in the store \(any more\)"):
        asyncio.run(kept.here(model))
    assert not (tmp_path / "here" / model.sha256 / "m.onnx").exists()


def test_a_file_that_was_cut_short_is_put_in_again(tmp_path: Path, kept: KeptModels) -> None:
    model = model_in(tmp_path / "plan", "old")
    asyncio.run(kept.keep(model))
    (tmp_path / "store" / "models" / model.sha256 / "m.onnx").write_text("o")
    asyncio.run(kept.keep(model))
    assert asyncio.run(kept.here(model)).path.read_text() == "old"


def test_what_nobody_needs_is_removed_and_nothing_else(tmp_path: Path, kept: KeptModels, store: Store) -> None:
    old, new = (model_in(tmp_path / text, text) for text in ("old", "new"))
    for model in (old, new):
        asyncio.run(kept.keep(model))
        asyncio.run(kept.here(model))
    assert asyncio.run(kept.prune({new.sha256})) == (old.sha256,)
    assert {name.split("/")[1] for name in asyncio.run(store.names("models"))} == {new.sha256}
    assert [path.name for path in (tmp_path / "here").iterdir()] == [new.sha256]
