"""A FreeSWITCH of our own: its configuration in a folder of its own, on 127.0.0.1, with the
module that was built here. Both ends of every call are in it: a robot's leg calls the leg that is
analysed by SIP and RTP, on which the call travels as it would from outside."""

import concurrent.futures
import os
import pathlib
import queue
import shutil
import signal
import socket
import subprocess
import threading
import time

from esl import Esl

PASSWORD = "callprint"
CONFIG = """<?xml version="1.0"?>
<document type="freeswitch/xml">
<section name="configuration">
  <configuration name="switch.conf"><settings>
    <param name="max-sessions" value="3000"/><param name="sessions-per-second" value="1000"/>
    <param name="loglevel" value="{loglevel}"/><param name="rtp-start-port" value="20000"/>
    <param name="rtp-end-port" value="32000"/><param name="dump-cores" value="true"/>
  </settings></configuration>
  <configuration name="modules.conf"><modules>{modules}</modules></configuration>
  <configuration name="logfile.conf"><settings><param name="rotate-on-hup" value="false"/></settings>
    <profiles><profile name="default"><settings><param name="logfile" value="{root}/log/freeswitch.log"/>
    <param name="rollover" value="0"/></settings><mappings><map name="all" value="{loglevel},debug,info,notice,warning,err,crit,alert"/>
    </mappings></profile></profiles></configuration>
  <configuration name="event_socket.conf"><settings><param name="listen-ip" value="127.0.0.1"/>
    <param name="listen-port" value="{esl_port}"/><param name="password" value="{password}"/></settings></configuration>
  <configuration name="avmd.conf"><settings><param name="inbound_channel" value="0"/>
    <param name="outbound_channel" value="1"/></settings></configuration>
  <configuration name="sofia.conf"><profiles><profile name="test"><settings>
    <param name="sip-ip" value="127.0.0.1"/><param name="rtp-ip" value="127.0.0.1"/>
    <param name="sip-port" value="{sip_port}"/><param name="context" value="test"/><param name="dialplan" value="XML"/>
    <param name="auth-calls" value="false"/><param name="inbound-use-callid-as-uuid" value="true"/>
    <param name="inbound-codec-prefs" value="PCMU,PCMA,G722,L16"/><param name="outbound-codec-prefs" value="PCMU,PCMA,G722"/>
    <param name="rtp-timer-name" value="soft"/><param name="rtp-timeout-sec" value="300"/>
    <param name="disable-transcoding" value="false"/></settings></profile></profiles></configuration>
  <X-PRE-PROCESS cmd="include" data="{root}/callprint.conf.xml"/>
</section>
<section name="dialplan"><context name="test">
  <extension name="run"><condition field="destination_number" expression="^run$">
    <action application="transfer" data="'${{sip_h_X-Apps}}' inline"/></condition></extension>
  <extension name="agent"><condition field="destination_number" expression="^(heard-)?agent$">
    <action application="answer"/></condition>
    <condition field="destination_number" expression="^heard-" break="never"><action application="callprint_start" data="tag"/></condition>
    <condition><action application="playback" data="{root}/sounds/tutoring.wav"/><action application="echo"/></condition></extension>
  <extension name="caught"><condition field="destination_number" expression="^caught-(.*)$">
    <action application="set" data="test_caught=$1"/><action application="sleep" data="60000"/></condition></extension>
</context></section>
</document>
"""
MODULES = ["mod_logfile", "mod_commands", "mod_dptools", "mod_dialplan_xml", "mod_event_socket", "mod_sofia",
           "mod_loopback", "mod_sndfile", "mod_tone_stream", "mod_spandsp", "mod_avmd"]


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def write_configuration(root, modules, esl_port=0, sip_port=0, loglevel="warning", module=None):
    """A freeswitch.xml in `root`, which includes callprint.conf.xml from there. `module`: the folder of mod_callprint,
    if it is not among the others."""
    pathlib.Path(root).mkdir(parents=True, exist_ok=True)
    loads = "".join(f'<load module="{name}"/>' for name in modules)
    if module:
        loads += f'<load module="mod_callprint" path="{module}"/>'
    (pathlib.Path(root) / "freeswitch.xml").write_text(CONFIG.format(
        root=root, esl_port=esl_port, sip_port=sip_port, password=PASSWORD, loglevel=loglevel, modules=loads))


class Switch:
    def __init__(self, root, module, library, callprint_conf, loglevel="warning", wrapper=(), with_callprint=True):
        self.root = pathlib.Path(root)
        prefix = subprocess.check_output(["pkg-config", "--variable=prefix", "freeswitch"], text=True).strip()
        installed = pathlib.Path(subprocess.check_output(
            ["pkg-config", "--variable=modulesdir", "freeswitch"], text=True).strip())
        for folder in ("log", "db", "run", "mod", "tmp", "sounds", "records"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        names = [m for m in MODULES if (installed / f"{m}.so").exists()]
        for name in names:
            link = self.root / "mod" / f"{name}.so"
            link.unlink(missing_ok=True)
            link.symlink_to(installed / f"{name}.so")
        if with_callprint:
            shutil.copy(module, self.root / "mod" / "mod_callprint.so")
            names.append("mod_callprint")
        self.esl_port, self.sip_port = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
        self.configure(callprint_conf)
        write_configuration(self.root, names, self.esl_port, self.sip_port, loglevel)
        folders = {"conf": ".", "log": "log", "db": "db", "run": "run", "mod": "mod", "temp": "tmp",
                   "sounds": "sounds", "recordings": "records", "scripts": "tmp", "storage": "tmp",
                   "cache": "tmp", "htdocs": "tmp", "grammar": "tmp", "certs": "tmp"}
        command = [*wrapper, f"{prefix}/bin/freeswitch", "-nf", "-nc", "-nonat", "-np"]
        for option, folder in folders.items():
            command += [f"-{option}", str(self.root / folder)]
        named = self.root / "mod" / "libcallprint.so.1"  # by its ABI, as an installation names it
        named.unlink(missing_ok=True)
        named.symlink_to(pathlib.Path(library) / "libcallprint.so")
        self.environment = dict(os.environ, LD_LIBRARY_PATH=f"{named.parent}:{prefix}/lib")
        self.console = open(self.root / "console.txt", "wb")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.console,
                                        stderr=subprocess.STDOUT, env=self.environment, cwd=self.root)
        self.seen = []
        self.seen_lock = threading.Condition()
        self.esl = self._connect(with_callprint)
        threading.Thread(target=self._collect, daemon=True).start()
        # The event socket takes a millisecond and a half for each byte of a command.
        self.lines = [Esl(self.esl_port, PASSWORD, None) for _ in range(12)]
        self.pool = concurrent.futures.ThreadPoolExecutor(len(self.lines))

    def background(self, command):
        """Has a command done, by and by."""
        def do():
            line = self.lines.pop()
            try:
                line.bgapi(command)
            except (OSError, ConnectionError):
                pass  # the switch is gone: the case that needs it says so
            finally:
                self.lines.append(line)
        self.pool.submit(do)

    def configure(self, callprint_conf):
        (self.root / "callprint.conf.xml").write_text(callprint_conf)

    def _connect(self, with_callprint):
        until = time.monotonic() + 120
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                esl = Esl(self.esl_port, PASSWORD, None)
                if "ready" in esl.api("status") and "test" in esl.api("sofia status"):
                    esl._command("event plain CHANNEL_ANSWER CHANNEL_HANGUP_COMPLETE CHANNEL_BRIDGE CHANNEL_EXECUTE "
                                 "MODULE_LOAD CUSTOM callprint::start callprint::verdict callprint::beep "
                                 "callprint::stop avmd::beep avmd::start avmd::stop")
                    if with_callprint and esl.api("module_exists mod_callprint") != "true":
                        break
                    return esl
                esl.close()
            except (OSError, ConnectionError):
                pass
            time.sleep(0.3)
        raise RuntimeError("FreeSWITCH did not come up:\n" + self.tail())

    def tail(self):
        log = self.root / "log" / "freeswitch.log"
        text = log.read_text(errors="replace") if log.exists() else ""
        return "\n".join(text.splitlines()[-25:]) + "\n" + (self.root / "console.txt").read_text(errors="replace")[-2000:]

    def log(self):
        return (self.root / "log" / "freeswitch.log").read_text(errors="replace")

    def _collect(self):
        while (event := self.esl.events.get()) is not None:
            event["at"] = time.monotonic()
            with self.seen_lock:
                self.seen.append(event)
                self.seen_lock.notify_all()

    def events(self, name, uuid=None):
        with self.seen_lock:
            return [e for e in self.seen if name in (e.get("Event-Subclass"), e.get("Event-Name"))
                    and (uuid is None or e.get("Unique-ID") == uuid)]

    def wait(self, name, uuid, timeout_s=20, where=lambda event: True, count=1):
        """The event of that name and channel, when it has come."""
        until = time.monotonic() + timeout_s
        while True:
            found = [e for e in self.events(name, uuid) if where(e)]
            if len(found) >= count:
                return found[count - 1]
            left = until - time.monotonic()
            if left <= 0 or self.process.poll() is not None:
                got = [e.get("Event-Subclass") or e.get("Event-Name") for e in self.events_of(uuid)]
                raise AssertionError(f"{name} of {uuid} did not come in {timeout_s} s; came: {got}")
            with self.seen_lock:
                self.seen_lock.wait(min(left, 0.5))

    def events_of(self, uuid):
        with self.seen_lock:
            return [e for e in self.seen if e.get("Unique-ID") == uuid]

    def call(self, name, apps, robot, codec="PCMU", variables=""):
        """Calls from `<name>-robot`, which does `robot` when it is answered, to the leg `<name>`, which
        does `apps`: applications of the inline dialplan, in a list."""
        apps = "m:^:" + "^".join(apps)
        options = (f"origination_uuid={name}-robot,sip_invite_call_id={name},absolute_codec_string={codec},"
                   f"sip_h_X-Apps='{apps}',origination_caller_id_number=4930123,ignore_early_media=true"
                   + (f",{variables}" if variables else ""))
        self.background(f"originate {{{options}}}sofia/test/run@127.0.0.1:{self.sip_port} {robot}")

    def variable(self, uuid, name):
        value = self.esl.api(f"uuid_getvar {uuid} {name}")
        return None if value in ("_undef_", "") or value.startswith("-ERR") else value

    def channels(self):
        return int(self.esl.api("show channels count").split()[0])

    def clear(self, timeout_s=60):
        self.esl.api("hupall")
        until = time.monotonic() + timeout_s
        while self.channels() and time.monotonic() < until:
            time.sleep(0.2)
        assert self.channels() == 0, f"{self.channels()} channels stay after hupall"

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        """Shuts down as an admin would; the exit status, negative if a signal ended it."""
        if self.alive():
            try:
                self.esl.bgapi("fsctl shutdown")
            except (OSError, ConnectionError):
                pass
        try:
            return self.process.wait(timeout=90)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            return -9
        finally:
            self.console.close()
