"""The Asterisk under test: started, asked, listened to, stopped."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time

CONFIG = "/etc/asterisk/asterisk.conf"


@contextlib.contextmanager
def not_installed(root):
    """Meanwhile the module's documentation is not there, and Asterisk does not load the module at its start."""
    modules = os.path.join(root, "etc/asterisk/modules.conf")
    documentation = os.path.join(root, "usr/share/asterisk/documentation/thirdparty/callprint-en_US.xml")
    with open(modules) as file:
        loads = file.read()
    os.rename(documentation, f"{documentation}.away")
    try:
        with open(modules, "w") as file:
            file.write(loads.replace("load = app_callprint.so", ""))
        yield
    finally:
        os.rename(f"{documentation}.away", documentation)
        with open(modules, "w") as file:
            file.write(loads)


class Switch:
    def __init__(self, root, prefix=(), env=None):
        self.root, self.events, self.ended = root, [], None
        self._mount()
        log = os.path.join(root, "var/log/asterisk/full")
        if os.path.exists(log):
            os.remove(log)
        self.log = log
        self.output = open(os.path.join(root, "tmp/console"), "wb")
        self.process = subprocess.Popen(
            ["chroot", root, *prefix, "/usr/sbin/asterisk", "-C", CONFIG, "-g", "-f"],
            stdout=self.output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=root, env={**os.environ, **(env or {})},
        )
        self._until(lambda: "fully booted" in self.cli("core waitfullybooted"), 120, "Asterisk to start")
        self.manager = socket.create_connection(("127.0.0.1", 5038))
        threading.Thread(target=self._listen, daemon=True).start()
        self.action("Login", Username="test", Secret="test")
        self.wait_event(lambda event: event.get("Message") == "Authentication accepted")

    def _mount(self):
        # Gone with the mount namespace that the tests run in.
        subprocess.run(["mount", "-t", "proc", "proc", os.path.join(self.root, "proc")], check=True)

    def _until(self, ready, seconds, what):
        deadline = time.monotonic() + seconds
        while not ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"Asterisk ended with {self.process.returncode} while waiting for {what}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"no sign of {what} after {seconds} s")
            time.sleep(0.1)

    def cli(self, command, timeout_s=30):
        done = subprocess.run(
            ["chroot", self.root, "/usr/sbin/asterisk", "-C", CONFIG, "-rx", command],
            capture_output=True, text=True, timeout=timeout_s, errors="replace",
        )
        return "\n".join(line for line in done.stdout.splitlines() if "global EID" not in line)

    # ---------------------------------------------------------------- manager

    def action(self, name, **fields):
        lines = [f"Action: {name}"] + [f"{key}: {value}" for key, value in fields.items()]
        self.manager.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())

    def _listen(self):
        buffer = b""
        while data := self.manager.recv(65536):
            buffer += data
            *blocks, buffer = buffer.split(b"\r\n\r\n")
            for block in blocks:
                lines = block.decode(errors="replace").splitlines()
                event = dict(line.split(": ", 1) for line in lines if ": " in line)
                event["at"] = time.monotonic()
                self.events.append(event)

    def mark(self):
        """Where the events of what happens from now on begin."""
        return len(self.events)

    def user_events(self, name, since=0):
        return [e for e in self.events[since:] if e.get("Event") == "UserEvent" and e.get("UserEvent") == name]

    def wait_event(self, wanted, since=0, timeout_s=20):
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for event in self.events[since:]:
                if wanted(event):
                    return event
            time.sleep(0.02)
        raise TimeoutError(f"the event did not come within {timeout_s} s")

    def wait_user_event(self, name, since=0, timeout_s=20):
        return self.wait_event(lambda e: e.get("UserEvent") == name, since, timeout_s)

    def wait_user_events(self, name, count, since=0, timeout_s=20):
        deadline = time.monotonic() + timeout_s
        while len(events := self.user_events(name, since)) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(events)} of {count} events came within {timeout_s} s")
            time.sleep(0.02)
        return events

    # ---------------------------------------------------------------- state

    def channels(self):
        return int(self.cli("core show channels count").split()[0])

    def status(self, name):
        """What "callprint show status" says under a name: a value, or several in a line."""
        lines = self.cli("callprint show status").splitlines()
        start = next(n for n, line in enumerate(lines) if line.strip().split(":")[0] == name)
        if ": " in lines[start]:
            return lines[start].split(": ", 1)[1]
        depth = lambda line: len(line) - len(line.lstrip())
        block = []
        for line in lines[start + 1 :]:
            if depth(line) <= depth(lines[start]):
                break
            block.append(line.strip())
        return ", ".join(block)

    def wait_channels(self, count, seconds=30):
        self._until(lambda: self.channels() == count, seconds, f"{count} channels")

    def wait_idle(self, seconds=30):
        self.wait_channels(0, seconds)
        self._until(lambda: ", 0 listened to" in self.cli("callprint show calls"), seconds, "the last call's end")

    def settle(self):
        """Until nothing more is to come of what was."""
        if self.alive():
            self.wait_idle()
            time.sleep(0.3)

    def alive(self):
        return self.process.poll() is None

    def log_text(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def stop(self):
        """Stops it as an admin would, once; its exit status, 0 when all went well."""
        if self.output.closed:
            return self.process.returncode
        if self.alive():
            self.cli("core stop now")
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.output.close()
        subprocess.run(["umount", os.path.join(self.root, "proc")], check=False)
        return self.process.returncode
