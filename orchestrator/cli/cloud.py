"""`bench cloud serve`: the local device cloud as a server."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from orchestrator.cli.connect import KEY_VARIABLE, local_data, with_phones
from orchestrator.cli.home import phone_tools
from orchestrator.domain.plan import LocalPolicy
from orchestrator.domain.secret import Secret
from orchestrator.errors import UsageError


@click.group("cloud")
def command() -> None:
    """The local device cloud: this computer's processors and phones, behind the same protocol as the hub."""


@command.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8770, show_default=True, help="0: any free one.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder to keep everything in; default: .bench/cloud.")
@click.option("--adb", is_flag=True, help="Offer the Android phones that are attached to this computer too.")
def serve_command(host: str, port: int, data: Path | None, adb: bool) -> None:
    """Serve until stopped. The key is BENCH_CLOUD_API_KEY, else one that is made and kept in the data folder."""
    from orchestrator.history.lock import held

    try:
        from orchestrator.localcloud.config import CloudConfig, load_or_make_key
        from orchestrator.localcloud.server import serve
    except ModuleNotFoundError as error:
        message = f"the local cloud needs the package {error.name!r}: pip install 'device-bench[local]'"
        raise UsageError(message) from None
    folder = (data or local_data()).absolute()
    given = os.environ.get(KEY_VARIABLE, "")
    with held(folder / "cloud.lock", f"the data folder {folder}"):
        config = CloudConfig(
            data_dir=folder, api_key=given or load_or_make_key(folder), key_was_given=bool(given), host=host, port=port
        )
        with with_phones(config, LocalPolicy(adb=adb)) as extended:
            serve(extended)


@command.command("setup-android")
@click.option("--benchmark-model", "source", metavar="PATH|URL", help="LiteRT's benchmark_model for your phones.")
@click.option("--sha256", metavar="HASH", help="What the file must hash to.")
def setup_android(source: str | None, sha256: str | None) -> None:
    """Install the program that measures .tflite models on phones; nothing is fetched but what you name."""
    from orchestrator.localcloud.android.tool import COMMAND, WHERE, install

    if not source or not sha256:
        message = f"{COMMAND}\n{WHERE}"
        raise UsageError(message)
    with _local_file(source) as file:
        tool = install(file, sha256, phone_tools())
    click.echo(f"benchmark_model for {tool.abi} is installed: {tool.path}")


@contextmanager
def _local_file(source: str) -> Iterator[Path]:
    """The file itself, or a copy of what lies at a URL while the block runs."""
    if "://" not in source:
        yield Path(source)
        return
    from orchestrator.client.fetch import fetch
    from orchestrator.localcloud.android.tool import MAX_BYTES

    with TemporaryDirectory(prefix="bench-") as folder:
        file = Path(folder, "benchmark_model")
        asyncio.run(fetch(Secret(source), file, max_bytes=MAX_BYTES))
        yield file
