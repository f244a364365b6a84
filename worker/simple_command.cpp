#include "worker/simple_command.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>

namespace windlass::worker {
namespace {

constexpr std::size_t most_words = 64;

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
// Bytes beyond ASCII are left to the shell: dash uses some of them for itself.
bool is_plain(char c) {
    return is_letter(c) || is_digit(c) || std::string_view("_-./,:+@%=").find(c) != std::string_view::npos;
}
bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

// dash drops variables whose names it could not use, and sets these itself.
bool passes_unchanged(const std::string& name) {
    constexpr std::array<std::string_view, 5> own = {"IFS", "OPTIND", "PPID", "PWD", "OLDPWD"};
    if (name.empty() || is_digit(name[0]) || std::find(own.begin(), own.end(), name) != own.end()) return false;
    return std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

}  // namespace

std::optional<std::vector<std::string>> simple_command(std::string_view commands,
                                                       const std::map<std::string, std::string>& environment) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < commands.size();) {
        if (is_blank(commands[at])) {
            ++at;
            continue;
        }
        std::size_t end = at;
        for (; end < commands.size() && !is_blank(commands[end]); ++end)
            if (!is_plain(commands[end])) return std::nullopt;
        if (words.size() == most_words) return std::nullopt;
        words.emplace_back(commands.substr(at, end - at));
        at = end;
    }
    if (words.empty() || words[0][0] != '/' || words[0].find('=') != std::string::npos) return std::nullopt;
    for (const auto& [name, value] : environment)
        if (!passes_unchanged(name)) return std::nullopt;
    return words;
}

SignalAsTold signal_as_a_shell_tells(int signal) {
    SignalAsTold told{128 + signal, {}};
    if (signal == SIGINT || signal == SIGPIPE) return told;
    if (const char* description = sigdescr_np(signal)) {
        told.message = std::string(description) + "\n";
    } else if (signal >= SIGRTMIN && signal <= SIGRTMAX) {
        told.message = "Real-time signal " + std::to_string(signal - SIGRTMIN) + "\n";  // as strsignal(3) has it
    } else {
        told.message = "Unknown signal " + std::to_string(signal) + "\n";
    }
    return told;
}

bool shell_is_dash() {
    std::error_code failed;
    const auto shell = std::filesystem::canonical("/bin/sh", failed);
    return !failed && shell.filename() == "dash";
}

}  // namespace windlass::worker
