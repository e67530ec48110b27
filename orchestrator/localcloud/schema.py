"""The tables of the local cloud. Times are ISO 8601 text with a zone; a row's blob is the bytes it stands for."""

import sqlalchemy as sa

VERSION = 1  # of these tables; a folder with another one is refused
METADATA = sa.MetaData()
NO_STEP = -1  # a metric without a step; part of the primary key, so it cannot be null


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String, primary_key=True)


def _blob() -> sa.Column[str]:
    return sa.Column("blob_id", sa.ForeignKey("blobs.id"))


def _of_run() -> sa.Column[str]:
    return sa.Column("run_id", sa.ForeignKey("runs.id"), primary_key=True)


def _text(name: str, *, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String, primary_key=primary_key, nullable=False)


blobs = sa.Table("blobs", METADATA, _id(), sa.Column("size_bytes", sa.BigInteger, nullable=False))

projects = sa.Table("projects", METADATA, _id(), sa.Column("name", sa.String, nullable=False, unique=True))

runs = sa.Table(
    "runs",
    METADATA,
    _id(),
    sa.Column("project_id", sa.ForeignKey("projects.id"), nullable=False),
    sa.Column("parent_run_id", sa.ForeignKey("runs.id")),
    _text("name"),
    _text("type"),
    _text("status"),
    _text("created_at"),
    _text("started_at"),
    sa.Column("ended_at", sa.String),
)

params = sa.Table("params", METADATA, _of_run(), _text("name", primary_key=True), _text("value"))

tags = sa.Table("tags", METADATA, _of_run(), _text("name", primary_key=True), _text("value"))

metrics = sa.Table(
    "metrics",
    METADATA,
    _of_run(),
    _text("name", primary_key=True),
    sa.Column("step", sa.Integer, primary_key=True),
    sa.Column("value", sa.Float, nullable=False),
)

artifacts = sa.Table(
    "artifacts",
    METADATA,
    _id(),
    sa.Column("run_id", sa.ForeignKey("runs.id"), nullable=False),
    _text("file_name"),
    sa.Column("file_size", sa.BigInteger, nullable=False),
    _text("status"),
    _text("created_at"),
    _text("updated_at"),
    _blob(),
)

uploads = sa.Table("uploads", METADATA, _id(), _text("platform"), _text("created_at"), _blob())

downloads = sa.Table("downloads", METADATA, _id(), _text("created_at"), _blob())

jobs = sa.Table(
    "jobs",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),  # the order of submission
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("upload_id", sa.ForeignKey("uploads.id", ondelete="SET NULL")),
    sa.Column("device_name", sa.String, nullable=False, index=True),
    sa.Column("status", sa.String, nullable=False, index=True),
    sa.Column("starts", sa.Integer, nullable=False, default=0),  # how often a device began with it
    _text("created_at"),
    sa.Column("completed_at", sa.String),
    sa.Column("result", sa.String),
    _blob(),
)
