"""Look at the nodes of a cluster before tasks are sent to them. (The checks come next.)"""

import socket

from pxr_tf.errors import PxrError


def check_address(address):
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError) as error:
        raise PxrError(f"no answer from {address}: {error}") from error


def check_nodes(folders, needs):
    import ray

    return [
        {
            "address": n["NodeManagerAddress"],
            "cpus": n["Resources"].get("CPU", 0),
            "gpus": n["Resources"].get("GPU", 0),
            "memory": n["Resources"].get("memory", 0),
        }
        for n in ray.nodes()
        if n["Alive"]
    ]
