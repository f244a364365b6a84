// Files that jobs are given, uploaded once under their SHA-256 and referred to afterwards.
#pragma once

#include <string>

#include "cli/server.h"

namespace windlass::cli {

// The hash of the file's bytes. What the server has of them already is not sent again: an upload that broke off goes on
// where it was. Large files go in pieces.
// `show`: a line on the terminal says how far it has come.
Result<std::string> upload(Server& server, const std::string& path, bool show = false);

}  // namespace windlass::cli
