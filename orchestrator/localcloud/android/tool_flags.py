"""The plan's params as flags of `benchmark_model` on a phone. They come with a bundle: a stranger's words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.localcloud.flags import UNDERSTOOD, FlagError, check_values, shown

MAX_FLAGS = 100
MAX_VALUE_CHARS = 8000  # the names and shapes of many inputs

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_OF_A_FILE = re.compile(r"(?:file|files|filepath|path|dir)$")
_OF_THE_HOST = frozenset({"allow_spinning", "random_seed"})  # this cloud's own, for its processors


@dataclass(frozen=True, kw_only=True)
class ToolFlags:
    """What goes to the tool, and the names of what does not."""

    values: Mapping[str, str]
    ignored: tuple[str, ...]


def read_tool_flags(params: Mapping[str, str]) -> ToolFlags:
    """Every flag that is one and that the sessions do not set themselves.

    Raises FlagError on values that make no sense, and on flags with which a bundle could read or write files.
    """
    check_values(params)
    wanted = {name: value for name, value in params.items() if name not in UNDERSTOOD and name not in _OF_THE_HOST}
    values = {name: value for name, value in wanted.items() if _NAME.fullmatch(name)}
    for name, value in values.items():
        _check(name, value)
    if len(values) > MAX_FLAGS:
        message = f"{len(values)} flags, more than {MAX_FLAGS}"
        raise FlagError(message)
    return ToolFlags(values=values, ignored=shown((set(wanted) - set(values)) | (_OF_THE_HOST & set(params))))


def _check(name: str, value: str) -> None:
    if _OF_A_FILE.search(name):
        message = f"{name} names a file of the phone, which a plan may not"
        raise FlagError(message)
    if not value.isprintable() or len(value) > MAX_VALUE_CHARS:
        message = f"{name}={value[:40]!a} is no value of a flag"
        raise FlagError(message)
