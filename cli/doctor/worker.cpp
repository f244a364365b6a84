// What `windlass-worker --check` says, line by line.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "cli/doctor/checks.h"
#include "cli/program_directory.h"

namespace windlass::cli::doctor {
namespace {

struct Said {
    std::string text;
    bool good = false;
};

// What a program writes on both of its outputs, and whether it ended with 0.
Result<Said> said_by(const std::vector<std::string>& command) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return errno_error("making a pipe", errno);
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const pid_t child = fork();
    if (child < 0) {
        const int error = errno;
        close(ends[0]);
        close(ends[1]);
        return errno_error("starting " + command.front(), error);
    }
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        execv(words.front(), words.data());
        _exit(127);
    }
    close(ends[1]);
    Said said;
    for (char buffer[4096];;) {
        const ssize_t count = read(ends[0], buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        said.text.append(buffer, static_cast<std::size_t>(count));
    }
    close(ends[0]);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    said.good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return said;
}

std::string first_word(const std::string& line) {
    return line.substr(0, line.find(' '));
}

std::string trimmed(const std::string& text) {
    const std::size_t from = text.find_first_not_of(' ');
    return from == std::string::npos ? std::string() : text.substr(from, text.find_last_not_of(' ') - from + 1);
}

// "memory-limit       present      cgroup v1: memory"; a line that begins with a blank belongs to the one before.
void add_line(Findings& findings, const std::string& line) {
    if (line.starts_with(' ')) {
        std::string more = trimmed(line);
        if (findings.empty()) return;
        Finding& last = findings.back();
        if (more.starts_with("to get it: "))
            last.fix = more.substr(11);
        else
            last.text += "; " + more;
        return;
    }
    for (const auto& [word, verdict] : {std::pair("present", Verdict::ok), std::pair("done without", Verdict::warning),
                                        std::pair("MISSING", Verdict::bad), std::pair("STUCK", Verdict::warning)}) {
        const std::size_t at = line.find(std::string(" ") + word + " ");
        if (at == std::string::npos) continue;
        const std::string how = trimmed(line.substr(at + std::string_view(word).size() + 1));
        findings.push_back({"worker", verdict, fmt::format("{}: {}", first_word(line), how), {}});
        if (verdict == Verdict::warning && std::string_view(word) == "STUCK")
            findings.back().fix = "docs/sandbox.md says why a killed process may stay; a reboot ends it in any case";
        return;
    }
}

}  // namespace

Findings check_worker(const std::string& config_file) {
    const auto program = sibling_program("windlass-worker");
    if (!program)
        return {warning("worker", program.error().message,
                        "only needed where jobs are to run: install windlass-worker and windlass-spawner beside this")};
    std::vector<std::string> command = {*program, "--check"};
    if (!config_file.empty()) command.insert(command.end(), {"--config", config_file});
    const auto said = said_by(command);
    if (!said) return {bad("worker", said.error().message, "look at the machine: it starts no programs")};
    Findings findings;
    for (std::size_t at = 0; at < said->text.size();) {
        const std::size_t end = std::min(said->text.find('\n', at), said->text.size());
        add_line(findings, said->text.substr(at, end - at));
        at = end + 1;
    }
    if (said->good)
        findings.push_back(ok("worker", "this machine can run jobs"));
    else if (findings.empty())
        findings.push_back(bad("worker", trimmed(said->text.substr(0, said->text.find('\n'))),
                               "mend what windlass-worker --check says"));
    else
        findings.push_back(bad("worker", "this machine cannot run jobs as it is",
                               "mend the above, or agree to do without in worker.allow_weaker (docs/sandbox.md)"));
    return findings;
}

}  // namespace windlass::cli::doctor
