// The machines: what they have, what of it is used, what runs on them; drain, resume, forget.
import { get, post } from "../api.js";
import { fill, h, notice, told, when } from "../dom.js";
import { sure } from "../parts/dialog.js";
import { act } from "../parts/forms.js";
import { repeat } from "../parts/live.js";
import { bar } from "../parts/table.js";
import { bytes } from "../words.js";

export const title = "Workers";

export default async function show(view, { signal }) {
    const cards = h("div.cards");
    async function load() {
        const workers = await get("/api/workers/", { signal });
        const tell = (worker, what) => async () => {
            await post(`/api/workers/${encodeURIComponent(worker.name)}/${what}/`);
            notice(`${worker.name}: ${what} is done.`);
            await load();
        };
        fill(cards, workers.length === 0 && h("p.quiet", "No worker has ever connected."), workers.map((worker) => h("section.card",
            h("h2", told(worker.name, { most: 60 })),
            h("p", worker.connected ? h("span.status.s-succeeded", "connected") : h("span.status.s-failed", "away"), " ", worker.draining && h("span.status.s-queued", "draining"), " ",
                h("span.quiet", "version ", told(worker.software, { most: 40 }), worker.connected_since && [", since ", when(worker.connected_since)])),
            bar(worker.cpus_used, worker.cpus, `${worker.cpus_used} of ${worker.cpus} processors given out`, "Processors"),
            bar(worker.memory_bytes_used, worker.memory_bytes, `${bytes(worker.memory_bytes_used)} of ${bytes(worker.memory_bytes)} memory given out`, "Memory"),
            Object.keys(worker.labels).length > 0 && h("p", Object.entries(worker.labels).map(([label, value]) => h("span.tag", told(`${label}=${value}`, { most: 80 })))),
            Object.keys(worker.resources).length > 0 && h("p", Object.entries(worker.resources).map(([name, amount]) => h("span.tag", told(`${amount} ${name}`, { most: 80 })))),
            h("p", worker.attempts.length === 0 ? "Nothing runs on it." : ["Runs ", worker.attempts.slice(0, 20).map((one) => [h("a", { href: `#/jobs/${one.job}`, "data-key": `${worker.name}-${one.job}` }, one.job), " "]), worker.attempts.length > 20 && `and ${worker.attempts.length - 20} more`]),
            h("div.actions",
                worker.draining ? act("Resume", tell(worker, "resume"), { key: `resume-${worker.name}`, label: `Resume ${worker.name}` })
                    : act("Drain", tell(worker, "drain"), { key: `drain-${worker.name}`, label: `Drain ${worker.name}` }),
                !worker.connected && act("Forget", async () => {
                    if (await sure("Forget this worker?", `${worker.name} counts as dead then: what it had is lost and runs elsewhere. It may come back later.`, "Forget it")) await tell(worker, "forget")();
                }, { kind: "danger", key: `forget-${worker.name}`, label: `Forget ${worker.name}` })))));
    }
    view.append(h("h1", "Workers"), cards);
    await load();
    repeat(3, load, signal);
}
