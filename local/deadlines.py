"""Closes connections that send no whole request in time: uvicorn itself waits for headers for ever."""

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEADERS_S = 10.0
"""For the head of a request to arrive, counted from its first byte or from the connection."""


class DeadlineProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's HTTP protocol with a deadline for the head of each request."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take bytes, and wait only as long as no request is under way."""
        super().data_received(data)
        if self._under_way():
            self._let_go()
        elif self._deadline is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting when the connection is gone."""
        self._let_go()
        super().connection_lost(exc)

    def _under_way(self) -> bool:
        if self.transport.get_protocol() is not self:
            return True  # a WebSocket by now, which has deadlines of its own
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(HEADERS_S, self._give_up)

    def _let_go(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if not self._under_way() and not self.transport.is_closing():
            self.transport.close()
