// Asks for a password without showing it.
#pragma once

#include <string>

#include "shared/result.h"

namespace windlass::cli {

// from_stdin: the first line of standard input, for scripts. Otherwise the terminal is asked, with echo off; invalid
// when there is no terminal.
Result<std::string> ask_password(const std::string& question, bool from_stdin);

}  // namespace windlass::cli
