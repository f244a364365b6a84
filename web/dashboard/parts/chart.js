// Lines over time: by uPlot where the server has it, else drawn here; and the figures in words for those who do not see them.
import { h, text, told } from "../dom.js";
import { clock } from "../words.js";

let library = null; // a promise of uPlot's constructor, or of null

function load() {
    library ??= import("../uPlot.esm.js").then((module) => {
        const style = document.createElement("link");
        style.rel = "stylesheet";
        style.setAttribute("href", new URL("../uPlot.min.css", import.meta.url).pathname);
        document.head.append(style);
        return module.default;
    }).catch(() => null);
    return library;
}

const strokes = ["--line-1", "--line-2", "--line-3", "--line-4", "--line-5", "--line-6"];

/** lines: [{ name, points: [[seconds, value]] }]. words: a value as text. limit: a line across. */
export function chart(lines, { limit, words = String, signal }) {
    const place = h("div.plot", { role: "img", "aria-label": inWords(lines, words, limit) });
    const style = getComputedStyle(document.documentElement);
    const colour = (at) => style.getPropertyValue(strokes[at % strokes.length]).trim();
    load().then((Plot) => {
        if (signal.aborted) return;
        if (Plot === null) return place.replaceChildren(drawn(lines, limit, colour, words));
        const times = [...new Set(lines.flatMap((line) => line.points.map(([at]) => at)))].sort((a, b) => a - b);
        const series = lines.map((line) => {
            const values = new Map(line.points);
            return times.map((at) => values.get(at) ?? null);
        });
        const ink = style.getPropertyValue("--quiet").trim(), rule = style.getPropertyValue("--rule").trim();
        const axis = { stroke: ink, grid: { stroke: rule, width: 1 }, ticks: { stroke: rule } };
        const plot = new Plot({
            width: Math.max(260, place.clientWidth || 420), height: 180, legend: { show: false },
            scales: {
                x: { range: times.at(-1) - times[0] < 60 ? [times[0] - 30, times[0] + 30] : [times[0], times.at(-1)] },
                y: { range: (_, low, high) => [Math.min(0, low), (high > 0 ? Math.max(high, limit && limit < high * 4 ? limit : high) : 1) * 1.05] },
            },
            axes: [axis, { ...axis, size: 74, values: (_, all) => all.map((value) => words(value)) }],
            series: [{}, ...lines.map((line, at) => ({ label: line.name, stroke: colour(at), width: 1.5, spanGaps: true })),
                ...(limit ? [{ label: "limit", stroke: style.getPropertyValue("--bad").trim(), dash: [6, 4], width: 1 }] : [])],
        }, [times, ...series, ...(limit ? [times.map(() => limit)] : [])], place);
        const fit = new ResizeObserver(() => plot.setSize({ width: Math.max(260, place.clientWidth), height: 180 }));
        fit.observe(place);
        signal.addEventListener("abort", () => {
            fit.disconnect();
            plot.destroy();
        });
    });
    return lines.length < 2 ? place : [place, h("ul.legend", lines.map((line, at) => h("li", sample(colour(at)), told(line.name, { most: 80 }))))];
}

function sample(colour) {
    const svg = element("svg", { viewBox: "0 0 20 10", "aria-hidden": "true" });
    svg.append(element("line", { x1: 0, x2: 20, y1: 5, y2: 5, stroke: colour, "stroke-width": 3 }));
    return svg;
}

function element(name, attributes) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
}

function inWords(lines, words, limit) {
    const parts = lines.slice(0, 6).map((line) => {
        const values = line.points.map(([, value]) => value);
        const [first, last] = [line.points[0][0], line.points.at(-1)[0]];
        return `${line.name}: ${values.length} values from ${clock(first * 1000)} to ${clock(last * 1000)}, at most ${words(Math.max(...values))}, at the end ${words(values.at(-1))}`;
    });
    return parts.join("; ") + (limit ? `; limit ${words(limit)}` : "");
}

function drawn(lines, limit, colour, words) {
    const svg = element("svg", { viewBox: "0 0 400 180" });
    const all = lines.flatMap((line) => line.points);
    const [from, to] = [Math.min(...all.map(([at]) => at)), Math.max(...all.map(([at]) => at))];
    const highest = Math.max(...all.map(([, value]) => value)) || 1;
    const top = limit && limit < highest * 4 ? Math.max(limit, highest) : highest;
    const [x, y] = [(at) => 60 + (335 * (at - from)) / Math.max(1, to - from), (value) => 160 - (150 * value) / top];
    for (const value of [0, top / 2, top]) {
        svg.append(element("line", { x1: 60, x2: 395, y1: y(value), y2: y(value), stroke: "var(--rule)" }));
        const label = element("text", { x: 55, y: y(value) + 3, "text-anchor": "end" });
        label.append(text(words(value)));
        svg.append(label);
    }
    for (const [at, anchor] of [[from, "start"], [to, "end"]]) {
        const label = element("text", { x: x(at), y: 175, "text-anchor": anchor });
        label.append(text(clock(at * 1000)));
        svg.append(label);
    }
    if (limit && limit <= top) svg.append(element("line", { x1: 60, x2: 395, y1: y(limit), y2: y(limit), stroke: "var(--bad)", "stroke-dasharray": "6 4" }));
    lines.forEach((line, at) => svg.append(element("polyline", { points: line.points.map(([when, value]) => `${x(when)},${y(value)}`).join(" "), fill: "none", stroke: colour(at), "stroke-width": 1.5 })));
    return svg;
}
