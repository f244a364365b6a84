#!/usr/bin/env python3
"""A parameter sweep with a plot of the result: the share of darts inside a circle, for ever more darts.

    export PYTHONPATH=cli/clients/python       # or: pip install cli/clients/python
    docs/examples/parameter_sweep.py sweep.svg

One array of jobs; each sees its parameters as environment variables and leaves a number in out/results.json, which
comes back as `result.value`.
"""

import math
import sys

import windlass

CODE = r"""
BEGIN {
    srand(ENVIRON["SEED"])
    for (i = 0; i < ENVIRON["DARTS"]; i++) {
        x = rand(); y = rand()
        inside += x * x + y * y < 1
    }
    printf "{\"pi\": %.6f}\n", 4 * inside / ENVIRON["DARTS"] > "out/results.json"
}
"""


def plot(points, path):
    """An SVG of estimates against the number of darts, on a logarithmic axis."""
    width, height, margin = 640, 360, 48
    most = max(darts for darts, _ in points)
    low, high = min(pi for _, pi in points), max(pi for _, pi in points)
    low, high = min(low, math.pi) - 0.05, max(high, math.pi) + 0.05

    def x(darts):
        return margin + (width - 2 * margin) * math.log(darts) / math.log(most)

    def y(pi):
        return height - margin - (height - 2 * margin) * (pi - low) / (high - low)

    dots = "".join(f'<circle cx="{x(d):.1f}" cy="{y(p):.1f}" r="3" fill="#0b62a4"/>' for d, p in points)
    labels = "".join(
        f'<text x="{x(d):.1f}" y="{height - margin + 20}" text-anchor="middle">{d}</text>'
        for d in sorted({d for d, _ in points})
    )
    with open(path, "w", encoding="utf-8") as file:
        file.write(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
            f'font-size="12"><rect width="100%" height="100%" fill="white"/>'
            f'<line x1="{margin}" x2="{width - margin}" y1="{y(math.pi):.1f}" y2="{y(math.pi):.1f}" stroke="#c33"/>'
            f'<text x="{width - margin + 4}" y="{y(math.pi) + 4:.1f}">π</text>{labels}{dots}'
            f'<text x="{width / 2}" y="{height - 8}" text-anchor="middle">darts</text></svg>\n'
        )


def main():
    site = windlass.Site()
    parameters = [{"DARTS": darts, "SEED": seed} for darts in (10, 100, 1000, 10000) for seed in range(1, 6)]
    results = site.map("awk -f code", parameters, code=CODE, name="sweep", tags=["example"])
    points = [(each["DARTS"], result.value["pi"]) for each, result in zip(parameters, results)]
    path = sys.argv[1] if len(sys.argv) > 1 else "sweep.svg"
    plot(points, path)
    best = sum(pi for darts, pi in points if darts == 10000) / 5
    print(f"pi is about {best:.3f}; the picture is in {path}")


if __name__ == "__main__":
    main()
