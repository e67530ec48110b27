"""What crosses the wire, both ways, and the files in bundles and results."""
