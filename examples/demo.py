"""
C{make demo}: a job server, a worker and a client, each on a connection of its
own, and what they say to each other.

The server is a C{twistd gearman} process on a free port of the loopback
interface; it is gone, with everything else, when this ends.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from txgearman.wire import packets as p
from txgearman.wire.codec import Event, PacketReader, encode

PATIENCE = 30.0
"""How long anything may take, in seconds."""


class Connection:
    """
    A blocking connection to a job server.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._reader = PacketReader(magic=p.RESPONSE)
        self._arrived: list[Event] = []

    def send(self, number: int, *arguments: bytes) -> None:
        """
        Send a packet.
        """
        self._socket.sendall(encode(p.REQUEST, number, *arguments))

    def receive(self) -> Event:
        """
        Wait for a packet.

        @raise EOFError: when the server closed the connection.
        """
        while not self._arrived:
            data = self._socket.recv(65536)
            if not data:
                raise EOFError("the server closed the connection")
            self._reader.feed(data)
            self._arrived += self._reader.events()
        return self._arrived.pop(0)

    def close(self) -> None:
        """
        Close the connection.
        """
        self._socket.close()


def work(port: int) -> None:
    """
    Reverse strings until somebody asks for an end.
    """
    server = Connection(port)
    server.send(p.CAN_DO, b"reverse")
    server.send(p.CAN_DO, b"stop")
    server.send(p.GRAB_JOB)
    while True:
        number, arguments = server.receive()
        if number == p.NO_JOB:
            server.send(p.PRE_SLEEP)
        elif number == p.NOOP:
            server.send(p.GRAB_JOB)
        elif number == p.JOB_ASSIGN:
            handle, function, data = arguments
            server.send(p.WORK_COMPLETE, handle, data[::-1])
            if function == b"stop":
                break
            server.send(p.GRAB_JOB)
    server.close()


def submit(server: Connection, function: bytes, data: bytes) -> bytes:
    """
    Submit a job and wait for its result.
    """
    server.send(p.SUBMIT_JOB, function, b"", data)
    while True:
        number, arguments = server.receive()
        if number == p.JOB_CREATED:
            print(f"submitted {function.decode()} as {arguments[0].decode()}")
        elif number == p.WORK_COMPLETE:
            return arguments[1]


@contextmanager
def jobServer() -> Iterator[int]:
    """
    Run a job server.

    @return: its port.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    twistd = Path(sys.executable).with_name("twistd")
    quietly = ["--nodaemon", "--pidfile=", f"--logfile={os.devnull}"]
    server = subprocess.Popen(
        [twistd, *quietly, "gearman", f"--port={port}", "--listen=127.0.0.1"]
    )
    try:
        awaitServer(server, port)
        yield port
    finally:
        server.terminate()
        server.wait(PATIENCE)


def awaitServer(server: subprocess.Popen[bytes], port: int) -> None:
    """
    Wait until a server accepts connections.

    @raise SystemExit: when it ended instead.
    """
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), PATIENCE).close()
        except ConnectionRefusedError:
            try:
                raise SystemExit(f"the server ended: status {server.wait(0.05)}")
            except subprocess.TimeoutExpired:
                continue
        return


def main() -> None:
    """
    Play it.
    """
    with jobServer() as port:
        print(f"a job server on port {port}")
        worker = threading.Thread(target=work, args=(port,))
        worker.start()
        client = Connection(port)
        for word in (b"hello", b"gearman", b"never odd or even"):
            result = submit(client, b"reverse", word)
            print(f"{word.decode()!r} reversed is {result.decode()!r}")
        submit(client, b"stop", b"")
        client.close()
        worker.join(PATIENCE)
    print("done")


if __name__ == "__main__":
    main()
