"""How the program can end badly. Each branch has its own exit code (see README, "Exit codes").

    BenchError
    ├── UsageError            2   the command, the plan, a model or a selector is wrong
    │   ├── PlanError             (all mistakes of a plan at once)
    │   ├── ModelError            (a model file that cannot be measured)
    │   └── RunBusy               (another process works on the run)
    ├── CloudError            4   the device cloud could not be used
    │   ├── Unreachable           no answer at all
    │   ├── AnswerLost            the request left, the answer did not arrive: it may have happened
    │   ├── KeyRefused            401 or 403 of the API
    │   ├── Refused               another 4xx: it means what it says
    │   │   └── QuotaExceeded     one of the documented quota codes
    │   ├── Overloaded            429 or 5xx: again later
    │   ├── Misbehaving           an answer that is not the protocol's
    │   ├── StorageRefused        a signed URL was refused (expired, wrong size)
    │   └── TransferBroken        a download or upload ended early
    ├── StoreError            4   the store of files could not be used
    │   └── NotStored             it has no such file, or another one than was put in
    ├── WorkerLost            4   a worker's database was away for too long; it is to be started again
    ├── DatabaseLost        130   the history database went away; the run can be resumed
    └── Interrupted         130   stopped by the user; the run can be resumed

Inside a job a CloudError becomes an outcome and ends nothing; KeyRefused always ends the run.
"""

from dataclasses import dataclass
from typing import ClassVar


class BenchError(Exception):
    """Anything this program says itself, in words meant for its user."""

    exit_code: ClassVar[int] = 70


class UsageError(BenchError):
    """The command line, the plan, a model or a selector is wrong; nothing was submitted."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake in a user's file. `line` and `column` count from 1; 0 means the whole file."""

    file: str
    message: str
    line: int = 0
    column: int = 0
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class PlanError(UsageError):
    """All the mistakes of a plan at once."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class ModelError(UsageError):
    """A model file that is broken, hostile, too large or not supported. The message names the file."""


class RunBusy(UsageError):
    """Another process works on this run; the message says which."""


class CloudError(BenchError):
    """The device cloud did not do what was asked."""

    exit_code = 4


class Unreachable(CloudError):
    """No connection, or none in time: the request was not carried out."""


class AnswerLost(CloudError):
    """The request was sent and its answer never came: it may or may not have been carried out."""


class KeyRefused(CloudError):
    """The API refused the key (401, 403). Nothing else can work, so the run stops."""


class Refused(CloudError):
    """The API said no (4xx) and means it."""

    def __init__(self, message: str, *, status: int, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class QuotaExceeded(Refused):
    """`storage_quota_exceeded`, `file_too_large` or `job_quota_exceeded`."""


class Overloaded(CloudError):
    """429 or 5xx. `retry_after_s` is what the server asked for, if it did."""

    def __init__(self, message: str, *, status: int, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


class Misbehaving(CloudError):
    """A success that is not the protocol's: not JSON, no `data`, another shape, too long."""


class StorageRefused(CloudError):
    """The storage host refused a signed URL; a new one may work."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class TransferBroken(CloudError):
    """A transfer ended before its announced length, or exceeded its bound."""


class StoreError(BenchError):
    """The store of files did not do what was asked: no access, no space, no answer. Again later may help."""

    exit_code = 4


class NotStored(StoreError):
    """The store has no file of that name, or its content is not what was put in."""


class WorkerLost(BenchError):
    """A worker cannot go on; one that is started again can."""

    exit_code = 4


class DatabaseLost(BenchError):
    """The history database went away and did not come back in time. What was written is kept."""

    exit_code = 130


class Interrupted(BenchError):
    """Stopped by the user. What was done is kept."""

    exit_code = 130
