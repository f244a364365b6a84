#include <fmt/format.h>

#include "cli/noun.h"
#include "cli/upload.h"

namespace windlass::cli {

void add_blob(CLI::App& app, Options& options) {
    CLI::App* blob = app.add_subcommand("blob", "files uploaded once, for many jobs (submit --file does it by itself)");
    blob->require_subcommand(1);
    add_with_argument(*blob, "put", "upload a file, or what is missing of it, and print its SHA-256", "path",
                      "the file", options, [&options](const std::string& path) -> Status {
                          WINDLASS_TRY(Server server, Server::find(options.url));
                          WINDLASS_TRY(const std::string sha256, upload(server, path, !options.quiet));
                          if (options.json)
                              fmt::print("{{\"sha256\":\"{}\"}}\n", sha256);
                          else
                              fmt::print("{}\n", sha256);
                          return {};
                      });
    add_list(*blob, "your uploads", "/api/blobs/",
             {{"sha256", "SHA-256", 64},
              {"size", "SIZE", 9, nullptr, Shown::bytes},
              {"created", "UPLOADED", 0, nullptr, Shown::ago}},
             "sha256", options);
    add_with_argument(*blob, "remove", "delete an upload", "sha256", "its SHA-256", options,
                      [&options](const std::string& sha256) {
                          return perform(options, "DELETE", "/api/blobs/" + sha256 + "/", "", "sha256", "removed");
                      });
}

}  // namespace windlass::cli
