"""Where state lives: `.bench/` in the working folder or BENCH_HOME; what is in other places, their variables say."""

import os
from pathlib import Path

DEFAULT_REPORTS = Path("reports")


def home() -> Path:
    """The state folder (it may not exist yet)."""
    return Path(os.environ.get("BENCH_HOME") or ".bench").absolute()


def database_url() -> str:
    """The URL of the database with journal and history."""
    from orchestrator.history.database import sqlite_url

    return os.environ.get("BENCH_DATABASE_URL") or sqlite_url(home())


def store_url() -> str:
    """Where files are kept that must outlive a run or be seen by other machines."""
    return os.environ.get("BENCH_STORE_URL") or str(home() / "store")


def phone_tools() -> Path:
    """The folder with the programs that are pushed to phones."""
    return home() / "android"


def conversions() -> Path:
    """The folder with the models that were converted."""
    return home() / "conversions"


def kept_plans() -> Path:
    """The folder with the last good texts of plans that run by themselves."""
    return home() / "plans"


def run_locks() -> Path:
    """The folder of the files whose locks say that a process works on a run."""
    return home() / "locks"


def shared_store_url() -> str:
    """Where files are that every machine reaches. Raises UsageError where nobody said."""
    url = os.environ.get("BENCH_STORE_URL")
    if not url:
        from orchestrator.errors import UsageError

        message = (
            "workers need BENCH_STORE_URL: a folder or s3://bucket that every machine reaches, for models and files"
        )
        raise UsageError(message)
    return url
