// How sets of UIDs and many small rows cross the connection: ranges as two arrays out, packed integers and arrays back
// in. One value instead of a hundred thousand rows is what makes large mailboxes cheap. Not for other layers.
// Runs on: any thread.
#pragma once

#include "base/number_set.h"
#include "schema/message_flags.h"

#include <pqxx/pqxx>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cpm::schema {

// int[] parameters: where each range begins and ends. Numbers above 2^31-1 are no UIDs of ours and left out.
struct RangeArrays {
  explicit RangeArrays(const UidSet& uids);
  std::string lo = "{";
  std::string hi = "{";
  bool empty = true;
};

// Reads what the server packed with int4send and int8send.
class Unpacker {
 public:
  explicit Unpacker(const pqxx::field& bytea);
  [[nodiscard]] bool done() const { return at_ >= octets_.size(); }
  [[nodiscard]] std::size_t left() const { return octets_.size() - at_; }
  [[nodiscard]] std::uint32_t number();  // 4 octets; throws pqxx::conversion_error beyond the end

 private:
  std::string octets_;
  std::size_t at_ = 0;
};

// "{1,2,3}"; empty for NULL.
[[nodiscard]] std::vector<std::uint32_t> numbers_from(const pqxx::field& array);
[[nodiscard]] UidSet uids_from(const std::vector<std::uint32_t>& rising);

// "uid:id,id;uid:id": the keywords of the messages that have some.
[[nodiscard]] std::unordered_map<std::uint32_t, std::vector<KeywordId>> keywords_from(const pqxx::field& text);

// Seconds since 1970, as the functions take and the statements give them.
[[nodiscard]] inline std::int64_t seconds(std::chrono::sys_seconds time) { return time.time_since_epoch().count(); }
[[nodiscard]] std::int64_t seconds_now();

}  // namespace cpm::schema
