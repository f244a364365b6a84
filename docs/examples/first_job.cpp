// A job from C++, with the client in one header.
//
//     g++ -std=c++20 -Icli/clients/cpp docs/examples/first_job.cpp -o first_job $(pkg-config --cflags --libs
//     cpp-httplib) WINDLASS_URL=http://127.0.0.1:8080 WINDLASS_TOKEN=wl_… ./first_job
#include <iostream>

#include "windlass/client.h"

int main() {
    try {
        const auto site = windlass::client::Site::from_environment();
        const auto job = site.submit({.commands = "sort data | uniq -c", .data = "b\na\nb\n", .name = "first"});
        std::cout << job.result().standard_output;
        for (const auto& square : site.map({.commands = "echo $((N * N))"}, {{{"N", "3"}}, {{"N", "4"}}}))
            std::cout << square.standard_output;
    } catch (const windlass::client::Error& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
