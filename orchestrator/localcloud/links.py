"""The storage's addresses: which signed paths there are, and what each of them must be sent with.

They belong to another origin than the API (another port) and take no key: the signature is the permission.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from orchestrator.localcloud.config import CloudConfig
from orchestrator.localcloud.refusal import Refusal
from orchestrator.localcloud.signing import Signer
from orchestrator.protocol.device_cloud import BUNDLE_CONTENT_TYPE
from orchestrator.protocol.hub import ARTIFACT_CONTENT_TYPE

BUNDLES = "/bundles/"
ARTIFACTS = "/artifacts/"
DOWNLOADS = "/downloads/"
RESULTS = "/results/"

# what a PUT must be sent as; a device may send its results as anything
CONTENT_TYPES = {BUNDLES: BUNDLE_CONTENT_TYPE, ARTIFACTS: ARTIFACT_CONTENT_TYPE, DOWNLOADS: ""}


@dataclass(frozen=True, kw_only=True)
class Links:
    """Makes and checks signed URLs."""

    config: CloudConfig
    signer: Signer
    storage_port: int

    def bundle(self, request: Request, upload_id: str) -> str:
        """Where the client PUTs a bundle."""
        limit_bytes = self.config.max_upload_bytes
        return self._put(request, BUNDLES, upload_id, size_bytes=limit_bytes, ttl_s=self.config.url_ttl_s)

    def artifact(self, request: Request, artifact_id: str, size_bytes: int) -> str:
        """Where the client PUTs an artifact of at most so many bytes."""
        return self._put(request, ARTIFACTS, artifact_id, size_bytes=size_bytes, ttl_s=self.config.url_ttl_s)

    def download(self, request: Request, download_id: str) -> str:
        """Where the device PUTs its results."""
        limit_bytes = self.config.max_upload_bytes
        return self._put(request, DOWNLOADS, download_id, size_bytes=limit_bytes, ttl_s=self.config.device_url_ttl_s)

    def results(self, request: Request, blob_id: str) -> str:
        """Where the client GETs results."""
        return self._origin(request) + self.signer.sign("GET", RESULTS + blob_id, ttl_s=self.config.url_ttl_s)

    def download_of(self, url: str) -> str:
        """The id of the download whose URL this is. Raises Refusal where it is none of ours, or has expired.

        Only path and signature are looked at: the cloud may have moved to another port since.
        """
        try:
            parts = urlsplit(url)
            query = dict(parse_qsl(parts.query, max_num_fields=10))
        except ValueError:
            raise Refusal(403, "not a URL") from None
        if not parts.path.startswith(DOWNLOADS):
            raise Refusal(403, "not the URL of a download of this cloud")
        self.signer.check("PUT", parts.path, query)
        return parts.path.removeprefix(DOWNLOADS)

    def _put(self, request: Request, kind: str, target_id: str, *, size_bytes: int, ttl_s: float) -> str:
        return self._origin(request) + self.signer.sign(
            "PUT", kind + target_id, ttl_s=ttl_s, size_bytes=size_bytes, content_type=CONTENT_TYPES[kind]
        )

    def _origin(self, request: Request) -> str:
        """The storage as this caller reaches it: the address its connection came in at, never a header of its own."""
        host = request.scope["server"][0]
        return f"http://{f'[{host}]' if ':' in host else host}:{self.storage_port}"
