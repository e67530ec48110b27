"""What we talk about, and the rules: no I/O, no async."""
