"""The tables. What is asked for by value has a column; the rest of a row is one JSON document of the domain's."""

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
    sa.UniqueConstraint("run_id", "model", "device", "variant", "repeat", "control", name="job_of_run"),
    sa.Index("job_by_turn", "run_id", "turn", "position"),
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

# A session as it was judged: what later runs are compared with. `accepted` is false inside an open regression.
SESSION = sa.Table(
    "session",
    METADATA,
    sa.Column("run_id", sa.String, sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("device", sa.String, primary_key=True),
    sa.Column("variant", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("project", sa.String, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("accepted", sa.Boolean, nullable=False),
    sa.Column("entry", sa.Text, nullable=False),
    sa.Index("session_of_cell", "project", "model", "device", "variant", "at"),
)

# A session of a model beside itself: what the device's own noise looks like in such a comparison.
PAIR = sa.Table(
    "pair",
    METADATA,
    sa.Column("run_id", sa.String, sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("device", sa.String, primary_key=True),
    sa.Column("variant", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("project", sa.String, nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("entry", sa.Text, nullable=False),
    sa.Index("pair_of_cell", "project", "model", "device", "variant", "recorded_at"),
)

# A change that was accepted: the baseline of these cells begins anew with this run.
FRESH_START = sa.Table(
    "fresh_start",
    METADATA,
    sa.Column("run_id", sa.String, sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("device", sa.String, primary_key=True),
    sa.Column("variant", sa.String, primary_key=True),
)

NAMED_RUN = sa.Table(
    "named_run",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("run_id", sa.String, sa.ForeignKey("run.id"), nullable=False),
)
