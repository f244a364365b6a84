// Metrics, partitions and categories of the monitoring, and the roles by name, for admins.
import { get, patch } from "../api.js";
import { fill, h, notice, told } from "../dom.js";
import { fault, field, form } from "../parts/forms.js";
import { table } from "../parts/table.js";

export const title = "Metrics";

export default async function show(view, { signal }) {
    let config = await get("/api/config", { signal });
    const list = h("div");
    const text = field("config", { label: "As JSON", tag: "textarea", rows: 18, wide: true, spellcheck: "false" });
    function draw() {
        fill(list, table("Metrics", [
            ["Name", (one) => told(one.DisplayName, { most: 80 })], ["Measurement", (one) => h("code", told(one.Measurement, { most: 80 }))], ["Of", (one) => told(one.Type)],
            ["Unit", (one) => told(one.Unit)], ["Every", (one) => told(one.SampleInterval)], ["Categories", (one) => told((one.Categories ?? []).join(", "), { most: 100 })],
        ], config.Metrics ?? []), h("h2", "Partitions"), table("Partitions", [
            ["Name", ([name]) => told(name)], ["Longest job", ([, one]) => `${one.MaxTime} s`, "number"], ["Metrics", ([, one]) => String((one.Metrics ?? []).length), "number"],
        ], Object.entries(config.Partitions ?? {})));
        text.input.value = JSON.stringify(config, null, 2);
    }
    draw();
    view.append(h("h1", "Metrics"), list, h("details", h("summary", "Change"), form([text], { action: "Save", submit: async (values) => {
        let wanted;
        try {
            wanted = JSON.parse(values.config);
        } catch (error) {
            throw fault("config", `This is no JSON: ${error.message}`);
        }
        config = await patch("/api/config/update", wanted);
        draw();
        notice("The configuration holds from now on.");
    } })));
}
