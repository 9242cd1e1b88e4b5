"""These tests do not load TensorFlow, and so take seconds."""

from light import no_tensorflow, pytest_make_collect_report

__all__ = ["no_tensorflow", "pytest_make_collect_report"]
