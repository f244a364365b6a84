// Tables that are lists of cards on a narrow screen: each cell knows its heading.
import { h } from "../dom.js";

/** columns: [[heading, row => content, class]]. A row may give its element attributes by `attributes(row)`. */
export function table(caption, columns, rows, { attributes = () => ({}), none = "Nothing here." } = {}) {
    if (rows.length === 0) return h("p.quiet", none);
    return h("div.table-box", { tabindex: "0", role: "region", "aria-label": caption }, h("table",
        h("caption.unseen", caption),
        h("thead", h("tr", columns.map(([heading, , kind]) => h(`th${kind ? "." + kind : ""}`, { scope: "col" }, heading)))),
        h("tbody", rows.map((row) => h("tr", attributes(row), columns.map(([heading, content, kind]) => cell(heading, content(row), kind)))))));
}

function cell(heading, content, kind) {
    const element = h(`td${kind ? "." + kind : ""}`, { "data-label": typeof heading === "string" ? heading : undefined }, h("div", content));
    if (element.textContent === "" && !element.querySelector("input, button, img, meter")) element.classList.add("none");
    return element;
}

/** Pairs of a word and what it stands for. */
export function facts(pairs) {
    return h("dl.facts", pairs.filter(Boolean).filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) =>
        h("div", h("dt", name), h("dd", value))));
}

/** A bar with words: so much of so much. */
export function bar(part, whole, words, label) {
    const share = whole > 0 ? Math.min(1, part / whole) : 0;
    const element = h(`div.meter${share > 0.9 ? ".full" : ""}`, h("meter", { min: 0, max: 1, value: share, "aria-label": label }), h("span", words));
    return element;
}

/** The next page of a list, when there is one. */
export function more(next, load) {
    if (!next) return null;
    return h("p.more", h("button", { type: "button", "data-key": "more", onclick: (event) => {
        event.target.disabled = true;
        load(next);
    } }, "Show more"));
}
