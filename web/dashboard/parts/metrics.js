// The charts of a job: what was measured of it, against its limits. From GET /api/job/:id.
import { get } from "../api.js";
import { fill, h, told } from "../dom.js";
import { bytes } from "../words.js";
import { chart } from "./chart.js";
import { repeat } from "./live.js";

const limitsOf = (job) => ({ cpu_used: job.limits.cpus, mem_used: job.limits.memory_bytes, processes: job.limits.processes });
const isBytes = (unit) => /^(B|Byte|bytes?)(\/s)?$/i.test(unit);
/** A value of a metric, as people read it. */
export const worded = (unit) => (isBytes(unit) ? bytes : (value) => String(Math.round(value * 1000) / 1000));

/** MetricData of an answer: [{ metric, lines }], those without a point left out. */
export function linesOf(list) {
    return (list ?? []).map((metric) => ({
        metric, lines: Object.entries(metric.Data ?? {}).map(([name, rows]) => ({
            name, points: rows.map((row) => [Date.parse(row._time) / 1000, row._value]),
        })).filter((line) => line.points.length > 0),
    })).filter(({ lines }) => lines.length > 0);
}

/** A chart for each of linesOf(). signal: until when they are shown. */
export function charts(shown, limits, signal) {
    return h("div.charts", shown.map(({ metric, lines }) => {
        const config = metric.Config;
        return h("figure.chart", h("figcaption", told(config.DisplayName || config.Measurement), config.Unit && h("span.quiet", " ", told(config.Unit, { most: 30 }))),
            chart(lines, { limit: limits[config.Measurement], words: worded(config.Unit), signal }));
    }));
}

export function metrics(job, place, signal, goesOn) {
    let none = 0, drawn = new AbortController();
    repeat(15, async () => {
        if (place.firstChild && !goesOn() && none === 0) return;
        let data;
        try {
            data = await get(`/api/job/${job.id}`, { signal });
        } catch (error) {
            if ([400, 403, 404].includes(error.status)) return;
            throw error;
        }
        const shown = linesOf(data.MetricData);
        const marks = data.Metadata?.Tags ?? [];
        none = shown.length + marks.length === 0 ? 1 : 0;
        if (none || signal.aborted) return;
        drawn.abort(); // the charts of the turn before
        drawn = new AbortController();
        const shownUntil = AbortSignal.any([signal, drawn.signal]);
        fill(place, marks.length > 0 && h("p", "Marked ", marks.map((mark) => h("span.tag", told(mark.Name, { most: 80 })))),
            shown.length > 0 && h("section", h("h2", "Measured"), charts(shown, limitsOf(job), shownUntil)));
    }, signal);
}
