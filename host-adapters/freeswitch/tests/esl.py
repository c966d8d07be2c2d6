"""Event socket of FreeSWITCH: commands, and events as they come."""

import queue
import socket
import threading
import urllib.parse


class Esl:
    """One connection. Replies and events are told apart by a thread."""

    def __init__(self, port, password, events):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.settimeout(None)
        self.file = self.socket.makefile("rb")
        self.replies = queue.Queue()
        self.events = queue.Queue()
        self.lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()
        self._command(f"auth {password}")
        if events:
            self._command(f"event plain {events}")

    def _headers(self):
        headers = {}
        while (line := self.file.readline().decode("utf-8", "replace").rstrip("\n")) != "":
            name, _, value = line.partition(": ")
            headers[name] = value
        return headers

    def _read(self):
        try:
            while headers := self._headers():
                body = self.file.read(int(headers.get("Content-Length", 0))).decode("utf-8", "replace")
                kind = headers.get("Content-Type")
                if kind == "text/event-plain":
                    self.events.put(parse_event(body))
                elif kind == "api/response":
                    self.replies.put(body)
                elif kind == "command/reply":
                    self.replies.put(headers.get("Reply-Text", ""))
        except (OSError, ValueError):
            pass
        self.replies.put(None)
        self.events.put(None)

    def _command(self, text, timeout_s=60):
        with self.lock:
            self.socket.sendall(f"{text}\n\n".encode())
            try:
                reply = self.replies.get(timeout=timeout_s)
            except queue.Empty:
                raise TimeoutError(f"no answer in {timeout_s} s to: {text}") from None
        if reply is None:
            raise ConnectionError(f"the switch closed the connection; last command: {text}")
        return reply

    def api(self, text, timeout_s=60):
        return self._command(f"api {text}", timeout_s).strip()

    def bgapi(self, text):
        return self.api(f"bgapi {text}")

    def close(self):
        self.socket.close()


def parse_event(body):
    """An event as a dict; its own body, if there is one, under ''."""
    head, _, rest = body.partition("\n\n")
    event = {"": rest}
    for line in head.split("\n"):
        name, _, value = line.partition(": ")
        event[name] = urllib.parse.unquote(value)
    return event
