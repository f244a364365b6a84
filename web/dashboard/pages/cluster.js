// The jobs that outside clusters report, with our own beside them, in one order: GET /api/jobs. Filters in the address.
import { page, query as asQuery } from "../api.js";
import { fill, h, told, when } from "../dom.js";
import { act, problem } from "../parts/forms.js";
import { repeat } from "../parts/live.js";
import { status } from "../parts/status.js";
import { more, table } from "../parts/table.js";
import { remember } from "../router.js";
import { isAdmin } from "../session.js";
import { count, seconds } from "../words.js";

export const title = "Cluster";

const perPage = 50;
export const isOwn = (job) => job.ClusterId === "windlass";
export const placeOf = (job) => (isOwn(job) ? `#/jobs/${job.Id}` : `#/cluster/${job.Id}`);
export const time = (unixSeconds) => (unixSeconds > 0 ? new Date(unixSeconds * 1000).toISOString() : "");
export const ranFor = (job) => Math.max(0, (job.IsRunning ? Date.now() / 1000 : job.StopTime) - job.StartTime);

/** How it stands, in the signs of our own states. */
export function standing(job) {
    if (job.IsRunning) return status("running");
    return [status(job.ExitCode === 0 ? "succeeded" : "failed"), job.ExitCode !== 0 && h("span.quiet", ` exit code ${job.ExitCode}`)];
}

// "1-8", "4-", "4": as the server wants a range; nothing if it is none.
function rangeOf(text) {
    const found = /^\s*(\d+)\s*(-\s*(\d*))?\s*$/.exec(text);
    if (!found) return "";
    return found[2] === undefined ? `${found[1]},${found[1]}` : `${found[1]},${found[3]}`;
}

export default async function show(view, { query, signal }) {
    const filter = { from: "clusters", user: "", group: "", partition: "", running: "", nodes: "", tag: "", ...query };
    let jobs = [], next = null, tags = [], paused = false, extra = 0, asked = 0;
    const list = h("div.list"), failed = h("div"), marks = h("div.counters", { role: "group", "aria-label": "Filter by mark" });
    const chips = h("div.counters", { role: "group", "aria-label": "Filter by state" });

    const path = () => "/api/jobs" + asQuery({
        Source: filter.from === "all" ? "" : filter.from, UserName: filter.user, GroupName: filter.group, Partition: filter.partition, IsRunning: filter.running, NumNodes: rangeOf(filter.nodes), Tags: filter.tag, limit: String(perPage),
    });
    function setFilter(changes) {
        Object.assign(filter, changes);
        extra = 0;
        remember(filter);
        return turn();
    }
    const chip = (value, words, kind) => h(`button.counter${kind}`, {
        type: "button", "aria-pressed": String(filter.running === value), "data-key": `running-${value}`, onclick: () => setFilter({ running: value }),
    }, words);

    function draw() {
        fill(chips, chip("", "all", ""), chip("true", "running", ".s-running"), chip("false", "ended", ".s-succeeded"));
        fill(marks, tags.slice(0, 40).map((tag) => h("button.tag", {
            type: "button", "aria-pressed": String(filter.tag === String(tag.Id)), "data-key": `mark-${tag.Id}`,
            onclick: () => setFilter({ tag: filter.tag === String(tag.Id) ? "" : String(tag.Id) }),
        }, told(tag.Name, { most: 40 }))));
        const filtered = Object.entries(filter).some(([name, value]) => name !== "from" && value);
        fill(list, table("Jobs of clusters", [
            ["Job", (job) => h("a", { href: placeOf(job), "data-key": `job-${job.ClusterId}-${job.Id}` }, String(job.Id))],
            ["Cluster", (job) => (isOwn(job) ? h("span.quiet", "this server") : told(job.ClusterId, { most: 40 }))],
            ["Name", (job) => [job.JobName ? told(job.JobName, { most: 120 }) : h("span.quiet", "no name"), " ", (job.Tags ?? []).map((tag) => h("span.tag", told(tag.Name, { most: 40 })))]],
            ["State", standing],
            isAdmin() && ["User", (job) => h("button.link", { type: "button", title: "Only jobs of this user", onclick: () => setFilter({ user: job.UserName }) }, told(job.UserName, { most: 40 }))],
            ["Partition", (job) => told(job.Partition, { most: 40 })],
            ["Nodes", (job) => count(job.NumNodes), "number"],
            ["Tasks", (job) => count(job.NumTasks), "number"],
            ["GPUs", (job) => (job.GPUsPerNode ? count(job.GPUsPerNode * job.NumNodes) : "–"), "number"],
            ["Started", (job) => when(time(job.StartTime)), "tight"],
            ["Ran for", (job) => seconds(ranFor(job)), "number"],
        ].filter(Boolean), jobs, { none: filtered ? "No job fits these filters." : filter.from === "clusters" ? "No cluster has reported a job yet. Its scripts do: docs/monitoring.md, slurm/README.md." : "No job has started yet." }),
        more(next, async (from) => {
            const got = await page(from, { signal });
            jobs = jobs.concat(got.items.Jobs);
            next = got.next;
            extra += 1;
            draw();
        }));
    }

    async function load() {
        if (extra > 0) return; // who reads further down is not disturbed
        const mine = ++asked;
        try {
            const got = await page(path(), { signal });
            if (mine !== asked || signal.aborted) return;
            jobs = got.items.Jobs;
            tags = got.items.Config.Tags ?? [];
            next = got.next;
            fill(failed);
            draw();
        } catch (error) {
            if (error.name !== "AbortError") fill(failed, problem(error));
            throw error;
        }
    }
    const turn = repeat(5, load, signal, () => paused);

    const narrow = (key, label, hint = label) => {
        const input = h("input", { type: "search", value: filter[key], "aria-label": label, placeholder: hint, size: 12 });
        input.addEventListener("change", () => setFilter({ [key]: input.value.trim() }));
        return input;
    };
    const origin = h("select", { "aria-label": "Whose jobs", onchange: (event) => setFilter({ from: event.target.value }) },
        [["clusters", "of clusters"], ["windlass", "of this server"], ["all", "both"]].map(([value, words]) => h("option", { value, selected: filter.from === value }, words)));
    const pause = h("button", { type: "button", "aria-pressed": "false", onclick: () => {
        paused = !paused;
        pause.setAttribute("aria-pressed", String(paused));
        fill(pause, paused ? "Go on" : "Pause");
        if (!paused) turn();
    } }, "Pause");
    view.append(
        h("div.head", h("h1", "Cluster")),
        h("p.quiet", "Jobs that outside clusters report, by their start."),
        chips, marks,
        h("form.filters", { onsubmit: (event) => event.preventDefault() },
            origin, isAdmin() && narrow("user", "User"), narrow("group", "Group"), narrow("partition", "Partition"), narrow("nodes", "Nodes", "Nodes: 4, 2-8"),
            act("Clear filters", async () => {
                for (const input of view.querySelectorAll(".filters input")) input.value = "";
                origin.value = "clusters";
                await setFilter({ from: "clusters", user: "", group: "", partition: "", running: "", nodes: "", tag: "" });
            }), pause),
        failed, list);
    await new Promise((resolve) => {
        const seen = new MutationObserver(() => resolve());
        seen.observe(list, { childList: true });
        seen.observe(failed, { childList: true });
        signal.addEventListener("abort", resolve);
    });
}
