// Plays the call, where the page carries it: the far side rather left, the near side rather right.

class Player {
  constructor(sound, onTime) {
    Object.assign(this, { sound, onTime, at_s: 0, source: null });
  }

  toggle() {
    if (this.source) this.stop();
    else this.start(this.at_s);
  }

  start(from_s) {
    this.stop();
    this.context ??= new AudioContext();
    this.buffer ??= this.decode();
    const source = this.context.createBufferSource();
    source.buffer = this.buffer;
    source.connect(this.context.destination);
    source.start(0, from_s);
    source.onended = () => {
      if (this.source !== source) return;
      this.stop();
      this.at_s = 0;
    };
    this.source = source;
    this.zero_s = this.context.currentTime - from_s;
    this.tick();
  }

  stop() {
    const source = this.source;
    this.source = null;
    source?.stop();
    this.onTime(this.at_s, false);
  }

  tick() {
    if (!this.source) return;
    this.at_s = Math.min(this.context.currentTime - this.zero_s, this.buffer.duration);
    this.onTime(this.at_s, true);
    requestAnimationFrame(() => this.tick());
  }

  decode() {
    const { rate_hz, far, near } = this.sound;
    const [ours, theirs] = [near ? linear(near) : null, linear(far)];
    const buffer = this.context.createBuffer(2, theirs.length, rate_hz);
    for (const [channel, farGain, nearGain] of [[0, 1, 0.4], [1, 0.6, 1]]) {
      buffer.copyToChannel(theirs.map((s, n) => farGain * s + (ours ? nearGain * ours[n] : 0)), channel);
    }
    return buffer;
  }
}

// Base64 of µ-law (ITU-T G.711) to full scale ±1.
function linear(base64) {
  const table = Float32Array.from({ length: 256 }, (_, code) => {
    const inverted = ~code & 0xff;
    const magnitude = ((((inverted & 0x0f) << 3) + 0x84) << ((inverted & 0x70) >> 4)) - 0x84;
    return (inverted & 0x80 ? -magnitude : magnitude) / 32768;
  });
  return Float32Array.from(atob(base64), (c) => table[c.charCodeAt(0)]);
}
