"""Our end of the wire; returns domain types."""
