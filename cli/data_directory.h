// The one directory of a `windlass dev`:
//
//     endpoint         the address, while it runs          lock          held while it runs; the holder's pid
//     admin.password   of the first account (by the api)   daemons       pids, for cleaning up after a kill -9
//     admin.token      works as Authorization: Bearer      log/          one file per daemon
//     scheduler.secret between the daemons                 windlass.db   unless --database names another
//     worker/          the worker's own state              run/          sockets
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "shared/result.h"

namespace windlass::cli {

class DataDirectory {
  public:
    // Makes what is missing (0700), takes the lock (conflict while another dev holds it, naming it), waits for daemons
    // that a killed dev left behind and ends them, makes the secret.
    static Result<DataDirectory> open(const std::string& path);
    DataDirectory(DataDirectory&& other) noexcept;
    DataDirectory& operator=(DataDirectory&&) = delete;
    // Lets go of the lock, forgets the endpoint and the sockets.
    ~DataDirectory();

    const std::string& path() const { return path_; }  // absolute, without links
    std::string file(const std::string& name) const { return path_ + "/" + name; }
    // For sockets: run/ here, or a directory of its own where that path would be too long for a socket.
    const std::string& socket_directory() const { return socket_directory_; }
    // Differs between directories, stays between starts: eight hexadecimal digits.
    std::string fingerprint() const;

    Status write_endpoint(const std::string& url);
    void remember_daemons(const std::vector<pid_t>& pids);

  private:
    DataDirectory(std::string path, int lock_fd) : path_(std::move(path)), lock_fd_(lock_fd) {}
    Status make_socket_directory();
    Status make_secret();

    std::string path_;
    std::string socket_directory_;
    bool socket_directory_is_ours_ = false;
    int lock_fd_ = -1;
};

}  // namespace windlass::cli
