"""Stands in for the bridge to Ray: two nodes, whose tasks do what their names say. ``stand_in_bridge.py ADDRESS LOG``.

ADDRESS is a folder: what happened before is remembered there.
"""

import json
import sys
from pathlib import Path

place = Path(sys.argv[1])


def say(**answer):
    print(json.dumps(answer), flush=True)


def happened(what: str) -> bool:
    """Return whether this has happened before; it has now."""
    file = place / what
    before = file.exists()
    file.write_text("")
    return before


if (place / "refuse").exists():
    say(event="fault", message="10.0.0.1:6399 refused the token.", exit_code=2)
    sys.exit(2)
say(event="connected")
for line in sys.stdin:
    request = json.loads(line)
    number = request["id"]
    if "check" in request:
        if (place / "small").exists():
            say(id=number, event="fault", message="The nodes are too small.", exit_code=2)
            continue
        (place / "checked.json").write_text(json.dumps(request["check"]))
        nodes = [{"address": f"10.0.0.{host}", "cpus": 4, "gpus": 0, "memory": 8e9} for host in (1, 2)]
        say(id=number, event="checked", nodes=nodes, notes=[])
        continue
    task = request["submit"]["job"]["task"]
    (place / f"{task['name']}.json").write_text(json.dumps(request["submit"]))
    say(id=number, event="start", node="10.0.0.1")
    if "lost" in task["name"] and not happened("lost"):
        say(id=number, event="lost", text="the worker was killed")
    elif "head" in task["name"] and not happened("head"):
        sys.exit(1)
    elif "wrong" in task["name"]:
        say(id=number, event="fault", message="The data are wrong.", exit_code=2)
    else:
        say(id=number, event="done")
