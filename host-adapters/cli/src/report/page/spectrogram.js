// A spectrogram on a canvas, a pixel a cell; the page stretches it.

// Levels shown: below the first all is background, above the second all is brightest.
const QUIET_DBM0 = -72, LOUD_DBM0 = -22;
const RAMPS = {
  dark: [[21, 26, 33], [36, 40, 84], [92, 44, 128], [176, 58, 118], [236, 112, 78], [252, 190, 92], [255, 248, 214]],
  light: [[255, 255, 255], [226, 236, 246], [166, 198, 228], [98, 142, 200], [74, 84, 164], [58, 36, 104], [24, 10, 40]],
};

const dark = matchMedia("(prefers-color-scheme: dark)");

function ramp(share) {
  const stops = RAMPS[dark.matches ? "dark" : "light"];
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  return stops[low].map((c, n) => c + (stops[low + 1][n] - c) * (at - low));
}

class Spectrogram {
  constructor(data) {
    Object.assign(this, data);
    this.value = new Map([...data.digits].map((digit, n) => [digit, n]));
  }

  // Level of a cell in dBm0, or null outside of the picture.
  level(ms, hz) {
    const column = Math.floor(ms / this.column_ms), row = Math.floor(hz / this.top_hz * this.rows);
    if (column < 0 || column >= this.columns || row < 0 || row >= this.rows) return null;
    return this.floor_dbm0 + this.value.get(this.cells[column * this.rows + row]) * this.step_db;
  }

  canvas() {
    const canvas = document.createElement("canvas");
    canvas.width = this.columns;
    canvas.height = this.rows;
    this.paint(canvas);
    dark.addEventListener("change", () => this.paint(canvas));
    return canvas;
  }

  paint(canvas) {
    const colours = new Map();
    for (const [digit, n] of this.value) {
      const dbm0 = this.floor_dbm0 + n * this.step_db;
      colours.set(digit, ramp((dbm0 - QUIET_DBM0) / (LOUD_DBM0 - QUIET_DBM0)));
    }
    const context = canvas.getContext("2d");
    const image = context.createImageData(this.columns, this.rows);
    for (let column = 0; column < this.columns; column++) {
      for (let row = 0; row < this.rows; row++) {
        const [r, g, b] = colours.get(this.cells[column * this.rows + row]);
        const at = ((this.rows - 1 - row) * this.columns + column) * 4;
        image.data.set([r, g, b, 255], at);
      }
    }
    context.putImageData(image, 0, 0);
  }
}
