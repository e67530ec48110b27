"""Model files that outlive their runs, by their sha256: put into the store once, never changed, checked when they
come out.
"""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from orchestrator.domain.model import Model
from orchestrator.errors import NotStored, StoreError
from orchestrator.history.store import Store
from orchestrator.inputs.model_file import model_sha256

FOLDER = "models"


class KeptModels:
    """The models in the store, and copies of those that are needed here, in `folder`."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder

    async def keep(self, model: Model) -> None:
        """Puts a model's files into the store, unless they lie there. Raises StoreError.

        The model's own file comes last, so that where it is all are.
        """
        for file in (*model.external_files, model.path):
            name = _name(model, file)
            if await self._store.size(name) != (await asyncio.to_thread(file.stat)).st_size:
                await self._store.put(name, file)

    async def here(self, model: Model) -> Model:
        """The model with its files on this computer, found to be what they were. Raises NotStored and StoreError."""
        copy = _moved(model, self._folder / model.sha256)
        if not await asyncio.to_thread(_is_whole, copy):
            for file, place in zip(_files(model), _files(copy), strict=True):
                await self._store.fetch(_name(model, file), place)
            if not await asyncio.to_thread(_is_whole, copy):
                await asyncio.to_thread(shutil.rmtree, self._folder / model.sha256, ignore_errors=True)
                message = f"the model {model.sha256[:12]} in the store is damaged: it is not what was put there"
                raise NotStored(message)
        return copy

    async def prune(self, needed: set[str]) -> tuple[str, ...]:
        """Removes all models but those of these sha256 from the store and from this computer; which they were."""
        names = [name for name in await self._store.names(FOLDER) if _sha256_in(name) not in needed]
        for name in names:
            await self._store.remove(name)
        for copy in self._folder.glob("*") if self._folder.is_dir() else ():
            if copy.name not in needed:
                await asyncio.to_thread(shutil.rmtree, copy, ignore_errors=True)
        return tuple(sorted({_sha256_in(name) for name in names}))


def _files(model: Model) -> Iterator[Path]:
    yield from model.external_files
    yield model.path


def _name(model: Model, file: Path) -> str:
    """The file's name in the store; quoted, so that whatever a model calls its external data is one."""
    return f"{FOLDER}/{model.sha256}/{quote(file.relative_to(model.path.parent).as_posix(), safe='/ ')}"


def _sha256_in(name: str) -> str:
    return name.split("/")[1]


def _moved(model: Model, folder: Path) -> Model:
    places = (folder / file.relative_to(model.path.parent) for file in model.external_files)
    return replace(model, path=folder / model.path.name, external_files=tuple(places))


def _is_whole(model: Model) -> bool:
    try:
        return model_sha256(model.path, model.external_files) == model.sha256
    except FileNotFoundError:
        return False
    except OSError as error:
        message = f"{model.path}: {error.strerror or error}"
        raise StoreError(message) from None
