"""A program that speaks the device side of adb over TCP, so that the real adb attaches it as a phone.

Command lines run in a real shell, in a folder that stands for the phone's storage; what an Android has and this
computer has not (getprop, dumpsys, settings) are scripts beside it, and `phone_tool.py` stands for LiteRT's tool.
Faults are files that phone and tool look at: see FAULTS.
"""

import asyncio
import json
import os
import signal
import stat
import struct
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

FAULTS = {
    "hang": "the tool never ends",
    "hang-in-profile": "the tool never ends with the profiler on",
    "crash": "the tool ends with a segmentation fault",
    "no-memory": "the system ends the tool",
    "heats": "the phone is hot after the tool has run",
    "cable": "while the tool runs, the cable is pulled",
    "gone": "the cable is not plugged in",
    "reboot": "while the tool runs, the phone restarts: its processes end with it",
    "revoked": "while the tool runs, the phone takes its authorisation back",
    "unauthorized": "the phone does not know this computer",
    "full": "files that are pushed find no space",
    "damaged": "files that are pushed arrive with another last byte",
    "nonsense": "the tool prints numbers that are none",
    "old-tool": "the tool writes no results.pb",
    "disabled": "the tool cannot be executed",
}
ABI = "arm64-v8a"
PROPERTIES = {
    "ro.product.model": "Pixel Pretend",
    "ro.product.manufacturer": "Pretend",
    "ro.build.version.release": "16",
    "ro.soc.manufacturer": "PretendSilicon",
    "ro.soc.model": "P9000",
    "ro.product.cpu.abi": ABI,
    "ro.serialno": "PRETEND0001",
}
TOOL = Path(__file__).with_name("phone_tool.py")

SYNC, CNXN, OPEN, OKAY, CLSE, WRTE, AUTH = (
    int.from_bytes(name, "little") for name in (b"SYNC", b"CNXN", b"OPEN", b"OKAY", b"CLSE", b"WRTE", b"AUTH")
)
VERSION, MAX_DATA = 0x01000001, 1 << 20
TOKEN = 1
STDOUT, EXIT = 1, 3

SCRIPTS = {
    "getprop": 'cat "$PHONE/properties"',
    "settings": 'cat "$PHONE/state/low_power"',
    "dumpsys": 'case "$1" in deviceidle) cat "$PHONE/state/screen";; *) cat "$PHONE/state/$1";; esac',
    "run-elf": f'[ -x "$1" ] && [ ! -e "$PHONE/faults/disabled" ] || exit 126\nexec {sys.executable} -I {TOOL} "$@"',
}


class SimulatedPhone:
    """A phone in a thread of its own. `root` is the folder that holds it."""

    def __init__(self, root: Path, **properties: str) -> None:
        self.root = root
        self.properties = PROPERTIES | properties
        self.commands: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._connections: set[Connection] = set()
        self._processes: set[asyncio.subprocess.Process] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="phone")
        self.port = 0
        for folder in ("bin", "faults", "state", "data/local/tmp", "sys"):
            (root / folder).mkdir(parents=True)
        for name, text in SCRIPTS.items():
            (root / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
            (root / "bin" / name).chmod(0o755)
        (root / "properties").write_text("".join(f"[{key}]: [{value}]\n" for key, value in self.properties.items()))
        self.set()

    def start(self) -> None:
        """Begins to listen."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Ends it and all that runs on it."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @property
    def address(self) -> str:
        """What adb connects to, and its serial there."""
        return f"127.0.0.1:{self.port}"

    @property
    def files(self) -> list[str]:
        """What lies in /data/local/tmp."""
        base = self.root / "data/local/tmp"
        return sorted(str(path.relative_to(base)) for path in base.rglob("*"))

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of every start of the tool."""
        path = self.root / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def running(self) -> list[int]:
        """The processes of the tool that still run."""
        return [process.pid for process in self._processes if process.returncode is None]

    def fault(self, *names: str) -> None:
        """From now on it has these faults."""
        for name in names:
            assert name in FAULTS
            (self.root / "faults" / name).touch()

    def mend(self) -> None:
        """From now on it has none."""
        for path in (self.root / "faults").iterdir():
            path.unlink()

    def has(self, fault: str) -> bool:
        """Whether it has the fault."""
        return (self.root / "faults" / fault).exists()

    def set(self, **state: Any) -> None:
        """Its state, as Android tells it."""
        write_state(self.root, **state)

    def drop(self) -> None:
        """Closes all connections."""
        self._loop.call_soon_threadsafe(self._drop)

    def _drop(self) -> None:
        for connection in list(self._connections):
            connection.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        self._drop()
        server.close()
        self.kill()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def kill(self) -> None:
        """Ends every process."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        if self.has("gone"):
            connection.close()
            return
        self._connections.add(connection)
        try:
            await connection.run()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            connection.close()
            self._connections.discard(connection)

    async def shell(self, command: str) -> "asyncio.subprocess.Process":
        """Starts a command line."""
        self.commands.append(command)
        here = command.replace("exec /data", "exec run-elf /data")
        for folder in ("/data/local/tmp", "/sys/devices"):
            here = here.replace(folder, f"{self.root}{folder}")
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            here,
            env={"PATH": f"{self.root}/bin:/usr/bin:/bin", "PHONE": str(self.root)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        self._processes.add(process)
        return process

    def path(self, name: str) -> Path:
        """A path of the phone, here."""
        return self.root / name.lstrip("/")

    def lose(self) -> None:
        """What happens while the tool runs, where that is the fault."""
        if self.has("cable"):
            self.fault("gone")
        if self.has("reboot"):
            self.kill()
        if self.has("revoked"):
            self.fault("unauthorized")
        self._drop()


def write_state(root: Path, *, thermal: int | None = 0, skin: float = 36.1, battery: int = 87, **more: Any) -> None:
    """The words of Android's services; temperatures in degrees Celsius."""
    hot = "" if thermal is None else f"Thermal Status: {thermal}\n"
    texts = {
        "thermalservice": f"IsStatusOverride: false\nThermalEventListeners:\n{hot}Cached temperatures:\n"
        "\tTemperature{mValue=99.0, mType=3, mName=skin, mStatus=0}\nHAL Ready: true\n"
        "Current temperatures from HAL:\n\tTemperature{mValue=41.5, mType=0, mName=CPU0, mStatus=0}\n"
        f"\tTemperature{{mValue={skin}, mType=3, mName=VIRTUAL-SKIN, mStatus=0}}\nCurrent cooling devices from HAL:\n",
        "battery": "Current Battery Service state:\n  AC powered: false\n  USB powered: true\n  status: 2\n"
        f"  level: {battery}\n  scale: 100\n  temperature: {round(more.get('battery_c', 31.0) * 10)}\n",
        "low_power": f"{int(more.get('power_save', False))}\n",
        "screen": f"{str(more.get('screen', False)).lower()}\n",
    }
    for name, text in texts.items():  # in one stroke each: the phone may be asked at any moment
        draft = root / "state" / f".{name}"
        draft.write_text(text)
        draft.replace(root / "state" / name)


class Connection:
    """One transport: messages of 24 bytes and their data, over them streams."""

    def __init__(self, phone: SimulatedPhone, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.phone = phone
        self._reader = reader
        self._writer = writer
        self._streams: dict[int, Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Ends the transport."""
        self._writer.close()
        for task in self._tasks:
            task.cancel()

    def send(self, command: int, first: int, second: int, data: bytes = b"") -> None:
        """A message."""
        header = struct.pack("<6I", command, first, second, len(data), sum(data) & 0xFFFFFFFF, command ^ 0xFFFFFFFF)
        self._writer.write(header + data)

    async def run(self) -> None:
        """Answers until the other side closes."""
        while True:
            command, first, second, size, _, _ = struct.unpack("<6I", await self._reader.readexactly(24))
            data = await self._reader.readexactly(size)
            if command in (CNXN, AUTH):
                self._greet()
            elif command == OPEN:
                self._open(first, data.rstrip(b"\0").decode())
            elif second in self._streams:
                self._streams[second].take(command, data)
            elif command == WRTE:
                self.send(CLSE, 0, first)

    def _greet(self) -> None:
        if self.phone.has("unauthorized"):
            self.send(AUTH, TOKEN, 0, b"t" * 20)
            return
        model = self.phone.properties["ro.product.model"]
        banner = f"device::ro.product.name=pretend;ro.product.model={model};features=shell_v2,cmd,stat_v2"
        self.send(CNXN, VERSION, MAX_DATA, banner.encode())

    def _open(self, peer: int, service: str) -> None:
        number = len(self._tasks) + 1
        stream = self._streams[number] = Stream(self, number, peer)
        self.send(OKAY, number, peer)
        task = asyncio.get_running_loop().create_task(stream.serve(service))
        self._tasks.add(task)


class Stream:
    """One service's bytes in both directions; every piece is acknowledged before the next."""

    def __init__(self, connection: Connection, number: int, peer: int) -> None:
        self._connection = connection
        self._ids = (number, peer)
        self._came: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._acknowledged: asyncio.Queue[None] = asyncio.Queue()
        self._buffer = b""

    def take(self, command: int, data: bytes) -> None:
        """A message for this stream."""
        if command == WRTE:
            self._connection.send(OKAY, *self._ids)
            self._came.put_nowait(data)
        elif command == OKAY:
            self._acknowledged.put_nowait(None)
        else:
            self._came.put_nowait(None)
            self._acknowledged.put_nowait(None)

    async def write(self, data: bytes) -> None:
        """Sends bytes."""
        for start in range(0, len(data), MAX_DATA):
            self._connection.send(WRTE, *self._ids, data[start : start + MAX_DATA])
            await self._acknowledged.get()

    async def read(self, size: int) -> bytes:
        """So many bytes. Raises ConnectionError at the end."""
        while len(self._buffer) < size:
            piece = await self._came.get()
            if piece is None:
                raise ConnectionError
            self._buffer += piece
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    async def serve(self, service: str) -> None:
        """Does what was asked for, and closes."""
        with suppress(ConnectionError, asyncio.CancelledError):
            if service.startswith("shell"):
                await self._shell(service.partition(":")[2])
            elif service == "sync:":
                await self._sync()
            self._connection.send(CLSE, *self._ids)

    async def _shell(self, command: str) -> None:
        phone = self._connection.phone
        process = await phone.shell(command)
        assert process.stdout
        reading = asyncio.create_task(process.stdout.read())
        while not reading.done():
            await asyncio.wait([reading], timeout=0.02)
            if (phone.root / "faults" / "now").exists():
                (phone.root / "faults" / "now").unlink()
                phone.lose()
                return
        printed = reading.result()
        await self.write(struct.pack("<BI", STDOUT, len(printed)) + printed)
        await self.write(struct.pack("<BIB", EXIT, 1, await process.wait() & 0xFF))

    async def _sync(self) -> None:
        while True:
            kind, size = struct.unpack("<4sI", await self.read(8))
            if kind == b"QUIT":
                return
            name = (await self.read(size)).decode()
            await {b"STAT": self._stat, b"STA2": self._stat2, b"LST2": self._stat2, b"SEND": self._receive}.get(
                kind, self._give
            )(kind, name)

    async def _stat(self, kind: bytes, name: str) -> None:
        path = self._connection.phone.path(name)
        found = path.stat() if path.exists() else None
        facts = (found.st_mode, found.st_size, int(found.st_mtime)) if found else (0, 0, 0)
        await self.write(struct.pack("<4sIII", kind, *facts))

    async def _stat2(self, kind: bytes, name: str) -> None:
        path = self._connection.phone.path(name)
        if not path.exists():
            await self.write(struct.pack("<4sIQQIIIIQqqq", kind, 2, *(0,) * 10))
            return
        found = path.stat()
        times = (0, int(found.st_mtime), 0)
        await self.write(struct.pack("<4sIQQIIIIQqqq", kind, 0, 1, 1, found.st_mode, 1, 0, 0, found.st_size, *times))

    async def _receive(self, _kind: bytes, name: str) -> None:
        target, _, mode = name.rpartition(",")
        phone, content = self._connection.phone, b""
        while True:
            kind, size = struct.unpack("<4sI", await self.read(8))
            if kind == b"DONE":
                break
            content += await self.read(size)
        if phone.has("full"):
            reason = b"couldn't write: No space left on device"
            await self.write(struct.pack("<4sI", b"FAIL", len(reason)) + reason)
            return
        if phone.has("damaged"):
            content = content[:-1] + bytes([content[-1] ^ 1])
        phone.path(target).write_bytes(content)
        phone.path(target).chmod(stat.S_IMODE(int(mode)))
        await self.write(struct.pack("<4sI", b"OKAY", 0))

    async def _give(self, _kind: bytes, name: str) -> None:
        content = self._connection.phone.path(name).read_bytes()
        await self.write(struct.pack("<4sI", b"DATA", len(content)) + content + struct.pack("<4sI", b"DONE", 0))
