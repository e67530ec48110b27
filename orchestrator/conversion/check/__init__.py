"""Runs in the children: both models on the same inputs, and how far apart their outputs are."""
