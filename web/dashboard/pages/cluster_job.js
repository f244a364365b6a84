// One job of an outside cluster: what it is, what was measured on its nodes (all, one, or as quantiles over them), its marks.
// While it runs it is read again; admins are told each interval as soon as it is complete.
import { get, hasToken, post, query as asQuery } from "../api.js";
import { fill, h, notice, told, when } from "../dom.js";
import { ask } from "../parts/dialog.js";
import { act } from "../parts/forms.js";
import { repeat } from "../parts/live.js";
import { charts, linesOf, worded } from "../parts/metrics.js";
import { facts, table } from "../parts/table.js";
import { isAdmin, user } from "../session.js";
import { clock, count, seconds } from "../words.js";
import { ranFor, standing, time } from "./cluster.js";

export const title = ({ id }) => `Job ${id}`;

const mostNodes = 500; // in the list to choose from

export default async function show(view, { params, signal }) {
    const path = `/api/job/${encodeURIComponent(params.id)}`;
    let chosen = ""; // a node, "" for all of them, "quantiles"
    let data = await get(path, { signal });
    let drawn = new AbortController(), redraw = 0;
    const head = h("div"), plots = h("div"), statistics = h("div"), details = h("div"), live = h("span.quiet", { role: "status" });
    const job = () => data.Metadata;

    function drawHead() {
        const nodes = job().NodeList.split("|").filter(Boolean);
        fill(head,
            h("div.head", h("h1", job().JobName ? told(job().JobName, { most: 200 }) : `Job ${job().Id}`),
                h("div.actions", act("Mark…", mark, { key: "mark" }),
                    isAdmin() && !job().IsRunning && act("Compute again", async () => {
                        await post(`/api/admin/refresh_metadata/${job().Id}`);
                        await load();
                        notice("The statistics are computed again.");
                    }, { key: "refresh" }))),
            h("p.standing", standing(job()), h("span", ` ${job().IsRunning ? "for" : "after"} ${seconds(ranFor(job()))}`),
                h("span.quiet", ` · job ${job().Id} of `, told(job().ClusterId || "a cluster", { most: 60 })), " ", live),
            (job().Tags ?? []).length > 0 && h("p", "Marked ", job().Tags.map((tag) => [h("span.tag", told(tag.Name, { most: 80 })),
                (isAdmin() || tag.CreatedBy === user().username) && act("✕", async () => {
                    await post(`/api/tags/remove_tag?job=${job().Id}`, { Id: tag.Id });
                    await load();
                }, { kind: "link", label: `Take the mark ${tag.Name} away`, key: `unmark-${tag.Id}` }), " "])));
        fill(details, h("section", h("h2", "What it is"), facts([
            ["User", told(job().UserName, { most: 80 })], ["Group", told(job().GroupName, { most: 80 })], ["Account", told(job().Account, { most: 80 })],
            ["Partition", told(job().Partition, { most: 80 })], ["Nodes", count(job().NumNodes)], ["Tasks", `${count(job().NumTasks)} (${count(job().TasksPerNode)} on a node)`],
            ["GPUs", job().GPUsPerNode ? `${count(job().GPUsPerNode)} on a node` : ""],
            ["Started", clock(time(job().StartTime))], ["Ended", job().IsRunning ? "" : clock(time(job().StopTime))],
            !job().IsRunning && ["Exit code", String(job().ExitCode)], job().TTL > 0 && !job().IsRunning && ["Kept until", when(time(job().StopTime + job().TTL))],
        ]), nodes.length > 0 && h("details", h("summary", `${count(nodes.length)} nodes`), told(nodes.join(" "), { tag: "pre" })),
        job().JobScript && h("details", h("summary", "Script"), told(job().JobScript, { tag: "pre" }))));
    }

    async function mark() {
        const name = await ask("Mark this job", "Mark", "Mark it", "One finds it again by it in the list.");
        if (!name) return;
        await post(`/api/tags/add_tag?job=${job().Id}`, { Name: name });
        await load();
    }

    function drawPlots() {
        const nodes = job().NodeList.split("|").filter(Boolean).slice(0, mostNodes);
        const choice = h("select", { "aria-label": "Which nodes", "data-key": "nodes", onchange: (event) => {
            chosen = event.target.value;
            load();
        } }, [["", "each node"], nodes.length > 1 && ["quantiles", "quartiles over the nodes"], ...nodes.map((node) => [node, node])].filter(Boolean)
            .map(([value, words]) => h("option", { value, selected: value === chosen }, words)));
        const shown = linesOf(chosen === "quantiles" ? data.QuantileData : data.MetricData);
        drawn.abort();
        drawn = new AbortController();
        fill(plots, h("section", h("div.head", h("h2", "Measured"), h("div.actions", choice)),
            shown.length === 0 ? h("p.quiet", "Nothing has been measured on its nodes in its time.")
                : [h("p.quiet", `One value for every ${seconds(data.SampleInterval)}.`), charts(shown, {}, AbortSignal.any([signal, drawn.signal]))]));
        const kept = job().Data ?? [];
        fill(statistics, kept.length > 0 && h("section", h("h2", "In short"), table("In short", [
            ["Metric", (one) => told(one.Config.DisplayName || one.Config.Measurement, { most: 80 })],
            ["Mean", (one) => `${worded(one.Config.Unit)(one.Mean)}`, "number"], ["Highest of a node", (one) => worded(one.Config.Unit)(one.Max), "number"],
            ["Unit", (one) => told(one.Config.Unit, { most: 30 })],
            ["Its level changes at", (one) => (one.ChangePoints ?? []).slice(0, 8).map((at) => h("time.exact", { title: at }, `${clock(at).slice(11)} `))],
        ], kept)));
    }

    async function load() {
        data = await get(path + asQuery({ node: chosen === "quantiles" ? "" : chosen }), { signal });
        drawHead();
        drawPlots();
    }

    // An interval that has become complete, by the WebSocket of admins: each row goes behind those that are there.
    function add(list) {
        for (const came of list) {
            const here = data.MetricData.find((one) => one.Config.GUID === came.Config.GUID);
            if (!here) continue;
            for (const [node, rows] of Object.entries(came.Data ?? {})) {
                const before = (here.Data[node] ??= []);
                before.push(...rows.filter((row) => !before.some((old) => old._time === row._time)));
            }
        }
        clearTimeout(redraw); // many messages are one drawing
        redraw = setTimeout(() => !signal.aborted && chosen === "" && drawPlots(), 200);
    }
    function listen(failures = 0) {
        if (signal.aborted || !job().IsRunning) return;
        const socket = new WebSocket(`${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/api/live/${encodeURIComponent(job().Id)}`);
        const close = () => socket.close();
        signal.addEventListener("abort", close);
        let opened = false;
        socket.onopen = () => {
            opened = true;
            fill(live, "· live");
        };
        socket.onmessage = (message) => {
            const said = JSON.parse(message.data);
            if (said.Type === 3) add(said.MetricData);
        };
        socket.onclose = () => {
            signal.removeEventListener("abort", close);
            if (signal.aborted) return;
            fill(live);
            const again = opened ? 1 : Math.min(failures + 1, 6);
            setTimeout(() => load().then(() => listen(again), () => listen(again)), 500 * 2 ** again);
        };
    }

    view.append(head, plots, statistics, details);
    drawHead();
    drawPlots();
    repeat(15, async () => {
        if (job().IsRunning) await load();
    }, signal);
    if (isAdmin() && !hasToken()) listen();
}
