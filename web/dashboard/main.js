// The frame around all pages: menu, search, who is signed in.
import { get } from "./api.js";
import { fill, h, notice, told } from "./dom.js";
import { go, here, open, route } from "./router.js";
import * as session from "./session.js";

function menuEntries() {
    const who = session.user();
    if (who === null) return [];
    const entries = [];
    if (session.hasRole("user")) entries.push(["/jobs", "Jobs"], ["/submit", "Submit"], ["/schedules", "Schedules"], ["/queues", "Queues"]);
    if (session.hasRole("user") && session.offers("job metrics")) entries.push(["/cluster", "Cluster"]);
    if (session.offers("courses")) entries.push(["/courses", "Courses"]);
    if (session.offers("images")) entries.push(["/images", "Images"]);
    if (session.isAdmin()) {
        entries.push(["/workers", "Workers"], ["/users", "Users"], ["/tiers", "Tiers"]);
        if (session.offers("monitoring configuration")) entries.push(["/config", "Metrics"]);
        entries.push(["/audit", "Audit"]);
        if (session.offers("live log")) entries.push(["/livelog", "Live log"]);
    }
    return entries;
}

function searchBox() {
    const input = h("input", { type: "search", name: "q", placeholder: "Job, user or name", "aria-label": "Search jobs and users", autocomplete: "off", "data-key": "search" });
    return h("form.search", {
        role: "search",
        onsubmit: async (event) => {
            event.preventDefault();
            const term = input.value.trim();
            if (term === "") return;
            input.value = "";
            const [path, query] = await placeOf(term);
            go(path, query);
        },
    }, input);
}

async function placeOf(term) {
    if (/^[1-9][0-9]{0,15}$/.test(term)) return [`/jobs/${term}`, {}];
    if (session.offers("search")) {
        try {
            const said = await get(`/api/search/all/${encodeURIComponent(term)}`);
            const job = /^job:(.+)$/.exec(said);
            if (job) return [`/jobs/${encodeURIComponent(job[1])}`, {}];
        } catch {
            // by name, then
        }
    }
    if (session.isAdmin()) {
        try {
            await get(`/api/tokens/?user=${encodeURIComponent(term)}`); // is there an account of this name?
            return ["/jobs", { user: term }];
        } catch {
            // no
        }
    }
    return ["/jobs", { q: term }];
}

function showFrame() {
    const who = session.user();
    const menu = document.getElementById("menu");
    const button = h("button.menu-button", {
        type: "button", "aria-expanded": "false", "aria-controls": "menu-list",
        onclick: () => {
            const opened = button.getAttribute("aria-expanded") !== "true";
            button.setAttribute("aria-expanded", String(opened));
            menu.classList.toggle("opened", opened);
        },
    }, "Menu");
    const entries = menuEntries();
    fill(menu, entries.length > 0 && [button, h("ul", { id: "menu-list" }, entries.map(([path, words]) =>
        h("li", h("a", { href: `#${path}`, "data-key": path, onclick: () => {
            menu.classList.remove("opened");
            button.setAttribute("aria-expanded", "false");
        } }, words))))]);
    fill(document.getElementById("account"), who === null ? null : [
        session.hasRole("user") && searchBox(),
        h("a", { href: "#/me", title: "My account" }, told(who.username, { most: 40 })),
        h("button", { type: "button", onclick: session.signOut }, "Sign out"),
    ]);
}

function startPage() {
    const place = here();
    if (session.user() === null) {
        if (!open.has(place.module)) {
            if (place.path.length > 1) sessionStorage.setItem("windlass-after", location.hash);
            history.replaceState(null, "", "#/sign-in");
        }
    } else if (place.module === "sign_in" || place.path === "" || place.path === "/") {
        const after = sessionStorage.getItem("windlass-after");
        sessionStorage.removeItem("windlass-after");
        history.replaceState(null, "", after ?? (session.hasRole("user") ? "#/jobs" : "#/me"));
    }
    route(true);
}

async function start() {
    const site = session.loadSite();
    try {
        await session.load();
        await site;
    } catch (error) {
        fill(document.getElementById("content"), h("div.page", h("h1", "The server cannot be reached"), h("p", error.message),
            h("p", h("button", { type: "button", onclick: () => location.reload() }, "Try again"))));
        return;
    }
    showFrame();
    let before = session.user();
    session.onChange((who) => {
        showFrame();
        if (before === null) startPage(); // signed in just now
        before = who;
    });
    addEventListener("hashchange", () => (here().path === "" || here().path === "/" ? startPage() : route()));
    document.querySelector(".skip").addEventListener("click", (event) => {
        event.preventDefault();
        document.getElementById("content").focus();
    });
    startPage();
}

addEventListener("unhandledrejection", (event) => {
    if (event.reason?.name === "AbortError") event.preventDefault();
    else if (event.reason?.status !== undefined) {
        event.preventDefault();
        notice(event.reason.message, "bad");
    }
});
start();
