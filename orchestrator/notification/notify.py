"""Tells those whom a plan names what is news to them, and sends what could not be sent before."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime

from orchestrator.domain.news import Letter, Situation, Subject, news_for
from orchestrator.domain.plan import Notification, Plan
from orchestrator.domain.secret import Secret
from orchestrator.history.news import Decision, NewsDesk
from orchestrator.notification.message import letter_of
from orchestrator.notification.services import send
from orchestrator.notification.target import SECRET_VARIABLE, NotTold, address_of
from orchestrator.notification.webhook import post

Say = Callable[[str], None]


async def notify(
    plan: Plan, situation: Situation, desk: NewsDesk, *, report: str, environ: Mapping[str, str], say: Say
) -> None:
    """Writes down what each target of the plan is to be told of the situation, then sends all that is not sent yet.

    What does not arrive is said, and tried again the next time.
    """
    for notification in plan.notify:
        decide = _decider(plan.name, notification, situation, report)
        await desk.decide(plan.name, notification.to, decide, now=datetime.now(UTC))
    targets = {notification.to for notification in plan.notify}
    for letter in await desk.waiting(plan.name, now=datetime.now(UTC)):
        await _deliver(letter, desk, environ, say, is_wanted=letter.target in targets)


def _decider(
    plan: str, notification: Notification, situation: Situation, report: str
) -> Callable[[Collection[Subject]], Decision]:
    def decide(told: Collection[Subject]) -> Decision:
        news = news_for(notification.on, told, situation)
        has_news = news.new or news.over
        letter = letter_of(plan, notification.to, news, situation, report) if has_news else None
        return Decision(told=news.new, forgotten=(*news.over, *news.gone), letter=letter)

    return decide


async def _deliver(letter: Letter, desk: NewsDesk, environ: Mapping[str, str], say: Say, *, is_wanted: bool) -> None:
    claimed = await desk.claim(letter, now=datetime.now(UTC))
    if claimed is None:
        return
    if not is_wanted:
        await desk.failed(claimed, for_good=True)
        return
    try:
        await _send(claimed, environ)
    except NotTold as error:
        is_kept = await desk.failed(claimed)
        say(f"could not tell {letter.target}: {error}; " + ("tried again next time" if is_kept else "given up"))
        return
    await desk.sent(claimed)
    say(f"told {letter.target}: {letter.title}")


async def _send(letter: Letter, environ: Mapping[str, str]) -> None:
    """Through the service that knows the address, or else by our own webhook."""
    address = address_of(letter.target, environ)
    is_service = letter.target.startswith("$") or address.mailbox
    if is_service and await send(letter, address):
        return
    if not address.is_http:
        message = "no service has such an address"
        raise NotTold(message)
    secret = environ.get(SECRET_VARIABLE, "").strip()
    if not secret:
        message = f"{SECRET_VARIABLE} is not set, and a webhook's letters are signed with it"
        raise NotTold(message)
    await post(letter, address.url, Secret(secret))
