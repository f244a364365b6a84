// Submitting a job: a form, an example to try, files to bring along; and a job again with changes.
import { get, newKey, post } from "../api.js";
import { add, fill, h, notice, told } from "../dom.js";
import { fault, field, form } from "../parts/forms.js";
import { go } from "../router.js";
import { bytes, bytesOf, secondsOf } from "../words.js";

export const title = "Submit a job";

const examples = {
    hello: { name: "hello", running_commands: "echo \"Hello from $(hostname)\"\nfor i in 1 2 3 4 5; do echo \"step $i\"; sleep 1; done\nmkdir -p out && echo \"step,square\" > out/squares.csv\nfor i in 1 2 3 4 5; do echo \"$i,$((i * i))\" >> out/squares.csv; done", code: "", data: "" },
    python: { name: "sum of a column", running_commands: "python3 code < data", code: "import sys\nprint(sum(float(line) for line in sys.stdin if line.strip()))\n", data: "1.5\n2.5\n38\n" },
    array: { name: "ten at once", running_commands: "echo \"member $WINDLASS_ARRAY_INDEX\"; sleep 1", code: "", data: "", array: "10" },
};

export default async function show(view, { query, signal }) {
    const from = query.from ? await get(`/api/jobs/${encodeURIComponent(query.from)}/`, { signal }) : null;
    const queues = await get("/api/queues/", { signal });
    let key = newKey(); // the same form sent twice is one job
    const brought = new Map(); // path -> File

    const given = (value) => value ?? "";
    const limits = from?.limits ?? {};
    const name = field("name", { label: "Name", value: given(from?.name), maxlength: 200, autocomplete: "off" });
    const commands = field("running_commands", { label: "Commands", tag: "textarea", rows: 6, wide: true, spellcheck: "false", value: given(from?.running_commands), hint: "For /bin/sh, in an empty directory of their own. What they write into out/ is kept." });
    const code = field("code", { label: "The file “code”", tag: "textarea", rows: 6, wide: true, spellcheck: "false", hint: from ? "Empty: as it was." : undefined });
    const data = field("data", { label: "The file “data”", tag: "textarea", rows: 4, wide: true, spellcheck: "false", hint: from ? "Empty: as it was." : undefined });
    const fields = [
        name, commands, code, data,
        field("queue", { label: "Queue", tag: "select", value: from?.queue ?? "default", options: queues.map((one) => [one.name, one.name + (one.held ? " (held)" : "")]) }),
        field("tags", { label: "Tags", value: given(from?.tags?.join(", ")), hint: "With commas between them." }),
        field("timeout_s", { label: "At most running for", value: from ? String(from.timeout_s) : "", placeholder: "1 h", hint: "As 90, 15 min, 1h30m." }),
        field("cpus", { label: "Processors", inputmode: "decimal", value: given(limits.cpus), placeholder: "1" }),
        field("memory_bytes", { label: "Memory", value: limits.memory_bytes ? bytes(limits.memory_bytes) : "", placeholder: "512 MiB" }),
        field("disk_bytes", { label: "Disk", value: limits.disk_bytes ? bytes(limits.disk_bytes) : "", placeholder: "256 MiB" }),
        field("max_attempts", { label: "Attempts", inputmode: "numeric", value: from ? String(from.max_attempts) : "", placeholder: "1" }),
        field("priority", { label: "Priority", inputmode: "numeric", value: from ? String(from.priority) : "", placeholder: "0", hint: "-100 to 100, among your own jobs." }),
        field("array", { label: "Members of an array", inputmode: "numeric", value: given(from?.array?.count), placeholder: "none" }),
        field("image", { label: "Image", value: given(from?.image), placeholder: "none", hint: "Of this site." }),
        field("network", { label: "Network", tag: "select", value: from?.network ?? "none", options: [["none", "none"], ["full", "the internet, where the site allows it"]] }),
        field("env", { label: "Environment", tag: "textarea", rows: 3, wide: true, spellcheck: "false", value: from ? Object.entries(from.env).map(([one, value]) => `${one}=${value}`).join("\n") : "", hint: "NAME=value, one on a line." }),
    ];
    const [, , , , ...options] = fields;
    for (const one of fields) one.placed = true;

    const fileList = h("ul.files");
    function drawFiles() {
        fill(fileList, [...brought].map(([path, file]) => h("li", told(path, { most: 200 }), " ", h("span.quiet", bytes(file.size)), " ",
            h("button.link", { type: "button", "aria-label": `Leave out ${path}`, onclick: () => {
                brought.delete(path);
                drawFiles();
            } }, "leave out"))));
    }
    const picker = h("input", { type: "file", multiple: true, id: "brought", onchange: () => {
        for (const file of picker.files) brought.set(file.webkitRelativePath || file.name, file);
        picker.value = "";
        drawFiles();
    } });
    const uploading = h("p.quiet", { role: "status" });

    function example(which) {
        const { array = "", ...rest } = examples[which];
        for (const one of fields) if (rest[one.name] !== undefined) one.input.value = rest[one.name];
        fields.find((one) => one.name === "array").input.value = array;
        key = newKey();
        notice("The example is in the form. Submit it as it is, or change it.");
    }

    function body(values) {
        const job = { running_commands: values.running_commands };
        if (values.running_commands.trim() === "") throw fault("running_commands", "There must be something to run.");
        const changed = (one, before) => !from || one !== before;
        if (!from || values.code !== "") job.code = values.code;
        if (!from || values.data !== "") job.data = values.data;
        if (changed(values.name, from?.name)) job.name = values.name;
        if (changed(values.queue, from?.queue)) job.queue = values.queue;
        const tags = values.tags.split(",").map((tag) => tag.trim()).filter(Boolean);
        if (tags.length > 0 || from) job.tags = tags;
        const number = (name, read, words) => {
            const text = values[name].trim();
            if (text === "") return undefined;
            const value = read(text);
            if (value === null || Number.isNaN(value)) throw fault(name, words);
            return value;
        };
        const timeout = number("timeout_s", secondsOf, "This is no length of time: 90, 15 min, 1h30m.");
        if (timeout !== undefined) job.timeout_s = timeout;
        const wanted = {
            cpus: number("cpus", Number, "This is no number."),
            memory_bytes: number("memory_bytes", bytesOf, "This is no size: 512 MiB, 2G."),
            disk_bytes: number("disk_bytes", bytesOf, "This is no size: 512 MiB, 2G."),
        };
        const set = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
        if (Object.keys(set).length > 0) job.limits = from ? { ...from.limits, ...set } : set;
        const attempts = number("max_attempts", Number, "This is no number.");
        if (attempts !== undefined) job.max_attempts = attempts;
        const priority = number("priority", Number, "This is no number.");
        if (priority !== undefined) job.priority = priority;
        const members = number("array", Number, "This is no number.");
        if (members !== undefined && (!from || members !== from.array?.count)) job.array = { count: members };
        if (values.image.trim() !== given(from?.image)) job.image = values.image.trim();
        if (changed(values.network, from?.network) && (from || values.network !== "none")) job.network = values.network;
        const env = {};
        for (const line of values.env.split("\n").filter((one) => one.trim() !== "")) {
            const at = line.indexOf("=");
            if (at < 1) throw fault("env", `“${line.slice(0, 40)}” is not NAME=value.`);
            env[line.slice(0, at).trim()] = line.slice(at + 1);
        }
        if (Object.keys(env).length > 0 || from) job.env = env;
        return job;
    }

    const element = form(fields, {
        action: from ? "Submit again" : "Submit", className: ".submit",
        aliases: { limits: "memory_bytes" },
        submit: async (values) => {
            const job = body(values);
            if (brought.size > 0) {
                const { upload } = await import("../parts/upload.js");
                job.files = { ...Object.fromEntries(Object.entries(from?.files ?? {}).map(([path, sha256]) => [path, { sha256 }])) };
                for (const [path, file] of brought) job.files[path] = await upload(file, (part) => fill(uploading, `${path}: ${Math.round(part * 100)} %`), signal);
                fill(uploading);
            }
            const made = await post(from ? `/api/jobs/${from.id}/rerun/` : "/api/jobs/submit/", job, { headers: { "Idempotency-Key": key } });
            notice(`Job ${made.id} is in the queue.`);
            go(`/jobs/${made.id}`);
        },
        extra: [
            name.box, commands.box,
            h("details", { open: Boolean(query.example) }, h("summary", "The files “code” and “data”"), code.box, data.box),
            h("div.field", h("label", { htmlFor: "brought" }, "More files"), picker, fileList, uploading),
            h("details", h("summary", "Limits and options"), h("div.columns", options.map((one) => one.box))),
        ],
    });
    element.addEventListener("input", () => { key = newKey(); });
    view.append(h("h1", from ? `Job ${from.id} again, with changes` : "Submit a job"),
        from ? "" : h("p", "Try an example: ", [["hello", "a few lines and a table"], ["python", "a program with its data"], ["array", "ten at once"]].map(([which, words]) =>
            [h("button", { type: "button", onclick: () => example(which) }, words), " "])), element);
    if (examples[query.example]) example(query.example);
}
