"""A seccomp filter: no sockets, and no way out of the process group.

It closes what Landlock leaves open: UDP and Unix sockets, TCP before Linux 6.7, and `setsid`, by which a process would
survive the kill of its group. Source: linux/Documentation/userspace-api/seccomp_filter.rst and
include/uapi/linux/seccomp.h.
"""

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass

_SET_MODE_FILTER = 1
_ALL_THREADS = 1 << 0
# Before Linux 5.16 a filter switched speculation off as well, which slows computation down by several per cent.
_KEEP_SPECULATION = 1 << 2

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # classic BPF: 32-bit loads, jumps and the end
_ALLOW = 0x7FFF0000
_DENY = 0x00050000 | errno.EACCES
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4  # in struct seccomp_data
_X32_NUMBERS = 0x40000000  # x86-64's second table of calls
_IO_URING_SETUP = 425  # on every architecture; it opens sockets without the call


@dataclass(frozen=True, kw_only=True)
class _Machine:
    """An architecture's audit number and its numbers of system calls."""

    audit: int
    seccomp: int
    socket: int
    setpgid: int
    setsid: int


_MACHINES = {
    "x86_64": _Machine(audit=0xC000003E, seccomp=317, socket=41, setpgid=109, setsid=112),
    "aarch64": _Machine(audit=0xC00000B7, seccomp=277, socket=198, setpgid=154, setsid=157),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def restrict_calls() -> bool:
    """Puts the filter on all threads of this process; False where the kernel or architecture has no such thing.

    A denied call fails with EACCES. `no_new_privs` must be set.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return False
    code = b"".join(_filter(machine))
    program = _Program(len(code) // 8, code)
    flags = ctypes.c_uint(_ALL_THREADS | _KEEP_SPECULATION)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(machine.seccomp, ctypes.c_uint(_SET_MODE_FILTER), flags, ctypes.byref(program)) == 0:
        return True
    error = ctypes.get_errno()
    if error in {errno.ENOSYS, errno.EINVAL}:
        return False
    raise OSError(error, os.strerror(error))


def _filter(machine: _Machine) -> list[bytes]:
    denied = (machine.socket, machine.setpgid, machine.setsid, _IO_URING_SETUP)
    return [
        _step(_LOAD, _ARCHITECTURE_AT),
        _step(_EQUAL, machine.audit, then=1),
        _step(_RETURN, _DENY),
        _step(_LOAD, _NUMBER_AT),
        *(step for number in denied for step in (_step(_EQUAL, number, otherwise=1), _step(_RETURN, _DENY))),
        _step(_AT_LEAST, _X32_NUMBERS, otherwise=1),
        _step(_RETURN, _DENY),
        _step(_RETURN, _ALLOW),
    ]


def _step(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    """struct sock_filter; `then` and `otherwise` are how many instructions a jump skips."""
    return struct.pack("=HBBI", code, then, otherwise, value)
