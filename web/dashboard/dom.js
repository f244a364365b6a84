// The only place where elements are made and text becomes part of the page.
//
// Every text goes through text(): a text node, never markup, with controls shown as symbols. The page's policy (trusted
// types, none allowed) refuses innerHTML and its like to everybody else.
import { ago, bytes, clock, visible } from "./words.js";

export function text(value) {
    return document.createTextNode(visible(value ?? ""));
}

const properties = new Set(["value", "checked", "disabled", "selected", "indeterminate", "hidden", "open", "htmlFor", "required", "multiple"]);

/**
 * h("button.primary", { onclick: go, "aria-label": "…" }, "Go"): an element. Children are elements, texts, lists of them;
 * null, undefined and false are nothing.
 */
export function h(selector, ...rest) {
    const [tag, ...classes] = selector.split(".");
    const element = document.createElement(tag);
    if (classes.length > 0) element.className = classes.join(" ");
    const first = rest[0];
    if (first !== null && typeof first === "object" && !(first instanceof Node) && !Array.isArray(first)) set(element, rest.shift());
    add(element, rest);
    return element;
}

function set(element, attributes) {
    for (const [name, value] of Object.entries(attributes)) {
        if (value === undefined || value === null || value === false) continue;
        if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
        else if (properties.has(name)) element[name] = value;
        else if (name === "href" || name === "src") element.setAttribute(name, address(value));
        else element.setAttribute(name, value === true ? "" : visible(value));
    }
}

// Our own addresses only, whoever supplied the parts of it.
function address(value) {
    return /^(#|\/(?![/\\])|blob:)[^\\\u0000-\u0020]*$/.test(value) ? value : "#";
}

export function add(parent, children) {
    for (const child of [children].flat(Infinity)) {
        if (child === null || child === undefined || child === false) continue;
        parent.append(child instanceof Node ? child : text(child));
    }
    return parent;
}

/** Shows `children` instead of what is there; keeps the keyboard's place if an element of the same data-key comes again. */
export function fill(parent, ...children) {
    const key = parent.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    parent.replaceChildren();
    add(parent, children);
    if (key !== undefined) parent.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
    return parent;
}

const longest = 2000;

/**
 * Text that a job, a user or a file supplied: in its own direction of writing, and if it is long only the beginning,
 * with a button for the rest.
 */
export function told(value, { tag = "bdi", most = longest } = {}) {
    const whole = String(value ?? "");
    const element = h(`${tag}.told`, { dir: tag === "bdi" ? undefined : "auto" });
    if (whole.length <= most) {
        add(element, whole);
        return element;
    }
    const more = h("button.link", {
        type: "button",
        onclick: () => {
            element.replaceChildren();
            add(element, whole);
        },
    }, `… show all ${bytes(whole.length)}`);
    add(element, [whole.slice(0, most), more]);
    return element;
}

/** A time, as "3 min ago", with the date and the time of day for the pointer and for copying. */
export function when(time, none = "–") {
    if (!time) return h("span.quiet", none);
    return h("time", { datetime: time, title: clock(time) }, ago(time));
}

// Relative times go on while the page is open.
setInterval(() => {
    if (document.hidden) return;
    for (const element of document.querySelectorAll("time[datetime]")) {
        const now = ago(element.getAttribute("datetime"));
        if (element.firstChild && element.firstChild.data !== now) element.firstChild.data = now;
    }
}, 5000);

/** A notice that goes by itself; screen readers say it. */
export function notice(words, kind = "good") {
    const element = h(`div.notice.${kind}`, h("span", words), h("button.link", { type: "button", "aria-label": "Close this notice", onclick: () => element.remove() }, "✕"));
    const place = document.getElementById("notices");
    place.append(element);
    while (place.children.length > 4) place.firstChild.remove();
    if (kind === "good") setTimeout(() => element.remove(), 6000);
    return element;
}
