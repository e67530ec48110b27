"""What somebody says with a command, for others to read later: who it was, and why."""

from orchestrator.errors import UsageError

MOST = 500


def user_name() -> str:
    """Who gives this command, by the environment's word."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no variable says it, and the user id has no name, as in some containers
        return "unknown"


def said(option: str, text: str) -> str:
    """The text of an option, which others will see in terminals and reports. Raises UsageError where it is no line."""
    text = text.strip()
    if not text or not text.isprintable() or len(text) > MOST:
        message = f"--{option}: expected text on one line, with {MOST} characters at most"
        raise UsageError(message)
    return text
