// The description of a session or of a file transfer (cpm-message-storage 1.6, 1.8): in the first generation sibling
// elements without a document around them and with values that are not XML (`<cid>cid:<m1@x></cid>`), so that the text
// is scanned and never parsed as XML; in the second a document `session`. Pure. Runs on: any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::cpm_objects {

struct SessionObject {
  struct Medium {
    std::string cid;  // Content-ID of its part, without "cid:" and angle brackets; may be empty
    std::string sdp;
  };
  std::string type;                       // session-type or file-transfer-type, as written
  std::vector<std::string> participants;  // texts of invited-participants, each a list
  std::string sdp;                        // of the session itself (second generation)
  std::vector<Medium> media;              // of media-object and file-object, in order; at most 1000
};

// Never fails: what is not there stays empty. `text` is bounded by the caller.
[[nodiscard]] SessionObject read_session_object(std::string_view text);

// "cid:<m1@x>", "<m1@x>" and "m1@x" are one.
[[nodiscard]] std::string_view bare_content_id(std::string_view text);

}  // namespace cpm::imap::cpm_objects
