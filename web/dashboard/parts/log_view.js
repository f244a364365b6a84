// What a job prints, while it prints: only the lines in sight are in the page, so a million of them cost nothing, and what
// comes within a frame is drawn once.
import { fill, h } from "../dom.js";
import { bytes, count } from "../words.js";
import { coloured } from "./ansi.js";
import { show as dialog } from "./dialog.js";

const lineHeight = 20; // as in dashboard.css
const linesAtOnce = 20; // a shorter output has a lower box
const most = 4000; // characters of a line that are shown at once
const tallest = 8_000_000; // pixels that every browser can scroll
const textEncoder = new TextEncoder();

export function logView({ label = "Output", both = true } = {}) {
    const lines = []; // { text, stream, note, foundFor: what was searched for and is in it }
    const openLine = { stdout: null, stderr: null };
    let follow = true, drawing = 0, found = [], foundAt = -1, wanted = "", onlyStream = "", attempt = 0;
    let shownLines = lines;

    const box = h("div.log", { tabindex: "0", role: "log", "aria-label": label, "aria-live": "off" });
    const space = h("div.log-space");
    const rows = h("div.log-rows");
    const none = h("p.log-none", "Nothing is printed yet.");
    box.append(none, space, rows);
    const size = h("span.quiet");
    const hits = h("span.quiet", { role: "status" });
    const followBox = h("input", { type: "checkbox", checked: true, onchange: () => {
        follow = followBox.checked;
        draw();
    } });
    const search = h("input", { type: "search", placeholder: "Search the output", "aria-label": "Search the output" });
    const streams = h("select", { "aria-label": "Which output", onchange: () => {
        onlyStream = streams.value;
        look();
    } }, h("option", { value: "" }, "stdout and stderr"), h("option", { value: "stdout" }, "stdout"), h("option", { value: "stderr" }, "stderr"));
    search.addEventListener("input", look);
    search.addEventListener("keydown", (event) => {
        if (event.key !== "Enter") return;
        event.preventDefault();
        step(event.shiftKey ? -1 : 1);
    });
    box.addEventListener("scroll", () => {
        const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - lineHeight;
        if (follow && !atEnd && !settingScroll) {
            follow = false;
            followBox.checked = false;
        }
        settingScroll = false;
        draw();
    });
    let settingScroll = false, total = 0, grown = false, waited = 0;

    function look() {
        shownLines = onlyStream ? lines.filter((line) => line.stream === onlyStream) : lines;
        wanted = search.value.toLowerCase();
        found = [];
        if (wanted) shownLines.forEach((line, at) => {
            if (!line.text.toLowerCase().includes(wanted)) return;
            found.push(at);
            line.foundFor = wanted;
        });
        foundAt = -1;
        if (found.length > 0) step(1);
        else tellHits();
        draw();
    }
    /** The line is new, or has grown: it may have what is searched for. Lines of the other stream may stand behind it by now. */
    function lookAt(line) {
        if (!wanted || line.foundFor === wanted || !line.text.toLowerCase().includes(wanted)) return;
        const at = shownLines.lastIndexOf(line);
        if (at < 0) return;
        line.foundFor = wanted;
        const place = found.findLastIndex((other) => other < at) + 1;
        found.splice(place, 0, at);
        if (foundAt < 0) step(1); // somebody waits for it
        else if (place <= foundAt) foundAt++;
    }
    function tellHits() {
        const words = !wanted ? "" : found.length === 0 ? "not found" : `line ${foundAt + 1} of ${count(found.length)} with it`;
        if (hits.textContent !== words) hits.textContent = words; // it is read aloud, and drawn with every frame
    }
    function step(by) {
        if (found.length === 0) return;
        foundAt = (foundAt + by + found.length) % found.length;
        follow = followBox.checked = false;
        settingScroll = true;
        box.scrollTop = Math.max(0, found[foundAt] * rowHeight() - box.clientHeight / 2);
        tellHits();
        draw();
    }

    // With very many lines the scroll bar stands for more than a pixel each.
    const height = () => Math.min(shownLines.length * lineHeight, tallest);
    const rowHeight = () => (shownLines.length > 0 ? height() / shownLines.length : lineHeight);

    function whole(line) {
        dialog("The whole line", () => [h("p.quiet", bytes(line.text.length)), h("pre.whole-line", { tabindex: "0" }, line.text)]);
    }
    function marked(words) {
        const at = wanted ? words.toLowerCase().indexOf(wanted) : -1;
        if (at < 0) return coloured(words);
        return [coloured(words.slice(0, at)), h("mark", words.slice(at, at + wanted.length)), coloured(words.slice(at + wanted.length))];
    }
    function row(line, number) {
        const cut = line.text.length > most;
        return h(`div.log-line.${line.stream}${found[foundAt] === number ? ".current" : ""}`,
            line.note ? h("span.quiet", line.text) : [marked(cut ? line.text.slice(0, most) : line.text),
                cut && h("button.link", { type: "button", onclick: () => whole(line) }, ` … ${bytes(line.text.length)}, show all`)]);
    }

    function draw() {
        if (drawing) return;
        drawing = requestAnimationFrame(() => {
            drawing = 0;
            if (!box.isConnected) { // not shown yet; or not any more, and then never again
                if (++waited < 100) setTimeout(draw, 50);
                return;
            }
            none.hidden = shownLines.length > 0;
            if (shownLines.length <= linesAtOnce) box.style.height = `${(Math.max(shownLines.length, 1) + 1) * lineHeight}px`;
            else if (!grown) box.style.height = "";
            grown = shownLines.length > linesAtOnce;
            space.style.height = `${height()}px`;
            if (follow && Math.abs(box.scrollTop + box.clientHeight - box.scrollHeight) > 1) {
                settingScroll = true;
                box.scrollTop = box.scrollHeight;
            }
            const inSight = Math.ceil(box.clientHeight / lineHeight) + 2;
            const share = rowHeight();
            let first = Math.max(0, Math.floor(box.scrollTop / share) - 1);
            first = Math.max(0, Math.min(first, shownLines.length - inSight + 1));
            const shown = shownLines.slice(first, first + inSight);
            rows.style.transform = `translateY(${Math.min(first * share, Math.max(0, height() - shown.length * lineHeight))}px)`;
            fill(rows, shown.map((line, at) => row(line, first + at)));
            fill(size, `${count(lines.length)} lines, ${bytes(total)}`);
            tellHits();
        });
    }

    draw();

    function put(text, stream) {
        const line = { text, stream };
        lines.push(line);
        if (shownLines !== lines && (!onlyStream || stream === onlyStream)) shownLines.push(line);
        lookAt(line);
        return line;
    }

    return {
        element: h("div.output", h("div.log-tools", search, hits, both && streams, h("label", followBox, " Follow"), size), box),
        /** A piece of output. A new attempt begins anew, below what the one before printed. */
        append(piece, stream, ofAttempt = 1) {
            if (attempt !== 0 && ofAttempt !== attempt) {
                openLine.stdout = openLine.stderr = null;
                put(`attempt ${ofAttempt}`, stream).note = true;
            }
            attempt = ofAttempt;
            total += textEncoder.encode(piece).length;
            // A lone carriage return would write over what stands there: it begins a new line instead, so nothing is hidden.
            const parts = piece.split(/\r\n|[\n\r]/);
            parts.forEach((part, at) => {
                if (at > 0) openLine[stream] = null;
                if (part === "" && at === parts.length - 1) return;
                if (openLine[stream] === null) openLine[stream] = put(part, stream);
                else {
                    openLine[stream].text += part;
                    lookAt(openLine[stream]);
                }
            });
            draw();
        },
        redraw: draw,
        get lines() { return lines.length; },
    };
}
