// The files that a file transfer speaks of (cpm-message-storage 1.8): SDP lines of the first generation (RFC 5547), the
// document application/vnd.gsma.rcs-ft-http+xml of the second. Pure. Runs on: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::cpm_objects {

struct TransferredFile {
  std::string name;  // empty: not told
  std::string type;  // media type, as written
  std::optional<std::uint64_t> size;
  bool thumbnail = false;
  std::string icon;  // Content-ID of the part that is its picture (a=file-icon), without angle brackets
};

// From the lines of one SDP; other lines are passed over.
[[nodiscard]] TransferredFile read_file_sdp(std::string_view sdp);

// In the order of the document, at most 100.
[[nodiscard]] std::vector<TransferredFile> read_file_document(std::string_view xml);

}  // namespace cpm::imap::cpm_objects
