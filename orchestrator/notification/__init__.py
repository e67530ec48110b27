"""Telling people what matters of a run, and nothing else."""
