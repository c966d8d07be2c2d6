"""A SIP telephone that plays exact audio and writes down what it is told and what it hears.

One thread per call; IPv4 loopback; just as much of SIP as two parties on one machine need.
"""

import random
import re
import select
import socket
import struct
import threading
import time
import urllib.parse

SWITCH = ("127.0.0.1", 5060)
# name: RTP payload type, name in SDP, bytes for a millisecond. The clock of all of them counts 8 kHz.
CODECS = {"ulaw": (0, "PCMU/8000", 8), "alaw": (8, "PCMA/8000", 8), "g722": (9, "G722/8000", 8), "slin": (97, "L16/8000", 16)}


class Call:
    """A call under way. `audio` is encoded already; it begins when the call is answered (or, `early`,
    when there is a media address), and what follows it is silence: no packets. `then` are further parts,
    each agreed on by a re-INVITE when the one before is over: a codec and audio, or "hold" and its ms."""

    def __init__(self, audio=b"", codec="alaw", frame_ms=20, hang_up_ms=None, lose=lambda packet: False, then=()):
        self.codec, self.frame_ms = codec, frame_ms
        self.hang_up_ms, self.lose = hang_up_ms, lose
        self.parts, self.direction = [(codec, audio), *then], "sendrecv"
        self.sequence = 1  # of our last request but ACK
        self.agreed = 0  # how many of our INVITEs were answered well
        self.heard = []  # (ms since our audio began, payload)
        self.started = None  # when our audio began
        self.ended_ms = None
        self.ended_by = None  # "switch" or "us"
        self.cause = None  # Q.850, as the switch said in its Reason header
        self.status = None  # final answer to our INVITE
        self.error = None
        self.sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.bind(("127.0.0.1", 0))
        self.call_id = f"{random.getrandbits(48):x}@127.0.0.1"
        self.tag = f"{random.getrandbits(32):x}"
        self.thread = None

    # ---------------------------------------------------------------- to be called

    def place(self, extension):
        self.sip.bind(("127.0.0.1", 0))
        self.local = f"sip:phone@127.0.0.1:{self.sip.getsockname()[1]}"
        self.extension = extension
        self._run(self._place)
        return self

    def wait(self, timeout_s=60):
        self.thread.join(timeout_s)
        if self.thread.is_alive():
            raise TimeoutError(f"the call to {self.extension} has not ended after {timeout_s} s")
        if self.error:
            raise self.error
        return self

    # ---------------------------------------------------------------- to be transferred

    def answered(self, timeout_s=10):
        """When the call is answered, by either side."""
        deadline = time.monotonic() + timeout_s
        while self.status != 200:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the call to {self.extension} was not answered within {timeout_s} s")
            time.sleep(0.02)
        return self

    def refer(self, other):
        """Asks the switch to connect the party of this call to that of another one of ours, and us to none."""
        tag = lambda value: re.search(r"tag=([^;>\s]+)", value).group(1)
        replaces = f"{other.call_id};to-tag={tag(other.peer)};from-tag={other.tag}"
        to = f"<sip:{other.extension}@127.0.0.1:5060?Replaces={urllib.parse.quote(replaces, safe='')}>"
        self.sequence += 1
        self._request("REFER", self.peer, self.sequence, headers=(f"Refer-To: {to}",))

    # ---------------------------------------------------------------- signalling

    def _run(self, what):
        def run():
            try:
                what()
            except Exception as error:  # told in wait()
                self.error = error
            finally:
                self.sip.close()
                self.rtp.close()

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def _sdp(self):
        number, name, _ = CODECS[self.codec]
        return (
            "v=0\r\no=phone 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {self.rtp.getsockname()[1]} RTP/AVP {number}\r\n"
            f"a=rtpmap:{number} {name}\r\na=ptime:{self.frame_ms}\r\na={self.direction}\r\n"
        )

    def _request(self, method, to, sequence, body="", branch=None, headers=()):
        uri = self.remote
        branch = branch or f"z9hG4bK{random.getrandbits(48):x}"
        port = self.sip.getsockname()[1]
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch={branch}",
            f"From: <{self.local}>;tag={self.tag}",
            f"To: {to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {sequence} {method}",
            f"Contact: <{self.local}>",
            "Max-Forwards: 70",
            *headers,
        ]
        if body:
            lines.append("Content-Type: application/sdp")
        lines += [f"Content-Length: {len(body)}", "", body]
        self.sip.sendto("\r\n".join(lines).encode(), SWITCH)
        return branch

    def _place(self):
        self.remote = f"sip:{self.extension}@127.0.0.1:5060"
        self.peer = f"<{self.remote}>"
        self.invite_branch = self._request("INVITE", self.peer, self.sequence, self._sdp())
        self._talk()

    def _ask(self, codec):
        """Asks for what the next part needs."""
        self.direction = "inactive" if codec == "hold" else "sendrecv"
        self.codec = self.codec if codec == "hold" else codec
        self.sequence += 1
        self._request("INVITE", self.peer, self.sequence, self._sdp())

    def _packets(self, codec, audio):
        """What a part sends; empty ones are not sent."""
        if codec == "hold":
            return [b""] * (audio // self.frame_ms)
        size = self.frame_ms * CODECS[codec][2]
        return [audio[at : at + size] for at in range(0, len(audio), size)]

    def _answer(self, invite, source):
        """Answers a call that came in; `invite` is the request."""
        self.source, self.call_id = source, _header(invite, "Call-ID")
        self.local, self.extension = "sip:phone@127.0.0.1:5061", "us"
        self.peer, self.remote = _header(invite, "From"), _uri(_header(invite, "Contact"))
        self.rtp_to, self.status = _media(invite), 200
        self._respond(invite, 200, "OK", self._sdp())
        self._start()
        self._talk()

    def _respond(self, request, status, reason, body=""):
        lines = [f"SIP/2.0 {status} {reason}"]
        lines += [line for line in request.split("\r\n") if re.match(r"(Via|From|Call-ID|CSeq|Record-Route):", line)]
        to = _header(request, "To")
        lines.append(f"To: {to if 'tag=' in to else f'{to};tag={self.tag}'}")
        lines += [f"Contact: <{self.local}>"] + (["Content-Type: application/sdp"] if body else [])
        lines += [f"Content-Length: {len(body)}", "", body]
        self.sip.sendto("\r\n".join(lines).encode(), SWITCH)

    def _signal(self, message):
        """One message from the switch; whether the call is over."""
        first = message.split("\r\n", 1)[0]
        if first.startswith("SIP/2.0"):
            status, method = int(first.split()[1]), _header(message, "CSeq").split()[1]
            if method == "INVITE" and status >= 180:
                if _header(message, "Content-Type"):
                    self.rtp_to = _media(message)
                    if status < 300:
                        self._start()
                if status >= 200:
                    self.status, self.peer = status, _header(message, "To")
                    if status < 300:
                        self.remote = _uri(_header(message, "Contact"))
                        self.agreed = int(_header(message, "CSeq").split()[0])
                    self._request("ACK", self.peer, self.sequence, branch=None if status < 300 else self.invite_branch)
                if status >= 300:
                    self._end("switch", message)
                    return True
            return method == "BYE"
        if first.startswith("BYE"):
            self._respond(message, 200, "OK")
            self._end("switch", message)
            return True
        if first.startswith("INVITE"):  # of a call under way: a change that we follow
            self.rtp_to = _media(message) or self.rtp_to
            self._respond(message, 200, "OK", self._sdp())
        elif not first.startswith("ACK"):
            self._respond(message, 200, "OK")
        return False

    def _end(self, by, message=""):
        cause = re.search(r"^Reason:.*Q\.850.*cause=(\d+)", message, re.M)
        self.cause = int(cause.group(1)) if cause else None
        self.ended_by, self.ended_ms = by, self._now_ms()

    # ---------------------------------------------------------------- media

    def _now_ms(self):
        return (time.monotonic() - self.started) * 1000 if self.started else 0.0

    def _start(self):
        if not self.started:
            self.started = time.monotonic()

    def _talk(self):
        source, sequence, over, bye_until = random.getrandbits(32), random.getrandbits(15), False, None
        packets, sent, began_ms, parts = self._packets(*self.parts[0]), 0, 0.0, self.parts[1:]
        while not over:
            now = self._now_ms()
            while self.started and sent < len(packets) and now >= began_ms + sent * self.frame_ms:
                if packets[sent]:
                    if not self.lose(sent):
                        stamp = int(began_ms + sent * self.frame_ms) * 8
                        head = struct.pack("!BBHII", 0x80, CODECS[self.codec][0], sequence & 0xFFFF, stamp, source)
                        self.rtp.sendto(head + packets[sent], self.rtp_to)
                    sequence += 1
                sent += 1
            if self.started and parts and packets and now >= began_ms + sent * self.frame_ms:
                self._ask(parts[0][0])
                packets, sent = [], 0
            elif parts and not packets and self.agreed == self.sequence:
                packets, began_ms = self._packets(*parts.pop(0)), now
            if self.hang_up_ms is not None and not bye_until and self.status == 200 and now >= self.hang_up_ms:
                self.sequence += 1
                self._request("BYE", self.peer, self.sequence)
                self._end("us")
                bye_until = time.monotonic() + 2
            if bye_until and time.monotonic() > bye_until:
                return
            ready, _, _ = select.select([self.sip, self.rtp], [], [], self.frame_ms / 2000)
            if self.rtp in ready:
                packet = self.rtp.recv(2048)
                if packet[1] & 0x7F == CODECS[self.codec][0]:
                    self.heard.append((self._now_ms(), packet[12:]))
            if self.sip in ready:
                over = self._signal(self.sip.recv(65536).decode())


class Line:
    """The phone that the switch calls, at the address of the AOR: `calls` says what answers, in order."""

    def __init__(self, *calls):
        self.calls = list(calls)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 5061))
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        for call in self.calls:
            while True:
                try:
                    data, source = self.socket.recvfrom(65536)
                except OSError:
                    return
                if data.startswith(b"INVITE"):
                    break
            # What belongs to the call comes to this address too: the call takes it over.
            call.sip.close()
            call.sip = self.socket.dup()
            call._run(lambda: call._answer(data.decode(), source))
            call.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def _header(message, name):
    found = re.search(rf"^{name}:\s*(.*?)\s*$", message, re.M | re.I)
    return found.group(1) if found else ""


def _uri(value):
    found = re.search(r"<([^>]*)>", value)
    return found.group(1) if found else value


def _media(message):
    port = re.search(r"^m=audio (\d+)", message, re.M)
    return ("127.0.0.1", int(port.group(1))) if port else None
