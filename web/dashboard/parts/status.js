// A state as a sign and a word: never as a colour alone.
import { h } from "../dom.js";
import { statusWords } from "../words.js";

const signs = { blocked: "⏸", queued: "…", starting: "↑", running: "▶", succeeded: "✓", failed: "✗", timed_out: "⌛", cancelled: "⊘", lost: "?" };

export function status(state) {
    return h(`span.status.s-${statusWords[state] ? state : "unknown"}`, h("span", { "aria-hidden": "true" }, signs[state] ?? "·"), " ", statusWords[state] ?? state);
}
