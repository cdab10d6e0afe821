#include "schema/packed.h"

#include "schema/query.h"

#include <algorithm>
#include <charconv>

namespace cpm::schema {

namespace {

[[noreturn]] void damaged() { throw pqxx::conversion_error("packed rows from the server cannot be read"); }

// Reads decimal numbers out of a text, one separator after each.
class Decimals {
 public:
  explicit Decimals(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}
  [[nodiscard]] bool done() const { return at_ == end_; }
  std::uint32_t number() {
    std::uint32_t out = 0;
    const auto [next, error] = std::from_chars(at_, end_, out);
    if (error != std::errc()) damaged();
    at_ = next;
    return out;
  }
  char separator() { return done() ? '\0' : *at_++; }

 private:
  const char* at_;
  const char* end_;
};

void append(std::string& array, std::uint32_t number) {
  char digits[10];
  if (array.size() > 1) array += ',';
  array.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

}  // namespace

RangeArrays::RangeArrays(const UidSet& uids) {
  for (const auto& range : uids.ranges()) {
    if (range.first > kMaxWireNumber) break;
    append(lo, range.first);
    append(hi, std::min(range.last, kMaxWireNumber));
    empty = false;
  }
  lo += '}';
  hi += '}';
}

Unpacker::Unpacker(const pqxx::field& bytea) : octets_(from_bytea(bytea)) {}

std::uint32_t Unpacker::number() {
  if (left() < 4) damaged();
  const auto* p = reinterpret_cast<const unsigned char*>(octets_.data()) + at_;
  at_ += 4;
  return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
}

std::vector<std::uint32_t> numbers_from(const pqxx::field& array) {
  std::vector<std::uint32_t> out;
  const std::string_view text(array.c_str(), array.size());
  if (array.is_null() || text == "{}") return out;
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') damaged();
  for (Decimals decimals(text.substr(1, text.size() - 2)); !decimals.done(); decimals.separator()) {
    out.push_back(decimals.number());
  }
  return out;
}

UidSet uids_from(const std::vector<std::uint32_t>& rising) {
  UidSet out;
  for (const std::uint32_t uid : rising) out.add(uid);
  return out;
}

std::unordered_map<std::uint32_t, std::vector<KeywordId>> keywords_from(const pqxx::field& text) {
  std::unordered_map<std::uint32_t, std::vector<KeywordId>> out;
  if (text.is_null()) return out;
  Decimals decimals(std::string_view(text.c_str(), text.size()));
  while (!decimals.done()) {
    auto& keywords = out[decimals.number()];
    while (true) {
      const char separator = decimals.separator();
      if (separator == '\0' || separator == ';') break;
      keywords.push_back(static_cast<KeywordId>(decimals.number()));
    }
  }
  return out;
}

std::int64_t seconds_now() {
  return seconds(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
}

}  // namespace cpm::schema
