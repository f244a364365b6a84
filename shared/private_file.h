// A small file with a secret: read only if nobody else can read it.
#pragma once

#include <string>
#include <string_view>

#include "shared/result.h"

namespace windlass {

// All of it, at most 64 KiB. `setting` names it in errors: "scheduler.secret_file". A symbolic link is followed; what
// it leads to is judged.
//   denied   others may read it, or it belongs to somebody else than us and root: says what to run
//   invalid  no file, or larger
Result<std::string> read_private_file(const std::string& setting, const std::string& path);
// Its first line, without the line end.
Result<std::string> read_private_line(const std::string& setting, const std::string& path);

// Puts `text` in the place of what `path` held, mode 0600: whoever reads it, and whatever crashes, sees the old one or
// the new one, on the disk when this returns.
Status write_private_file(const std::string& path, std::string_view text);

}  // namespace windlass
