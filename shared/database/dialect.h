// What differs between the two engines. Everything else in the project is written once.
#pragma once

#include <string>
#include <string_view>

#include "shared/database/url.h"

namespace windlass {

struct Dialect {
    static const Dialect& of(Engine engine);

    Engine engine;
    std::string_view begin;           // of a transaction that is going to write
    std::string_view bytes_type;      // {{bytes}}: type of a column that holds any bytes
    std::string_view hot_table;       // {{hot}}: after the ) of a table whose rows change all the time
    std::string_view thin_table;      // {{thin}}: after the ) of a table of short rows, read by primary key only
    std::string_view table_exists;    // query with one parameter: 1 when the table is there, else 0
    std::string_view column_exists;   // query with two parameters, table and column: likewise
    std::string_view migration_lock;  // first script of a migration: waits for others that migrate; may be empty

    // A migration in the words of this engine: the {{placeholders}} are replaced.
    std::string expand(std::string_view script) const;
};

}  // namespace windlass
