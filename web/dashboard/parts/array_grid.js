// The members of an array as a grid of squares, a page at a time.
import { page } from "../api.js";
import { fill, h } from "../dom.js";
import { count, isFinal, statusWords, statuses } from "../words.js";
import { repeat } from "./live.js";

const perPage = 1000;

export function arrayGrid(job, signal) {
    const path = `/api/jobs/${job.id}/members/`;
    const grid = h("div.grid", { role: "group", "aria-label": "Members" });
    const pager = h("div.actions");
    const totals = h("p");
    let members = [], at = [""], next = null, state = "", turned = 0, before = "";

    const filter = h("select", { "aria-label": "Only members that are", onchange: () => {
        state = filter.value;
        at = [""];
        turn();
    } }, h("option", { value: "" }, "all members"), statuses.map((one) => h("option", { value: one }, statusWords[one])));

    async function load() {
        const from = at.at(-1) || `${path}?limit=${perPage}${state ? `&status=${state}` : ""}`;
        const got = await page(from, { signal });
        members = got.items;
        next = got.next;
        fill(grid, members.map((one) => h(`a.cell.s-${one.status}`, {
            href: `#/jobs/${one.id}`, title: `${one.index}: ${statusWords[one.status]}`,
            "aria-label": `Member ${one.index}, ${statusWords[one.status]}`, "data-key": `member-${one.id}`,
        }, members.length <= 400 ? String(one.index) : null)));
        fill(totals, members.length === 0 ? "No members here." : `Members ${count(members[0].index)} to ${count(members.at(-1).index)} of ${count(job.array.count)}`);
        fill(pager, at.length > 1 && h("button", { type: "button", "data-key": "back", onclick: () => {
            at.pop();
            turn();
        } }, "Before"), next && h("button", { type: "button", "data-key": "on", onclick: () => {
            at.push(next);
            turn();
        } }, "Behind"));
    }
    const turn = repeat(5, async () => {
        if (members.length > 0 && members.every((one) => isFinal(one.status)) && at.length === turned && state === before) return;
        turned = at.length;
        before = state;
        await load();
    }, signal);
    const array = job.array;
    return h("section", h("h2", `Array of ${count(array.count)}`),
        h("p", statuses.filter((one) => array[one] > 0).map((one) => h(`span.counter.s-${one}`, h("b", count(array[one])), ` ${statusWords[one]}`))),
        h("div.log-tools", filter, totals), grid, pager);
}
