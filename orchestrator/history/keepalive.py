"""Connections to PostgreSQL that notice when they are lost."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa

# Either end notices soon that nothing is heard of the other any more (seconds; tcp_user_timeout milliseconds). What was
# begun in a connection that is lost then holds no row, and nobody up.
KEEPALIVE = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
SERVERS_END = (
    "set tcp_keepalives_idle = 30",
    "set tcp_keepalives_interval = 10",
    "set tcp_keepalives_count = 3",
    "set idle_in_transaction_session_timeout = '60s'",
)


def keepalive(url: "sa.URL") -> dict[str, int]:
    """What a connection to that URL is opened with. What the URL's query says goes over what is usual here."""
    return {name: value for name, value in KEEPALIVE.items() if name not in url.query}
