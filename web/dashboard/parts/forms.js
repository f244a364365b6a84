// Forms: labelled fields, what is wrong with them beside them, and what went wrong above them.
import { add, fill, h, told } from "../dom.js";

/** What went wrong, in the server's words. */
export function problem(error) {
    const hint = error.status === 0 ? "" : error.status === 429 && error.retryAfter ? ` Try again in ${error.retryAfter} s.` : "";
    return h("div.problem", { role: "alert" },
        h("p", told(error.message), hint),
        (error.fields ?? []).length > 1 && h("ul", error.fields.map((one) => h("li", one.field && h("code", one.field), " ", told(one.words)))),
        error.requestId && h("p.quiet", "Request ", h("code", error.requestId)));
}

let made = 0;

/** An input with its label. options: label, hint, and attributes of the input; tag: input, textarea or select (options: [[value, words]]). */
export function field(name, { label, hint, tag = "input", options, wide = false, ...attributes }) {
    const id = `f${++made}-${name}`;
    const hintId = hint ? `${id}-hint` : undefined;
    const input = h(tag, { id, name, "aria-describedby": [hintId, `${id}-bad`].filter(Boolean).join(" "), ...attributes },
        options?.map(([value, words]) => h("option", { value, selected: String(value) === String(attributes.value ?? "") }, words)));
    const bad = h("p.bad-field", { id: `${id}-bad` });
    const box = attributes.type === "checkbox"
        ? h("div.field.check", h("label", { htmlFor: id }, input, " ", label), hint && h("p.hint", { id: hintId }, hint), bad)
        : h(`div.field${wide ? ".wide" : ""}`, h("label", { htmlFor: id }, label), input, hint && h("p.hint", { id: hintId }, hint), bad);
    return { name, input, box, bad, get value() { return input.type === "checkbox" ? input.checked : input.value; } };
}

/**
 * A form of fields. submit(values) is called with their values by name; what it throws is shown above the form and at
 * the fields that it names. While it runs the button waits.
 */
export function form(fields, { action, submit, className = "", extra = null, aliases = {} }) {
    const said = h("div.said");
    const button = h("button.primary", { type: "submit" }, action);
    const element = h(`form${className}`, {
        novalidate: true,
        onsubmit: async (event) => {
            event.preventDefault();
            if (button.disabled) return;
            button.disabled = true;
            fill(said);
            for (const one of fields) {
                one.input.removeAttribute("aria-invalid");
                fill(one.bad);
            }
            try {
                const values = Object.fromEntries(fields.map((one) => [one.name, one.value]));
                await submit(values, element);
            } catch (error) {
                if (error.name === "AbortError") return;
                fill(said, problem(error));
                let first = null;
                for (const fault of error.fields ?? []) {
                    const one = fields.find((candidate) => candidate.name === (aliases[fault.field] ?? fault.field));
                    if (!one) continue;
                    one.input.setAttribute("aria-invalid", "true");
                    fill(one.bad, told(fault.words));
                    first ??= one;
                }
                const details = first?.input.closest("details");
                if (details) details.open = true;
                (first?.input ?? button).focus();
                if (error.status === undefined) console.error(error);
            } finally {
                button.disabled = false;
            }
        },
    });
    add(element, [said, fields.filter((one) => !one.placed).map((one) => one.box), extra, h("div.actions", button)]);
    return element;
}

/** A mistake that the page finds itself. */
export function fault(fieldName, words) {
    const error = new Error(words);
    error.status = -1;
    error.fields = [{ field: fieldName, words }];
    return error;
}

/** A button that does something and says when it did not work. */
export function act(words, what, { kind = "", label, key, disabled } = {}) {
    const button = h(`button${kind ? "." + kind : ""}`, {
        type: "button", "aria-label": label, "data-key": key, disabled,
        onclick: async () => {
            button.disabled = true;
            try {
                await what(button);
            } finally {
                button.disabled = false;
            }
        },
    }, words);
    return button;
}
