#include "api/first_admin.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "api/auth/api_token.h"
#include "shared/digest.h"
#include "shared/log.h"

namespace windlass::api {
namespace {

// Written beside and renamed: whoever reads the file sees a whole line or no file. Never through a link.
Status write_private(const std::string& path, const std::string& line) {
    const std::string fresh = path + "." + random_hex(4);
    const int file = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) return errno_error("creating " + fresh, errno);
    const std::string text = line + "\n";
    const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(file) == 0;
    int failure = errno;
    close(file);
    if (written && rename(fresh.c_str(), path.c_str()) == 0) return {};
    if (written) failure = errno;
    unlink(fresh.c_str());
    return errno_error("writing " + path, failure);
}

std::string first_line(const std::string& path) {
    std::ifstream in(path);
    std::string line;
    std::getline(in, line);
    return line;
}

Result<UserId> create_admin(AccountsRepository& accounts, const PasswordHasher& passwords, const std::string& directory,
                            WallTime now) {
    const std::string password = random_token().substr(0, 24);
    // The file first: an account whose password nobody knows would be worse than a file that opens nothing.
    if (!directory.empty()) WINDLASS_TRY_STATUS(write_private(directory + "/admin.password", password));
    NewAccount admin;
    admin.username = "admin";
    admin.email = "admin@localhost";
    admin.name = "Administrator";
    admin.company = "Windlass";
    admin.password_hash = passwords.hash_now(password);
    admin.roles = Roles(Role::admin) | Roles(Role::user);
    WINDLASS_TRY(const auto created, accounts.create(admin, now));
    if (std::holds_alternative<Taken>(created)) {
        // Two api processes may start together: the other one made it.
        WINDLASS_TRY(const auto other, accounts.first_admin());
        if (other) return *other;
        return make_error(ErrorKind::conflict,
                          "there is no admin, and the username admin (or admin@localhost) belongs to an ordinary "
                          "account; give it the "
                          "admin role: update account set roles = 5 where username_key = 'admin'");
    }
    if (directory.empty())
        std::fprintf(stderr, "The first account is admin, its password is %s (shown this once)\n", password.c_str());
    return std::get<UserId>(created);
}

Result<bool> token_is_good(TokensRepository& tokens, const std::string& path, WallTime now) {
    const std::string token = first_line(path);
    if (token.empty()) return false;
    WINDLASS_TRY(const auto found, tokens.principal_of(token, now));
    return found && found->principal.is_admin();
}

}  // namespace

Status ensure_first_admin(AccountsRepository& accounts, TokensRepository& tokens, const PasswordHasher& passwords,
                          const std::string& directory, WallTime now) {
    if (!directory.empty()) {
        std::error_code failed;
        std::filesystem::create_directories(directory, failed);
        if (failed)
            return make_error(ErrorKind::denied,
                              fmt::format("api.credentials_directory {}: {}", directory, failed.message()));
    }
    WINDLASS_TRY(auto admin, accounts.first_admin());
    if (!admin) {
        WINDLASS_TRY(const auto created, create_admin(accounts, passwords, directory, now));
        admin = created;
    }
    if (directory.empty()) return {};
    const std::string path = directory + "/admin.token";
    WINDLASS_TRY(const bool good, token_is_good(tokens, path, now));
    if (good) return {};
    const std::string token = make_api_token();
    WINDLASS_TRY(const auto added, tokens.add({token, *admin, "first admin"}, now));
    log::debug("made API token {} of the first admin", added.prefix);
    return write_private(path, token);
}

}  // namespace windlass::api
