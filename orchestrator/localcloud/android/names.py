"""Names of phones that last: by its name a phone's history is found, and compared with itself alone."""

import json
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from orchestrator.errors import UsageError
from orchestrator.localcloud.android.phone import Phone

SUFFIX_CHARS = 4


class Names:
    """The name of each phone that was ever seen, by its identity, kept in a file."""

    def __init__(self, path: Path, taken: Collection[str]) -> None:
        self._path = path
        self._taken = frozenset(taken)
        self._names = _read(path)

    def name(self, phones: Iterable[Phone]) -> dict[str, str]:
        """The names of the phones that are attached, by identity; new ones are given theirs.

        A phone is called by its model; where there are two of a model, or a name is taken, the end of its identity
        is added.
        """
        attached = {phone.identity: phone for phone in phones}
        new = [phone for phone in attached.values() if phone.identity not in self._names]
        for phone in new:
            alone = sum(other.model == phone.model for other in new) == 1
            used = self._taken | set(self._names.values())
            free = (name for name in _candidates(phone, alone=alone) if name not in used)
            self._names[phone.identity] = next(free)
        if new:
            _write(self._path, self._names)
        return {identity: self._names[identity] for identity in attached}


def _candidates(phone: Phone, *, alone: bool) -> Iterator[str]:
    if alone:
        yield phone.model
    yield f"{phone.model} ({phone.identity[-SUFFIX_CHARS:]})"
    yield f"{phone.model} ({phone.identity})"
    yield from (f"{phone.model} ({phone.identity}) {number}" for number in range(2, 1000))


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found.values()):
        message = f"{path} does not hold the names of phones: repair it, or delete it to name them anew"
        raise UsageError(message)
    return found


def _write(path: Path, names: dict[str, str]) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    with draft.open("w") as file:
        json.dump(names, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
