"""Whom to tell: what the plan says, and the address that the environment has for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.domain.secret import Secret
from orchestrator.errors import BenchError

MAIL_VARIABLE = "BENCH_MAIL_URL"
SECRET_VARIABLE = "BENCH_WEBHOOK_SECRET"
REPORT_VARIABLE = "BENCH_REPORT_URL"


class NotTold(BenchError):
    """A letter that did not arrive; the message holds no address. `for_good`: another try cannot help."""

    def __init__(self, message: str, *, for_good: bool = False) -> None:
        super().__init__(message)
        self.for_good = for_good


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where letters for a target go: a service's URL, or a mailbox that the mail server in `url` delivers to."""

    url: Secret
    mailbox: str = ""

    @property
    def is_http(self) -> bool:
        """Whether it is a plain web address, which may be a webhook of one's own."""
        return self.url.reveal().lower().startswith(("http://", "https://"))


def variable_of(target: str) -> str:
    """The variable that a target needs: its own (`$NAME`, `${NAME}`), or the mail server's; "" for a web address."""
    if target.startswith("$"):
        return target.strip("${}")
    return "" if "://" in target else MAIL_VARIABLE


def needed_variables(targets: Iterable[str]) -> tuple[str, ...]:
    """The variables without which these targets cannot be told, in order."""
    found = [variable_of(target) or SECRET_VARIABLE for target in targets]
    return tuple(dict.fromkeys(found))


def purpose_of(variable: str) -> str:
    """What a variable is expected to hold."""
    known = {
        MAIL_VARIABLE: "the mail server, such as mailtos://user:password@smtp.example.com?from=bench@example.com",
        SECRET_VARIABLE: "the secret that webhooks are signed with",
    }
    return known.get(variable, "an address: of a webhook, or of a service that Apprise knows")


def address_of(target: str, environ: Mapping[str, str]) -> Address:
    """The address of a target. Raises NotTold naming the variable that is missing."""
    variable = variable_of(target)
    if not variable:
        return Address(url=Secret(target))
    value = environ.get(variable, "").strip()
    if not value:
        message = f"{variable} is not set"
        raise NotTold(message)
    return Address(url=Secret(value), mailbox="" if target.startswith("$") else target)
