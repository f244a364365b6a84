// Writes sql/schema.sqlite.sql and sql/schema.postgresql.sql into the directory given. Run by scripts/schema-snapshot.
#include <fstream>
#include <iostream>

#include "shared/database/migrate.h"
#include "tests/shared/database/schema_text.h"
#include "tests/support/databases.h"

int main(int argc, char** argv) {
    using namespace windlass;
    if (argc != 2) {
        std::cerr << "usage: windlass_schema_snapshot DIRECTORY\n";
        return 2;
    }
    for (const Engine engine : {Engine::sqlite, Engine::postgresql}) {
        const test::EmptyDatabase database(engine);
        Session session(database.url());
        if (const Status status = migrate(session); !status) {
            std::cerr << status.error().message << '\n';
            return 1;
        }
        const std::string path = std::string(argv[1]) + "/schema." + test::engine_name(engine) + ".sql";
        std::ofstream file(path);
        file << test::schema_text(session);
        if (!file.flush()) {
            std::cerr << "cannot write " << path << '\n';
            return 1;
        }
        std::cout << "wrote " << path << '\n';
    }
    return 0;
}
