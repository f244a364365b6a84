// One job: what it is, where it stands and why, what it prints, what it left.
import { ApiError, get, newKey, post, remove } from "../api.js";
import { add, fill, h, notice, told, when } from "../dom.js";
import { arrayGrid } from "../parts/array_grid.js";
import { sure } from "../parts/dialog.js";
import { files } from "../parts/files.js";
import { act } from "../parts/forms.js";
import { follow } from "../parts/job_feed.js";
import { repeat } from "../parts/live.js";
import { logView } from "../parts/log_view.js";
import { metrics } from "../parts/metrics.js";
import { status } from "../parts/status.js";
import { bar, facts, table } from "../parts/table.js";
import { timeline } from "../parts/timeline.js";
import { go } from "../router.js";
import { isAdmin, offers } from "../session.js";
import { bytes, count, endingWords, isFinal, seconds } from "../words.js";

export const title = ({ id }) => `Job ${id}`;

export default async function show(view, { params, signal }) {
    const path = `/api/jobs/${encodeURIComponent(params.id)}/`;
    let job = await get(path, { signal });
    let events = await get(`${path}events/`, { signal });
    let reading = false, again = false;

    const head = h("div");
    const why = h("div");
    const story = h("div");
    const attempts = h("div");
    const left = h("div");
    const charts = h("div");
    const details = h("div");
    const trouble = h("div");
    const log = logView();
    const isArray = Boolean(job.array);

    function drawHead() {
        const words = endingWords(job);
        fill(head,
            h("div.head", h("h1", job.name ? told(job.name, { most: 200 }) : `Job ${job.id}`),
                h("div.actions",
                    !isFinal(job.status) && act(job.cancel_requested ? "Cancelling…" : "Cancel", cancel, { kind: "danger", key: "cancel", disabled: job.cancel_requested }),
                    act("Run again", rerun, { key: "rerun" }),
                    isArray && job.array.failed + job.array.timed_out + job.array.lost > 0 && act("Run the failed again", async () => rerun(null, { only: "failed" }), { key: "rerun-failed" }),
                    h("a.button", { href: `#/submit?from=${job.id}`, "data-key": "change" }, "Run again with changes"))),
            h("p.standing", status(job.status), words && h("span", ` ${words}`), job.duration && h("span", ` ${isFinal(job.status) ? "after" : "for"} ${seconds(job.duration)}`),
                h("span.quiet", ` · job ${job.id}`),
                job.array_id && [" of ", h("a", { href: `#/jobs/${job.array_id}` }, `array ${job.array_id}`), ` (member ${job.array_index})`],
                job.rerun_of && [" · again of ", h("a", { href: `#/jobs/${job.rerun_of}` }, job.rerun_of)]));
    }

    async function cancel() {
        if (!(await sure("Cancel this job?", isArray ? "All its members end." : "Its processes are told to end, and killed if they do not.", "Cancel it"))) return;
        await remove(path);
        notice(`Job ${job.id} is told to end.`);
        await readJob();
    }
    async function rerun(_, changes = {}) {
        const made = await post(`${path}rerun/`, changes, { headers: { "Idempotency-Key": newKey() } });
        notice(`Submitted again as job ${made.id}.`);
        go(`/jobs/${made.id}`);
    }

    async function drawWhy() {
        if (!["blocked", "queued"].includes(job.status)) return fill(why);
        const said = await get(`${path}why/`, { signal });
        if (!["blocked", "queued"].includes(job.status) || !["blocked", "queued"].includes(said.status)) return fill(why);
        fill(why, h("section.box", { "aria-label": "Why it waits" }, h("h2", "Why it waits"), h("p", told(said.text)),
            facts([
                said.own_jobs_ahead > 0 && ["Your jobs before it", count(said.own_jobs_ahead)],
                said.users_ahead > 0 && ["Accounts before it", count(said.users_ahead)],
                said.waits_for.length > 0 && ["Waits for", said.waits_for.map((id) => [h("a", { href: `#/jobs/${id}` }, id), " "])],
                said.not_before && ["Not before", when(said.not_before)],
                said.estimated_start && ["Likely to start", when(said.estimated_start)],
            ])));
    }

    async function drawEnd() {
        if (isArray || job.attempt === 0) return;
        const [result, ended] = await Promise.all([isFinal(job.status) ? get(`/api/results/${job.id}/`, { signal }) : null, get(`${path}attempts/`, { signal })]);
        if (ended.length > 0) {
            fill(attempts, h("section", h("h2", ended.length === 1 ? "How it ended" : "Attempts"), table("Attempts", [
                ["Attempt", (one) => one.attempt, "number"], ["Ended", (one) => when(one.ended)],
                ["How", (one) => [endingWords(one), one.detail && [": ", told(one.detail, { most: 300 })]]],
                ["Worker", (one) => told(one.worker ?? "–")], ["Ran for", (one) => seconds(one.usage.wall_s), "number"],
                ["Processor time", (one) => seconds(one.usage.cpu_s), "number"], ["Most memory", (one) => bytes(one.usage.peak_memory_bytes), "number"],
                ["Read, written", (one) => `${bytes(one.usage.read_bytes)}, ${bytes(one.usage.written_bytes)}`, "number"],
            ], ended), usage(ended.at(-1).usage)));
        }
        if (result) fill(left, files(job, result.results, signal));
    }
    function usage(used) {
        const wall = Math.max(0.001, used.wall_s);
        return h("div.meters",
            bar(used.peak_memory_bytes, job.limits.memory_bytes, `${bytes(used.peak_memory_bytes)} of ${bytes(job.limits.memory_bytes)} memory`, "Memory"),
            bar(used.cpu_s / wall, job.limits.cpus, `${(used.cpu_s / wall).toFixed(2)} of ${job.limits.cpus} processors`, "Processors"),
            bar(used.wall_s, job.timeout_s, `${seconds(used.wall_s)} of ${seconds(job.timeout_s)} time`, "Time"));
    }

    function drawDetails() {
        const limits = job.limits;
        fill(details, h("section", h("h2", "What it is"),
            h("h3", "Commands"), told(job.running_commands, { tag: "pre" }),
            Object.keys(job.env).length > 0 && [h("h3", "Environment"), h("ul.plain", Object.entries(job.env).map(([name, value]) => h("li", h("code", told(`${name}=${value}`, { most: 300 })))))],
            facts([
                isAdmin() && ["Owner", h("a", { href: `#/users/${job.owner}` }, `account ${job.owner}`)],
                ["Queue", told(job.queue)], ["Priority", String(job.priority)],
                job.tags.length > 0 && ["Tags", job.tags.map((tag) => h("a.tag", { href: `#/jobs?tag=${encodeURIComponent(tag)}` }, told(tag)))],
                ["Attempts", `${job.attempt} of at most ${job.max_attempts}${job.attempts_lost ? `, ${job.attempts_lost} lost` : ""}`],
                ["Time", seconds(job.timeout_s)], ["Processors", String(limits.cpus)], ["Memory", bytes(limits.memory_bytes)], ["Disk", bytes(limits.disk_bytes)],
                ["Processes", count(limits.processes)], ["Output", bytes(limits.output_bytes)], ["Network", job.network],
                job.image && ["Image", told(job.image)],
                job.requires && ["Needs", told(Object.entries(job.requires).map(([name, value]) => `${name}=${value}`).join(", "))],
                job.resources && ["Resources", told(Object.entries(job.resources).map(([name, value]) => `${value} ${name}`).join(", "))],
                job.deadline && ["Deadline", when(job.deadline)],
                job.files && ["Input files", h("ul.plain", Object.entries(job.files).map(([name]) => h("li", told(name, { most: 300 }))))],
                job.outputs && ["Keeps", told(job.outputs.join(", "), { most: 300 })],
                job.after && ["After", job.after.map((one) => [h("a", { href: `#/jobs/${one.job}` }, one.job), ` (${one.when}) `])],
            ])));
    }

    function draw() {
        drawHead();
        drawDetails();
        fill(story, timeline(events));
    }

    // Many events at once are one reading, and one more for what came while it was done.
    async function readJob() {
        if (signal.aborted) return;
        if (reading) {
            again = true;
            return;
        }
        reading = true;
        try {
            do {
                again = false;
                job = await get(path, { signal });
                draw();
                await Promise.all([drawWhy(), drawEnd()]);
            } while (again && !signal.aborted);
        } finally {
            reading = false;
        }
    }

    if (isArray) {
        view.append(head, why, arrayGrid(job, signal), story, details);
        draw();
        await drawWhy();
        repeat(3, async () => {
            if (isFinal(job.status)) return;
            events = await get(`${path}events/`, { signal });
            await readJob();
        }, signal);
        return;
    }

    view.append(head, trouble, why, story, h("section", h("h2", "Output"), log.element, h("p.quiet", h("button.link", { type: "button", onclick: () => save("stdout") }, "Save stdout"), " · ", h("button.link", { type: "button", onclick: () => save("stderr") }, "Save stderr"))), left, charts, attempts, details);
    async function save(stream) {
        const { download } = await import("../parts/files.js");
        await download(`${path}log/?stream=${stream}`, `job-${job.id}.${stream}.txt`);
    }
    draw();
    await Promise.all([drawWhy(), drawEnd()]);
    if (offers("job metrics")) metrics(job, charts, signal, () => !isFinal(job.status));
    follow(job.id, {
        event(event) {
            fill(trouble);
            if (events.some((one) => one.seq === event.seq)) return;
            events = [...events, event].sort((a, b) => a.seq - b.seq);
            job = { ...job, status: event.status, attempt: event.attempt };
            draw();
            readJob();
        },
        log: (piece) => {
            fill(trouble);
            log.append(piece.text, piece.stream, piece.attempt);
        },
        end: () => readJob(),
        trouble(lasting) {
            if (!lasting) return;
            fill(trouble, h("p.problem", "The connection to the server is gone. It is tried again; nothing is missed."));
            // A session that has ended looks like a lost connection here: an ordinary request finds out, and asks.
            get(path, { signal }).catch((error) => {
                if (!(error instanceof ApiError) && error.name !== "AbortError") throw error;
            });
        },
    }, signal);
    // What moves while nothing happens: the running time, the reason for waiting.
    repeat(5, async () => {
        if (!isFinal(job.status)) await readJob();
    }, signal);
}
