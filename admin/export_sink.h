// Where exported messages go: an mbox file, a Maildir, or .eml files.
// mbox and Maildir are written with the line ends of the system (LF), .eml and messages with a binary part octet for
// octet.
// Runs on: the main thread.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "base/spool.h"
#include "schema/message_flags.h"

#include <chrono>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::admin {

struct ExportMessage {
  Uid uid;
  UidValidity uidvalidity;
  std::chrono::sys_seconds internal_date;
  schema::FlagSet flags;
  std::string sender;   // for the "From " line
  bool binary = false;  // line ends are content
  std::shared_ptr<Spool> octets;
};

class ExportSink {
 public:
  virtual ~ExportSink() = default;
  // A failure is one of the target (disk full): nothing further can be written.
  [[nodiscard]] virtual Result<void> put(const ExportMessage& message) = 0;
  [[nodiscard]] virtual Result<void> finish() = 0;
  // What the format could not carry, for the report.
  [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }
};

enum class ExportFormat { mbox, maildir, eml };

// For one mailbox. `path`: a file that does not exist yet (mbox), or a folder that is made (maildir, eml).
// Failure::exists, denied.
[[nodiscard]] Result<std::unique_ptr<ExportSink>> open_sink(ExportFormat format, const std::string& path);
[[nodiscard]] std::unique_ptr<ExportSink> mbox_to(std::ostream& out);

// Where a mailbox of a whole account goes below `root`: "root/Work/Projects", with ".mbox" for mbox. Octets that would
// be misread there are written as %XX.
[[nodiscard]] std::string export_path(ExportFormat format, const std::string& root, std::string_view mailbox);

}  // namespace cpm::admin
