"""The store in a bucket of a service that speaks S3. The usual AWS_* variables say how to reach it, and they alone."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Coroutine, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from orchestrator.domain.plain_http import PLAIN_HTTP_VARIABLE, may_be_plain
from orchestrator.errors import NotStored, StoreError, UsageError
from orchestrator.history.store import VARIABLE, StoredFile, checked_name
from orchestrator.history.whole_file import blocks, whole_file

T = TypeVar("T")

ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
CREDENTIALS = (
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI",),
)
_ADDRESS = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/?(?P<prefix>[A-Za-z0-9._/-]{0,200})")
_STATUS = re.compile(r"(?<=status code: )(?P<code>\d{3}) [A-Za-z ]{1,40}")
_WORDS = dict.fromkeys(("401", "403"), "the credentials in the AWS_* variables may not do that")
_WORDS["404"] = "no such bucket or file"
_BLOCK_BYTES = 8 << 20
_REQUEST_S = 120
_RETRIES = 4
_RETRY_S = 60


async def open_bucket(url: str, environ: Mapping[str, str]) -> "BucketStore":
    """The store at `s3://bucket/prefix`, asked for a listing once, so that a wrong one is known at the start.

    Raises UsageError where the address or the environment is wrong, StoreError where the bucket cannot be read.
    """
    bucket, prefix = _parts(url)
    if not any(all(environ.get(name) for name in names) for names in CREDENTIALS):
        message = f"{VARIABLE} is a bucket: it needs {' and '.join(CREDENTIALS[0])}, or a role, in the environment"
        raise UsageError(message)
    store = BucketStore(_client(bucket, prefix, _endpoint(environ)), f"s3://{bucket}/{prefix}".rstrip("/"))
    await store.check()
    return store


def _client(bucket: str, prefix: str, endpoint: str | None) -> S3Store:
    try:
        return S3Store(
            bucket,
            prefix=prefix or None,
            config={"endpoint": endpoint} if endpoint else {},
            client_options={"allow_http": True, "timeout": timedelta(seconds=_REQUEST_S)},
            retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_S)},
        )
    except (BaseError, ValueError):
        message = "the AWS_* variables of the environment hold a setting that no bucket can be reached with"
        raise UsageError(message) from None


def _parts(url: str) -> tuple[str, str]:
    """Bucket and prefix. The address is not repeated in messages: it may hold a password."""
    found = _ADDRESS.fullmatch(url)
    if not found:
        message = f"{VARIABLE} is no bucket: expected s3://bucket/prefix; keys belong in the AWS_* variables"
        raise UsageError(message)
    return found["bucket"], found["prefix"].strip("/")


def _endpoint(environ: Mapping[str, str]) -> str | None:
    """The service's own address, if the environment names one. Raises UsageError where it would not be safe."""
    name = next((name for name in ENDPOINTS if environ.get(name)), None)
    if name is None:
        return None
    try:
        parts = urlsplit(environ[name])
        host = parts.hostname if parts.scheme in ("http", "https") and "@" not in parts.netloc else None
    except ValueError:
        host = None
    if not host:
        message = f"{name} is no plain http or https address"
        raise UsageError(message)
    if parts.scheme == "http" and not may_be_plain(host, environ):
        message = f"{name}: files would cross the network unencrypted; use https, or set {PLAIN_HTTP_VARIABLE}=1"
        raise UsageError(message)
    return environ[name]


class BucketStore:
    """Files below one prefix of a bucket."""

    def __init__(self, client: S3Store, uri: str) -> None:
        self._client = client
        self._uri = uri

    async def check(self) -> None:
        """Raises StoreError where the bucket is not there or cannot be read."""
        await self._do("cannot be listed", _first_page(self._client))

    async def put(self, name: str, path: Path) -> StoredFile:
        """Keeps a copy of the file in `path`."""
        place = self._place(name)
        try:
            sha256, size_bytes = await asyncio.to_thread(_hash, path)
            await self._do(f"cannot keep {name}", obstore.put_async(self._client, name, path, mode="overwrite"))
        except OSError as error:
            message = f"{path} cannot be kept: {error.strerror or error}"
            raise StoreError(message) from None
        return StoredFile(uri=place, sha256=sha256, size_bytes=size_bytes)

    async def fetch(self, name: str, to: Path, *, sha256: str = "") -> None:
        """Copies a file out, a range after the other, so that each request is short."""
        size_bytes = await self.size(name)
        if size_bytes is None:
            message = f"{name} is not in the store (any more)"
            raise NotStored(message)
        try:
            with whole_file(to) as file:
                async for block in self._blocks(name, size_bytes):
                    await asyncio.to_thread(file.write, block)
                file.check(sha256, name)
        except OSError as error:
            message = f"{to} cannot be written: {error.strerror or error}"
            raise StoreError(message) from None

    async def size(self, name: str) -> int | None:
        """How many bytes the file has; None where there is none."""
        self._place(name)
        try:
            return (await self._do(f"cannot look for {name}", obstore.head_async(self._client, name)))["size"]
        except NotStored:
            return None

    async def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return await self.size(name) is not None

    async def names(self, folder: str) -> tuple[str, ...]:
        """The names of all files below a folder, sorted."""
        self._place(folder)
        return tuple(sorted(await self._do(f"cannot list {folder}", _all_pages(self._client, folder))))

    async def remove(self, name: str) -> None:
        """Takes a file out."""
        self._place(name)
        await self._do(f"cannot remove {name}", obstore.delete_async(self._client, name))

    def _place(self, name: str) -> str:
        return f"{self._uri}/{checked_name(name)}"

    async def _blocks(self, name: str, size_bytes: int) -> AsyncIterator[bytes]:
        for start in range(0, size_bytes, _BLOCK_BYTES):
            end = min(start + _BLOCK_BYTES, size_bytes)
            block = obstore.get_range_async(self._client, name, start=start, end=end)
            yield bytes(await self._do(f"cannot fetch {name}", block))

    async def _do(self, what: str, work: Coroutine[Any, Any, T]) -> T:
        """The library's own messages hold whole answers of the server, so they are told in our words."""
        try:
            return await work
        except (FileNotFoundError, NotFoundError):
            message = f"{self._uri} {what}: {_WORDS['404']}"
            raise NotStored(message) from None
        except BaseError as error:
            message = f"{self._uri} {what}: {_words(str(error))}"
            raise StoreError(message) from None


def _words(told: str) -> str:
    status = _STATUS.search(told)
    return _WORDS.get(status["code"], status[0]) if status else "no (proper) answer"


def _hash(path: Path) -> tuple[str, int]:
    digest = hashlib.sha256()
    for block in blocks(path):
        digest.update(block)
    return digest.hexdigest(), path.stat().st_size


async def _first_page(client: S3Store) -> None:
    await anext(obstore.list(client), None)


async def _all_pages(client: S3Store, folder: str) -> list[str]:
    return [meta["path"] async for page in obstore.list(client, folder) for meta in page]
