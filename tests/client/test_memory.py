"""What streams stays flat, whatever its size."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SIZE_BYTES = 384 * 2**20
ALLOWED_MB = 40

# Its own process, for only a whole process has a peak. The server is a thread of it and keeps nothing.
CHILD = """
    import asyncio, json, socket, sys, threading
    from pathlib import Path

    from orchestrator.client.cloud import open_cloud
    from orchestrator.client.device_cloud import Upload
    from orchestrator.client.settings import CloudSettings
    from orchestrator.domain.secret import Secret

    size, file, to = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])

    def head(connection):
        received = b""
        while b"\\r\\n\\r\\n" not in received:
            received += connection.recv(4096)
        return received.partition(b"\\r\\n\\r\\n")[2]

    def serve(listener):
        for upload in (True, False):
            connection, _ = listener.accept()
            with connection:
                body = len(head(connection))
                if upload:
                    buffer = bytearray(2**20)
                    while body < size:
                        body += connection.recv_into(buffer)
                    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
                else:
                    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % size)
                    for _ in range(size // 2**20):
                        connection.sendall(bytes(2**20))

    def peak_mb():
        status = Path("/proc/self/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024 / 1e6

    async def main():
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        url = Secret(f"http://127.0.0.1:{listener.getsockname()[1]}/x")
        async with open_cloud(CloudSettings(base_url="http://127.0.0.1:1", api_key=Secret("k"))) as cloud:
            before = peak_mb()
            await cloud.device_cloud.send_bundle(Upload(id="u", url=url), file)
            sent = peak_mb()
            fetched = await cloud.device_cloud.fetch_results(url, to)
            print(json.dumps({"sent_mb": sent - before, "got_mb": peak_mb() - before, "size": fetched.size_bytes}))

    asyncio.run(main())
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux to tell a process's peak memory")
def test_a_large_file_goes_and_comes_in_little_memory(tmp_path) -> None:
    file = tmp_path / "bundle.zip"
    with file.open("wb") as made:
        made.truncate(SIZE_BYTES)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(SIZE_BYTES), str(file), str(tmp_path / "results.zip")],
        capture_output=True,
        timeout=60,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["size"] == SIZE_BYTES
    assert told["sent_mb"] < ALLOWED_MB
    assert told["got_mb"] < ALLOWED_MB
