// Text from outside, numbers and times, as people read them.

const pictures = new Map([
    [0x00ad, "SHY"], [0x061c, "ALM"], [0x180e, "MVS"], [0x200b, "ZWSP"], [0x200e, "LRM"], [0x200f, "RLM"],
    [0x2028, "LSEP"], [0x2029, "PSEP"], [0x202a, "LRE"], [0x202b, "RLE"], [0x202c, "PDF"], [0x202d, "LRO"],
    [0x202e, "RLO"], [0x2060, "WJ"], [0x2066, "LRI"], [0x2067, "RLI"], [0x2068, "FSI"], [0x2069, "PDI"],
    [0xfeff, "BOM"],
]);
// Controls (C0 but tab and newline, DEL, C1), what turns the direction of writing, what cannot be seen, tag characters.
const hidden =
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

function picture(character) {
    const code = character.codePointAt(0);
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    return `\u27e6${pictures.get(code) ?? "U+" + code.toString(16).toUpperCase().padStart(4, "0")}\u27e7`;
}

/** The text with everything in it that a terminal or the direction of writing would obey turned into a symbol. */
export function visible(value) {
    return String(value).replace(hidden, picture);
}

const unitsOfBytes = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
export function bytes(count) {
    let value = Number(count), unit = 0;
    while (value >= 1024 && unit < unitsOfBytes.length - 1) {
        value /= 1024;
        ++unit;
    }
    return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${unitsOfBytes[unit]}`;
}

/** "512 MiB", "2G", "1000": a number of bytes; null if it is none. */
export function bytesOf(text) {
    const found = /^\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgtp]?)(i?b)?\s*$/i.exec(text);
    if (!found) return null;
    return Math.round(Number(found[1]) * 1024 ** " kmgtp".indexOf(found[2].toLowerCase() || " "));
}

const number = new Intl.NumberFormat("en");
export const count = (value) => number.format(value);

/** Seconds as "1.2 s", "3 min 4 s", "5 h 6 min", "2 d 3 h". */
export function seconds(value) {
    const s = Number(value);
    if (s < 60) return `${s < 10 ? s.toFixed(s < 1 ? 2 : 1) : Math.floor(s)} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
    if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
    return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** "90", "1h30m", "15 min": a number of seconds; null if it is none. */
export function secondsOf(text) {
    const parts = [...text.trim().matchAll(/([0-9]+(?:\.[0-9]+)?)\s*(d|h|min|m|s)?\s*/gy)];
    if (parts.length === 0 || parts.reduce((length, part) => length + part[0].length, 0) !== text.trim().length) return null;
    const unit = { d: 86400, h: 3600, min: 60, m: 60, s: 1 };
    return parts.reduce((sum, part) => sum + Number(part[1]) * unit[part[2] ?? "s"], 0);
}

/** "3 min ago", "in 2 h". */
export function ago(time, now = Date.now()) {
    const s = (now - Date.parse(time)) / 1000;
    const size = Math.abs(s);
    if (size < 5) return "now";
    const [amount, unit] = size < 90 ? [size, "s"] : size < 5400 ? [size / 60, "min"] : size < 129600 ? [size / 3600, "h"] : [size / 86400, "d"];
    return s > 0 ? `${Math.round(amount)} ${unit} ago` : `in ${Math.round(amount)} ${unit}`;
}

export function clock(time) {
    const date = new Date(time);
    const two = (value) => String(value).padStart(2, "0");
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

export const statusWords = {
    blocked: "blocked", queued: "queued", starting: "starting", running: "running", succeeded: "succeeded",
    failed: "failed", timed_out: "timed out", cancelled: "cancelled", lost: "lost",
};
export const statuses = Object.keys(statusWords);
export const isFinal = (status) => statuses.indexOf(status) >= 4;

/** How it ended, in a few words: "exit code 2", "out of memory". */
export function endingWords(result) {
    if (!result.outcome) return "";
    if (result.outcome === "exited") return `exit code ${result.exit_code}`;
    if (result.outcome === "signalled") return `signal ${result.signal}`;
    return result.outcome.replaceAll("_", " ");
}
