// The list of jobs: counters as filters, filters in the address, a page at a time, live until somebody pauses it.
import { get, newKey, page, post, query as asQuery } from "../api.js";
import { fill, h, notice, told, when } from "../dom.js";
import { ask, sure } from "../parts/dialog.js";
import { act, problem } from "../parts/forms.js";
import { repeat } from "../parts/live.js";
import { status } from "../parts/status.js";
import { more, table } from "../parts/table.js";
import { remember } from "../router.js";
import { isAdmin, offers } from "../session.js";
import { count, endingWords, isFinal, seconds, statuses, statusWords } from "../words.js";

export const title = "Jobs";

const perPage = 50;

export default async function show(view, { query, signal }) {
    const filter = { status: "", q: "", tag: "", queue: "", user: "", ...query };
    const chosen = new Set();
    let jobs = [], next = null, paused = false, extra = 0;

    const counters = h("div.counters", { role: "group", "aria-label": "Filter by state" });
    const list = h("div.list");
    const bulk = h("div.bulk", { role: "group", "aria-label": "What to do with the chosen jobs" });
    const failed = h("div");

    const path = () => "/api/jobs/" + asQuery({ ...filter, details: "true", limit: String(perPage) });

    function setFilter(changes) {
        Object.assign(filter, changes);
        chosen.clear();
        extra = 0;
        remember(filter);
        return turn();
    }

    function drawCounters(counts) {
        const total = statuses.reduce((sum, one) => sum + counts[one], 0);
        const chip = (name, words, amount, least) => h(`button.counter${name ? ".s-" + name : ""}`, {
            type: "button", "aria-pressed": String(filter.status === name), "data-key": `count-${name}`,
            onclick: () => setFilter({ status: filter.status === name ? "" : name }),
        }, h("b", count(amount) + (least ? "+" : "")), " ", words);
        fill(counters, chip("", "all", total, counts.at_least.length > 0),
            statuses.map((one) => chip(one, statusWords[one], counts[one], counts.at_least.includes(one))));
    }

    function pick(job) {
        return h("input", {
            type: "checkbox", checked: chosen.has(job.id), "aria-label": `Choose job ${job.id}`, "data-key": `pick-${job.id}`,
            onchange: (event) => {
                if (event.target.checked) chosen.add(job.id);
                else chosen.delete(job.id);
                drawBulk();
            },
        });
    }

    const tagButton = (tag) => h("button.tag", { type: "button", title: "Only jobs with this tag", onclick: () => setFilter({ tag }) }, told(tag));

    function draw() {
        const columns = [
            [h("input", { type: "checkbox", "aria-label": "Choose all jobs shown", "data-key": "pick-all", checked: jobs.length > 0 && jobs.every((job) => chosen.has(job.id)),
                onchange: (event) => {
                    for (const job of jobs) event.target.checked ? chosen.add(job.id) : chosen.delete(job.id);
                    draw();
                } }), pick, "pick"],
            ["Job", (job) => h("a", { href: `#/jobs/${job.id}`, "data-key": `job-${job.id}` }, job.id)],
            ["Name", (job) => [job.name ? told(job.name, { most: 120 }) : h("span.quiet", "no name"), job.tags.map(tagButton),
                job.array && h("span.quiet", ` array of ${count(job.array.count)}`)]],
            ["State", (job) => [status(job.status), job.status === "failed" && h("span.quiet", " ", endingWords(job))]],
            isAdmin() && ["Owner", (job) => h("button.link", { type: "button", title: "Only jobs of this account", onclick: () => setFilter({ user: job.owner_name }) }, told(job.owner_name, { most: 40 }))],
            ["Queue", (job) => told(job.queue)],
            ["Submitted", (job) => when(job.submitted), "tight"],
            ["Duration", (job) => (job.duration === "" ? "–" : seconds(job.duration)), "number"],
        ].filter(Boolean);
        fill(list, table("Jobs", columns, jobs, { none: Object.values(filter).some(Boolean) ? "No job fits these filters." : "No jobs yet." }),
            jobs.length === 0 && !Object.values(filter).some(Boolean) && h("p", h("a.button.primary", { href: "#/submit?example=hello" }, "Submit a first one")),
            more(next, async (from) => {
                const got = await page(from, { signal });
                jobs = jobs.concat(got.items.filter((one) => !jobs.some((old) => old.id === one.id)));
                next = got.next;
                extra += 1;
                draw();
            }));
        drawBulk();
    }

    function drawBulk() {
        const ids = [...chosen];
        fill(bulk, ids.length > 0 && [
            h("span", `${ids.length} chosen`),
            act("Cancel", async () => {
                if (!(await sure("Cancel jobs?", `${ids.length} chosen jobs are to end. Those that have ended stay as they are.`, "Cancel them"))) return;
                const done = await post("/api/jobs/cancel/", { ids });
                notice(`${done.cancelled} cancelled, ${done.requested} told to end, ${done.not_active} had ended.`);
                chosen.clear();
                await turn();
            }, { kind: "danger" }),
            act("Run again", async () => rerun(ids)),
            act("Run again with a tag…", async () => {
                const tag = await ask("Run again with a tag", "Tag", "Run them again", "The new jobs get it beside those that the old ones have.");
                if (tag) await rerun(ids, tag);
            }),
            offers("search") && act("Mark…", async () => {
                const mark = await ask("Mark jobs", "Mark", "Mark them", "Shown on the page of each job. Only jobs that have started can be marked.");
                if (mark) await markAll(ids, mark);
            }),
            act("Choose none", async () => {
                chosen.clear();
                draw();
            }),
        ], filter.status && !isFinal(filter.status) && act(`Cancel all that are ${statusWords[filter.status]}`, async () => {
            const { status: state, tag, queue, q, user } = filter;
            const which = Object.fromEntries(Object.entries({ status: state, tag, queue, q, user }).filter(([, value]) => value));
            if (!(await sure("Cancel all of them?", `All jobs that fit the filters are to end, also those that are not shown${isAdmin() && !user ? ", of everybody" : ""}.`, "Cancel them all"))) return;
            const done = await post("/api/jobs/cancel/", { filter: which });
            notice(`${done.cancelled} cancelled, ${done.requested} told to end.`);
            await turn();
        }, { kind: "danger", key: "cancel-all" }));
    }

    async function markAll(ids, mark) {
        let done = 0, words = "";
        for (const id of ids) {
            try {
                await post(`/api/tags/add_tag/?job=${id}`, { Name: mark });
                done += 1;
            } catch (error) {
                words = error.message;
            }
        }
        notice(`${done} of ${ids.length} are marked.${words ? ` ${words}` : ""}`, words ? "bad" : "good");
    }

    async function rerun(ids, tag = "") {
        let made = 0;
        for (const id of ids) {
            const tags = tag ? [...new Set([...(jobs.find((job) => job.id === id)?.tags ?? []), tag])] : undefined;
            await post(`/api/jobs/${id}/rerun/`, tags ? { tags } : {}, { headers: { "Idempotency-Key": newKey() } });
            made += 1;
        }
        notice(`${made} submitted again.`);
        chosen.clear();
        await turn();
    }

    let asked = 0;
    async function load() {
        const mine = ++asked;
        try {
            const [counts, got] = await Promise.all([
                get("/api/jobs/counts/" + asQuery({ user: filter.user }), { signal }), page(path(), { signal })]);
            if (mine !== asked || signal.aborted) return;
            if (extra === 0) {
                jobs = got.items;
                next = got.next;
            } else { // pages that were loaded below stay; what is at the top is new
                const top = new Set(got.items.map((one) => one.id));
                jobs = got.items.concat(jobs.filter((one) => !top.has(one.id)));
            }
            fill(failed);
            drawCounters(counts);
            draw();
        } catch (error) {
            if (error.name !== "AbortError") fill(failed, problem(error));
            throw error;
        }
    }
    const turn = repeat(3, load, signal, () => paused);

    const name = h("input", { type: "search", value: filter.q, "aria-label": "Part of the name", placeholder: "Part of the name" });
    const narrow = (key, label) => {
        const input = h("input", { type: "text", value: filter[key], "aria-label": label, placeholder: label, size: 12 });
        input.addEventListener("change", () => setFilter({ [key]: input.value.trim() }));
        return input;
    };
    const pause = h("button", { type: "button", "aria-pressed": "false", onclick: () => {
        paused = !paused;
        pause.setAttribute("aria-pressed", String(paused));
        fill(pause, paused ? "Go on" : "Pause");
        if (!paused) turn();
    } }, "Pause");
    name.addEventListener("change", () => setFilter({ q: name.value.trim() }));
    view.append(
        h("div.head", h("h1", "Jobs"), h("a.button.primary", { href: "#/submit" }, "Submit a job")),
        counters,
        h("form.filters", { onsubmit: (event) => event.preventDefault() }, name, narrow("tag", "Tag"), narrow("queue", "Queue"), isAdmin() && narrow("user", "User"),
            act("Clear filters", async () => {
                for (const input of view.querySelectorAll(".filters input")) input.value = "";
                await setFilter({ status: "", q: "", tag: "", queue: "", user: "" });
            }), pause),
        failed, bulk, list);
    await new Promise((resolve) => {
        const seen = new MutationObserver(() => resolve());
        seen.observe(list, { childList: true });
        seen.observe(failed, { childList: true });
        signal.addEventListener("abort", resolve);
    });
}
