"""The other end of the wire: this host's processors."""
