"""Nothing here loads TensorFlow, so these tests take seconds."""

from light import no_tensorflow, pytest_make_collect_report

__all__ = ["no_tensorflow", "pytest_make_collect_report"]
