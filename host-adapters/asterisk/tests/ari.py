"""What an application of ARI is told: as much of a WebSocket as one needs to listen."""

import base64
import json
import os
import socket
import time

PATH = "/ari/events?app=test&subscribeAll=true&api_key=test:test"


class Ari:
    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", 8088))
        self.file = self.socket.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (f"GET {PATH} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13")
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        status = self.file.readline().decode().strip()
        if " 101 " not in status:
            raise ConnectionError(f"ARI answers: {status}")
        while self.file.readline().strip():
            pass

    def _event(self):
        """The next message of text; the server's are whole, and not masked."""
        while True:
            kind, size = self.file.read(2)
            if size >= 126:
                size = int.from_bytes(self.file.read(2 if size == 126 else 8), "big")
            data = self.file.read(size)
            if kind & 15 == 1:
                return json.loads(data)

    def wait(self, wanted, timeout_s=20):
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self.socket.settimeout(deadline - time.monotonic())
            if wanted(event := self._event()):
                return event
        raise TimeoutError(f"the event did not come within {timeout_s} s")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
