// The states that a job went through, as a bar of their lengths and as a list.
import { h, told } from "../dom.js";
import { clock, isFinal, seconds, statusWords } from "../words.js";
import { status } from "./status.js";
import { table } from "./table.js";

export function timeline(events) {
    if (events.length === 0) return null;
    const last = events.at(-1);
    const end = isFinal(last.status) ? Date.parse(last.at) : Date.now();
    const spans = events.map((event, at) => ({
        ...event, length: Math.max(0, ((at + 1 < events.length ? Date.parse(events[at + 1].at) : end) - Date.parse(event.at)) / 1000),
    }));
    const whole = Math.max(0.001, spans.reduce((sum, one) => sum + one.length, 0));
    const bars = spans.filter((one) => !isFinal(one.status) && one.length > 0).map((one) => {
        const part = h(`span.s-${one.status}`, { title: `${statusWords[one.status]}: ${seconds(one.length)}` });
        part.style.flexGrow = String(Math.max(0.01, one.length / whole));
        return part;
    });
    return h("section", h("h2", "What happened"), bars.length > 0 && h("div.timeline", { "aria-hidden": "true" }, bars),
        h("details", { open: spans.length <= 6 && innerWidth > 768 }, h("summary", `${spans.length} events`), table("What happened", [
            ["When", (one) => h("time.exact", { title: one.at }, clock(one.at))], ["Event", (one) => told(one.event)], ["State", (one) => status(one.status)],
            ["For", (one) => (isFinal(one.status) ? "" : seconds(one.length)), "number"],
            ["Attempt", (one) => (one.attempt ? String(one.attempt) : ""), "number"], ["Worker", (one) => told(one.worker ?? "")],
            ["Why", (one) => told(one.detail ?? "", { most: 300 })],
        ], spans)));
}
