// Courses: launch one, see where it stands, open it; and making them.
import { get, post, remove } from "../api.js";
import { fill, h, notice, told } from "../dom.js";
import { sure } from "../parts/dialog.js";
import { act, field, form } from "../parts/forms.js";
import { repeat } from "../parts/live.js";
import { user } from "../session.js";

export const title = "Courses";

const signs = { Created: "s-queued", Pending: "s-starting", Ready: "s-succeeded" };

export default async function show(view, { signal }) {
    const me = encodeURIComponent(user().username);
    const running = h("div.cards"), courses = h("div.cards");
    async function load() {
        const [mine, launched] = await Promise.all([get(`/v1/course/${me}`, { signal }), get(`/v1/job/${me}`, { signal })]);
        fill(running, launched.jobs.length === 0 && h("p.quiet", "Nothing is launched."), launched.jobs.map((job) => h("section.card", h("h3", told(job.course_name, { most: 120 })),
            h("p", h(`span.status.${signs[job.status] ?? "s-unknown"}`, job.status), " ", told(job.image, { most: 120 })),
            h("div.actions", job.status === "Ready" && h("a.button.primary", { href: `/v1/service/${job.job_id}/`, target: "_blank", rel: "noopener", "data-key": `open-${job.job_id}` }, "Open"),
                h("a.button", { href: `#/jobs/${job.job_id}`, "data-key": `job-${job.job_id}` }, "Job"),
                act("End", async () => {
                    if (!(await sure("End it?", "What is not saved elsewhere is gone.", "End it"))) return;
                    notice((await remove(`/v1/job/${me}/${job.job_id}`)).message);
                    await load();
                }, { kind: "danger", key: `end-${job.job_id}`, label: `End ${job.course_name}` })))));
        fill(courses, mine.courses.length === 0 && h("p.quiet", "No courses yet."), mine.courses.map((course) => h("section.card", h("h3", told(course.course_name, { most: 120 })),
            h("p", told(course.image, { most: 120 })), (course.dataset ?? []).length > 0 && h("p", course.dataset.map((one) => h("span.tag", told(one, { most: 80 })))),
            h("div.actions", act("Launch", async () => {
                notice((await post(`/v1/course/${me}`, { course_id: course.course_id })).message);
                await load();
            }, { kind: "primary", key: `launch-${course.course_id}`, label: `Launch ${course.course_name}` }),
            act("Remove", async () => {
                if (!(await sure("Remove this course?", "What was launched of it ends.", "Remove it"))) return;
                notice((await remove(`/v1/course/${me}/${course.course_id}`)).message);
                await load();
            }, { kind: "danger", key: `remove-${course.course_id}`, label: `Remove ${course.course_name}` })))));
    }
    const offered = async (path) => (await get(path, { signal })) ?? [];
    const listOf = (answer) => (Array.isArray(answer) ? answer : answer.images ?? answer.datasets ?? []);
    const [images, datasets] = (await Promise.all([offered("/v1/images/"), offered("/v1/datasets/")])).map(listOf);
    view.append(h("h1", "Courses"), h("h2", "Launched"), running, h("h2", "Courses"), courses, h("details", h("summary", "Make a course"), form([
        field("course_name", { label: "Name" }), field("image", { label: "Image", tag: "select", options: images.map((one) => [one.value, one.label]) }),
        field("description", { label: "Description", tag: "textarea", rows: 4 }),
        field("dataset", { label: "Data sets", tag: "select", multiple: true, options: datasets.map((one) => [one.value, one.label]) }),
    ], { action: "Make the course", submit: async (values, element) => {
        const chosen = [...element.querySelector("[name=dataset]").selectedOptions].map((one) => one.value);
        notice((await post(`/v1/course/${me}`, { course_name: values.course_name, image: values.image, description: values.description, dataset: chosen })).message);
        element.reset();
        await load();
    } })));
    await load();
    repeat(3, load, signal);
}
