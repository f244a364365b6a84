// A quota in a form: empty is no limit.
import { bytesOf, secondsOf } from "../words.js";
import { fault, field } from "./forms.js";

export function quotaFields(quota) {
    const given = (value, words = String) => (value === null || value === undefined ? "" : words(value));
    return [
        field("queued", { label: "Jobs waiting", inputmode: "numeric", value: given(quota.queued), placeholder: "no limit" }),
        field("running", { label: "Jobs running", inputmode: "numeric", value: given(quota.running), placeholder: "no limit" }),
        field("cpu_s_per_day", { label: "Processor time a day", value: given(quota.cpu_s_per_day, (value) => `${value}s`), placeholder: "no limit", hint: "As 90, 15 min, 10h." }),
        field("stored_bytes", { label: "Stored files", value: given(quota.stored_bytes, (value) => `${value}`), placeholder: "no limit", hint: "As 512 MiB, 20G." }),
    ];
}

export function quotaOf(values) {
    const read = (name, how) => {
        if (values[name].trim() === "") return null;
        const value = how(values[name]);
        if (value === null || !Number.isFinite(value)) throw fault(name, "This cannot be read.");
        return value;
    };
    return { queued: read("queued", Number), running: read("running", Number), cpu_s_per_day: read("cpu_s_per_day", (text) => (secondsOf(text) === null ? null : Math.round(secondsOf(text)))), stored_bytes: read("stored_bytes", bytesOf) };
}
