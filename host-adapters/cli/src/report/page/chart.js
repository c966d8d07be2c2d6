// The chart: lanes under one another on one time axis.

const SVG = "http://www.w3.org/2000/svg";
const GAP = 8, BAR = 20, AXIS = 22;
const NINES = 4;

function shape(name, attributes = {}, text = null) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== null) element.textContent = text;
  return element;
}

class Chart {
  constructor(data, showTip) {
    Object.assign(this, { data, showTip, zoom: 1 });
    this.labels = document.getElementById("labels");
    this.scroll = document.getElementById("scroll");
    this.plot = document.getElementById("plot");
    this.matches = matches(data.findings);
    this.pictures = {};
    for (const side of ["far", "near"].filter((s) => data[s])) {
      const spectrogram = new Spectrogram(data[side]);
      this.pictures[side] = { spectrogram, canvas: spectrogram.canvas() };
    }
    this.plot.addEventListener("pointermove", (event) => this.hover(event));
    this.plot.addEventListener("pointerleave", () => this.leave());
    new ResizeObserver(() => requestAnimationFrame(() => this.draw())).observe(this.scroll);
  }

  stretch(factor) {
    const { scrollLeft, clientWidth } = this.scroll;
    const middle = (scrollLeft + clientWidth / 2) / this.width;
    this.zoom = Math.min(Math.max(this.zoom * factor, 1), 16);
    this.draw();
    this.scroll.scrollLeft = middle * this.width - clientWidth / 2;
  }

  x(ms) {
    return ms / this.data.duration_ms * this.width;
  }

  ms(event) {
    return (event.clientX - this.plot.getBoundingClientRect().left) / this.width * this.data.duration_ms;
  }

  draw() {
    this.width = Math.max(this.scroll.clientWidth, 300) * this.zoom;
    this.tips = [];
    this.labels.replaceChildren();
    this.svg = shape("svg", { class: "over" });
    this.plot.replaceChildren(...Object.values(this.pictures).map((p) => p.canvas), this.svg);
    this.gridLayer = this.svg.appendChild(shape("g"));
    this.knownLayer = this.svg.appendChild(shape("g"));
    this.y = 0;
    const news = this.drawPins();
    this.drawSide("far", "Far side", "the party being judged", 150);
    if (this.data.near) this.drawSide("near", "Near side", "our own side", 84);
    this.drawAxis(news);
    this.cursor = this.svg.appendChild(shape("line", { class: "cursor", y1: 0, y2: this.y, visibility: "hidden" }));
    this.playhead = this.svg.appendChild(shape("line", { class: "playhead", y1: 0, y2: this.y, visibility: "hidden" }));
    const height = this.y + AXIS;
    this.plot.style.width = `${this.width}px`;
    this.plot.style.height = this.labels.style.height = `${height}px`;
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${height}`);
  }

  // Numbered pins, in as many rows as keep them apart.
  drawPins() {
    const news = this.data.findings.filter(isNews);
    const size = 20, rows = [];
    this.label(this.y + 2, "Became known");
    const pins = news.map((finding, n) => {
      const x = this.x(finding.known_at_ms);
      let row = rows.findIndex((end) => x - end >= size);
      if (row < 0) row = rows.push(-Infinity) - 1;
      rows[row] = x;
      const tip = [sentence(finding), [["Known at", seconds(finding.known_at_ms)], ...this.latency(finding), ...numbers(finding)]];
      const y = 11 + row * (size + 1);
      const pin = shape("g", { class: `pin ${finding.kind}`, transform: `translate(${Math.min(Math.max(x, size / 2), this.width - size / 2)} ${y})` });
      pin.append(shape("circle", { r: size / 2 - 0.5 }), shape("text", {}, n + 1));
      return { finding, x, y, pin: this.tipped(pin, tip) };
    });
    this.y += Math.max(rows.length, 1) * (size + 1) + GAP;
    return pins;
  }

  latency(finding) {
    const by = later(finding);
    return by === null ? [] : [["Later by", seconds(by)]];
  }

  drawSide(side, title, subtitle, height) {
    this.gridLayer.append(shape("line", { class: "rule", x1: 0, x2: this.width, y1: this.y - GAP / 2, y2: this.y - GAP / 2 }));
    this.y += GAP / 2;
    const of = (list) => list.filter((f) => f.side === side);
    const { canvas } = this.pictures[side];
    canvas.style.top = `${this.y}px`;
    canvas.style.height = `${height}px`;
    this.pictures[side].top = this.y;
    this.pictures[side].height = height;
    this.label(this.y + 2, title, subtitle, "side");
    for (const khz of height > 100 ? [1, 2, 3] : [2]) this.scale(this.y + height * (1 - khz / 4), `${khz} kHz`);
    this.y += height + GAP;

    this.drawParts(of(this.data.parts));
    for (const match of of(this.matches)) this.drawMatch(match);
    this.drawSpans(of(spans(this.data.findings, "tone")), "tone", "Tones", (t) => `${toneName(t)}, ${hertz(t)}`);
    this.drawSpans(of(spans(this.data.findings, "speech")), "speech", "Speech", () => "");
    this.drawPoints(of(this.data.findings.filter((f) => f.kind === "answer" || f.kind === "behaviour")));
    this.y += GAP;
  }

  // What is known to be in the recording, where that is known.
  drawParts(parts) {
    if (!parts.length) return;
    this.label(this.y + 1, "Really there", "");
    this.row(parts, (p) => [p.from_ms, p.until_ms], (part) => {
      const tip = [capital(part.what), [["From", seconds(part.from_ms)], ["To", seconds(part.until_ms)], ...(part.text ? [["Says", part.text]] : [])]];
      return ["truth", [part.what, part.text].filter(Boolean).join(": "), tip];
    });
    this.y += BAR + GAP;
  }

  drawSpans(found, kind, title, text) {
    if (!found.length) return;
    this.label(this.y + 1, title);
    this.row(found, (s) => [s.start_ms, s.end_ms ?? this.data.duration_ms], (span) => {
      return [`bar ${kind}`, text(span), [sentence({ ...span, end_ms: null }), numbers(span)]];
    });
    this.y += BAR + GAP;
  }

  // Who answered and how the far side behaves: points with words, in as many rows as keep them apart.
  drawPoints(found) {
    if (!found.length) return;
    this.label(this.y + 1, "Conduct");
    const rows = [];
    for (const finding of found) {
      const text = finding.kind === "answer" ? ANSWERS[finding.answer] : BEHAVIOURS[finding.behaviour];
      const x = this.x(finding.known_at_ms), width = 20 + text.length * 6.5, left = x + width > this.width && x > width;
      const [from, to] = left ? [x - width, x + 8] : [x - 8, x + width];
      let row = rows.findIndex((end) => from >= end);
      if (row < 0) row = rows.push(0) - 1;
      rows[row] = to;
      const point = shape("g", { class: finding.kind, transform: `translate(${x} ${this.y + row * BAR + BAR / 2})` });
      point.append(
        shape("path", { class: "bar", d: "M-7 0l7 -7l7 7l-7 7z" }),
        shape("text", { x: left ? -12 : 12, y: 4, "text-anchor": left ? "end" : "start" }, text));
      this.svg.append(this.tipped(point, [sentence(finding), [["Known at", seconds(finding.known_at_ms)], ...numbers(finding)]]));
    }
    this.y += rows.length * BAR + GAP;
  }

  // A match: where it was heard, where in the script that is, and how sure it became when.
  drawMatch(match) {
    const { last, first } = match;
    const facts = this.data.scripts[fullName(last)] ?? {};
    const whole_ms = last.among.length ? null : facts.nodes?.[last.node]?.duration_ms ?? null;
    const at = (script_ms) => match.from_ms + (script_ms - last.script_from_ms) / last.evidence.tempo;
    const end_ms = whole_ms === null ? match.until_ms : Math.max(match.until_ms, at(whole_ms));
    const tip = [`Script ${match.name}`, [
      ...(facts.text ? [["Says", facts.text]] : []),
      ...["category", "language"].filter((k) => facts[k]).map((k) => [capital(k), facts[k]]),
      ["Known at", `${seconds(first.known_at_ms)}, ${seconds(later(first))} after it began`],
      ...numbers(last),
    ]];
    this.label(this.y + 1, "Script");
    this.bar([match.from_ms, Math.min(end_ms, this.data.duration_ms)], [0, 0], "rest script", "", tip);
    this.bar([match.from_ms, match.until_ms], [0, this.width], "bar script", match.id, tip);
    this.y += BAR;

    // The recording's own clock.
    if (whole_ms !== null) {
      for (let s = Math.ceil(last.script_from_ms / 1000); s * 1000 <= whole_ms && at(s * 1000) <= this.data.duration_ms; s++) {
        const x = this.x(at(s * 1000)), long = s % 5 === 0;
        this.svg.append(shape("line", { class: "tick", x1: x, x2: x, y1: this.y + 2, y2: this.y + (long ? 10 : 6) }));
        if (long && this.x(5000) > 70) this.svg.append(shape("text", { class: "small", x: x + 3, y: this.y + 12 }, `its second ${s}`));
      }
    }
    this.y += 18;

    const height = 44, base = this.y + height;
    const nines = (c) => Math.min(-Math.log10(Math.max(1 - c, 1e-9)), NINES);
    const up = (c) => base - nines(c) / NINES * height;
    this.label(this.y - 5, "", "how sure");
    for (const c of [0.9, 0.99, 0.999, 0.9999]) {
      this.scale(up(c), `${+(c * 100).toFixed(2)} %`);
      this.gridLayer.append(shape("line", { class: "rule", x1: 0, x2: this.width, y1: up(c), y2: up(c) }));
    }
    let line = `M${this.x(first.heard_from_ms)} ${base}`;
    for (const report of match.reports) line += `H${this.x(report.known_at_ms)}V${up(report.confidence)}`;
    const right = this.x(Math.min(end_ms, this.data.duration_ms));
    line += `H${right}`;
    const growth = shape("g", { class: "script" });
    growth.append(shape("path", { class: "growth", d: `${line}V${base}Z` }), shape("path", { class: "growth-line", d: line }));
    this.svg.append(this.tipped(growth, ["How sure it became", match.reports.map((r) => [seconds(r.known_at_ms), percent(r.confidence)])]));
    this.y = base + GAP + 4;
  }

  drawAxis(news) {
    const bottom = this.y;
    const steps = [100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 36e5];
    const step = steps.find((s) => this.x(s) >= 64) ?? steps.at(-1);
    for (let ms = 0; ms <= this.data.duration_ms; ms += step) {
      const x = this.x(ms);
      this.gridLayer.append(shape("line", { class: "grid", x1: x, x2: x, y1: 0, y2: bottom + 4 }));
      const text = ms < 12e4 ? `${+(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 6e4)}:${String(ms / 1000 % 60).padStart(2, "0")}`;
      const anchor = ms === 0 ? "start" : x > this.width - 14 ? "end" : "middle";
      this.svg.append(shape("text", { class: "axis", x, y: bottom + 17, "text-anchor": anchor }, text));
    }
    for (const { finding, x, y, pin } of news) {
      this.knownLayer.append(shape("line", { class: `known-line ${finding.kind}`, x1: x, x2: x, y1: y, y2: bottom }));
      this.svg.append(pin);
    }
    this.label(bottom + 4, "", "time in the call");
  }

  // Bars that follow one another in a lane; `describe` gives a bar's class, words and tip.
  row(items, span, describe) {
    const sorted = [...items].sort((a, b) => span(a)[0] - span(b)[0]);
    let taken = 0;
    sorted.forEach((item, n) => {
      const after = n + 1 < sorted.length ? this.x(span(sorted[n + 1])[0]) : this.width;
      taken = this.bar(span(item), [taken, after], ...describe(item));
    });
  }

  // A bar with words: within it, or if they do not fit beside it, within the `room` there is.
  // Returns where it ends, words included.
  bar([from_ms, until_ms], room, kind, text, tip) {
    const x = this.x(from_ms), width = Math.max(this.x(until_ms) - x, 3);
    const box = shape("svg", { x, y: this.y, width, height: BAR, overflow: "hidden" });
    box.append(shape("rect", { x: 0.5, y: 0.5, width: Math.max(width - 1, 1), height: BAR - 1, rx: 4, class: kind }));
    this.svg.append(this.tipped(box, tip));
    if (!text) return x + width;
    const words = box.appendChild(shape("text", { x: 6, y: 14, class: kind }, text));
    const length = words.getComputedTextLength();
    if (length + 10 <= width) return x + width;
    const right = x + width + 5, left = x - 5 - length;
    const at = right + length < room[1] ? right : left > room[0] + 8 ? left : null;
    if (at === null) return x + width;
    words.remove();
    this.svg.append(shape("text", { x: at, y: this.y + 14, class: `beside ${kind}` }, text));
    return Math.max(x + width, at + length);
  }

  tipped(element, tip) {
    element.dataset.tip = this.tips.push(tip) - 1;
    return element;
  }

  label(y, text, small = "", kind = "") {
    const label = document.createElement("div");
    label.className = kind;
    label.style.top = `${y}px`;
    label.textContent = text;
    if (small) label.appendChild(document.createElement("small")).textContent = small;
    this.labels.append(label);
  }

  scale(y, text) {
    this.label(y, text, "", "scale");
  }

  hover(event) {
    const ms = this.ms(event);
    this.place(this.cursor, ms);
    const target = event.target.closest?.("[data-tip]");
    if (target) return this.showTip(event, ...this.tips[target.dataset.tip]);
    const y = event.clientY - this.plot.getBoundingClientRect().top;
    for (const { spectrogram, top, height } of Object.values(this.pictures)) {
      const hz = (1 - (y - top) / height) * 4000;
      const level = y >= top && y < top + height ? spectrogram.level(ms, hz) : null;
      if (level !== null) return this.showTip(event, seconds(ms), [["Frequency", `${Math.round(hz / 10) * 10} Hz`], ["Level", decibels(level)]]);
    }
    this.showTip(event, seconds(ms), []);
  }

  leave() {
    this.cursor.setAttribute("visibility", "hidden");
    this.showTip(null);
  }

  place(line, ms) {
    line.setAttribute("transform", `translate(${this.x(ms)} 0)`);
    line.setAttribute("visibility", "visible");
  }
}
