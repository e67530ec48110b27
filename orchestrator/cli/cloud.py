"""`bench cloud serve`: the local device cloud as a server."""

import os
from pathlib import Path

import click

from orchestrator.cli.connect import KEY_VARIABLE, local_data
from orchestrator.errors import UsageError


@click.group("cloud")
def command() -> None:
    """The local device cloud: this computer's processors, behind the same protocol as the hub."""


@command.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8770, show_default=True, help="0: any free one.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder to keep everything in; default: .bench/cloud.")
def serve_command(host: str, port: int, data: Path | None) -> None:
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
        serve(config)
