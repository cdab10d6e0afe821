// The rows of a statement in PostgreSQL's binary format, which the library does not offer: octets come as they are, at
// half the size of their hexadecimal text and without a conversion.
// Runs on: db thread; a result may be read on any one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

struct pg_result;

namespace cpm::schema {

class BinaryRows {
 public:
  explicit BinaryRows(pg_result* result) : result_(result) {}

  [[nodiscard]] std::size_t size() const;
  // Gives the result away.
  [[nodiscard]] pg_result* release() { return result_.release(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] bool is_null(std::size_t row, int column) const;
  // A bytea or text; empty when NULL. Valid as long as this object.
  [[nodiscard]] std::string_view octets(std::size_t row, int column) const;
  // A smallint, integer or bigint; 0 when NULL. Throws std::runtime_error for a value of another size.
  [[nodiscard]] std::int64_t number(std::size_t row, int column) const;

 private:
  struct Clear {
    void operator()(pg_result* result) const noexcept;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

}  // namespace cpm::schema
