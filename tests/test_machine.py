"""The processor's name: the same for the same processor, another if its instructions differ."""

import os

import pytest

from pxr_tf import machine

X86 = """\
processor\t: 0
cpu family\t: 6
model\t\t: 143
model name\t: Intel(R) Xeon(R) Platinum 8481C
cpu MHz\t\t: {megahertz}
flags\t\t: fpu sse2 {flags}

processor\t: 1
model name\t: another
"""
ARM = "processor\t: 0\nFeatures\t: fp asimd sve\nCPU part\t: 0xd40\n"


@pytest.fixture
def name_of(tmp_path):
    """Return a function that gives the processor's name for a text of ``/proc/cpuinfo``."""

    def name(text: str) -> str:
        (tmp_path / "cpuinfo").write_text(text)
        return machine.processor(tmp_path / "cpuinfo")

    return name


def test_a_processor_is_named_by_its_model_and_its_vector_instructions(name_of):
    name = name_of(X86.format(megahertz=2700, flags="fma avx2"))
    assert name.startswith("Intel(R) Xeon(R) Platinum 8481C (family 6, model 143, vectors ")
    assert (
        name_of(X86.format(megahertz=3100, flags="avx2 fma ibrs")) == name
    )  # a kernel adds flags that are not for computing
    assert name_of(X86.format(megahertz=2700, flags="fma avx2 avx512f")) != name


def test_a_processor_without_a_name_has_its_part(name_of):
    assert "model 0xd40" in name_of(ARM)
    assert name_of(ARM) != name_of(ARM.replace("sve", ""))
    assert name_of("\n")


def test_this_processor_has_a_name(tmp_path):
    assert machine.processor() == machine.processor()
    assert machine.processor(tmp_path / "not on Linux")


def test_variables_that_choose_the_arithmetic_are_switches(monkeypatch):
    for name in machine.switches():
        monkeypatch.delenv(name)
    decisive = {"TF_ENABLE_ONEDNN_OPTS": "0", "XLA_FLAGS": "--xla_cpu_enable_fast_math=true", "TF_XLA_FLAGS": "a"}
    harmless = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_FORCE_GPU_ALLOW_GROWTH": "true", "HOME": "/", "PXR_DATA": "b"}
    harmless |= {"TF_VAR_password": "secret", "TF_CLI_CONFIG_FILE": "a", "TF_USE_LEGACY_KERAS": "1"}
    assert machine.switches() == {}
    for name, value in (decisive | harmless).items():
        monkeypatch.setenv(name, value)
    assert machine.switches() == decisive


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_processors_that_may_not_be_used_do_not_count():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, [min(before)])
        assert machine.processors() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert machine.processors() == len(before)
