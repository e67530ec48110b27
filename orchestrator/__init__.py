"""Measures machine-learning models on real devices and tells, with evidence, whether a model may ship."""

__version__ = "0.1.0"
