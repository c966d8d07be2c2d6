"""Plots as inline SVG: axes, lines, steps and bars, nothing that needs a library."""

from dataclasses import dataclass
from html import escape
from math import log10


@dataclass(frozen=True)
class Axis:
    """A scale. `ticks` are (value, label); `log` scales must not hold values below `low`."""

    label: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def place(self, value: float) -> float:
        """0 at the low end, 1 at the high end; values outside are drawn at the end."""
        value = min(max(value, self.low), self.high)
        if self.log:
            return (log10(value) - log10(self.low)) / (log10(self.high) - log10(self.low))
        return (value - self.low) / (self.high - self.low)


class Plot:
    """One plot under construction; `svg()` ends it."""

    WIDTH, HEIGHT = 460, 280
    LEFT, RIGHT, TOP, BOTTOM = 56, 14, 12, 42

    def __init__(self, x: Axis, y: Axis, title: str):
        self.x, self.y, self.title, self._marks, self._legend = x, y, title, [], []

    def line(self, points: list[tuple[float, float]], style: str, label: str, dots: bool = True) -> None:
        path = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in points)
        self._marks.append(f'<polyline class="line {style}" points="{path}"/>')
        if dots:
            self._marks += [f'<circle class="dot {style}" cx="{self._x(x):.1f}" cy="{self._y(y):.1f}" r="3">'
                            f"<title>{escape(label)}: {x:g}, {y:g}</title></circle>" for x, y in points]
        self._legend.append((style, label))

    def bars(self, bars: list[tuple[float, float, float]], style: str) -> None:
        """Bars of (from, to, height)."""
        for start, stop, height in bars:
            left, right, top = self._x(start), self._x(stop), self._y(height)
            self._marks.append(f'<rect class="bar {style}" x="{left:.1f}" y="{top:.1f}" width="{right - left - 1:.1f}" '
                               f'height="{self._y(self.y.low) - top:.1f}"><title>{start:g}–{stop:g}: {height:g}</title></rect>')

    def svg(self) -> str:
        bottom, right = self.HEIGHT - self.BOTTOM, self.WIDTH - self.RIGHT
        parts = [f'<svg viewBox="0 0 {self.WIDTH} {self.HEIGHT}" role="img" aria-label="{escape(self.title)}">']
        for value, label in self.x.ticks:
            parts.append(f'<line class="grid" x1="{self._x(value):.1f}" x2="{self._x(value):.1f}" y1="{self.TOP}" y2="{bottom}"/>'
                         f'<text x="{self._x(value):.1f}" y="{bottom + 15}" text-anchor="middle">{escape(label)}</text>')
        for value, label in self.y.ticks:
            parts.append(f'<line class="grid" x1="{self.LEFT}" x2="{right}" y1="{self._y(value):.1f}" y2="{self._y(value):.1f}"/>'
                         f'<text x="{self.LEFT - 6}" y="{self._y(value) + 4:.1f}" text-anchor="end">{escape(label)}</text>')
        parts += self._marks
        parts.append(f'<text x="{(self.LEFT + right) / 2}" y="{self.HEIGHT - 6}" text-anchor="middle">{escape(self.x.label)}</text>')
        parts.append(f'<text transform="translate(12 {(self.TOP + bottom) / 2}) rotate(-90)" text-anchor="middle">{escape(self.y.label)}</text>')
        if len(self._legend) > 1:
            for index, (style, label) in enumerate(self._legend):
                y = bottom - 12 - 16 * (len(self._legend) - 1 - index)
                parts.append(f'<line class="line {style}" x1="{right - 150}" x2="{right - 132}" y1="{y - 4}" y2="{y - 4}"/>'
                             f'<text x="{right - 126}" y="{y}">{escape(label)}</text>')
        return "".join(parts) + "</svg>"

    def _x(self, value: float) -> float:
        return self.LEFT + self.x.place(value) * (self.WIDTH - self.LEFT - self.RIGHT)

    def _y(self, value: float) -> float:
        return self.HEIGHT - self.BOTTOM - self.y.place(value) * (self.HEIGHT - self.TOP - self.BOTTOM)
