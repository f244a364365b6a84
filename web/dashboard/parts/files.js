// What a job left: pictures and tables are shown, the rest is for saving. A file comes as a download, never as a page: what
// it is said to be decides nothing, and what is shown is a picture that the browser decodes or text.
import { send } from "../api.js";
import { fill, h, told } from "../dom.js";
import { bytes } from "../words.js";
import { act } from "./forms.js";
import { show as dialog } from "./dialog.js";

const pictures = { png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp" };
const mostOfPicture = 20 * 1024 * 1024;
const mostOfText = 2 * 1024 * 1024;
const mostRows = 500;

const ending = (path) => /\.([a-z0-9]+)$/i.exec(path)?.[1].toLowerCase() ?? "";

export async function download(path, name) {
    const blob = await (await send("GET", path)).blob();
    const address = URL.createObjectURL(blob);
    const link = h("a", { href: address });
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
}

function fields(line, separator) {
    const out = [];
    let rest = line;
    while (rest !== null) {
        const quoted = /^"((?:[^"]|"")*)"/.exec(rest);
        if (quoted && (rest.length === quoted[0].length || rest[quoted[0].length] === separator)) {
            out.push(quoted[1].replaceAll('""', '"'));
            rest = rest.length > quoted[0].length ? rest.slice(quoted[0].length + 1) : null;
        } else {
            const end = rest.indexOf(separator);
            out.push(end < 0 ? rest : rest.slice(0, end));
            rest = end < 0 ? null : rest.slice(end + 1);
        }
    }
    return out;
}

function asTable(text, separator) {
    const lines = text.split(/\r?\n/).filter((line) => line !== "");
    const [heading = [], ...rows] = lines.slice(0, mostRows + 1).map((line) => fields(line.slice(0, 20000), separator).slice(0, 50));
    return [h("div.table-box", { tabindex: "0", role: "region", "aria-label": "Table" }, h("table.plain", h("thead", h("tr", heading.map((one) => h("th", { scope: "col" }, told(one, { most: 200 }))))),
        h("tbody", rows.map((row) => h("tr", row.map((one) => h("td", told(one, { most: 200 })))))))),
        lines.length > mostRows + 1 && h("p.quiet", `The first ${mostRows} of ${lines.length - 1} rows.`)];
}

export function files(job, results, signal) {
    const left = results.files ?? [];
    const address = (file) => `/api/results/${job.id}/files/${file.path.split("/").map(encodeURIComponent).join("/")}`;
    const kind = (file) => {
        if (file.stored === false) return "";
        if (pictures[ending(file.path)] && file.size <= mostOfPicture) return "picture";
        if (["csv", "tsv"].includes(ending(file.path)) && file.size <= mostOfText) return "table";
        if (["txt", "log", "json", "md", "yaml", "yml", "toml", "xml", "svg", "html", "py", "sh", "c", "cpp", "h"].includes(ending(file.path)) && file.size <= mostOfText) return "text";
        return "";
    };
    async function read(file) {
        return (await send("GET", address(file), { signal })).text();
    }
    async function picture(file) {
        const whole = await (await send("GET", address(file), { signal })).arrayBuffer();
        const shown = URL.createObjectURL(new Blob([whole], { type: pictures[ending(file.path)] }));
        signal.addEventListener("abort", () => URL.revokeObjectURL(shown));
        const image = h("img", { src: shown, alt: `Picture ${file.path}` });
        const box = h("figure", image, h("figcaption", told(file.path, { most: 200 })));
        image.addEventListener("error", () => fill(box, h("p.quiet", "This is no picture: ", told(file.path, { most: 200 }))));
        return box;
    }
    const gallery = h("div.gallery");
    const shownAtOnce = left.filter((file) => kind(file) === "picture").slice(0, 6);
    Promise.all(shownAtOnce.map(picture)).then((all) => fill(gallery, all)).catch(() => {});
    const open = {
        picture: async (file) => dialog(file.path.slice(0, 100), () => h("div", { "aria-busy": "false" }), {}),
        table: async (file) => {
            const text = await read(file);
            await dialog(file.path.slice(0, 100), () => asTable(text, ending(file.path) === "tsv" ? "\t" : ","), { className: ".wide" });
        },
        text: async (file) => {
            const text = await read(file);
            await dialog(file.path.slice(0, 100), () => told(text, { tag: "pre", most: 100000 }), { className: ".wide" });
        },
    };
    open.picture = async (file) => {
        const shown = await picture(file);
        await dialog(file.path.slice(0, 100), () => shown, { className: ".wide" });
    };
    return [
        results.value !== undefined && h("section", h("h2", "Result"), told(JSON.stringify(results.value, null, 2), { tag: "pre" })),
        left.length > 0 && h("section", h("h2", "Files"), gallery,
            h("ul.files", left.map((file) => h("li", told(file.path, { most: 300 }), " ", h("span.quiet", bytes(file.size)), " ",
                kind(file) && act("Show", async () => open[kind(file)](file), { label: `Show ${file.path.slice(0, 200)}` }), " ",
                file.stored === false ? h("span.quiet", "too large to keep") : act("Save", async () => download(address(file), file.path.split("/").at(-1)), { label: `Save ${file.path.slice(0, 200)}` })))),
            results.files_truncated && h("p.quiet", "There were more files than are kept.")),
    ];
}
