#include "cli/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "cli/relative_time.h"
#include "cli/terminal.h"

namespace windlass::cli {
namespace {

constexpr Milliseconds between_draws{100};

std::string amount(std::int64_t count, bool bytes) {
    return bytes ? bytes_text(count) : fmt::format("{}", count);
}

}  // namespace

std::string progress_line(const ProgressState& state, int columns) {
    const double seconds = static_cast<double>(state.since_start.count()) / 1000;
    const double rate = seconds > 0.2 ? static_cast<double>(state.done) / seconds : 0;
    std::string text = state.what + "  ";
    std::string behind;
    if (state.total > 0) {
        behind = fmt::format("  {:>3} %  {} of {}", std::clamp<std::int64_t>(state.done * 100 / state.total, 0, 100),
                             amount(state.done, state.bytes), amount(state.total, state.bytes));
    } else {
        behind = "  " + amount(state.done, state.bytes);
    }
    if (rate > 0) {
        behind += state.bytes ? fmt::format("  {}/s", bytes_text(static_cast<std::int64_t>(rate)))
                              : fmt::format("  {:.{}f}/s", rate, rate < 10 ? 1 : 0);
        if (state.total > state.done)
            behind += "  " +
                      duration_text(Milliseconds{
                          static_cast<std::int64_t>(static_cast<double>(state.total - state.done) / rate * 1000)}) +
                      " left";
    }
    constexpr int widest_bar = 30;
    const int room = columns - 1 - static_cast<int>(text.size() + behind.size()) - 2;
    if (state.total > 0 && room >= 5) {
        const int width = std::min(room, widest_bar);
        const int full = static_cast<int>(std::clamp<std::int64_t>(state.done * width / state.total, 0, width));
        text += '[' + std::string(static_cast<std::size_t>(full), '#') +
                std::string(static_cast<std::size_t>(width - full), '-') + ']';
    }
    text += behind;
    if (static_cast<int>(text.size()) >= columns) text.resize(static_cast<std::size_t>(std::max(columns - 1, 0)));
    return text;
}

Progress::Progress(std::string what, std::int64_t total, bool bytes, bool shown)
    : state_{std::move(what), 0, total, bytes, {}},
      shown_(shown && is_terminal(stderr)),
      start_(std::chrono::steady_clock::now()),
      last_drawn_(start_) {}

Progress::~Progress() {
    if (drawn_) fmt::print(stderr, "\r\x1b[K");
}

void Progress::at(std::int64_t done) {
    state_.done = done;
    // What is over in a moment needs no bar.
    if (shown_ && std::chrono::steady_clock::now() - last_drawn_ >= between_draws) draw();
}

void Progress::draw() {
    last_drawn_ = std::chrono::steady_clock::now();
    state_.since_start = std::chrono::duration_cast<Milliseconds>(last_drawn_ - start_);
    fmt::print(stderr, "\r\x1b[K{}", progress_line(state_, terminal_columns(stderr)));
    std::fflush(stderr);
    drawn_ = true;
}

}  // namespace windlass::cli
