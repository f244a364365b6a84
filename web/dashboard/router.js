// Pages by the part of the address behind "#": "#/jobs/7?tab=log". A page is a module with
//     export const title; export default async function show(view, { params, query, signal })
// which fills `view`; `signal` says when the person has gone elsewhere.
import { ApiError } from "./api.js";
import { fill, h } from "./dom.js";
import { problem } from "./parts/forms.js";

const pages = [
    ["/jobs", "jobs"], ["/jobs/:id", "job"], ["/submit", "submit"], ["/schedules", "schedules"],
    ["/workers", "workers"], ["/queues", "queues"], ["/me", "me"], ["/courses", "courses"], ["/images", "images"],
    ["/users", "users"], ["/users/:id", "user"], ["/tiers", "tiers"], ["/config", "config"], ["/audit", "audit"], ["/cluster", "cluster"], ["/cluster/:id", "cluster_job"], ["/livelog", "livelog"],
    ["/sign-in", "sign_in"], ["/register", "register"], ["/password", "password"],
].map(([path, module]) => ({ parts: path.split("/").slice(1), module }));

export const open = new Set(["sign_in", "register", "password"]); // without a session

let leaving = new AbortController();
let shown = "";

export function parse(hash) {
    const [path, words = ""] = hash.replace(/^#/, "").split("?", 2);
    const parts = path.split("/").slice(1).filter((part) => part !== "");
    const query = Object.fromEntries(new URLSearchParams(words));
    for (const page of pages) {
        if (page.parts.length !== parts.length) continue;
        const params = {};
        const fits = page.parts.every((part, at) => {
            if (!part.startsWith(":")) return part === parts[at];
            try {
                params[part.slice(1)] = decodeURIComponent(parts[at]);
            } catch {
                return false;
            }
            return true;
        });
        if (fits) return { module: page.module, params, query, path };
    }
    return { module: null, params: {}, query, path };
}

export const here = () => parse(location.hash);

export function go(path, query = {}) {
    const words = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== "")).toString();
    const wanted = `#${path}${words ? "?" + words : ""}`;
    if (location.hash === wanted) route(true);
    else location.hash = wanted;
}

/** Puts the query into the address without showing the page anew: filters that the page has applied already. */
export function remember(query) {
    const words = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== "")).toString();
    history.replaceState(null, "", `#${here().path}${words ? "?" + words : ""}`);
    shown = location.hash;
}

export async function route(again = false) {
    if (location.hash === shown && !again) return;
    const first = shown === "";
    shown = location.hash;
    leaving.abort();
    const mine = (leaving = new AbortController());
    const view = document.getElementById("content");
    const { module, params, query, path } = here();
    for (const link of document.querySelectorAll("#menu a")) {
        const current = path === link.getAttribute("href").slice(1) || path.startsWith(link.getAttribute("href").slice(1) + "/");
        if (current) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
    }
    try {
        if (module === null) throw new ApiError(404, "The dashboard has no such page.");
        view.setAttribute("aria-busy", "true");
        const page = await import(`./pages/${module}.js`).catch(() => {
            throw new ApiError(0, "A part of the dashboard could not be loaded. The server is away, or was updated: load the page again.");
        });
        if (mine.signal.aborted) return;
        document.title = `${typeof page.title === "function" ? page.title(params) : page.title} – Windlass`;
        const fresh = h("div.page");
        const done = page.default(fresh, { params, query, signal: mine.signal });
        // What is there at once is shown at once; the rest comes when it is there.
        const quick = await Promise.race([done.then(() => true), new Promise((resolve) => setTimeout(resolve, 150, false))]);
        if (mine.signal.aborted) return;
        fill(view, fresh);
        if (!quick) await done;
    } catch (error) {
        if (mine.signal.aborted || error.name === "AbortError") return;
        fill(view, h("div.page", h("h1", error.status === 404 ? "Not here" : "That did not work"), problem(error),
            h("p", h("button", { type: "button", onclick: () => route(true) }, "Try again"))));
        if (!(error instanceof ApiError)) console.error(error);
    } finally {
        if (!mine.signal.aborted) {
            view.removeAttribute("aria-busy");
            if (!first) {
                scrollTo(0, 0);
                view.focus({ preventScroll: true });
            }
        }
    }
}
