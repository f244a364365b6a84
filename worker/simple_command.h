// A line of shell that needs no shell: what make(1) does, and for the same reason. Starting a shell that only starts
// one program costs more than most small programs. Pure.
//
// "Needs no shell" is meant strictly: dash(1) would execute exactly these words, with exactly the environment it was
// given and PWD. What it would add when the program cannot be executed, it adds itself: the box then starts it after
// all (step.h, execute_if_possible). What it would say of a signal is said here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace windlass::worker {

// The words of `commands` if it is one simple command: an absolute path and plain words between blanks, at most 64 of
// them, every byte an ASCII letter, digit or one of _-./,:+@%= (= not in the first word), and `environment` is one that
// a shell passes on unchanged. Otherwise nullopt: a shell has to read it.
std::optional<std::vector<std::string>> simple_command(std::string_view commands,
                                                       const std::map<std::string, std::string>& environment);

// How a shell tells that its program was ended by a signal.
struct SignalAsTold {
    int exit_code = 0;    // 128 + signal
    std::string message;  // on its standard error; empty for the two signals it keeps quiet about
};
SignalAsTold signal_as_a_shell_tells(int signal);

// The shell of this machine is the one described above. Another one (bash as /bin/sh) sets other variables.
bool shell_is_dash();

}  // namespace windlass::worker
