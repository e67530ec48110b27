"""The tables. What is asked for by value has a column; the rest of a row is one JSON document of the domain's.

What runs are judged by is only ever added to, never changed: each row has the `stamp` of the change that it came with,
so that a run can be judged again with exactly what there was when it ended (stamp.py). It may come from another
database, and then its run is not here.
"""

import sqlalchemy as sa

METADATA = sa.MetaData()

RUN = sa.Table(
    "run",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("plan", sa.String, nullable=False, index=True),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("entry", sa.Text, nullable=False),
    sa.Column("gates", sa.Text, nullable=False),
    sa.Column("tick", sa.String, index=True, unique=True),  # the time of the plan's schedule that it is for, if any
    sa.Column("alerts", sa.Text, nullable=False, server_default="[]"),
    sa.Column("seen", sa.Integer),  # the newest stamp when it was judged, once it has ended
)

JOB = sa.Table(
    "job",
    METADATA,
    sa.Column("run_id", sa.String, sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("device", sa.String, nullable=False),
    sa.Column("variant", sa.String, nullable=False),
    sa.Column("repeat", sa.Integer, nullable=False),
    sa.Column("control", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("entry", sa.Text, nullable=False),
    sa.Column("turn", sa.String, nullable=False, server_default="waiting"),
    sa.Column("rank", sa.Integer, nullable=False, server_default="0"),  # of those that wait the least has the next turn
    sa.UniqueConstraint("run_id", "model", "device", "variant", "repeat", "control", name="job_of_run"),
    sa.Index("job_by_turn", "run_id", "turn", "rank"),
)

# A conversion of one of the run's models, and how far it is logged on the hub.
COMPILE = sa.Table(
    "compile",
    METADATA,
    sa.Column("run_id", sa.String, sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("entry", sa.Text, nullable=False),
)

# A run that workers carry out: what its jobs' turns depend on. `settling`: somebody was asked to end it.
DETACHED = sa.Table(
    "detached",
    METADATA,
    sa.Column("run_id", sa.String, sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("cloud", sa.String, nullable=False, index=True),
    sa.Column("in_flight", sa.Integer, nullable=False),
    sa.Column("per_device", sa.Integer, nullable=False),
    sa.Column("settling", sa.Boolean, nullable=False, server_default=sa.false()),
)

# A cloud that refused a job for its quota: until when no worker submits, and when that last happened.
CLOUD_HOLD = sa.Table(
    "cloud_hold",
    METADATA,
    sa.Column("cloud", sa.String, primary_key=True),
    sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    sa.Column("refused_at", sa.DateTime(timezone=True), nullable=False),
)

# One row: how many changes there have been of what follows.
LAST_STAMP = sa.Table("last_stamp", METADATA, sa.Column("stamp", sa.Integer, nullable=False))

# A session as it was judged: what later runs are compared with. `accepted` is false where its own run found it worse.
# `night` is what trends are drawn from, a small part of the entry (night.py); NULL where an older version wrote it.
SESSION = sa.Table(
    "session",
    METADATA,
    sa.Column("run_id", sa.String, primary_key=True),
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("device", sa.String, primary_key=True),
    sa.Column("variant", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("project", sa.String, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("accepted", sa.Boolean, nullable=False),
    sa.Column("entry", sa.Text, nullable=False),
    sa.Column("stamp", sa.Integer, nullable=False, server_default="0"),
    sa.Column("night", sa.Text),
    sa.Index("session_of_cell", "project", "model", "device", "variant", "at"),
)

# A session of a model beside itself: what the device's own noise looks like in such a comparison.
PAIR = sa.Table(
    "pair",
    METADATA,
    sa.Column("run_id", sa.String, primary_key=True),
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("device", sa.String, primary_key=True),
    sa.Column("variant", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("project", sa.String, nullable=False),
    sa.Column("stamp", sa.Integer, nullable=False),
    sa.Column("entry", sa.Text, nullable=False),
    sa.Index("pair_of_cell", "project", "model", "device", "variant", "run_id"),
)

# From here on a cell's baseline begins anew: with a change that was accepted, or with an improvement. All sessions of
# an accepted change that were there when it was accepted count, whatever their own runs said.
FRESH_START = sa.Table(
    "fresh_start",
    METADATA,
    sa.Column("project", sa.String, primary_key=True),
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("device", sa.String, primary_key=True),
    sa.Column("variant", sa.String, primary_key=True),
    sa.Column("stamp", sa.Integer, primary_key=True),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    sa.Column("accepted", sa.Boolean, nullable=False),
)

# An alert as it was from a stamp on, until its next row: its newest row is how it stands.
ALERT = sa.Table(
    "alert",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("stamp", sa.Integer, primary_key=True),
    sa.Column("project", sa.String, nullable=False),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("device", sa.String, nullable=False),
    sa.Column("variant", sa.String, nullable=False),
    sa.Column("entry", sa.Text, nullable=False),
    sa.Index("alert_of_cell", "project", "model", "device", "variant"),
)

# Whose name it is from a stamp on; NULL where it was taken away.
NAMED_RUN = sa.Table(
    "named_run",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("stamp", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.String),
)

# Of which troubles of a plan somebody (as the plan says it) was told, and that they are over was not told yet.
TOLD = sa.Table(
    "told",
    METADATA,
    sa.Column("plan", sa.String, primary_key=True),
    sa.Column("target", sa.String, primary_key=True),
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("about", sa.String, primary_key=True),
)

# News on their way: waiting, sending, sent or given up.
LETTER = sa.Table(
    "letter",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("plan", sa.String, nullable=False, index=True),
    sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("tried_at", sa.DateTime(timezone=True)),
    sa.Column("entry", sa.Text, nullable=False),
)
