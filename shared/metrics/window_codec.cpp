#include "shared/metrics/window_codec.h"

#include <array>
#include <bit>

namespace windlass::metrics {
namespace {

constexpr char kind_points = 1;
constexpr char kind_stretches = 2;

class BitWriter {
  public:
    explicit BitWriter(std::string& out) : out_(out) {}

    // The lowest `count` bits of `bits`, the highest of them first.
    void put(std::uint64_t bits, int count) {
        while (count > 0) {
            if (free_ == 0) {
                out_.push_back(0);
                free_ = 8;
            }
            const int now = std::min(count, free_);
            const auto piece = static_cast<unsigned>((bits >> (count - now)) & ((1U << now) - 1U));
            out_.back() = static_cast<char>(static_cast<unsigned char>(out_.back()) | (piece << (free_ - now)));
            free_ -= now;
            count -= now;
        }
    }

  private:
    std::string& out_;
    int free_ = 0;
};

class BitReader {
  public:
    explicit BitReader(std::string_view bytes) : bytes_(bytes) {}

    // Zeros, and failed(), beyond the end.
    std::uint64_t get(int count) {
        std::uint64_t bits = 0;
        while (count > 0) {
            if (left_ == 0) {
                if (at_ == bytes_.size()) {
                    failed_ = true;
                    return 0;
                }
                current_ = static_cast<unsigned char>(bytes_[at_++]);
                left_ = 8;
            }
            const int now = std::min(count, left_);
            bits = (bits << now) | ((current_ >> (left_ - now)) & ((1U << now) - 1U));
            left_ -= now;
            count -= now;
        }
        return bits;
    }
    bool bit() { return get(1) != 0; }
    void fail() { failed_ = true; }
    bool failed() const { return failed_; }
    // Nothing is left but the zeros that fill up the last byte.
    bool at_end() const { return at_ == bytes_.size() && (current_ & ((1U << left_) - 1U)) == 0; }

  private:
    std::string_view bytes_;
    std::size_t at_ = 0;
    unsigned current_ = 0;
    int left_ = 0;
    bool failed_ = false;
};

// Differences wrap around, so that any two times have one.
std::uint64_t bits_of(std::int64_t value) {
    return static_cast<std::uint64_t>(value);
}
std::int64_t sign_extended(std::uint64_t bits, int count) {
    return static_cast<std::int64_t>(bits << (64 - count)) >> (64 - count);
}
bool fits(std::int64_t value, int count) {
    return sign_extended(bits_of(value), count) == value;
}

struct Times {
    std::uint64_t last = 0;
    std::uint64_t delta = 0;

    void put(BitWriter& out, std::int64_t at) {
        const std::uint64_t next = bits_of(at) - last;
        const auto change = static_cast<std::int64_t>(next - delta);
        if (change == 0) {
            out.put(0, 1);
        } else if (fits(change, 7)) {
            out.put(0b10, 2), out.put(bits_of(change), 7);
        } else if (fits(change, 14)) {
            out.put(0b110, 3), out.put(bits_of(change), 14);
        } else if (fits(change, 22)) {
            out.put(0b1110, 4), out.put(bits_of(change), 22);
        } else {
            out.put(0b1111, 4), out.put(bits_of(change), 64);
        }
        delta = next;
        last = bits_of(at);
    }
    std::int64_t get(BitReader& in) {
        std::int64_t change = 0;
        if (in.bit()) {
            const int count = !in.bit() ? 7 : !in.bit() ? 14 : !in.bit() ? 22 : 64;
            change = sign_extended(in.get(count), count);
        }
        delta += bits_of(change);
        last += delta;
        return static_cast<std::int64_t>(last);
    }
};

struct Values {
    std::uint64_t last = 0;
    int leading = 0;
    int length = 0;  // of the block; 0: there was none yet

    void put(BitWriter& out, double value) {
        const auto bits = std::bit_cast<std::uint64_t>(value);
        const std::uint64_t change = bits ^ last;
        last = bits;
        if (change == 0) return out.put(0, 1);
        const int zeros = std::min(std::countl_zero(change), 31);
        const int trailing = std::countr_zero(change);
        if (length > 0 && zeros >= leading && trailing >= 64 - leading - length) {
            out.put(0b10, 2);
            out.put(change >> (64 - leading - length), length);
            return;
        }
        leading = zeros;
        length = 64 - zeros - trailing;
        out.put(0b11, 2);
        out.put(static_cast<std::uint64_t>(leading), 5);
        out.put(static_cast<std::uint64_t>(length - 1), 6);
        out.put(change >> trailing, length);
    }
    double get(BitReader& in) {
        if (in.bit()) {
            if (in.bit()) {
                leading = static_cast<int>(in.get(5));
                length = static_cast<int>(in.get(6)) + 1;
            }
            if (length == 0 || leading + length > 64)
                in.fail();
            else
                last ^= in.get(length) << (64 - leading - length);
        }
        return std::bit_cast<double>(last);
    }
};

void put_varint(std::string& out, std::size_t number) {
    for (; number >= 0x80; number >>= 7) out.push_back(static_cast<char>((number & 0x7F) | 0x80));
    out.push_back(static_cast<char>(number));
}

bool take_varint(std::string_view& bytes, std::uint64_t& number) {
    number = 0;
    for (int shift = 0; shift < 63 && !bytes.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        number |= std::uint64_t{byte & 0x7FU} << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

std::array<double, 1> values_of(const Point& p) {
    return {p.value};
}
std::array<double, 4> values_of(const Stretch& s) {
    return {s.mean, s.min, s.max, s.count};
}
void assign(Point& p, std::int64_t at_ms, const std::array<double, 1>& v) {
    p = {at_ms, v[0]};
}
void assign(Stretch& s, std::int64_t at_ms, const std::array<double, 4>& v) {
    s = {at_ms, v[0], v[1], v[2], v[3]};
}

template <class T>
std::string pack_rows(char kind, std::span<const T> rows) {
    std::string out(1, kind);
    put_varint(out, rows.size());
    if (rows.empty()) return out;
    BitWriter bits(out);
    Times times;
    constexpr std::size_t columns = std::tuple_size_v<decltype(values_of(T{}))>;
    std::array<Values, columns> values;
    const T* before = nullptr;
    for (const T& row : rows) {
        const auto numbers = values_of(row);
        if (before == nullptr) {
            times.last = bits_of(row.at_ms);
            bits.put(times.last, 64);
            for (std::size_t c = 0; c < columns; ++c)
                bits.put(values[c].last = std::bit_cast<std::uint64_t>(numbers[c]), 64);
        } else {
            WINDLASS_CHECK(before->at_ms < row.at_ms, "points are packed in the order of their times");
            times.put(bits, row.at_ms);
            for (std::size_t c = 0; c < columns; ++c) values[c].put(bits, numbers[c]);
        }
        before = &row;
    }
    return out;
}

template <class T>
Result<std::vector<T>> unpack_rows(char kind, std::string_view bytes) {
    const auto damaged = [] { return make_error(ErrorKind::internal, "a window of metric points is damaged"); };
    if (bytes.empty() || bytes.front() != kind) return damaged();
    bytes.remove_prefix(1);
    std::uint64_t count = 0;
    // Every row has two bits at least.
    if (!take_varint(bytes, count) || count > bytes.size() * 4) return damaged();
    std::vector<T> rows(count);
    BitReader bits(bytes);
    Times times;
    constexpr std::size_t columns = std::tuple_size_v<decltype(values_of(T{}))>;
    std::array<Values, columns> values;
    std::array<double, columns> numbers;
    for (std::size_t i = 0; i < count; ++i) {
        std::int64_t at = 0;
        if (i == 0) {
            times.last = bits.get(64);
            at = static_cast<std::int64_t>(times.last);
            for (std::size_t c = 0; c < columns; ++c) numbers[c] = std::bit_cast<double>(values[c].last = bits.get(64));
        } else {
            at = times.get(bits);
            for (std::size_t c = 0; c < columns; ++c) numbers[c] = values[c].get(bits);
            if (at <= rows[i - 1].at_ms) return damaged();
        }
        if (bits.failed()) return damaged();
        assign(rows[i], at, numbers);
    }
    if (!bits.at_end()) return damaged();
    return rows;
}

}  // namespace

std::string pack(std::span<const Point> points) {
    return pack_rows(kind_points, points);
}
std::string pack(std::span<const Stretch> stretches) {
    return pack_rows(kind_stretches, stretches);
}
Result<std::vector<Point>> unpack_points(std::string_view bytes) {
    return unpack_rows<Point>(kind_points, bytes);
}
Result<std::vector<Stretch>> unpack_stretches(std::string_view bytes) {
    return unpack_rows<Stretch>(kind_stretches, bytes);
}

}  // namespace windlass::metrics
