"""The decoders of a service: processes that can be lost. A lost one is replaced, and its picture gets an error."""

import asyncio
import sys
from contextlib import suppress

from pxr_tf.deploy.service.decoder import READY
from pxr_tf.deploy.service.frames import LENGTH, unpack
from pxr_tf.errors import PxrError
from pxr_tf.inference.uploads import Prepared
from pxr_tf.runs.directory import RunDirectory

PROGRAM = "pxr_tf.deploy.service.decoder"
START_SECONDS = 120  # a new process loads libraries and the atlas: 2 s, or 30 s if the atlas must be made
DECODE_SECONDS = 20  # the largest picture that is read takes 2 s
_BUFFER = 8_000_000  # bytes that are read at once


class LostError(Exception):
    """A decoder ended, or took too long, and was replaced; the message says which."""


class Decoders:
    """Processes that prepare pictures for the models of a run."""

    def __init__(self, run: RunDirectory, count: int, atlas: str | None = None) -> None:
        self._words = [str(run.folder.absolute()), str(run.cache.absolute()), *([atlas] if atlas else [])]
        self._count, self._idle = count, asyncio.Queue[_Process]()
        self._all, self._tasks = set[_Process](), set[asyncio.Task[None]]()
        self.seconds, self.lost = DECODE_SECONDS, 0

    async def start(self) -> None:
        """Start all processes; raise `PxrError` if one cannot prepare pictures of this run."""
        for one in await asyncio.gather(*(self._begin() for _ in range(self._count))):
            self._idle.put_nowait(one)

    async def stop(self) -> None:
        """End all processes."""
        for task in self._tasks:
            task.cancel()
        for one in list(self._all):
            await self._end(one)

    async def prepare(self, data: bytes) -> Prepared | str:
        """Return the prepared picture, or why it cannot be read; raise `LostError`."""
        process = await self._next_idle()
        try:
            async with asyncio.timeout(self.seconds):
                prepared = unpack(await process.ask(data))
        except BaseException as error:  # also if the request is given up: its answer must not go to the next one
            self._replace(process)
            if isinstance(error, TimeoutError):
                raise LostError(f"decoding took longer than {self.seconds:g} s") from error
            if isinstance(error, EOFError | OSError | ValueError | KeyError):
                raise LostError("the process that decoded it ended") from error
            raise
        self._idle.put_nowait(process)
        return prepared

    async def _next_idle(self) -> "_Process":
        while (process := await self._idle.get()).ended:  # lost while it was idle
            self._replace(process)
        return process

    def _replace(self, process: "_Process") -> None:
        """End a process, and start another without waiting for it."""
        self.lost += 1
        task = asyncio.create_task(self._renew(process))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _renew(self, process: "_Process") -> None:
        await self._end(process)
        while True:
            try:
                self._idle.put_nowait(await self._begin())
                return
            except (PxrError, OSError, EOFError, TimeoutError):  # perhaps the machine has no memory left at present
                await asyncio.sleep(1)

    async def _begin(self) -> "_Process":
        made = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", PROGRAM, *self._words),  # -P: no modules of the current folder
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_BUFFER,
        )
        process = _Process(made)
        self._all.add(process)
        async with asyncio.timeout(START_SECONDS):
            said = await process.read()
        if said != READY:
            await self._end(process)
            raise PxrError(said.decode(errors="replace"))
        return process

    async def _end(self, process: "_Process") -> None:
        self._all.discard(process)
        await process.end()


class _Process:
    """A running decoder."""

    def __init__(self, made: asyncio.subprocess.Process) -> None:
        self._made = made

    @property
    def ended(self) -> bool:
        """Whether it has ended; its pipe shows that before the system does."""
        return self._made.returncode is not None or self._made.stdout.at_eof()

    async def ask(self, data: bytes) -> bytes:
        """Return its answer to a file; raise `EOFError` or `OSError` if it ends."""
        self._made.stdin.write(LENGTH.pack(len(data)))
        self._made.stdin.write(data)
        await self._made.stdin.drain()
        return await self.read()

    async def read(self) -> bytes:
        """Return its next message; raise `EOFError` if it ends."""
        (length,) = LENGTH.unpack(await self._made.stdout.readexactly(LENGTH.size))
        return await self._made.stdout.readexactly(length)

    async def end(self) -> None:
        """Kill it."""
        with suppress(ProcessLookupError):
            self._made.kill()
        self._made.stdin.close()
        await self._made.wait()
