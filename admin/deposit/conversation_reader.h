// Reads a conversation: one JSON object a line (docs/deposit.md). Empty lines and lines that begin with # are skipped.
// A key that is not known, does not belong to the type of object, or has a value of another kind is refused with its
// line number and, for a slip of the pen, with what was probably meant. Runs on: one thread; next() blocks on the
// stream.
#pragma once

#include "admin/deposit/facts.h"
#include "base/result.h"

#include <iosfwd>
#include <optional>
#include <string>

namespace cpm::deposit {

class ConversationReader {
 public:
  // `in` outlives the reader. Paths of files are taken relative to `folder`.
  ConversationReader(std::istream& in, std::string folder) : in_(in), folder_(std::move(folder)) {}

  // Nothing at the end. Failure::invalid: the reader goes on with the next line if asked again.
  [[nodiscard]] Result<std::optional<Facts>> next();
  [[nodiscard]] std::size_t line() const { return line_; }  // of what next() returned
  void skip_to(std::size_t line) { first_ = line; }         // lines before it are not looked at

  static constexpr std::size_t kLongestLine = 4U << 20;  // octets; what is larger belongs into a file

 private:
  bool read_line(std::string& text);

  std::istream& in_;
  const std::string folder_;
  std::size_t line_ = 0, first_ = 1;
};

// The facts of one JSON object. Failure::invalid without a line number.
[[nodiscard]] Result<Facts> read_facts(const std::string& json, const std::string& folder);

}  // namespace cpm::deposit
