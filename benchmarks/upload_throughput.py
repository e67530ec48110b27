"""Uploads a 2 GB bundle to the local cloud's storage, beside `curl -T` to the same server, and says the ratio.

Run it by hand: `python benchmarks/upload_throughput.py [--size-mb 2000] [--rounds 3]`. The file is sparse, and the
server runs in a process of its own. Each client sends in turn, so that a busy machine disturbs both; the best round
of each counts. Our peak memory is that of the whole uploading process.
"""

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.client.cloud import open_cloud
from orchestrator.client.device_cloud import Upload
from orchestrator.client.settings import CloudSettings
from orchestrator.domain.device import Platform
from orchestrator.domain.secret import Secret

KEY = "benchmark-key"
SERVE = "serve"
SEND = "send"


def main() -> None:
    """Prints one JSON object."""
    if sys.argv[1:2] == [SERVE]:
        serve(Path(sys.argv[2]))
    elif sys.argv[1:2] == [SEND]:
        send(sys.argv[2], Path(sys.argv[3]))
    else:
        compare()


def compare() -> None:
    """Both clients by turns, to one server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mb", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle.zip"
        with bundle.open("wb") as file:
            file.truncate(options.size_mb * 10**6)
        with serving(Path(folder) / "cloud") as base_url:
            rounds = [(sent_by_us(base_url, bundle), sent_by_curl(base_url, bundle)) for _ in range(options.rounds)]
    ours = max(options.size_mb / sent["seconds"] for sent, _ in rounds)
    curl = max(options.size_mb / seconds for _, seconds in rounds)
    told = {
        "size_mb": options.size_mb,
        "ours_mb_per_s": round(ours),
        "curl_mb_per_s": round(curl),
        "ratio": round(ours / curl, 3),
        "our_peak_memory_mb": round(max(sent["peak_mb"] for sent, _ in rounds), 1),
    }
    print(json.dumps(told, indent=1))


@contextmanager
def serving(data: Path) -> Iterator[str]:
    """A local cloud in a process of its own."""
    command = [sys.executable, __file__, SERVE, str(data)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.communicate()  # the end of its input ends it


def serve(data: Path) -> None:
    """Serves until the input ends; no device is needed."""
    from orchestrator.localcloud.config import CloudConfig
    from orchestrator.localcloud.server import running_server

    with running_server(CloudConfig(data_dir=data, api_key=KEY, devices=tuple, bundle_keep_s=1)) as server:
        print(server.base_url, flush=True)
        sys.stdin.read()


def sent_by_us(base_url: str, bundle: Path) -> dict[str, float]:
    """Seconds and peak memory of a fresh process of ours."""
    command = [sys.executable, __file__, SEND, base_url, str(bundle)]
    told: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return told


def send(base_url: str, bundle: Path) -> None:
    """Uploads as `bench run` does."""

    async def upload() -> float:
        async with open_cloud(CloudSettings(base_url=base_url, api_key=Secret(KEY))) as cloud:
            place = await cloud.device_cloud.create_upload(Platform.ANDROID)
            start = time.perf_counter()
            await cloud.device_cloud.send_bundle(place, bundle)
            return time.perf_counter() - start

    print(json.dumps({"seconds": asyncio.run(upload()), "peak_mb": peak_mb()}))


def peak_mb() -> float:
    """The most resident memory this process ever had (VmHWM, KiB)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM"))


def sent_by_curl(base_url: str, bundle: Path) -> float:
    """Seconds of `curl -T` to a signed URL of the same server."""
    curl = shutil.which("curl")
    if curl is None:
        sys.exit("this comparison needs curl")
    url = asyncio.run(_new_place(base_url)).url.reveal()
    command = [curl, "--silent", "--fail", "--header", "Content-Type: application/zip", "--upload-file", str(bundle)]
    start = time.perf_counter()
    subprocess.run([*command, url], check=True, capture_output=True)
    return time.perf_counter() - start


async def _new_place(base_url: str) -> Upload:
    async with open_cloud(CloudSettings(base_url=base_url, api_key=Secret(KEY))) as cloud:
        return await cloud.device_cloud.create_upload(Platform.ANDROID)


if __name__ == "__main__":
    main()
