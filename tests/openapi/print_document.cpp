// print_document json|yaml: the server's document. print_document convert: JSON on stdin, the same as YAML on stdout.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>

#include "api/openapi/description.h"
#include "api/openapi/yaml.h"
#include "shared/json.h"

int main(int argc, char** argv) {
    const std::string what = argc == 2 ? argv[1] : "";
    if (what == "yaml") {
        std::cout << windlass::api::to_yaml(windlass::api::published_description().document);
    } else if (what == "json") {
        rapidjson::StringBuffer buffer;
        windlass::JsonWriter writer(buffer);
        windlass::api::published_description().document.Accept(writer);
        std::cout << windlass::text_of(buffer) << "\n";
    } else if (what == "convert") {
        windlass::JsonRules rules;
        rules.allow_nul = true;
        const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
        const auto value = windlass::parse_json(text, rules);
        if (!value) {
            std::fprintf(stderr, "%s\n", value.error().message.c_str());
            return 1;
        }
        std::cout << windlass::api::to_yaml(*value);
    } else {
        std::fprintf(stderr, "usage: windlass_print_document json|yaml|convert\n");
        return 2;
    }
    return std::cout.flush() ? 0 : 1;
}
