"""These tests do not load TensorFlow and take only seconds."""

from light import no_tensorflow, pytest_make_collect_report

__all__ = ["no_tensorflow", "pytest_make_collect_report"]
