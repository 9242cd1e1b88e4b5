"""Look at every node of a cluster before it gets a task; what does not fit becomes one line. Used by `ray_bridge`."""

import socket
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from pxr_tf.errors import PxrError, count_words, one_line, shorten, shown
from pxr_tf.executors.node_facts import describe_code
from pxr_tf.executors.offers import Offer, is_answered, offer

ANSWER = 5.0  # seconds for an address to answer
LOOK = 120.0  # seconds for all nodes to describe themselves: the first task on a node starts a process
TRIES, PAUSE = 4, 5.0  # times that nodes are asked, and seconds between
SKEW = 5.0  # seconds by which clocks may differ without a word
LITTLE = 200 * 10**6  # bytes: a node with less in /tmp cannot keep what Ray writes there
RESOURCES = {
    "cpus": ", or use --set training.threads={:.0f}",
    "gpus": ", or leave out --gpus",
    "memory": "",
}  # remedies


class Found(NamedTuple):
    """A node of a cluster, as Ray and the node itself describe it."""

    address: str
    cpus: float
    gpus: float
    memory: float  # bytes
    facts: Mapping[str, Any]  # `node_facts.describe_here`, with ``python``, ``skew`` and perhaps ``lacks``


def check_address(address: str) -> None:
    """Raise `PxrError` unless something listens at ``host:port``."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise PxrError(f"--address received {shown(address)}; accepted: host:port of the cluster's head.")
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise PxrError(
            f"Nothing answers at {address} ({reason}). Start the cluster (ray start --head), or correct --address."
        ) from error


def check_nodes(folders: Sequence[str], needs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return ``nodes`` (address, cpus, gpus, memory of each) and ``notes``, sentences to be shown.

    Raises `PxrError` if a node has other code or versions than this machine, does not share one of the `folders`, or if
    no node has what one of the `needs` asks for (``task, cpus, gpus, memory, mix``).
    """
    with ExitStack() as offered:
        offers = [offered.enter_context(offer(folder)) for folder in folders]
        found = look_at_all(offers)
        check_code(found)
        check_folders(found, offers)
    check_disks(found)
    for need in needs:
        check_need(found, need)
    if not all(need["mix"] for need in needs):
        check_alike(found)
    nodes = [{name: getattr(node, name) for name in ("address", *RESOURCES)} for node in found]
    return {"nodes": nodes, "notes": describe_skew(found)}


def look_at_all(offers: Sequence[Offer]) -> list[Found]:
    """Return all nodes that run tasks, as they describe themselves; raise `PxrError` if one does not answer.

    Ray lists a node that died for some seconds more.
    """
    import ray

    for left in reversed(range(TRIES)):
        nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
        if not nodes:
            raise PxrError("The cluster has no node with a processor for tasks. Start one: ray start --address=...")
        try:
            return _ask(nodes, [tuple(one) for one in offers])
        except ray.exceptions.RayError as error:
            if not left:
                reason = one_line(str(error).splitlines()[0])
                raise PxrError(f"A node does not answer: {reason} Restart it, or remove it.") from error
            time.sleep(PAUSE)
    raise AssertionError


def _ask(nodes: Sequence[Mapping[str, Any]], offers: list[tuple[str, str]]) -> list[Found]:
    """Return what the nodes answer to a task that Ray pins to each."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as Pinned

    def look(offers: list[tuple[str, str]], name: str) -> dict[str, Any]:  # its code travels: a node may lack ours
        import platform
        import time

        facts: dict[str, Any] = {"python": platform.python_version(), "time": time.time(), "id": name}
        try:
            from pxr_tf.executors.node_facts import describe_here
        except ImportError as error:
            return facts | {"lacks": str(error)}
        return facts | describe_here(offers, name)

    remote, asked = ray.remote(num_cpus=0, max_retries=0)(look), time.time()
    pinned = [remote.options(scheduling_strategy=Pinned(node["NodeID"], soft=False)) for node in nodes]
    answers = [one.remote(offers, node["NodeID"]) for one, node in zip(pinned, nodes, strict=True)]
    facts = ray.get(answers, timeout=LOOK)
    return [_found(node, one, asked) for node, one in zip(nodes, facts, strict=True)]


def _found(node: Mapping[str, Any], facts: Mapping[str, Any], asked: float) -> Found:
    has = node["Resources"]
    skew = max(asked - facts["time"], facts["time"] - time.time(), 0.0)
    return Found(
        node["NodeManagerAddress"],
        has.get("CPU", 0),
        has.get("GPU", 0),
        has.get("memory", 0),
        {**facts, "skew": skew},
    )


def check_code(found: Iterable[Found]) -> None:
    """Raise `PxrError` if a node has other versions or another source than this machine."""
    ours = describe_code()
    for node in found:
        if "lacks" in node.facts:
            raise PxrError(
                f"Node {node.address} lacks this version of pxr_tf ({node.facts['lacks']}). Install it there, in the "
                "Python that starts Ray."
            )
        theirs = node.facts["versions"]
        other = [
            f"{name} {theirs.get(name)} (here {version})"
            for name, version in ours["versions"].items()
            if theirs.get(name) != version
        ]
        if other:
            raise PxrError(
                f"Node {node.address} has other versions: {shorten(other)}; accepted: the same everywhere. Install the "
                "same versions on all nodes."
            )
        if node.facts["source"] != ours["source"]:
            raise PxrError(
                f"Node {node.address} has other files of pxr_tf {theirs.get('pxr_tf')} than this machine. Copy or "
                "install the same commit on all nodes."
            )


def check_folders(found: Iterable[Found], offers: Iterable[Offer]) -> None:
    """Raise `PxrError` if a node does not share a folder with this machine."""
    for node in found:
        apart = dict(node.facts["apart"])
        apart |= {
            made.folder: "what it writes cannot be read here"
            for made in offers
            if made.folder not in apart and not is_answered(made, node.facts["id"])
        }
        for folder, why in apart.items():
            raise PxrError(
                f"Node {node.address} does not share {folder}: {why}. All nodes need the same folder under the same "
                "path: choose one on NFS or the like (RUNS=...)."
            )


def check_disks(found: Iterable[Found]) -> None:
    """Raise `PxrError` if a node has hardly any disk left for Ray."""
    for node in found:
        for place, free in node.facts["free"].items():
            if free < LITTLE:
                raise PxrError(
                    f"Node {node.address} has only {free / 1e6:.0f} MB left in {place}; accepted: "
                    f"{LITTLE / 1e6:.0f} MB or more. Free some space there, or remove the node."
                )


def check_need(found: Sequence[Found], need: Mapping[str, Any]) -> None:
    """Raise `PxrError` if no node has what a task needs."""
    for name, remedy in RESOURCES.items():
        best = max(found, key=lambda node, name=name: getattr(node, name))
        have = getattr(best, name)
        if have < need[name]:
            raise PxrError(
                f"The task {need['task']} needs {_amount(name, need[name])}; the largest node ({best.address}) has "
                f"{_amount(name, have)}. Add a larger node{remedy.format(have)}."
            )


def _amount(name: str, number: float) -> str:
    if name == "memory":
        return f"{number / 1e9:.1f} GB of memory"
    return count_words(int(number), "processor" if name == "cpus" else "GPU")


def check_alike(found: Iterable[Found]) -> None:
    """Raise `PxrError` if nodes have different processors: the folds of a run would differ for that reason alone."""
    holders = defaultdict(list)
    for node in found:
        holders[node.facts["processor"]].append(node.address)
    if len(holders) > 1:
        kinds = "; ".join(f"{kind} ({shorten(nodes, 3)})" for kind, nodes in holders.items())
        raise PxrError(
            f"The nodes have different processors: {kinds}. The folds of a run would differ for that reason alone. "
            "Use nodes of one kind, or allow a mix (--mix-environments): every table then says so."
        )


def describe_skew(found: Iterable[Found]) -> list[str]:
    """Return a sentence for each node whose clock differs. No result depends on clocks; logs would be confusing."""
    return [
        f"The clock of node {node.address} differs from this machine's by {node.facts['skew']:.0f} s; times in its "
        "logs differ, results do not."
        for node in found
        if node.facts["skew"] > SKEW
    ]
