"""Many calls at a time, by sipp."""

import os
import re
import subprocess

def request(method, uri, sequence, tag="[peer_tag_param]", body="", retrans=' retrans="500"'):
    return f"""<send{retrans}><![CDATA[
{method} {uri} SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:load@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>{tag}
Call-ID: [call_id]
CSeq: {sequence} {method}
Contact: <sip:load@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Length: [len]
{body}
]]></send>"""


OFFER = """Content-Type: application/sdp

v=0
o=load 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
"""

# The party plays its script and waits to be hung up.
PATIENT = """<recv request="BYE" timeout="40000"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>"""

# The party hangs up at a moment of its own.
HASTY = f"""<pause distribution="uniform" min="1" max="{{ms}}"/>
{request("BYE", "[next_url]", 2)}
<recv response="200"/>"""

SCENARIO = f"""<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="load">
{request("INVITE", "sip:[service]@[remote_ip]:[remote_port]", 1, tag="", body=OFFER)}
<recv response="100" optional="true"/>
<recv response="200" rrs="true"/>
{request("ACK", "[next_url]", 1, retrans="")}
<nop><action><exec rtp_stream="/tmp/load.al,1,8,PCMA/8000"/></action></nop>
{{end}}
</scenario>
"""


class Load:
    def __init__(self, root, sound):
        self.root = root
        with open(os.path.join(root, "tmp/load.al"), "wb") as file:
            file.write(sound)

    def start(self, extension, calls, at_once, per_second, hang_up_ms):
        end = HASTY.format(ms=hang_up_ms) if hang_up_ms else PATIENT
        with open(os.path.join(self.root, "tmp/load.xml"), "w") as file:
            file.write(SCENARIO.format(end=end))
        command = ["chroot", self.root, "sipp", "-sf", "/tmp/load.xml", "-s", extension, "127.0.0.1:5060", "-i", "127.0.0.1",
                   "-p", "5070", "-m", str(calls), "-l", str(at_once), "-r", str(per_second), "-nostdin", "-min_rtp_port", "30000",
                   "-max_rtp_port", "39999", "-timeout", "120", "-trace_stat", "-stf", "/tmp/load.csv"]
        csv = os.path.join(self.root, "tmp/load.csv")
        if os.path.exists(csv):
            os.remove(csv)
        self.output = open(os.path.join(self.root, "tmp/load.out"), "w")
        self.process = subprocess.Popen(command, stdout=self.output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=os.path.join(self.root, "tmp"), env={**os.environ, "TERM": "dumb"})

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.output.close()

    def running(self):
        return self.process.poll() is None

    def result(self):
        """Calls that went as the scenario says, and others."""
        self.output.close()
        with open(os.path.join(self.root, "tmp/load.csv")) as file:
            names, *_, last = [line.rstrip().split(";") for line in file]
        row = dict(zip(names, last))
        return int(row["SuccessfulCall(C)"]), int(row["FailedCall(C)"])
