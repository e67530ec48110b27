"""What runs in the sandboxed child of the local cloud."""
