"""Nothing here loads TensorFlow: these tests end in seconds."""

from light import pytest_make_collect_report, pytest_runtest_protocol

__all__ = ["pytest_make_collect_report", "pytest_runtest_protocol"]
