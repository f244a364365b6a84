#include "api/monitoring/metric_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "api/rfc3339.h"
#include "shared/json.h"
#include "shared/log.h"

namespace windlass::api {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;
constexpr std::size_t raw_series_at_once = 32;

const std::vector<double> shown_quantiles = {0.25, 0.5, 0.75};
constexpr std::string_view quantile_names[] = {"0.25", "0.5", "0.75"};

std::string json_text(std::string_view text) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    put(json, text);
    return std::string(text_of(buffer));
}
// Inside a JSON string that is written in pieces.
std::string json_inside(std::string_view text) {
    const std::string quoted = json_text(text);
    return quoted.substr(1, quoted.size() - 2);
}

template <class Write>
std::string json_object(const Write& write) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write(json);
    return std::string(text_of(buffer));
}

class MetricSource final : public ChunkSource {
  public:
    MetricSource(Measurements measurements, MetricAnswer answer, std::string request_id)
        : measurements_(measurements), answer_(std::move(answer)), request_id_(std::move(request_id)) {
        grid_ = MetricGrid::over(answer_.time.from_s, answer_.time.to_s, answer_.interval_s);
        for (std::size_t cell = 0; cell < grid_.count; ++cell)
            times_.push_back(time_text(from_unix_us(grid_.at_s(cell) * 1'000'000)));
    }

    // The first metric, and everything before it.
    Status begin() {
        if (answer_.whole_job) {
            ready_ = "{\"Metadata\":" + json_object([&](JsonWriter& json) { write_job_metadata(json, answer_.job); });
            ready_ += fmt::format(",\"SampleInterval\":{},\"SampleIntervals\":[{}],\"MetricData\":[",
                                  answer_.interval_s, fmt::join(answer_.intervals_s, ","));
        }
        return load();
    }

    bool next(std::string& out) override {
        out += std::exchange(ready_, {});
        while (out.size() < piece_bytes) {
            if (metric_ == answer_.metrics.size()) {
                end(out);
                return false;
            }
            if (answer_.raw ? raw_piece(out) : lines_piece(out)) continue;
            ++metric_;
            if (const Status loaded = load(); !loaded) break_off(loaded.error());
        }
        return true;
    }

  private:
    const MetricConfig& metric() const { return answer_.metrics[metric_]; }
    MetricsQuestion question() const { return {metric(), answer_.time, answer_.node}; }

    [[noreturn]] void break_off(const Error& error) {
        log::error("request {}: the metrics of job {} broke off: {}", request_id_, answer_.job.id, error.message);
        throw std::runtime_error("metrics could not be read");
    }

    // What the pieces of the current metric are made of.
    Status load() {
        if (metric_ == answer_.metrics.size()) return {};
        opened_ = false;
        if (answer_.raw) {
            WINDLASS_TRY(series_, measurements_.series(answer_.job, question()));
            next_series_ = 0;
            return load_csv();
        }
        WINDLASS_TRY(lines_, measurements_.lines(answer_.job, question(), grid_));
        if (answer_.whole_job && !answer_.node) note_quantiles();
        return {};
    }

    Status load_csv() {
        const auto some =
            std::span(series_).subspan(next_series_).first(std::min(raw_series_at_once, series_.size() - next_series_));
        next_series_ += some.size();
        csv_.clear();
        if (some.empty()) return {};
        WINDLASS_TRY(csv_, measurements_.csv(some, answer_.time));
        return {};
    }

    void open(std::string& out) {
        if (opened_) return;
        opened_ = true;
        if (metric_ > 0) out += ',';
        out += "{\"Config\":" + json_object([&](JsonWriter& json) { write_metric_config(json, metric()); });
        out += ",\"Data\":{";
        if (answer_.raw) out += "},\"RawData\":\"" + json_inside(points_csv_header);
        first_line_ = true;
    }

    // Both: false when that was the last of this metric.
    bool raw_piece(std::string& out) {
        open(out);
        out += json_inside(csv_);
        if (next_series_ < series_.size()) {
            if (const Status loaded = load_csv(); !loaded) break_off(loaded.error());
            return true;
        }
        out += "\"}";
        return false;
    }
    bool lines_piece(std::string& out) {
        open(out);
        if (!lines_.empty()) {
            const auto line = lines_.extract(lines_.begin());
            put_rows(out, line.key(), line.mapped());
            return true;
        }
        out += "},\"RawData\":\"\"}";
        return false;
    }

    void put_rows(std::string& out, const std::string& key, const MetricLine& line) {
        const AggFn fn = agg_fn_of(metric());
        if (!std::exchange(first_line_, false)) out += ',';
        out += json_text(key) + ":[";
        const std::string tail = row_tail(line.hostname, line.type_id);
        bool first = true;
        for (std::size_t cell = 0; cell < line.cells.size(); ++cell)
            if (!line.cells[cell].empty()) put_row(out, first, cell, line.cells[cell].value(fn), tail);
        out += ']';
    }

    std::string row_tail(std::string_view hostname, std::string_view type_id) const {
        std::string tail = ",\"_field\":\"value\",\"_measurement\":" + json_text(metric().measurement) +
                           ",\"hostname\":" + json_text(hostname);
        if (!type_id.empty()) tail += ",\"type-id\":" + json_text(type_id);
        return tail + '}';
    }
    void put_row(std::string& out, bool& first, std::size_t cell, double value, std::string_view tail) const {
        // A sum can be too large for a number; JSON has none for that.
        if (!std::isfinite(value)) return;
        if (!std::exchange(first, false)) out += ',';
        fmt::format_to(std::back_inserter(out), "{{\"_time\":\"{}\",\"_value\":{}{}", times_[cell], value, tail);
    }

    void note_quantiles() {
        const auto values = quantiles_over(lines_, agg_fn_of(metric()), shown_quantiles);
        if (!quantiles_.empty()) quantiles_ += ',';
        quantiles_ += "{\"Config\":" + json_object([&](JsonWriter& json) { write_metric_config(json, metric()); });
        quantiles_ += ",\"Quantiles\":[\"0.25\",\"0.5\",\"0.75\"],\"Data\":{";
        const std::string tail = row_tail("", "");
        for (std::size_t q = 0; q < values.size(); ++q) {
            quantiles_ += fmt::format("{}\"{}\":[", q > 0 ? "," : "", quantile_names[q]);
            bool first = true;
            for (std::size_t cell = 0; cell < values[q].size(); ++cell)
                put_row(quantiles_, first, cell, values[q][cell], tail);
            quantiles_ += ']';
        }
        quantiles_ += "},\"RawData\":\"\"}";
    }

    void end(std::string& out) {
        if (answer_.whole_job) out += "],\"QuantileData\":[" + quantiles_ + "]}";
    }

    Measurements measurements_;
    MetricAnswer answer_;
    std::string request_id_;
    MetricGrid grid_;
    std::vector<std::string> times_;

    std::size_t metric_ = 0;  // the current one
    bool opened_ = false;
    bool first_line_ = true;
    MetricLines lines_;                    // of it, those not written yet
    std::vector<metrics::Series> series_;  // of it, where raw
    std::size_t next_series_ = 0;
    std::string csv_;

    std::string ready_;
    std::string quantiles_;  // of the metrics so far
};

}  // namespace

Result<std::shared_ptr<ChunkSource>> metric_stream(Measurements measurements, MetricAnswer answer,
                                                   std::string request_id) {
    WINDLASS_CHECK(answer.whole_job || answer.metrics.size() == 1, "MetricData is of one metric");
    auto source = std::make_shared<MetricSource>(measurements, std::move(answer), std::move(request_id));
    WINDLASS_TRY_STATUS(source->begin());
    return std::shared_ptr<ChunkSource>(std::move(source));
}

}  // namespace windlass::api
