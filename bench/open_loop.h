// Requests at a given rate, whatever becomes of those before: as many people would send them who know nothing of each
// other. Latency counts from the moment at which a request was due, so a server that stalls cannot hide it.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace windlass::bench {

struct OpenLoad {
    std::string url;      // http://HOST:PORT, an IPv4 address
    std::string request;  // as sent, the same each time; keeps its connection
    double per_second = 0;
    double seconds = 0;
    // Requests that are under way at the same time, each on a connection of its own. What is due while there are more
    // is sent when one has ended, if that is in time.
    int connections = 4000;
};
struct OpenLoadResult {
    long due = 0;                     // and sent, in that time
    long unsent = 0;                  // due as well, but there were too many under way
    std::map<int, long> answers;      // by status; 0: no whole answer
    std::vector<double> accepted_ms;  // of 2xx
    std::vector<double> refused_ms;   // of 429 and 503
    long without_retry_after = 0;     // of those
    double seconds = 0;               // until the last answer
};
OpenLoadResult run_open_loop(const OpenLoad& load);

}  // namespace windlass::bench
