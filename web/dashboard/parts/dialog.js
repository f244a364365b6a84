// Questions over the page. The browser keeps the keyboard inside and gives it back afterwards.
import { add, h } from "../dom.js";
import { field, form } from "./forms.js";

/** Shows a dialog with these children; resolves when it is closed, to its return value. */
export function show(title, children, { className = "", closable = true } = {}) {
    const id = `dialog-${Math.random().toString(36).slice(2)}`;
    const dialog = h(`dialog${className}`, { "aria-labelledby": id },
        h("div.dialog-head", h("h2", { id }, title),
            closable && h("button.link", { type: "button", "aria-label": "Close", onclick: () => dialog.close("") }, "✕")));
    add(dialog, children(dialog));
    document.body.append(dialog);
    dialog.addEventListener("cancel", (event) => {
        if (!closable) event.preventDefault();
    });
    return new Promise((resolve) => {
        dialog.addEventListener("close", () => {
            dialog.remove();
            resolve(dialog.returnValue);
        });
        dialog.showModal();
    });
}

/** Whether the person wants it. */
export async function sure(title, words, action, { danger = true } = {}) {
    const answer = await show(title, (dialog) => [
        h("p", words),
        h("div.actions", h(`button.${danger ? "danger" : "primary"}`, { type: "button", onclick: () => dialog.close("yes") }, action),
            h("button", { type: "button", autofocus: true, onclick: () => dialog.close("") }, "No")),
    ]);
    return answer === "yes";
}

/** A line of text from the person; "" if they would rather not. */
export async function ask(title, label, action, hint) {
    let said = "";
    await show(title, (dialog) => form([field("said", { label, hint, autocomplete: "off" })], { action, submit: async (values) => {
        said = values.said.trim();
        dialog.close("");
    } }));
    return said;
}
