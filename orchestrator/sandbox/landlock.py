"""Landlock, the kernel's sandbox for unprivileged processes: only these paths, and no TCP.

Source: linux/Documentation/userspace-api/landlock.rst and include/uapi/linux/landlock.h. Linux 5.13 has version 1 of
its interface, 6.2 adds truncation (3), 6.7 TCP (4), 6.10 device ioctls (5), 6.12 signals and abstract sockets (6).
"""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

# The same numbers on every architecture: they are younger than the common table of Linux 5.1.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL_DEVICE = 1 << 14, 1 << 15
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
_ALL_OF_VERSION_1 = (1 << 13) - 1
_ADDED = {2: 1 << 13, 3: _TRUNCATE, 5: _IOCTL_DEVICE}  # version: the right that came with it
_TCP_BIND_AND_CONNECT = 3
_ABSTRACT_SOCKETS_AND_SIGNALS = 3


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


_libc = ctypes.CDLL(None, use_errno=True)


def landlock_abi() -> int:
    """The version of the kernel's Landlock; 0 where there is none."""
    answer: int = _libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))
    return max(answer, 0)


def restrict_paths(*, readable: Iterable[Path], writable: Iterable[Path]) -> int:
    """Denies this thread, and those it starts, all but these paths and what lies below; returns the version.

    Paths that do not exist are left out. A handle of each stays open: the kernel forgets an entry of /proc that nobody
    holds, and with it its rule. `no_new_privs` must be set. Returns 0 where the kernel has no Landlock.
    """
    version = landlock_abi()
    if not version:
        return 0
    handled = _ALL_OF_VERSION_1 | sum(right for since, right in _ADDED.items() if version >= since)
    ruleset = _create(version, handled)
    try:
        for allowed, paths in ((_READ, readable), (handled, writable)):
            for path in paths:
                _allow(ruleset, path, allowed & handled)
        _call(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    return version


def _create(version: int, handled: int) -> int:
    rules = _Ruleset(
        handled,
        _TCP_BIND_AND_CONNECT if version >= 4 else 0,
        _ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 else 0,
    )
    size = 8 if version < 4 else 16 if version < 6 else 24  # an older kernel refuses a field it does not know
    return _call(_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))


def _allow(ruleset: int, path: Path, allowed: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    rule = _PathRule(allowed if path.is_dir() else allowed & _OF_FILES, handle)
    _call(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0))


def _call(number: int, *arguments: object) -> int:
    answer: int = _libc.syscall(number, *arguments)
    if answer < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return answer
