"""Runs what touches hostile files in a child that can be killed."""
