"""How the tables came to be, one file a change (Alembic).

A change of `schema.py` comes with a revision of its own: a file `versions/rNNNN_what_changed.py` whose `revision` is
"NNNN" and whose `down_revision` is the one before; `version.HEAD` names the newest. A revision never imports
`schema.py`, which has moved on when it runs. SQLite changes constraints only in `op.batch_alter_table`. There is no way
down: a database that a newer version has opened is that version's. A new database is made without them (`fresh.py`): a
revision that writes rows does so there too.
"""
