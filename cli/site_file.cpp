#include "cli/site_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "cli/private_file.h"

namespace windlass::cli {
namespace {

// Whether there is something at a path, seen from this account.
bool is_there(const std::string& path) {
    return access(path.c_str(), F_OK) == 0 || errno == EACCES;
}

Result<std::optional<Site>> site_of(const std::string& file) {
    if (access(file.c_str(), R_OK) != 0)
        return errno == EACCES
                   ? make_error(ErrorKind::denied,
                                fmt::format("{} may not be read by this account; run this as root, or as a member of "
                                            "the group windlass",
                                            file))
                   : errno_error("reading " + file, errno);
    WINDLASS_TRY(Config config, read_site_file(file));
    Site site{file, file, std::move(config)};
    const std::string beside = file.substr(0, file.rfind('/') + 1) + "worker.toml";
    if (file == system_site_file && access(beside.c_str(), R_OK) == 0) {
        WINDLASS_TRY(Config of_worker, read_site_file(beside));
        site.config.worker = std::move(of_worker.worker);
        site.worker_file = beside;
    }
    return std::optional(std::move(site));
}

}  // namespace

std::string site_file_in(const std::string& data_directory) {
    return data_directory + "/windlass.toml";
}

Result<Config> read_site_file(const std::string& file) {
    std::array<std::string, 3> words = {"windlass", "--config", file};
    std::array<char*, 4> argv = {words[0].data(), words[1].data(), words[2].data(), nullptr};
    WINDLASS_TRY(LoadedConfig loaded, load_config(3, argv.data(), "windlass", ""));
    return std::move(loaded.config);
}

Result<std::optional<Site>> find_site(const std::string& file) {
    if (!file.empty()) return site_of(file);
    if (const char* named = std::getenv("WINDLASS_CONFIG"); named != nullptr && *named != '\0') return site_of(named);
    const auto data = data_home();
    if (data && is_there(site_file_in(*data))) return site_of(site_file_in(*data));
    if (data && is_there(*data + "/windlass.db")) {  // of a `windlass dev` that was never told anything
        Site site;
        site.config.database.url = "sqlite:" + *data + "/windlass.db";
        site.config.scheduler.listen = "unix:" + *data + "/run/scheduler.sock";
        site.config.worker.state_directory = *data + "/worker";
        return std::optional(std::move(site));
    }
    if (is_there(system_site_file)) return site_of(system_site_file);
    return std::optional<Site>();
}

}  // namespace windlass::cli
