"""The same workflow on more machines: jobs of detached runs as tasks of a queue in the journal's PostgreSQL."""
