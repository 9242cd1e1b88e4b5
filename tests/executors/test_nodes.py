"""Nodes that do not fit are named in one line, with what they have, what is accepted and what to do."""

import pytest
from messages import refused

from pxr_tf import locks
from pxr_tf.executors import nodes
from pxr_tf.executors.node_facts import describe_code, describe_here
from pxr_tf.executors.nodes import Found
from pxr_tf.executors.offers import examine, is_answered, offer

NEED = {"task": "fold-0", "cpus": 2, "gpus": 0, "memory": 10**9, "mix": False}


def found(address: str = "10.0.0.2", **facts) -> Found:
    own = {"python": "3.11", "skew": 0.0, "id": "b", "processor": "EPYC", "free": {"/tmp": 10**10}, "apart": {}}
    return Found(address, 4, 0, 8e9, {**own, **describe_code(), **facts})


def test_a_node_like_this_machine_passes_every_check():
    nodes.check_code([found()])
    nodes.check_folders([found()], [])
    nodes.check_disks([found()])
    nodes.check_need([found()], NEED)
    nodes.check_alike([found(), found("10.0.0.3")])
    assert nodes.describe_skew([found()]) == []


def test_nodes_without_the_package_or_with_another_are_named():
    with refused("10.0.0.2", "lacks this version", "No module named 'pxr_tf'", "Install"):
        nodes.check_code([found(lacks="No module named 'pxr_tf'")])
    other = describe_code()["versions"] | {"keras": "3.0.0"}
    with refused("10.0.0.2", "keras 3.0.0", "here", "same versions"):
        nodes.check_code([found(versions=other)])
    with refused("10.0.0.2", "other files of pxr_tf", "same commit"):
        nodes.check_code([found(source="elsewhere")])


def test_a_node_without_disk_is_named():
    with refused("10.0.0.2", "150 MB left in /tmp", "200 MB or more"):
        nodes.check_disks([found(free={"/tmp": 150 * 10**6})])


@pytest.mark.parametrize(
    ("need", "says"),
    [
        ({"cpus": 8}, ("needs 8 processors", "has 4 processors", "training.threads=4")),
        ({"gpus": 1}, ("needs 1 GPU", "has 0 GPUs", "leave out --gpus")),
        ({"memory": 10**11}, ("needs 100.0 GB of memory", "has 8.0 GB of memory", "larger node")),
    ],
)
def test_a_task_that_no_node_can_do_is_named_with_the_largest_node(need, says):
    with refused("fold-0", "10.0.0.2", *says):
        nodes.check_need([found()], NEED | need)


def test_different_processors_are_refused_with_the_way_to_mix():
    with refused("EPYC (10.0.0.2)", "Xeon (10.0.0.3)", "--mix-environments"):
        nodes.check_alike([found(), found("10.0.0.3", processor="Xeon")])


def test_a_clock_that_differs_is_mentioned_and_changes_nothing():
    (note,) = nodes.describe_skew([found(skew=90.0)])
    assert "10.0.0.2" in note and "90 s" in note and "results do not" in note


def test_an_address_that_is_none_or_does_not_answer_is_refused(monkeypatch):
    for wrong in ("localhost", "10.0.0.1:", ":6379", "10.0.0.1:ray"):
        with refused("--address", "host:port"):
            nodes.check_address(wrong)

    def refuse(address, timeout):
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(nodes.socket, "create_connection", refuse)
    with refused("10.0.0.1:6379", "Nothing answers", "Connection refused", "ray start --head"):
        nodes.check_address("10.0.0.1:6379")


@pytest.fixture
def shared(monkeypatch):
    monkeypatch.setattr(locks, "_shared", True)


def test_a_folder_is_shared_if_the_word_and_the_lock_are_seen_from_there(tmp_path, shared):
    with offer(str(tmp_path)) as made:
        assert examine(made, "b") == ""
        assert is_answered(made, "b")
        assert not is_answered(made, "c")
        assert describe_here([tuple(made)], "c")["apart"] == {}
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_shared_is_told_from_one_that_is(tmp_path, shared):
    with offer(str(tmp_path / "a")) as made:
        elsewhere = made._replace(folder=str(tmp_path / "b"))
        assert "does not exist" in examine(elsewhere, "b")
        (tmp_path / "b").mkdir()
        assert "another folder" in examine(elsewhere, "b")
        elsewhere.file.write_text(made.word)
        assert "locks do not reach" in examine(elsewhere, "b")
    with offer(str(tmp_path / "a")) as made, refused("10.0.0.2", "does not share", "cannot be read here", "RUNS"):
        nodes.check_folders([found()], [made])
