#include "scheduler/store_postgres_columns.h"

#include <charconv>
#include <utility>

#include "scheduler/store_rows.h"
#include "scheduler/store_text.h"

namespace windlass::scheduler {
namespace {

constexpr std::size_t longest_piece = 8 * mebibyte;

// Adds a value to each column in turn. Every row must name the same columns.
class RowOfColumns {
  public:
    RowOfColumns(Columns& columns, std::size_t& bytes) : columns_(columns), bytes_(bytes) {}

    void integer(std::int64_t value) {
        char digits[20];
        const auto end = std::to_chars(std::begin(digits), std::end(digits), value).ptr;
        add({digits, static_cast<std::size_t>(end - digits)});
    }
    void integer(const std::optional<std::int64_t>& value) { value ? integer(*value) : add("NULL"); }
    void truth(bool value) { add(value ? "1" : "0"); }
    void text(std::string_view value) {
        quoted_ = '"';
        for (const char c : storable(value)) {
            if (c == '"' || c == '\\') quoted_ += '\\';
            quoted_ += c;
        }
        quoted_ += '"';
        add(quoted_);
    }
    void state(const StateRow& row) {
        integer(static_cast<std::int64_t>(row.state));
        integer(row.attempt);
        integer(row.failures);
        integer(row.losses);
        integer(worker_column(row.worker));
        truth(row.cancel_requested);
        integer(time_column(row.started));
        integer(time_column(row.finished));
        integer(row.event_seq);
    }

  private:
    void add(std::string_view value) {
        if (next_ == columns_.size()) columns_.emplace_back();
        std::string& column = columns_[next_++];
        column += column.empty() ? '{' : ',';
        column += value;
        bytes_ += value.size() + 1;
    }

    Columns& columns_;
    std::size_t& bytes_;
    std::size_t next_ = 0;
    std::string quoted_;
};

template <class T, class WriteRow>
ColumnPieces pieces_of(const std::vector<T>& rows, WriteRow&& write_row) {
    ColumnPieces pieces;
    Columns columns;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        RowOfColumns row(columns, bytes);
        write_row(row, rows[i]);
        if (i + 1 < rows.size() && bytes < longest_piece) continue;
        for (std::string& column : columns) column += '}';
        pieces.push_back(std::exchange(columns, {}));
        bytes = 0;
    }
    return pieces;
}

}  // namespace

ColumnPieces columns_of(const std::vector<StateChange>& changes) {
    return pieces_of(changes, [](RowOfColumns& row, const StateChange& change) {
        row.integer(change.job.value);
        row.integer(static_cast<std::int64_t>(change.from_state));
        row.integer(change.from_attempt);
        row.state(change.row);
    });
}

ColumnPieces columns_of(const std::vector<RecordEvent>& events) {
    return pieces_of(events, [](RowOfColumns& row, const RecordEvent& event) {
        row.integer(event.job.value);
        row.integer(event.seq);
        row.integer(to_unix_us(event.at));
        row.integer(static_cast<std::int64_t>(event.move));
        row.integer(static_cast<std::int64_t>(event.state));
        row.integer(event.attempt);
        row.integer(worker_column(event.worker));
        row.text(event.detail);
    });
}

ColumnPieces columns_of(const std::vector<ResultRecord>& results) {
    return pieces_of(results, [](RowOfColumns& row, const ResultRecord& record) {
        const AttemptResult& result = record.result;
        const Usage& usage = result.usage;
        row.integer(record.attempt.job.value);
        row.integer(record.attempt.attempt);
        row.integer(worker_column(record.worker));
        row.integer(to_unix_us(record.ended));
        row.integer(static_cast<std::int64_t>(result.outcome.kind));
        row.integer(result.outcome.exit_code);
        row.integer(result.outcome.signal);
        row.text(result.outcome.detail);
        row.integer(usage.wall.count());
        row.integer(usage.cpu_user.count());
        row.integer(usage.cpu_system.count());
        row.integer(usage.peak_memory_bytes);
        row.truth(usage.peak_memory_is_largest_process);
        row.integer(usage.read_bytes);
        row.integer(usage.written_bytes);
        row.integer(result.stdout_bytes);
        row.integer(result.stderr_bytes);
        row.truth(result.stdout_truncated);
        row.truth(result.stderr_truncated);
        row.text(files_json(result.files));
        row.truth(result.files_truncated);
        row.text(result.value_json);
        row.integer(usage.peak_processes);
    });
}

}  // namespace windlass::scheduler
