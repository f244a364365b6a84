// One prepared statement with the buffers bound to it. Internal to the session: lives and dies with its connection.
#pragma once

#include <soci/soci.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/database/session.h"

namespace windlass::database {

// The distinct :names in the order in which they first appear. Empty error: the text is one that both engines and
// SOCI's rewriter read alike; else what is wrong with it. (The rewriter does not know comments, $$ and slices.)
struct ParsedSql {
    std::vector<std::string> names;
    std::string error;
};
ParsedSql parse_sql(std::string_view sql);

class Statement {
  public:
    // Throws what SOCI throws. `params` gives the kinds; later runs must have the same.
    Statement(soci::session& session, Engine engine, const std::string& sql, const std::vector<std::string>& names,
              std::span<const Param> params);
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    bool accepts(std::span<const Param> params) const;
    std::size_t columns() const { return columns_.size(); }

    // Moves the values out of `params`, executes, and calls row() for every row, after which value() and null() hold
    // the columns. Always reads to the end: an unfinished SQLite statement keeps its snapshot open.
    template <class OnRow>
    void run(std::span<Param> params, OnRow&& row) {
        bind(params);
        for (bool more = statement_.execute(true); more; more = statement_.fetch()) row();
        release();
    }
    bool null(std::size_t column) const { return columns_[column]->indicator == soci::i_null; }
    std::string& value(std::size_t column) { return columns_[column]->text; }

    std::int64_t affected_rows() { return statement_.get_affected_rows(); }

  private:
    struct Slot {
        Param::Kind kind;
        soci::indicator indicator = soci::i_ok;
        long long integer = 0;
        std::string text;
        std::unique_ptr<soci::blob> blob;  // of bytes, SQLite only
    };
    struct Column {
        soci::indicator indicator = soci::i_ok;
        std::string text;  // any type: both backends give every value as text, byte by byte
    };

    void bind(std::span<Param> params);
    void release();
    void add_params(soci::session& session, const std::vector<std::string>& names, std::span<const Param> params);
    void add_columns(soci::session& session);
    std::size_t describe(soci::session& session);

    Engine engine_;
    std::vector<std::unique_ptr<Slot>> slots_;      // bound by address
    std::vector<std::unique_ptr<Column>> columns_;  // the same
    soci::statement statement_;                     // last: goes first
};

}  // namespace windlass::database
