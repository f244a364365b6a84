// Colours of terminal output (ECMA-48, SGR): safe ones become classes; every other escape is shown as what it is.
import { h } from "../dom.js";

const sequence = /\u001b\[([0-9;]{0,40})m/g;

/** State between pieces of a line: { colour, bold }. Returns [[text, class], …]. */
export function colours(line) {
    if (!line.includes("\u001b[")) return [[line, ""]];
    const parts = [];
    let at = 0, colour = "", bold = false;
    for (const found of line.matchAll(sequence)) {
        if (found.index > at) parts.push([line.slice(at, found.index), classes(colour, bold)]);
        at = found.index + found[0].length;
        for (const code of (found[1] || "0").split(";").map(Number)) {
            if (code === 0) [colour, bold] = ["", false];
            else if (code === 1) bold = true;
            else if (code === 22) bold = false;
            else if (code === 39) colour = "";
            else if (code >= 30 && code <= 37) colour = `c${code - 30}`;
            else if (code >= 90 && code <= 97) colour = `c${code - 90}`;
        }
    }
    if (at < line.length) parts.push([line.slice(at), classes(colour, bold)]);
    return parts;
}

const classes = (colour, bold) => `${colour}${bold ? " bold" : ""}`.trim();

export function coloured(line) {
    return colours(line).map(([words, kind]) => (kind ? h(`span.${kind.replace(" ", ".")}`, words) : words));
}
