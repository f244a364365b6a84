// Recurring jobs.
import { get, newKey, post, remove } from "../api.js";
import { fill, h, notice, told, when } from "../dom.js";
import { sure } from "../parts/dialog.js";
import { act, field, form } from "../parts/forms.js";
import { table } from "../parts/table.js";

export const title = "Schedules";

export default async function show(view, { signal }) {
    const list = h("div");
    async function load() {
        const schedules = await get("/api/schedules/", { signal });
        const path = (one) => `/api/schedules/${one.id}/`;
        fill(list, table("Recurring jobs", [
            ["Name", (one) => [told(one.name, { most: 120 }), one.paused && h("span.tag", "paused")]], ["When", (one) => [h("code", told(one.cron)), " ", h("span.quiet", told(one.time_zone))]],
            ["Next", (one) => when(one.next[0], "not planned")], ["Last job", (one) => one.last_job && h("a", { href: `#/jobs/${one.last_job}` }, one.last_job)],
            ["Actions", (one) => h("div.actions",
                act("Run now", async () => {
                    const job = await post(`${path(one)}run/`, {}, { headers: { "Idempotency-Key": newKey() } });
                    notice(`Job ${job.id} is in the queue.`);
                    await load();
                }, { key: `run-${one.id}`, label: `Run ${one.name} now` }),
                act(one.paused ? "Resume" : "Pause", async () => {
                    await post(`${path(one)}${one.paused ? "resume" : "pause"}/`);
                    await load();
                }, { key: `pause-${one.id}`, label: `${one.paused ? "Resume" : "Pause"} ${one.name}` }),
                act("Remove", async () => {
                    if (!(await sure("Remove this schedule?", `“${one.name}” is not run any more; its jobs stay.`, "Remove it"))) return;
                    await remove(path(one));
                    await load();
                }, { kind: "danger", key: `remove-${one.id}`, label: `Remove ${one.name}` }))],
        ], schedules, { none: "No recurring jobs." }));
    }
    view.append(h("h1", "Schedules"), list, h("details", h("summary", "Make a recurring job"), form([
        field("name", { label: "Name" }), field("cron", { label: "When", hint: "As in crontab: 30 2 * * * is every night at half past two. Also @hourly, @daily, @weekly." }),
        field("time_zone", { label: "Time zone", value: Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC" }),
        field("running_commands", { label: "Commands", tag: "textarea", rows: 5, wide: true, spellcheck: "false" }),
        field("overlap", { label: "When the run before has not ended", tag: "select", options: [["skip", "leave it out"], ["queue", "run it behind"], ["replace", "end the one before"]] }),
        field("missed", { label: "What was missed", tag: "select", options: [["skip", "is left out"], ["once", "is run once"], ["all", "is all run"]] }),
    ], { action: "Make it", aliases: { job: "running_commands" }, submit: async ({ running_commands, ...values }, element) => {
        await post("/api/schedules/", { ...values, job: { code: "", data: "", running_commands, name: values.name } }, { headers: { "Idempotency-Key": newKey() } });
        element.reset();
        notice("The recurring job is made.");
        await load();
    } })));
    await load();
}
