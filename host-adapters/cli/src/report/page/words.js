// Findings in words. Everything here takes the records of the JSON form, and gives text.

const TONES = {
  "beep": "record beep", "ringback": "ringing tone", "busy": "busy tone", "congestion": "congestion tone",
  "dial": "dial tone", "sit": "special information tone", "fax-calling": "calling tone of a fax machine",
  "fax-answer": "answering tone of a fax machine", "fax-flags": "fax preamble", "dtmf": "key",
  "callback-ringback": "ringing tone after the answer",
};
const ANSWERS = { human: "a person", machine: "a machine", unsure: "it cannot be told" };
const BEHAVIOURS = {
  "talks-through": "talks through our side's speech",
  "waits-for-speech": "falls silent while our side is silent",
  "handed-over": "handed over after our side spoke",
};

const seconds = (ms, digits = 2) => `${(ms / 1000).toFixed(digits)}\u00a0s`;
const decibels = (db) => `${db.toFixed(0).replace("-", "−")}\u00a0dBm0`;
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// Cut, not rounded: nothing is ever quite certain.
function percent(share) {
  if (share > 0.9999) return "over 99.99\u00a0%";
  const digits = share > 0.99 ? 2 : share > 0.9 ? 1 : 0;
  const scale = 10 ** digits;
  return `${(Math.floor(share * 100 * scale + 1e-6) / scale).toFixed(digits)}\u00a0%`;
}

const hertz = (tone) => tone.freqs_hz.map((f) => f.toFixed(0)).join(" + ") + "\u00a0Hz";
const fullName = (script) => `${script.pack}/${script.script_id}`;
const many = new Intl.NumberFormat("en", { notation: "compact", compactDisplay: "long", maximumSignificantDigits: 2 });

function toneName(tone) {
  const name = TONES[tone.tone] ?? tone.tone;
  if (!tone.detail) return name;
  return tone.tone === "dtmf" ? `${name} ${tone.detail}` : `${name} (${tone.detail})`;
}

// The instant that a finding reports; null where it is about no instant.
function reported(finding) {
  switch (finding.kind) {
    case "script": return finding.heard_from_ms;
    case "tone": case "speech": return finding.end_ms ?? finding.start_ms;
    default: return null;
  }
}

function later(finding) {
  const at = reported(finding);
  return at === null ? null : finding.known_at_ms - at;
}

function sentence(finding) {
  const ended = finding.end_ms != null;
  switch (finding.kind) {
    case "script":
      return finding.among.length
        ? `One of the scripts ${finding.among.join(", ")}: so far their words are the same`
        : `Script ${fullName(finding)}`;
    case "tone": return `${capital(toneName(finding))}${ended ? " has ended" : ""}`;
    case "answer": return `Answered by: ${ANSWERS[finding.answer]}`;
    case "speech": return `${finding.side === "far" ? "The far" : "Our"} side ${ended ? "has stopped talking" : "talks"}`;
    case "behaviour": return `The far side ${BEHAVIOURS[finding.behaviour] ?? finding.behaviour}`;
    default: return finding.kind;
  }
}

// The numbers behind a finding, as [name, value].
function numbers(finding) {
  const span = () => [["From", seconds(finding.start_ms)], ...(finding.end_ms == null ? [] : [["To", seconds(finding.end_ms)]])];
  switch (finding.kind) {
    case "script": {
      const e = finding.evidence;
      return [
        ["Confidence", percent(finding.confidence)],
        ["Heard from", seconds(finding.heard_from_ms)],
        ["In the recording", `${finding.node}, from ${seconds(finding.script_from_ms)}`],
        ["Compared", `${seconds(e.compared_ms)}${e.stretches > 1 ? ` in ${e.stretches} stretches` : ""}`],
        ["Bits that differ", `${percent(e.bit_error_rate)}, by chance 50 %`],
        ["Tempo", `${((e.tempo - 1) * 100).toFixed(1).replace("-", "−")} %`],
        ["By chance", `as good in one of ${many.format(10 ** e.decades)} tries`],
      ];
    }
    case "tone": return [["Frequency", hertz(finding)], ["Level", decibels(finding.level_dbm0)], ...span()];
    case "speech": return [["Level", decibels(finding.level_dbm0)], ...span()];
    default: return [["Confidence", percent(finding.confidence)], ["Cause", finding.cause]];
  }
}

// The reports of one match, put together: what was heard, where, and how sure it became.
function matches(findings) {
  const byId = new Map();
  for (const finding of findings.filter((f) => f.kind === "script")) {
    const id = `${finding.side} ${finding.match_id}`;
    if (!byId.has(id)) byId.set(id, []);
    byId.get(id).push(finding);
  }
  return [...byId.values()].map((reports) => {
    const [first, last] = [reports[0], reports.at(-1)];
    return {
      reports, first, last,
      side: last.side,
      name: last.among.length ? last.among.join(" or ") : fullName(last),
      id: last.among.length ? last.among.join(" or ") : last.script_id,
      from_ms: last.heard_from_ms,
      until_ms: Math.max(last.heard_from_ms + last.evidence.compared_ms, last.known_at_ms),
    };
  });
}

// The last report of what is reported when it begins and when it ends.
function spans(findings, kind) {
  const byStart = new Map();
  for (const finding of findings.filter((f) => f.kind === kind)) {
    byStart.set([finding.side, finding.tone, finding.detail, finding.start_ms].join(" "), finding);
  }
  return [...byStart.values()];
}

// Findings at the instants that matter to a decision; the others are in the table only.
function isNews(finding) {
  return finding.kind !== "speech" && finding.end_ms == null;
}
