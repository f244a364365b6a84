// Courses: launch one, see where it stands, open it; for teachers making them, and classes that they are given to.
import { get, newKey, post, put, remove } from "../api.js";
import { fill, h, notice, told } from "../dom.js";
import { sure } from "../parts/dialog.js";
import { act, field, form } from "../parts/forms.js";
import { repeat } from "../parts/live.js";
import { isAdmin, user } from "../session.js";

export const title = "Courses";

const signs = { Created: "s-queued", Pending: "s-starting", Ready: "s-succeeded" };

export default async function show(view, { signal }) {
    const name = user().username, me = encodeURIComponent(name);
    const running = h("div.cards"), courses = h("div.cards"), classes = h("div.cards"), teaching = h("div"), teachers = h("div");
    let mine = [], groups = [];
    const opened = new Map();  // what shows its classes or members, by its key: how it is filled again

    async function load() {
        const [known, launched, all] = await Promise.all([get(`/v1/course/${me}/`, { signal }), get(`/v1/job/${me}/`, { signal }), get("/v1/class/", { signal })]);
        mine = known.courses;
        groups = all.classes;
        const wasOpened = [...opened.keys()];
        opened.clear();
        openers.clear();
        fill(running, launched.jobs.length === 0 && h("p.quiet", "Nothing is launched."), launched.jobs.map(deployment));
        fill(courses, mine.length === 0 && h("p.quiet", "No courses yet. A teacher gives them to a class that you are in."), mine.map(course));
        fill(classes, groups.length === 0 && h("p.quiet", "No classes."), groups.map(group));
        await Promise.all(wasOpened.map((key) => openers.get(key)?.()));
    }
    const openers = new Map();
    // A button that shows what `show` puts below it, also after the page was filled anew.
    function opener(words, { key, label, show: fillPlace }) {
        const open = async () => {
            await fillPlace();
            opened.set(key, open);
        };
        openers.set(key, open);
        return act(words, open, { key, label });
    }
    const change = async (group, path, how) => {
        notice((await how(`/v1/class/${group.class_id}/${path}/`, {})).message);
        await load();
    };

    function deployment(job) {
        return h("section.card", h("h3", told(job.course_name, { most: 120 })),
            h("p", h(`span.status.${signs[job.status] ?? "s-unknown"}`, job.status), " ", told(job.image, { most: 120 })),
            h("div.actions",
                job.status === "Ready" && h("a.button.primary", { href: `/v1/service/${job.job_id}/`, target: "_blank", rel: "noopener", "data-key": `open-${job.job_id}` }, "Open"),
                h("a.button", { href: `#/jobs/${job.job_id}`, "data-key": `job-${job.job_id}` }, "Where it stands"),
                act("End", async () => {
                    if (!(await sure("End it?", "What is not saved elsewhere is gone.", "End it"))) return;
                    notice((await remove(`/v1/job/${me}/${job.job_id}/`)).message);
                    await load();
                }, { kind: "danger", key: `end-${job.job_id}`, label: `End ${job.course_name}` })));
    }

    function course(one) {
        const own = groups.filter((group) => group.own || isAdmin()), place = h("div");
        const given = own.filter((group) => group.courses.includes(one.course_id)), rest = own.filter((group) => !given.includes(group));
        const path = `course/${one.course_id}`;
        const open = () => fill(place,
            h("h4", "Classes that see it"), given.length === 0 && h("p.quiet", "None yet."),
            h("ul.plain", given.map((group) => h("li", told(group.name, { most: 80 }), " ", act("take away", () => change(group, path, remove), { kind: "link", label: `Take ${one.course_name} away from ${group.name}` })))),
            h("div.actions", rest.map((group) => act(`Give to ${group.name.slice(0, 60)}`, () => change(group, path, put), { key: `give-${one.course_id}-${group.class_id}`, label: `Give ${one.course_name} to ${group.name}` }))));
        return h("section.card", h("h3", told(one.course_name, { most: 120 })),
            h("p", told(one.image, { most: 120 }), " ", (one.dataset ?? []).map((set) => h("span.tag", told(set, { most: 80 })))),
            h("div.actions",
                act("Launch", async () => {
                    notice((await post("/v1/job/launch/", { user: name, course_id: one.course_id }, { headers: { "Idempotency-Key": newKey() } })).message);
                    await load();
                }, { kind: "primary", key: `launch-${one.course_id}`, label: `Launch ${one.course_name}` }),
                own.length > 0 && opener("Classes", { key: `classes-${one.course_id}`, label: `Classes that see ${one.course_name}`, show: open }),
                act("Remove", async () => {
                    if (!(await sure("Remove this course?", "What was launched of it ends. Only its teacher may.", "Remove it"))) return;
                    notice((await remove(`/v1/course/${me}/${one.course_id}/`)).message);
                    await load();
                }, { kind: "danger", key: `remove-${one.course_id}`, label: `Remove ${one.course_name}` })), place);
    }

    function group(one) {
        const given = mine.filter((known) => one.courses.includes(known.course_id)), rest = mine.filter((known) => !one.courses.includes(known.course_id));
        const place = h("div");
        async function open() {
            const { members } = await get(`/v1/class/${one.class_id}/member/`, { signal });
            fill(place,
                h("h4", "Members"), members.length === 0 && h("p.quiet", "None yet."),
                h("ul.plain", members.map((member) => h("li", told(member, { most: 80 }), " ", act("take out", () => change(one, `member/${encodeURIComponent(member)}`, remove), { kind: "link", label: `Take ${member} out of ${one.name}` })))),
                form([field("member", { label: "Username", autocomplete: "off" })], { action: "Put into the class", submit: (values) => change(one, `member/${encodeURIComponent(values.member.trim())}`, put) }),
                h("h4", "Courses"), given.map((known) => h("p", told(known.course_name, { most: 80 }), " ", act("take away", () => change(one, `course/${known.course_id}`, remove), { kind: "link", label: `Take ${known.course_name} out of ${one.name}` }))),
                rest.map((known) => act(`Give ${known.course_name.slice(0, 60)}`, () => change(one, `course/${known.course_id}`, put), { label: `Give ${known.course_name} to class ${one.name}` })));
        }
        return h("section.card", h("h3", told(one.name, { most: 120 })), h("p.quiet", `${one.members} members, ${one.courses.length} courses`),
            (one.own || isAdmin()) && h("div.actions", opener("Members and courses", { key: `class-${one.class_id}`, label: `Members and courses of ${one.name}`, show: open }), act("Remove", async () => {
                if (!(await sure("Remove this class?", "Its members see its courses no more; what they launched runs on.", "Remove it"))) return;
                notice((await remove(`/v1/class/${one.class_id}/`)).message);
                await load();
            }, { kind: "danger", key: `unclass-${one.class_id}`, label: `Remove class ${one.name}` })), place);
    }

    // What this site offers, where it says so.
    const offered = (path, key) => get(path, { signal }).then((answer) => (Array.isArray(answer) ? answer : answer[key] ?? []), (error) => {
        if (error.name === "AbortError") throw error;
        return [];
    });
    async function offerMaking() {
        const [images, datasets] = await Promise.all([offered("/v1/images/", "images"), offered("/v1/datasets/", "datasets")]);
        fill(teaching, h("datalist", { id: "site-images" }, images.map((one) => h("option", { value: one.value }, one.label))), form([
            field("course_name", { label: "Name" }), field("image", { label: "Image", list: "site-images", autocomplete: "off", hint: "One of this site." }),
            field("dataset", { label: "Data sets", hint: `With commas between them${datasets.length > 0 ? `: ${datasets.slice(0, 20).map((one) => one.value).join(", ")}` : ""}.` }),
            field("command", { label: "Command", hint: "Empty: what the image starts by itself." }), field("port", { label: "Port", inputmode: "numeric", placeholder: "8080" }),
            field("description", { label: "Description", tag: "textarea", rows: 3 }),
        ], { action: "Make the course", submit: async (values, element) => {
            const made = { course_name: values.course_name, image: values.image.trim(), description: values.description, dataset: values.dataset.split(",").map((one) => one.trim()).filter(Boolean) };
            if (values.command.trim() !== "") made.command = values.command;
            if (values.port.trim() !== "") made.port = Number(values.port);
            notice((await post(`/v1/course/${me}/`, made, { headers: { "Idempotency-Key": newKey() } })).message);
            element.reset();
            await load();
        } }), form([field("name", { label: "Name of a class" })], { action: "Make the class", submit: async (values, element) => {
            notice((await post("/v1/class/", values, { headers: { "Idempotency-Key": newKey() } })).message);
            element.reset();
            await load();
        } }));
    }
    async function loadTeachers() {
        const { teachers: all } = await get("/v1/teacher/", { signal });
        fill(teachers, h("h2", "Teachers"), h("ul.plain", all.map((one) => h("li", told(one, { most: 80 }), " ", act("is none any more", async () => {
            notice((await remove(`/v1/teacher/${encodeURIComponent(one)}/`)).message);
            await loadTeachers();
        }, { kind: "link", label: `${one} is no teacher any more` })))), form([field("teacher", { label: "Username", autocomplete: "off" })], { action: "Make a teacher", submit: async (values) => {
            notice((await put(`/v1/teacher/${encodeURIComponent(values.teacher.trim())}/`, {})).message);
            await loadTeachers();
        } }));
    }

    const making = h("details", { ontoggle: () => making.open && teaching.childElementCount === 0 && offerMaking() }, h("summary", "Teach: make a course or a class"), teaching);
    view.append(h("h1", "Courses"), h("h2", "Launched"), running, h("h2", "To launch"), courses, h("h2", "Classes"), classes, making, teachers);
    await load();
    if (isAdmin()) await loadTeachers();
    // Where the launched ones stand changes by itself; the rest when somebody does something.
    repeat(3, async () => {
        const launched = await get(`/v1/job/${me}/`, { signal });
        fill(running, launched.jobs.length === 0 && h("p.quiet", "Nothing is launched."), launched.jobs.map(deployment));
    }, signal);
}
