"""What the user hands us on disk."""
