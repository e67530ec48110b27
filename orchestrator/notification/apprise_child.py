"""Sends one letter through Apprise: `python -m orchestrator.notification.apprise_child`, the letter on stdin.

A process of its own, so that a service that hangs can be ended, and that nothing Apprise or a library below it logs,
addresses above all, goes anywhere. The exit code says how it went.
"""

import json
import logging
import sys

SENT, REFUSED, NO_SERVICE, NOT_INSTALLED = 0, 3, 4, 5


def main() -> int:
    """Reads `{"url", "title", "body", "is_good"}` and sends it."""
    try:
        import apprise
    except ModuleNotFoundError:
        return NOT_INSTALLED
    logging.disable(logging.CRITICAL)
    letter = json.load(sys.stdin)
    asset = apprise.AppriseAsset(app_id="bench", app_desc="bench", app_url="", image_url_mask="", image_url_logo="")
    service = apprise.Apprise.instantiate(letter["url"], asset=asset, suppress_exceptions=True)
    if service is None:
        return NO_SERVICE
    sender = apprise.Apprise(service, asset=asset)
    kind = apprise.NotifyType.SUCCESS if letter["is_good"] else apprise.NotifyType.WARNING
    told = sender.notify(
        body=letter["body"], title=letter["title"], notify_type=kind, body_format=apprise.NotifyFormat.TEXT
    )
    return SENT if told else REFUSED


if __name__ == "__main__":
    sys.exit(main())
