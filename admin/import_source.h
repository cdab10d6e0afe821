// Where imported messages come from: an mbox file, a Maildir, or .eml files. One message at a time, with network line
// ends.
// Runs on: the main thread.
#pragma once

#include "base/byte_source.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/spool.h"
#include "schema/message_flags.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace cpm::admin {

struct ImportItem {
  std::string where;  // file, or file and message number: for the report
  std::shared_ptr<Spool> octets;
  schema::FlagSet flags;
  std::optional<std::chrono::sys_seconds> date;  // delivery; none: not known
  std::string skipped;                           // why this one cannot be imported; empty: it can
};

class ImportSource {
 public:
  virtual ~ImportSource() = default;
  // False at the end. A message that cannot be read is an item with `skipped`.
  virtual bool next(ImportItem& item) = 0;
  [[nodiscard]] virtual std::uint64_t done() const = 0;   // octets or files behind us
  [[nodiscard]] virtual std::uint64_t total() const = 0;  // the same unit
};

enum class ImportFormat { automatic, mbox, maildir, eml };
[[nodiscard]] const char* format_name(ImportFormat format) noexcept;
// What a path holds: a folder with cur or new is a Maildir, another folder holds .eml files; a file that begins with
// "From " is an mbox, another one a single message. Failure::not_found.
[[nodiscard]] Result<ImportFormat> detect_format(const std::string& path);

// Failure::not_found, denied, invalid (a format that does not fit the path).
[[nodiscard]] Result<std::unique_ptr<ImportSource>> open_source(const std::string& path, ImportFormat format,
                                                                const Limits& limits);

// Copies text with every bare LF made CRLF; nothing else is changed (design decision 14).
class LineEnds {
 public:
  explicit LineEnds(Spool& to) : to_(to) {}
  [[nodiscard]] Result<void> write(std::string_view text);

 private:
  Spool& to_;
  char last_ = '\0';
};

// A whole file. Octets stay as they are when its first line ends with CRLF and it declares a binary part (RFC 3030 3);
// otherwise bare LF becomes CRLF. Failure::too_big, invalid (empty), denied.
[[nodiscard]] Result<std::shared_ptr<Spool>> read_message_file(const std::string& path, const Limits& limits);

[[nodiscard]] std::optional<std::chrono::sys_seconds> modified_at(const std::string& path);

}  // namespace cpm::admin
