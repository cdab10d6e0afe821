#include "schema/binary_rows.h"

#include <libpq-fe.h>

#include <stdexcept>

namespace cpm::schema {

void BinaryRows::Clear::operator()(pg_result* result) const noexcept { PQclear(result); }

std::size_t BinaryRows::size() const { return static_cast<std::size_t>(PQntuples(result_.get())); }

bool BinaryRows::is_null(std::size_t row, int column) const {
  return PQgetisnull(result_.get(), static_cast<int>(row), column) != 0;
}

std::string_view BinaryRows::octets(std::size_t row, int column) const {
  const int number = static_cast<int>(row);
  return {PQgetvalue(result_.get(), number, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), number, column))};
}

std::int64_t BinaryRows::number(std::size_t row, int column) const {
  if (is_null(row, column)) return 0;
  const std::string_view octets = this->octets(row, column);
  if (octets.size() != 2 && octets.size() != 4 && octets.size() != 8) {
    throw std::runtime_error("a column is not the integer it should be");
  }
  // Network byte order; the first octet has the sign.
  auto value = static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<signed char>(octets[0])));
  for (const char octet : octets.substr(1)) value = value << 8 | static_cast<unsigned char>(octet);
  return static_cast<std::int64_t>(value);
}

}  // namespace cpm::schema
