"""Properties of this machine that decide the last digits of a number."""

import os
import platform
from pathlib import Path

from pxr_tf import files

VECTORS = ("avx", "amx", "fma", "sve", "asimd")  # prefixes of the instructions by which libraries choose their loops

# Beginnings of the environment variables by which libraries choose their arithmetic, and of those among them that
# change no number. "TF_" alone would take in Terraform's, which may hold secrets.
SWITCHES = (
    *("TF_AUTO", "TF_BF16_", "TF_CONV", "TF_CU", "TF_DEBUG_CUDNN_", "TF_DETERMINISTIC_", "TF_DISABLE_", "TF_ENABLE_"),
    *("TF_FP16_", "TF_JITRT_", "TF_MATMUL_", "TF_MKL_", "TF_ONEDNN_", "TF_SET_ONEDNN_", "TF_USE_", "TF_XLA_"),
    *("XLA_FLAGS", "ONEDNN_", "DNNL_", "CUBLAS_", "CUDNN_", "NVIDIA_TF32_OVERRIDE", "MKL_CBWR", "OPENBLAS_CORETYPE"),
    *("NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES"),
)
HARMLESS = (
    *("TF_CUDA_MALLOC_", "TF_DISABLE_PROFILING", "TF_ENABLE_GPU_GARBAGE_COLLECTION", "TF_USE_LEGACY_KERAS"),
    *("ONEDNN_VERBOSE", "DNNL_VERBOSE", "CUBLAS_LOG", "CUDNN_LOG"),
)


PROCESSORS = "PXR_PROCESSORS"  # environment variable: how many of a machine's processors a worker of a cluster may use


def processors() -> int:
    """Return how many processors this process may use; TensorFlow starts that many threads by default."""
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(ours, int(os.environ.get(PROCESSORS, ours)))


def switches() -> dict[str, str]:
    """Return the environment variables that can change the last digits of a number, by name."""
    chosen = (name for name in sorted(os.environ) if name.startswith(SWITCHES) and not name.startswith(HARMLESS))
    return {name: os.environ[name] for name in chosen}


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the processor's model: ``AMD EPYC (family 26, model 2, vectors 1f0c55d2)``.

    ``vectors`` is a digest of the vector instructions; a virtual machine may hide some. On other systems than Linux,
    return the system's name for the processor.
    """
    if not cpuinfo.exists():
        return platform.processor() or platform.machine()
    lines = cpuinfo.read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines()
    found = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    instructions = found.get("flags", found.get("Features", "")).split()  # x86, ARM
    vectors = sorted(name for name in instructions if name.startswith(VECTORS))
    name = found.get("model name", platform.machine())
    model = {"family": found.get("cpu family"), "model": found.get("model", found.get("CPU part"))}
    details = [f"{word} {value}" for word, value in model.items() if value]
    return f"{name} ({', '.join([*details, f'vectors {files.digest(*vectors, size=4)}'])})"
