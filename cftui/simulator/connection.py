"""One connection of the server: requests out of its bytes, answers into bytes; and the ways to end it badly."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterable
from http import HTTPStatus

import h11

from cftui.simulator.messages import Answer, Request

LARGEST_HEAD = 64 * 1024
LARGEST_BODY = 1024 * 1024
"""Bytes of a request that are read at most."""


class BadRequest(Exception):
    """What came is no request that can be served; the connection ends after the answer.

    Args:
        status: HTTP status.
        message: For the answer's body.
        partial: The request as far as it was received; None when not even its head was whole.
    """

    def __init__(self, status: int, message: str, partial: Request | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.partial = partial


class Connection:
    """HTTP/1.1 on a pair of streams.

    Args:
        reader: From the client.
        writer: To the client; closed by `close`, `reset` or `abort`.
        number: Which connection it is, from 1.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.number = number
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=LARGEST_HEAD)

    async def receive(self) -> Request | None:
        """The next request, whole; None when the client has no more.

        Raises:
            BadRequest: It is not HTTP, too large, or broke off.
        """
        head: h11.Request | None = None
        body = bytearray()
        try:
            while True:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    if self._http.they_are_waiting_for_100_continue:
                        self._write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
                    self._http.receive_data(await self._reader.read(65536))
                elif isinstance(event, h11.Request):
                    head = event
                elif isinstance(event, h11.Data):
                    body += event.data
                    if len(body) > LARGEST_BODY:
                        raise BadRequest(413, f"The request body is larger than {LARGEST_BODY} bytes.")
                elif isinstance(event, h11.EndOfMessage) and head is not None:
                    return self._request(head, bytes(body))
                else:
                    return None
        except h11.RemoteProtocolError as error:
            partial = None if head is None else self._request(head, bytes(body))
            raise BadRequest(error.error_status_hint, f"Not a valid HTTP request: {error}.", partial) from None

    def encode(self, answer: Answer, headers: Iterable[tuple[str, str]], *, is_head: bool) -> bytes:
        """An answer as it goes over the wire.

        Args:
            answer: What to say.
            headers: Beside the answer's own: `date`, `connection`.
            is_head: Whether the request was HEAD, so that the body stays away.
        """
        reason = _reason(answer.status)
        length = [] if answer.status == 204 else [("content-length", str(len(answer.body)))]
        kind = [("content-type", answer.content_type)] if answer.content_type else []
        response = h11.Response(
            status_code=answer.status,
            reason=reason,
            # The document prints the status among the headers as well.
            headers=[*kind, ("status", f"{answer.status} {reason.decode()}"), *length, *answer.headers, *headers],
        )
        out = self._http.send(response) or b""
        if answer.body and not is_head and answer.status != 204:
            out += self._http.send(h11.Data(data=answer.body)) or b""
        return out + (self._http.send(h11.EndOfMessage()) or b"")

    async def send(self, content: bytes, *, pace_s: float = 0.0) -> None:
        """Write bytes; with a pace, one at a time with that many real seconds after each."""
        if not pace_s:
            self._write(content)
            await self._writer.drain()
            return
        for place in range(len(content)):
            self._write(content[place : place + 1])
            await self._writer.drain()
            await asyncio.sleep(pace_s)

    def can_answer(self) -> bool:
        """Whether HTTP still allows an answer here."""
        return self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE)

    def go_on(self) -> bool:
        """Make ready for the next request, if the client keeps the connection."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            return True
        return False

    async def wait_for_the_client_to_leave(self) -> None:
        """Say nothing until the client closes the connection."""
        while await self._reader.read(65536):
            pass

    async def close(self) -> None:
        """End it in order (FIN), once everything written has left."""
        self._writer.close()
        await self._writer.wait_closed()

    def reset(self) -> None:
        """End it with an RST."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    def abort(self) -> None:
        """End it at once; what was not sent is lost."""
        self._writer.transport.abort()

    def _write(self, content: bytes | None) -> None:
        if content:
            self._writer.write(content)

    def _request(self, head: h11.Request, body: bytes) -> Request:
        return Request(
            method=head.method.decode("ascii"),
            target=head.target.decode("ascii", "replace"),
            headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers),
            body=body,
            connection=self.number,
        )


def _reason(status: int) -> bytes:
    """The words beside a status code."""
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b"Unknown"
