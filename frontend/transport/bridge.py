"""Shows an ASGI application a websocket where there is none."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from frontend.asgi import AsgiApp, Message, Scope

GONE = 1001
"""Close code of an end that went away (RFC 6455, section 7.4.1)."""
WAITING_MESSAGES = 64
"""From the browser, not yet read by the application; the poll that brings more is answered when there is room."""
END_S = 5.0
"""The application's time to end a session before it is stopped."""


class Bridge:
    """One websocket of the application, kept open by other means.

    Parameters
    ----------
    app : AsgiApp
        The application.
    scope : Scope
        Its websocket scope.
    deliver : Callable[[bytes], Awaitable[None]]
        Sends one message to the browser; may wait until the browser has taken earlier ones.
    closed : Callable[[], None]
        Called once the application has ended a websocket that it had accepted.
    """

    def __init__(
        self, app: AsgiApp, scope: Scope, deliver: Callable[[bytes], Awaitable[None]], closed: Callable[[], None]
    ) -> None:
        self._deliver = deliver
        self._inbox: asyncio.Queue[Message] = asyncio.Queue(WAITING_MESSAGES)
        self._answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._gone = False
        self._app, self._scope, self._closed = app, scope, closed
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> bool:
        """Start the application and wait for its answer to the handshake.

        Returns
        -------
        bool
            Whether it accepted the websocket.
        """
        self._inbox.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.create_task(self._run(), name="polled-session")
        return await self._answer

    async def take(self, message: bytes) -> None:
        """Hand a message of the browser to the application."""
        await self._inbox.put({"type": "websocket.receive", "bytes": message})

    async def close(self) -> None:
        """Tell the application that the browser is gone, and wait until it has ended; safe to call more than once."""
        if self._task is None or self._task.done() or self._task is asyncio.current_task():
            return
        was_gone, self._gone = self._gone, True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                if not was_gone:
                    await self._inbox.put({"type": "websocket.disconnect", "code": GONE})
                await asyncio.wait({self._task})
        self._task.cancel()

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._inbox.get, self._send)
        finally:
            self._settle(accepted=False)
            if self._answer.result():
                self._closed()

    async def _send(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            self._settle(accepted=True)
        elif message["type"] == "websocket.send":
            if self._gone:
                raise OSError("the browser is gone")  # what an ASGI server raises, and applications expect
            await self._deliver(message["bytes"])
        else:  # websocket.close: a refusal, or the application is about to end
            self._settle(accepted=False)

    def _settle(self, *, accepted: bool) -> None:
        if not self._answer.done():
            self._answer.set_result(accepted)
