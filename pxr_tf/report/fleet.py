"""Progress of many tasks at once, on the nodes of a cluster: a line for all, and a line per node.

On a terminal the lines move. Elsewhere a line appears when a tenth of the tasks is done, and when something goes wrong.
"""

from collections.abc import Mapping
from typing import NamedTuple

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from pxr_tf.errors import count_words
from pxr_tf.events import Event, moment_of
from pxr_tf.report.clock import SOON, duration_words, fold_number
from pxr_tf.report.fitting import print_paths

MOST_NODES = 8  # with a line of their own
PLAIN_STEPS = 10  # lines about all tasks without a terminal
LEAST_WIDTH = 24  # columns of a line that moves


class Work(NamedTuple):
    """A task that runs."""

    node: str
    since: float
    now: str = "starting"  # what it does, in words


class Fleet:
    """Shows the events of tasks on a cluster; use it as a context manager and pass `show` as ``on_event``."""

    def __init__(self, console: Console, titles: Mapping[str, str]) -> None:
        """`titles` is run -> its short title, empty for an only run."""
        self._console, self._titles = console, titles
        self._planned: set[tuple[str, str]] = set()
        self._running: dict[tuple[str, str], Work] = {}
        self._ended: set[tuple[str, str]] = set()
        self._failed = 0
        self._took: list[float] = []
        self._again: dict[str, int] = {}  # name of a task -> attempts
        self._said: set[str] = set()
        self._aside = ""  # what this machine does meanwhile
        self._step = 0
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=4, transient=True)

    def __enter__(self) -> "Fleet":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *fault: object) -> None:
        if self._console.is_terminal:
            self._live.stop()
        if self._again:
            names = ", ".join(f"{name} ({attempts} attempts)" for name, attempts in self._again.items())
            self._say(f"Run again after a loss: {names}.")

    def show(self, event: Event) -> None:
        """Show one event."""
        handler = getattr(self, f"_take_{event['event']}", None)
        if handler is not None:
            handler(event)

    @property
    def words(self) -> str:
        """Return how all tasks stand: ``12 of 60 tasks done, 2 running on 2 nodes, 46 waiting, about 3 min left``."""
        nodes = len({work.node for work in self._running.values()})
        running, total = len(self._running), len(self._planned | self._ended)
        waiting = total - len(self._ended) - running
        words = [f"{len(self._ended)} of {count_words(total, 'task')} done"]
        words += [f"{running} running on {count_words(nodes, 'node')}"] if running else []
        words += [f"{waiting} waiting"] if waiting > 0 else []
        words += [f"{self._failed} failed"] if self._failed else []
        left = self._seconds_left(running, waiting)
        return ", ".join(words) + (f", about {duration_words(left)} left" if left >= SOON else "")

    def _seconds_left(self, running: int, waiting: int) -> float:
        mean = sum(self._took) / len(self._took) if self._took else 0.0
        return mean * (waiting + running / 2) / max(1, running)

    def _take_plan(self, event: Event) -> None:
        self._planned |= {(event["run"], task) for task in event["tasks"]}

    def _take_start(self, event: Event) -> None:
        self._running[_key(event)] = Work(event.get("node", ""), moment_of(event))

    def _take_progress(self, event: Event) -> None:
        words = f"{event['what']} · {event['done']:,} of {event['total']:,}"
        if "task" in event:
            self._set(event, words)
        else:
            self._aside = words if event["done"] < event["total"] else ""

    def _take_step(self, event: Event) -> None:
        self._set(event, f"{_epoch_of(event)} · step {event['step']} of {event['steps']}")

    def _take_epoch(self, event: Event) -> None:
        self._set(event, f"{_epoch_of(event)} · loss {event['loss']:.2f} · {event['seconds']:.1f} s")

    def _take_again(self, event: Event) -> None:
        self._running.pop(_key(event), None)
        name = self._name(_key(event))
        self._again[name] = event["attempt"]
        self._say(f"{name} runs again (attempt {event['attempt']}): {event['text']}")

    def _take_end(self, event: Event) -> None:
        work = self._running.pop(_key(event), None)
        if work is not None:
            self._took.append(moment_of(event) - work.since)
        self._ended.add(_key(event))
        self._print_plain()

    def _take_failed(self, event: Event) -> None:
        self._running.pop(_key(event), None)
        self._ended.add(_key(event))
        self._failed += 1
        self._say(event["text"])

    def _take_note(self, event: Event) -> None:
        self._say(event["text"])

    def _take_warning(self, event: Event) -> None:
        self._say(f"Warning: {event['text']}")

    def _take_wait(self, event: Event) -> None:
        self._say(f"Waiting for {event['holder']}, which is working on the same files.")

    def _take_device(self, event: Event) -> None:
        self._say(
            f"Computing on the {event['name']}: {event['precision']}, {'with' if event['xla'] else 'without'} XLA."
        )

    def _set(self, event: Event, words: str) -> None:
        key = _key(event)
        if key in self._running:
            self._running[key] = self._running[key]._replace(now=words)

    def _say(self, text: str) -> None:
        """Print a text once; lines after its first are paths."""
        if text not in self._said:
            self._said.add(text)
            print_paths(self._console, *text.split("\n"))

    def _print_plain(self) -> None:
        step = len(self._ended) * PLAIN_STEPS // max(1, len(self._planned))
        if not self._console.is_terminal and step != self._step:
            self._step = step
            self._console.print(f"{self.words}.", highlight=False, markup=False)

    def _name(self, key: tuple[str, str]) -> str:
        number = fold_number(key[1])
        task = key[1] if number is None else f"fold {number + 1}"
        return ", ".join(filter(None, (self._titles.get(key[0], ""), task)))

    def _render(self) -> Group:
        width = max(LEAST_WIDTH, self._console.width)
        lines = [self.words + (f" · {self._aside}" if self._aside else ""), *self._node_lines()]
        return Group(*(Text(line, no_wrap=True, overflow="ellipsis") for line in (line[: 2 * width] for line in lines)))

    def _node_lines(self) -> list[str]:
        """Return a line per node: its latest task, and how many more it has."""
        nodes: dict[str, list[tuple[str, str]]] = {}
        for key, work in list(self._running.items()):
            nodes.setdefault(work.node, []).append(key)
        lines = []
        for node, keys in sorted(nodes.items())[:MOST_NODES]:
            more = f" (and {len(keys) - 1} more)" if len(keys) > 1 else ""
            work = self._running.get(keys[-1])
            lines += [f"  {node} · {self._name(keys[-1])}{more} · {work.now}"] if work else []
        hidden = len(nodes) - MOST_NODES
        return lines + ([f"  and {count_words(hidden, 'more node', 'more nodes')}"] if hidden > 0 else [])


def _key(event: Event) -> tuple[str, str]:
    return event.get("run", ""), event["task"]


def _epoch_of(event: Event) -> str:
    return f"{event['phase']} · epoch {event['epoch']}/{event['epochs']}"
