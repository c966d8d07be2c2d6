// The page: data in, everything on it out.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

function showTip(event, title, rows) {
  const tip = byId("tip");
  tip.hidden = !event;
  if (!event) return;
  const cells = rows.map(([name, value]) => element("tr", {}, element("td", {}, name), element("td", {}, value)));
  tip.replaceChildren(element("b", {}, title), element("table", {}, ...cells));
  const { width, height } = tip.getBoundingClientRect();
  const flip = event.clientX + 18 + width > innerWidth;
  tip.style.left = `${Math.max(flip ? event.clientX - 14 - width : event.clientX + 18, 4)}px`;
  tip.style.top = `${Math.max(Math.min(event.clientY + 16, innerHeight - height - 8), 4)}px`;
}

function showVerdict() {
  const found = matches(data.findings);
  const named = [...new Set(found.filter((m) => !m.last.among.length).map((m) => m.id))];
  const sides = data.near ? "both sides recorded" : "one side recorded";
  byId("call").textContent = `${data.name} · ${seconds(data.duration_ms, 1)} · ${sides}`;
  document.title = `${data.name}: ${named.join(", ") || "no known script"}`;
  const title = byId("verdict");
  if (!found.length) {
    title.textContent = "No known script was heard in this call.";
    byId("lead").textContent = "Nothing in it is like any script that the analyzer knows.";
    return;
  }
  if (named.length) {
    const mark = element("span", { className: "mark" }, named.join(", "));
    title.replaceChildren(named.length > 1 ? "This call plays known scripts: " : "This call plays a known script: ", mark);
  } else {
    title.replaceChildren("This call plays one of these scripts: ", element("span", { className: "mark" }, found[0].id));
  }
  const { first, last } = found[0];
  const text = data.scripts[fullName(last)]?.text;
  byId("lead").textContent = `It was recognised ${seconds(later(first))} after it began, ${seconds(first.known_at_ms)} into the call`
    + (last.confidence > first.confidence ? `, and the analyzer became ${percent(last.confidence)} sure. ` : `, with ${percent(first.confidence)} confidence. `)
    + (text ? `The script says: “${text}”` : "");
}

function showFacts() {
  const facts = [];
  const add = (kind, name, main, more) => facts.push(element("div", { className: kind },
    element("dt", {}, name), element("dd", { className: "main" }, main), element("dd", { className: "more" }, more)));
  for (const match of matches(data.findings)) {
    const category = data.scripts[fullName(match.last)]?.category;
    add("script", category ? `Script (${category})` : "Script", match.id,
      `${percent(match.last.confidence)} sure; first named after ${seconds(later(match.first))}`);
  }
  const tones = new Map();
  for (const tone of spans(data.findings, "tone")) {
    const name = capital(toneName(tone));
    tones.set(name, [...(tones.get(name) ?? []), tone]);
  }
  for (const [name, list] of tones) {
    const times = list.length > 1 ? `${list.length} times, first at` : "at";
    add("tone", "Tone", name, `${hertz(list[0])}, ${decibels(list[0].level_dbm0)}, ${times} ${seconds(list[0].start_ms)}`);
  }
  const answer = data.findings.filter((f) => f.kind === "answer").at(-1);
  if (answer) add("answer", "Answered by", capital(ANSWERS[answer.answer]), `${percent(answer.confidence)} sure; ${answer.cause}`);
  for (const b of data.findings.filter((f) => f.kind === "behaviour")) {
    add("behaviour", "Conduct of the far side", capital(BEHAVIOURS[b.behaviour] ?? b.behaviour), `${percent(b.confidence)} sure, at ${seconds(b.known_at_ms)}`);
  }
  byId("facts").replaceChildren(...facts);
}

function showFindings(chart) {
  byId("reported").hidden = !data.findings.length;
  let number = 0;
  byId("findings").replaceChildren(...data.findings.map((finding) => {
    const mark = isNews(finding) ? element("span", { className: "number" }, String(++number)) : element("span", { className: "dot" });
    const by = later(finding);
    const facts = numbers(finding).map(([name, value]) => `${name.toLowerCase()} ${value}`).join("; ");
    const row = element("tr", { className: finding.kind },
      element("td", {}, mark), element("td", {}, seconds(finding.known_at_ms)), element("td", {}, by === null ? "" : seconds(by)),
      element("td", {}, finding.side), element("td", {}, sentence(finding)), element("td", {}, facts));
    row.addEventListener("pointerenter", () => chart.place(chart.cursor, finding.known_at_ms));
    row.addEventListener("pointerleave", () => chart.leave());
    return row;
  }));
}

function showLegend() {
  const swatch = (kind, ...shapes) => {
    const svg = shape("svg", { width: 26, height: 16, class: kind });
    svg.append(...shapes);
    return svg;
  };
  const bar = (kind) => swatch(kind, shape("rect", { class: "bar", x: 1, y: 2, width: 24, height: 12, rx: 3 }));
  const ramp256 = element("canvas", { id: "ramp", width: 64, height: 1 });
  const paint = () => [...Array(64).keys()].forEach((n) => {
    const context = ramp256.getContext("2d");
    context.fillStyle = `rgb(${ramp(n / 63).join(" ")})`;
    context.fillRect(n, 0, 1, 1);
  });
  paint();
  dark.addEventListener("change", paint);
  const pin = shape("g", { class: "pin", transform: "translate(13 8)" });
  pin.append(shape("circle", { r: 8 }), shape("text", {}, "1"));
  const items = [
    [swatch("script", pin), "Known", "The numbered pins: when, in the call, a finding was reported. What it reports began earlier, to the left; the table has the same numbers."],
    [ramp256, "Spectrogram", `Low sounds at the bottom (0 Hz), high ones at the top (4000 Hz); from ${decibels(QUIET_DBM0)} to ${decibels(LOUD_DBM0)}.`],
    [bar("script"), "Script", "What was heard is a stretch of an enrolled recording: filled, as far as it was compared; dashed, where the rest of it must lie. Below it the recording's own seconds."],
    [swatch("script", shape("path", { class: "growth-line", d: "M1 14H8V9H16V3H25" })), "How sure", "The estimated probability that the script is named rightly. It grows with what is heard; each line is ten times surer than the one below."],
    [bar("tone"), "Tones", "Ringing, busy, beeps, keys, fax: recognised by frequency and cadence."],
    [bar("speech"), "Speech", "Talk-spurts: speech between pauses."],
    [swatch("answer", shape("path", { class: "bar", d: "M6 8l7 -7l7 7l-7 7z" })), "Conduct", "Who answered, a person or a machine, and whether the far side behaves like a playback: talks through our words, or is handed over to somebody else."],
  ];
  if (data.parts.length) {
    items.push([swatch("part", shape("rect", { class: "truth", x: 1, y: 2, width: 24, height: 12, rx: 3 })), "Really there",
      "What this recording was made of. The analyzer was not told."]);
  }
  byId("legend").replaceChildren(...items.map(([mark, name, text]) => element("li", {}, mark, element("span", {}, element("b", {}, `${name}. `), text))));
}

function showPlayer(chart) {
  if (!data.sound) return;
  const button = byId("play");
  const player = new Player(data.sound, (at_s, playing) => {
    button.textContent = playing ? "❚❚ Pause" : "▶ Play";
    byId("now").textContent = seconds(at_s * 1000, 1);
    chart.place(chart.playhead, at_s * 1000);
  });
  button.hidden = false;
  byId("now").textContent = "Click into the chart to hear from there.";
  button.addEventListener("click", () => player.toggle());
  chart.plot.addEventListener("click", (event) => player.start(chart.ms(event) / 1000));
}

const chart = new Chart(data, showTip);
showVerdict();
showFacts();
showFindings(chart);
showLegend();
showPlayer(chart);
byId("wider").addEventListener("click", () => chart.stretch(2));
byId("narrower").addEventListener("click", () => chart.stretch(0.5));
byId("made").textContent = `Heard by ${data.analyzer}, which knows ${data.packs.map((p) => `the pack ${p}`).join(", ")}. This page is complete in itself: it loads nothing and sends nothing.`;
