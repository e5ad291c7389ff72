"""Durable runs, on DBOS Transact (the MIT part). The only file that knows it.

A run is a workflow named ``turn``; each station is one of its steps, whose result is stored as JSON (never pickle). A process that dies leaves its
runs to its own restart, or to a replica that sees its beat stand still (``appliance.line.replicas``). Timers are workflows that start later.

With SQLite the journal is a file beside the database, in WAL mode with ``synchronous=NORMAL``: a killed process loses nothing, a power cut at worst the
last steps, which are then done again; what was acknowledged stands in the main database, which is synchronous. With PostgreSQL it is a schema of the
same database.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from appliance.crash_points import POINTS, reach
from appliance.errors import StorageFailed
from appliance.line.journal import Journal, from_json, note_fault, noted_fault, to_json
from appliance.line.journal_file import journal_engine, journal_url

_log = logging.getLogger(__name__)
T = TypeVar("T")
Turn = Callable[[str, Journal], Awaitable[None]]
"""Runs one message from where it stands to its end. Raises what kept it from one; then the message stays accepted."""
Timer = Callable[[str], Awaitable[None]]
"""Does what is due, for the key of its timer."""

_TURN = "turn-1"
"""The name of the workflow carries the version of its steps, not of the product: an upgrade that leaves them alone goes on with the runs it finds. Count it
up when a step is added, moved or renamed: runs by another name are cancelled at start, and their messages begun anew by the sweep."""
_VERSION = "appliance"
"""What DBOS calls the application's version. It is the same for ever, so that no run and no timer waits for a version that is gone."""
_TIMER = "timer"
_QUEUE = "timers"
_SHARED = "turns"
_ATTEMPTS = 1000
"""A run that has crashed its process so often is left to the sweep, which begins it anew."""
_POLL_S = 0.2
"""How often a replica looks into the shared queue."""
_TRIES_S = (1.0, 5.0, 30.0, 60.0)
_THREADS = 32
_UNFINISHED = ["PENDING", "ENQUEUED", "DELAYED"]


class _Steps:
    """The journal of the workflow that is running."""

    def __init__(self, dbos: Any) -> None:
        self._dbos = dbos

    async def step(self, name: str, kind: type[T], work: Callable[[], Awaitable[T]]) -> T:
        fresh: list[T] = []
        raised: list[Exception] = []

        async def noted() -> Any:
            try:
                fresh.append(await work())
            except (
                Exception
            ) as error:  # noted and raised below: DBOS would store the error itself, whose text may be a customer's
                raised.append(error)
                return {"fault": note_fault(error)}
            return {"result": to_json(kind, fresh[0])}

        document = await self._noted(name, noted)
        if name in POINTS:
            reach(name)
        if raised:
            raise raised[0]
        if "fault" in document:
            raise noted_fault(document["fault"])
        return fresh[0] if fresh else from_json(kind, document["result"])

    async def _noted(self, name: str, noted: Callable[[], Awaitable[Any]]) -> Any:
        from dbos import error as faults

        try:
            return await self._dbos.run_step_async({"name": name}, noted)
        except (SQLAlchemyError, faults.DBOSException) as error:  # a full disk, or notes of another order of steps
            raise StorageFailed(
                f"The step {name} could not be noted ({type(error).__name__}).",
                remedy="Check the disk; the message is kept, and its run begun anew.",
            ) from error


class Durable:
    """One open journal. DBOS keeps one instance a process, so there is one of these at a time, too."""

    def __init__(
        self, url: str, *, replica: str, turn: Turn, timers: Mapping[str, Timer] | None = None, parallel: int = 8
    ) -> None:
        """``url``: of the main database. ``replica``: the same at each start of this replica. ``parallel``: runs that it takes from the shared queue at once."""
        self._url = url
        self._replica = replica
        self._turn = turn
        self._timers = dict(timers or {})
        self._parallel = parallel
        self._dbos: Any = None
        self._engine: Engine | None = None
        self._workflow: Any = None
        self._timer: Any = None

    @property
    def shared(self) -> bool:
        """Several replicas may work on one journal: it is on a database server."""
        return not self._url.startswith("sqlite")

    async def open(self) -> None:
        """Runs that this replica left unfinished are taken up. Raises ``StorageFailed``."""
        try:
            await asyncio.to_thread(self._make)
            self._dbos.launch()
            await self._dbos.register_queue_async(_QUEUE, worker_concurrency=8, polling_interval_sec=1.0)
            if self.shared:
                await self._dbos.register_queue_async(
                    _SHARED,
                    worker_concurrency=self._parallel,
                    polling_interval_sec=_POLL_S,
                    on_conflict="always_update",
                )
            await self._cancel_strangers()
        except (SQLAlchemyError, OSError) as error:
            await self.close()
            raise StorageFailed(
                f"The journal of the line cannot be opened ({type(error).__name__}).",
                remedy="Check the disk, or the database and the rights of its user (it makes a schema named dbos).",
            ) from error

    def _make(self) -> None:
        from dbos import DBOS, Serializer

        class Json(Serializer):
            """How DBOS stores arguments and results: never by pickle, and of an error never its text."""

            def serialize(self, data: Any) -> str:
                return json.dumps(note_fault(data) if isinstance(data, Exception) else data, ensure_ascii=False)

            def deserialize(self, serialized_data: str) -> Any:
                return json.loads(serialized_data)

            def name(self) -> str:
                return "appliance_json"

        logging.getLogger("dbos").setLevel(logging.ERROR)
        self._engine = journal_engine(self._url)
        self._dbos = DBOS
        DBOS(
            config={
                "name": "appliance",
                "system_database_url": journal_url(self._url),
                "system_database_engine": self._engine,
                "serializer": Json(),
                "executor_id": self._replica,
                "application_version": _VERSION,
                "log_level": "ERROR",
                "max_executor_threads": _THREADS,
                # nothing here is notified; DBOS looks all the same, and an orderly end waits for the look
                "notification_listener_polling_interval_sec": _POLL_S,
            }
        )

        async def turn(message_id: str) -> str:  # DBOS marks functions, which methods do not let it
            return await self._run(message_id)

        async def timer(name: str, key: str) -> str:
            return await self._ring(name, key)

        self._workflow = DBOS.workflow(name=_TURN, max_recovery_attempts=_ATTEMPTS)(turn)
        self._timer = DBOS.workflow(name=_TIMER, max_recovery_attempts=_ATTEMPTS)(timer)

    async def close(self) -> None:
        if self._dbos is None:
            return
        dbos, self._dbos = self._dbos, None
        await asyncio.get_running_loop().run_in_executor(
            ThreadPoolExecutor(1), lambda: dbos.destroy(destroy_registry=True)
        )
        # DBOS put its own pool of threads under this loop and has ended it: whoever closes after us needs one
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
        if self._engine is not None:
            self._engine.dispose()

    async def begin(self, message_id: str, *, again: str = "", share: bool = False) -> bool:
        """Start the run of a message. False when it has one already, here or at another replica. ``again`` names a further one.

        ``share``: let whichever replica has a place first run it, this one included; for when this one has none.
        """
        from dbos import SetWorkflowID
        from dbos import error as faults

        name = f"{message_id}~{again}" if again else message_id
        try:
            with SetWorkflowID(name, workflow_id_reuse_policy="reject"):
                if share and self.shared:
                    await self._dbos.enqueue_workflow_async(_SHARED, self._workflow, message_id)
                else:
                    await self._dbos.start_workflow_async(self._workflow, message_id)
        except faults.DBOSWorkflowIDInUseError:
            return False
        except SQLAlchemyError as error:
            raise StorageFailed("The run cannot be noted in the journal.", remedy="Check the disk.") from error
        return True

    async def at(self, name: str, key: str, due_s: float) -> None:
        """Call the timer ``name`` with ``key`` in ``due_s`` seconds, whatever restarts meanwhile. The same name and key again change nothing.

        A journal that cannot be written is tried again; then the timer is missing, which the log says.
        """
        for pause_s in _TRIES_S:
            try:
                await self._enqueue(name, key, due_s)
            except SQLAlchemyError as error:
                _log.error("the timer %s of %s is not noted yet: %s", name, key, type(error).__name__)
                await asyncio.sleep(pause_s)
            else:
                return

    async def _enqueue(self, name: str, key: str, due_s: float) -> None:
        from dbos import SetEnqueueOptions, SetWorkflowID

        with SetWorkflowID(f"{name}:{key}"), SetEnqueueOptions(delay_seconds=max(0.0, due_s)):
            await self._dbos.enqueue_workflow_async(_QUEUE, self._timer, name, key)

    async def unfinished(self) -> set[str]:
        """Ids of the messages that have a run of this version of the line, waiting or under way, at any replica."""
        found = await self._dbos.list_workflows_async(
            status=_UNFINISHED, name=_TURN, load_input=False, load_output=False
        )
        return {one.workflow_id.partition("~")[0] for one in found}

    async def holds(self) -> bool:
        """Has this replica runs or timers under way that have not ended?"""
        if self._dbos is None:
            return False
        found = await self._dbos.list_workflows_async(
            status="PENDING", executor_id=self._replica, limit=1, load_input=False, load_output=False
        )
        return bool(found)

    async def _cancel_strangers(self) -> None:
        found = await self._dbos.list_workflows_async(status=_UNFINISHED, load_input=False, load_output=False)
        strangers = [one.workflow_id for one in found if one.name not in (_TURN, _TIMER)]
        if strangers:
            await self._dbos.cancel_workflows_async(strangers)

    async def take_over(self, replica: str) -> int:
        """Resume the unfinished runs of a replica that is dead; returns how many."""
        return len(await asyncio.to_thread(self._dbos._recover_pending_workflows, [replica]))

    async def forget(self, *, before: datetime, limit: int = 500) -> int:
        """Delete finished runs that ended before that moment: they hold what customers wrote. Returns how many."""
        found = await self._dbos.list_workflows_async(
            status=["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"],
            completed_before=before.isoformat(),
            limit=limit,
            load_input=False,
            load_output=False,
        )
        await self._dbos.delete_workflows_async([one.workflow_id for one in found])
        return len(found)

    async def _run(self, message_id: str) -> str:
        try:
            await self._turn(message_id, _Steps(self._dbos))
        except Exception as error:  # told to whoever waits by the runner; DBOS would store its text
            return type(error).__name__
        return "closed"

    async def _ring(self, name: str, key: str) -> str:
        timer = self._timers.get(name)
        if timer is None:
            return "unknown"
        await timer(key)
        return "done"
