// Files that jobs are given, uploaded once under their SHA-256 and referred to afterwards.
#pragma once

#include <string>

#include "cli/server.h"

namespace windlass::cli {

// The hash of the file's bytes. What the server has of them already is not sent again: an upload that broke off goes on
// where it was. Large files go in pieces.
Result<std::string> upload(Server& server, const std::string& path);

}  // namespace windlass::cli
