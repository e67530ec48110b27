"""Models that outlive their runs: in the store that BENCH_STORE_URL names, and copies of some in the state folder."""

import os
from typing import TYPE_CHECKING

from orchestrator.cli.home import home, store_url

if TYPE_CHECKING:
    from orchestrator.workflow.kept_models import KeptModels


async def open_kept_models() -> "KeptModels":
    """The models in the store. Raises UsageError and StoreError where it cannot be used."""
    from orchestrator.history.store import open_store
    from orchestrator.workflow.kept_models import KeptModels

    return KeptModels(await open_store(store_url(), os.environ), home() / "models")
