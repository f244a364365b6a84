// Asking again and again, for as long as somebody looks.

/**
 * Calls what() now and every `seconds` after it is done; not while the tab is hidden or `paused()`; at once when the tab is seen again.
 * Gives what calls it at once, or, while it is under way, right after: it may have begun before what the caller has changed.
 */
export function repeat(seconds, what, signal, paused = () => false) {
    let timer = 0, failures = 0, running = false, again = false;
    async function turn() {
        clearTimeout(timer);
        if (signal.aborted) return;
        again = running;
        if (running) return;
        running = true;
        try {
            if (!document.hidden && !paused()) await what();
            failures = 0;
        } catch (error) {
            if (error.name === "AbortError" || signal.aborted) return;
            failures = Math.min(failures + 1, 4);
        } finally {
            running = false;
        }
        if (!signal.aborted) timer = setTimeout(turn, again ? 0 : seconds * 1000 * (1 + failures));
    }
    document.addEventListener("visibilitychange", turn, { signal });
    signal.addEventListener("abort", () => clearTimeout(timer));
    turn();
    return turn;
}
