// The queues; for admins also who waits, who runs, and what share everybody has.
import { get, put, remove, post } from "../api.js";
import { fill, h, notice, told } from "../dom.js";
import { sure } from "../parts/dialog.js";
import { act, field, form } from "../parts/forms.js";
import { repeat } from "../parts/live.js";
import { bar, table } from "../parts/table.js";
import { isAdmin } from "../session.js";
import { count, seconds } from "../words.js";

export const title = "Queues";

export default async function show(view, { signal }) {
    const queuesBox = h("div"), shares = h("div");
    async function load() {
        const [queues, usage] = await Promise.all([get("/api/queues/", { signal }), isAdmin() ? get("/api/usage/", { signal }) : []]);
        const path = (queue) => `/api/queues/${encodeURIComponent(queue.name)}/`;
        const weights = queues.reduce((sum, one) => sum + (one.weight ?? 0), 0);
        fill(queuesBox, table("Queues", [
            ["Name", (one) => h("a", { href: `#/jobs?queue=${encodeURIComponent(one.name)}`, "data-key": `queue-${one.name}` }, told(one.name))],
            ["State", (one) => one.held && h("span.status.s-queued", "held")],
            ["What for", (one) => told(one.description, { most: 200 })],
            ["Runs at most", (one) => (one.max_running === null ? "no limit" : count(one.max_running)), "number"],
            isAdmin() && ["Share", (one) => `${Math.round((100 * one.weight) / Math.max(weights, 0.001))} % (weight ${one.weight})`, "number"],
            isAdmin() && ["Waiting", (one) => count(one.queued), "number"],
            isAdmin() && ["Running", (one) => count(one.running), "number"],
            isAdmin() && ["Actions", (one) => h("div.actions",
                act(one.held ? "Release" : "Hold", async () => {
                    await post(`${path(one)}${one.held ? "release" : "hold"}/`);
                    await load();
                }, { key: `hold-${one.name}`, label: `${one.held ? "Release" : "Hold"} ${one.name}` }),
                one.name !== "default" && act("Remove", async () => {
                    if (!(await sure("Remove this queue?", `${one.name} can be removed when no jobs of it live.`, "Remove it"))) return;
                    await remove(path(one));
                    await load();
                }, { kind: "danger", key: `remove-${one.name}`, label: `Remove ${one.name}` }))],
        ].filter(Boolean), queues));
        if (!isAdmin()) return;
        const running = usage.reduce((sum, one) => sum + one.cpus, 0);
        fill(shares, h("h2", "Who waits, who runs"), table("Accounts with jobs in the queue", [
            ["Account", (one) => h("a", { href: `#/jobs?user=${encodeURIComponent(one.username)}`, "data-key": `usage-${one.id}` }, told(one.username, { most: 60 }))],
            ["Waiting", (one) => count(one.queued), "number"], ["Running", (one) => count(one.running), "number"],
            ["Processors now", (one) => bar(one.cpus, running, `${one.cpus} (${Math.round((100 * one.cpus) / Math.max(running, 0.001))} %)`, `Processors of ${one.username}`)],
            ["Processor time today", (one) => seconds(one.cpu_s_today), "number"],
        ], usage, { none: "Nobody has jobs in the queue." }));
    }
    view.append(h("h1", "Queues"), queuesBox, shares);
    if (isAdmin()) {
        view.append(h("details", h("summary", "Make or change a queue"), form([
            field("name", { label: "Name", autocomplete: "off" }), field("weight", { label: "Weight", value: "1", inputmode: "decimal", hint: "Beside the other queues' weights." }),
            field("max_running", { label: "Runs at most", inputmode: "numeric", hint: "Empty: no limit." }), field("description", { label: "What for" }),
        ], { action: "Save the queue", submit: async (values) => {
            await put(`/api/queues/${encodeURIComponent(values.name.trim())}/`, { weight: Number(values.weight), max_running: values.max_running.trim() === "" ? null : Number(values.max_running), description: values.description });
            notice(`Queue ${values.name} is saved.`);
            await load();
        } })));
    }
    await load();
    repeat(5, load, signal);
}
